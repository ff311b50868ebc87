"""What a change in a CRM means, as a company writes it in a YAML file. Says nothing about how a CRM's payload looks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from schemas.events import WIRE_EVENT, Key

Template = Any
"""JSON whose texts may have placeholders: `{value}` and the like."""

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


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Rule(_File):
    """One event that a change gives. In the file, a bare name of an event is a rule without data."""

    event: EventName
    data: dict[str, Template] = Field(default_factory=dict)
    time: Literal["occurred", "value"] = "occurred"
    """When it happened: at the change, or at the time that is the property's new value."""

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


def filled(template: Template, names: Mapping[str, object]) -> Template:
    """The template with its placeholders replaced. A text that is one placeholder alone becomes the value itself."""
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole:
            return names[whole[1]]
        return _PLACEHOLDER.sub(lambda found: str(names[found[1]]), template)
    if isinstance(template, Mapping):
        return {key: filled(part, names) for key, part in template.items()}
    if isinstance(template, list):
        return [filled(part, names) for part in template]
    return template


def _one_or_more(value: object) -> object:
    rules = value if isinstance(value, list | tuple) else () if value is None else (value,)
    return tuple({"event": rule} if isinstance(rule, str) else rule for rule in rules)


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_one_or_more)]
"""One rule, a list of them, or nothing."""

ValueType = Literal["text", "number", "bool"]


class Attribute(_File):
    """A property that is an attribute of the lead. In the file, a bare name is one of type text."""

    to: Key
    type: ValueType = "text"


class Property(_File):
    """What a property's new value means."""

    type: ValueType = "text"
    """What `{value}` is."""
    values: dict[str, Rules] = Field(default_factory=dict)
    """The meaning of these values."""
    other: Rules = ()
    """The meaning of every value not in `values`, but for the empty one."""
    empty: Rules = ()
    """The meaning of the value being cleared."""

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        valued = [rule for rules in self.values.values() for rule in rules]
        _check_names([*valued, *self.other], {"value", "slug"}, timed=True)
        _check_names(self.empty, set())
        return self

    def rules(self) -> Iterator[Rule]:
        """All of them."""
        for rules in (*self.values.values(), self.other, self.empty):
            yield from rules


class Contact(_File):
    """What happens to a contact, which is a lead."""

    created: Rules = ()
    deleted: Rules = ()
    restored: Rules = ()
    erased: Rules = ()
    """The person asked to be forgotten."""
    merged: Rules = ()
    """Of each contact that went into another; `{into}` is the key of that one."""
    with_deal: Rules = ()
    """It was associated with a deal; the events name both."""
    attributes: dict[str, Annotated[Attribute, BeforeValidator(lambda v: {"to": v} if isinstance(v, str) else v)]] = (
        Field(default_factory=dict)
    )
    """Property to attribute; each change is a `lead.updated`."""
    properties: dict[str, Property] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        _check_names((*self.created, *self.deleted, *self.restored, *self.erased, *self.with_deal), set())
        _check_names(self.merged, {"into"})
        plain = [*self.created, *self.deleted, *self.restored, *self.erased, *self.merged]
        plain += [rule for one in self.properties.values() for rule in one.rules()]
        for rule in plain:
            if rule.event.startswith("deal."):
                raise ValueError(f"{rule.event} names a deal; of a contact it can stand in `with_deal` alone")
        return self


class Deal(_File):
    """What happens to a deal. Its events name no lead; they are joined to it by `Contact.with_deal`."""

    created: Rules = ()
    deleted: Rules = ()
    restored: Rules = ()
    properties: dict[str, Property] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_what_it_can(self) -> Self:
        changes = (*self.created, *self.deleted, *self.restored)
        _check_names(changes, set())
        for rule in (*changes, *(rule for one in self.properties.values() for rule in one.rules())):
            if not rule.event.startswith("deal."):
                raise ValueError(f"{rule.event} names a lead; a deal alone can give deal.* events only")
        return self


class HubSpotMapping(_File):
    """A whole file for HubSpot."""

    mapping: Literal[1]
    contact: Contact = Field(default_factory=Contact)
    deal: Deal = Field(default_factory=Deal)


def _check_names(rules: Iterable[Rule], known: set[str], *, timed: bool = False) -> None:
    for rule in rules:
        for name in placeholders(rule.data):
            if name not in known:
                have = ", ".join(f"{{{one}}}" for one in sorted(known)) or "none"
                raise ValueError(f"{rule.event}: {{{name}}} is no placeholder here; there is {have}")
        if rule.time == "value" and not timed:
            raise ValueError(f"{rule.event}: there is no value here whose time it could have")
