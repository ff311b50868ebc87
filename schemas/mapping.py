"""What a change in a CRM means, as a company writes it in a YAML file. Says nothing about how a CRM's payload looks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from schemas.charter_when import read_test, tests_of
from schemas.events import WIRE_EVENT, Key
from services.domain.conditions import When

Template = Any
"""JSON whose texts may have placeholders: `{value}` and the like."""

RECORD = "record."
"""A placeholder that begins so stands for a field of the record."""
OF_A_VALUE = frozenset({"value", "slug"})
"""The placeholders of a property's rules: its new value, and the same as a name."""
OF_A_MERGE = frozenset({"into"})

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SAMPLE = {"specversion": "1.0", "id": "-", "source": "-", "subject": "-", "time": "2026-01-01T00:00:00Z"}

EventName = Literal[
    "lead.captured",
    "lead.updated",
    "lead.handed_off",
    "lead.assigned",
    "lead.paused",
    "lead.resumed",
    "lead.accepted",
    "lead.touched",
    "lead.qualified",
    "deal.opened",
    "deal.moved",
    "feedback.given",
    "lead.rejected",
    "feedback.answered",
    "feedback.settled",
    "deal.won",
    "deal.lost",
    "lead.recycled",
    "lead.withdrawn",
    "lead.merged",
    "lead.erased",
]
"""All canonical events but ceremonies, of which no CRM knows."""

ValueType = Literal["text", "number", "bool"]


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _read_tests(when: object) -> object:
    return {name: read_test(wanted) for name, wanted in when.items()} if isinstance(when, dict) else when


Time = Annotated[str, Field(pattern=r"^(occurred|value|\{record\.[^{}]+\})$")]
"""When an event happened: at the change, at the time that is the property's new value, or that a field has."""


class _Conditional(_File):
    when: Annotated[dict[str, Any], BeforeValidator(_read_tests)] = Field(default_factory=dict)
    """What fields of the record must be, as the charter's `when` is about attributes."""

    time: Time = "occurred"

    @cached_property
    def condition(self) -> When:
        """`when`, to be asked of a record."""
        return When(tuple((name, test) for name, wanted in self.when.items() for test in tests_of(wanted)))

    def fields(self) -> Iterator[str]:
        """The fields of the record that it asks for."""
        yield from self.when
        yield from _fields_in(self.time)


class Rule(_Conditional):
    """One event that a change gives. In the file, a bare name of an event is a rule without data."""

    event: EventName
    data: dict[str, Template] = Field(default_factory=dict)

    def fields(self) -> Iterator[str]:
        """The fields of the record that it asks for."""
        yield from super().fields()
        yield from _fields_in(self.data)

    @model_validator(mode="after")
    def _gives_a_valid_event(self) -> Self:
        """A rule that can never give a valid event is a mistake of the file, not of every event to come."""
        data = {"deal": "-", **self.data} if self.event.startswith("deal.") else self.data
        try:
            WIRE_EVENT.validate_python({**_SAMPLE, "type": self.event, "data": data})
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                # A text with a placeholder may become a number, or one of the words that are allowed.
                if not any(placeholders(problem["input"])):
                    place = ".".join(str(step) for step in problem["loc"][1:])
                    raise ValueError(f"{self.event}: {place}: {problem['msg']}") from None
        return self


def placeholders(template: Template) -> Iterator[str]:
    """The names of the placeholders in a template."""
    if isinstance(template, str):
        yield from _PLACEHOLDER.findall(template)
    elif isinstance(template, Mapping):
        for part in template.values():
            yield from placeholders(part)
    elif isinstance(template, list):
        for part in template:
            yield from placeholders(part)


def _fields_in(template: Template) -> Iterator[str]:
    """The fields of the record that stand in it."""
    yield from (name.removeprefix(RECORD) for name in placeholders(template) if name.startswith(RECORD))


def filled(template: Template, names: Mapping[str, object]) -> Template:
    """The template with its placeholders replaced. A text that is one placeholder alone becomes the value itself."""
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole:
            return names[whole[1]]
        return _PLACEHOLDER.sub(lambda found: _said(names[found[1]]), template)
    if isinstance(template, Mapping):
        return {key: filled(part, names) for key, part in template.items()}
    if isinstance(template, list):
        return [filled(part, names) for part in template]
    return template


def _said(value: object) -> str:
    return "" if value is None else str(value)


def _one_or_more(value: object) -> object:
    rules = value if isinstance(value, list | tuple) else () if value is None else (value,)
    return tuple({"event": rule} if isinstance(rule, str) else rule for rule in rules)


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_one_or_more)]
"""One rule, a list of them, or nothing."""


class Attribute(_File):
    """A property that is an attribute of the lead. In the file, a bare name is one that stays as it is."""

    to: Key
    type: ValueType | None = None
    """What it is read as; left out: as the CRM wrote it."""
    values: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """What these values are called in Baton, where the CRM has numbers for them; the others stay as they are."""


class Property(_File):
    """What a property's new value means."""

    type: ValueType | None = None
    """What `{value}` is."""
    precision: Literal["exact", "second", "minute"] = "exact"
    """Two changes to the same value within it are one: as fine as the CRM's exports tell times."""
    without_api: bool = False
    """It says anything only where the CRM's API is not set up, which then tells the same in more detail."""
    values: dict[str, Rules] = Field(default_factory=dict)
    """The meaning of these values."""
    other: Rules = ()
    """The meaning of every value not in `values`, but for the empty one."""
    empty: Rules = ()
    """The meaning of the value being cleared."""

    @cached_property
    def asked(self) -> frozenset[str]:
        """The fields of the record that its rules ask for."""
        return frozenset(name for rule in self.rules() for name in rule.fields())

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        valued = [rule for rules in self.values.values() for rule in rules]
        _check_names([*valued, *self.other], OF_A_VALUE, timed=True)
        _check_names(self.empty, frozenset())
        return self

    def rules(self) -> Iterator[Rule]:
        """All of them."""
        for rules in (*self.values.values(), self.other, self.empty):
            yield from rules


class _Object(_File):
    types: dict[str, ValueType] = Field(default_factory=dict)
    """What fields of the record are read as; the others stay as the CRM wrote them."""
    created: Rules = ()
    deleted: Rules = ()
    restored: Rules = ()
    properties: dict[str, Property] = Field(default_factory=dict)

    def rules(self) -> Iterator[Rule]:
        """All of them."""
        yield from (*self.created, *self.deleted, *self.restored)
        for one in self.properties.values():
            yield from one.rules()

    def fields(self) -> frozenset[str]:
        """The fields that it asks for: of a change, or of the whole record."""
        return frozenset((*self.properties, *(name for rule in self.rules() for name in rule.fields())))

    def with_api(self) -> Self:
        """The same without what counts only where there is no API."""
        left = {name: one for name, one in self.properties.items() if not one.without_api}
        return self.model_copy(update={"properties": left})


class LeadObject(_Object):
    """What happens to an object that is a lead."""

    erased: Rules = ()
    """The person asked to be forgotten."""
    merged: Rules = ()
    """Of each that went into another; `{into}` is the key of that one."""
    with_deal: Rules = ()
    """It was associated with a deal, or became one; the events name both."""
    attributes: dict[str, Annotated[Attribute, BeforeValidator(lambda v: {"to": v} if isinstance(v, str) else v)]] = (
        Field(default_factory=dict)
    )
    """Property to attribute; each change is a `lead.updated`."""

    def rules(self) -> Iterator[Rule]:
        """All of them."""
        yield from super().rules()
        yield from (*self.erased, *self.merged, *self.with_deal)

    def fields(self) -> frozenset[str]:
        """The fields that it asks for: of a change, or of the whole record."""
        return super().fields() | self.attributes.keys()

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        _check_names((*self.created, *self.deleted, *self.restored, *self.erased, *self.with_deal), frozenset())
        _check_names(self.merged, OF_A_MERGE)
        plain = [*self.created, *self.deleted, *self.restored, *self.erased, *self.merged]
        plain += [rule for one in self.properties.values() for rule in one.rules()]
        for rule in plain:
            if rule.event.startswith("deal."):
                raise ValueError(f"{rule.event} names a deal; of a lead it can stand in `with_deal` alone")
        return self


class DealObject(_Object):
    """What happens to a deal. Where its events name no lead, `with_deal` of a lead joins them to it."""

    lead: str | None = None
    """The field that has the id of the lead that it came from, where the CRM itself has none such."""

    def fields(self) -> frozenset[str]:
        """The fields that it asks for: of a change, or of the whole record."""
        return super().fields() | ({self.lead} if self.lead is not None else frozenset())

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        changes = (*self.created, *self.deleted, *self.restored)
        _check_names(changes, frozenset())
        for rule in (*changes, *(rule for one in self.properties.values() for rule in one.rules())):
            if not rule.event.startswith("deal."):
                raise ValueError(f"{rule.event} names a lead; a deal alone can give deal.* events only")
        return self


class Touch(_Conditional):
    """When an activity is a contact between sales and the lead, and what kind of one."""

    kind: Literal["call", "email", "meeting", "message", "visit", "other"]
    direction: Literal["outbound", "inbound"]
    connected: bool


class Activity(_File):
    """What people do with a lead. The first of `touches` that holds says what it was; where none does, nothing."""

    types: dict[str, ValueType] = Field(default_factory=dict)
    touches: tuple[Touch, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("touches"), list):
            return {**value, "touches": tuple(value["touches"])}
        return value

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        for touch in self.touches:
            if touch.time == "value":
                raise ValueError("there is no value here whose time a touch could have; write {record.FIELD}")
        return self

    def fields(self) -> frozenset[str]:
        """The fields of the record that it asks for."""
        return frozenset(name for touch in self.touches for name in touch.fields())


class CrmMapping(_File):
    """A whole file: what the CRM's objects are to Baton, by the names that the CRM has for them."""

    mapping: Literal[1]
    leads: dict[str, LeadObject] = Field(default_factory=dict)
    deals: dict[str, DealObject] = Field(default_factory=dict)
    activities: dict[str, Activity] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        names = [*self.leads, *self.deals, *self.activities]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: an object is a lead, a deal or an activity, not two of them")
        return self

    def with_api(self) -> Self:
        """What counts where the CRM's API is set up."""
        leads = {name: one.with_api() for name, one in self.leads.items()}
        deals = {name: one.with_api() for name, one in self.deals.items()}
        return self.model_copy(update={"leads": leads, "deals": deals})


def _check_names(rules: Iterable[Rule], known: frozenset[str], *, timed: bool = False) -> None:
    for rule in rules:
        for name in placeholders(rule.data):
            if name not in known and not (name.startswith(RECORD) and name != RECORD):
                have = ", ".join(f"{{{one}}}" for one in (*sorted(known), "record.FIELD"))
                raise ValueError(f"{rule.event}: {{{name}}} is no placeholder here; there is {have}")
        if rule.time == "value" and not timed:
            raise ValueError(f"{rule.event}: there is no value here whose time it could have")
