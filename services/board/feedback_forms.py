"""The forms on a lead's page: what may be said now, what was typed, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl

from pydantic import ValidationError

from schemas.feedback import MOST_COMMENT, Accept, Answered, Given, Reject, Settled
from services.board.feedback_standing import Standing, why_not
from services.board.feedback_visitor import Visitor
from services.board.feedback_writing import SOURCE, TYPES, Said
from services.board.languages import Language, marked
from services.domain.charter import Charter, Reason
from services.domain.events import Event
from services.domain.feedback import State
from services.errors import Refused

FORMS: Mapping[str, tuple[type[Said], Mapping[str, str]]] = {
    "accept": (Accept, {"decision": "accept"}),
    "reject": (Reject, {"decision": "reject"}),
    "rate": (Given, {"kind": "given"}),
    "agree": (Answered, {"kind": "answered", "answer": "agreed"}),
    "dispute": (Answered, {"kind": "answered", "answer": "disputed"}),
    "settle": (Settled, {"kind": "settled"}),
}
"""By its name, what a form says, and which of it the form itself says."""
FIELDS = ("reason", "comment", "verdict", "action", "outcome")
"""What people fill in."""
_MOST_FIELDS = 32
_NONE: Mapping[str, str] = MappingProxyType({})

_NEEDED = marked("This is needed.")
_TOO_LONG = marked("This is too long: at most %(most)s characters.")
_WRONG = marked("This cannot be used.")
_WORDS: Mapping[str, str] = {
    "missing": _NEEDED,
    "string_too_short": _NEEDED,
    "literal_error": _NEEDED,
    "string_too_long": _TOO_LONG,
}
"""By pydantic's type of an error."""


@dataclass(frozen=True, slots=True)
class Filled:
    """One form as somebody has filled it in."""

    form: str = ""
    typed: Mapping[str, str] = field(default_factory=lambda: _NONE)
    errors: Mapping[str, str] = field(default_factory=lambda: _NONE)
    """By field, in words; under an empty name what is wrong with all of it."""

    def error(self, form: str, name: str) -> str | None:
        """What is wrong with a field of a form."""
        return self.errors.get(name) if form == self.form else None

    def value(self, form: str, name: str) -> str:
        """What was typed into a field of a form."""
        return self.typed.get(name, "") if form == self.form else ""


@dataclass(frozen=True, slots=True)
class LeadForms:
    """All that the part of a lead's page about feedback shows."""

    standing: Standing
    can: Mapping[str, bool]
    """By form, whether the visitor may send it and it fits."""
    reasons: Mapping[str, Reason]
    suggested: str
    """What the charter says marketing does about the reason that was given."""
    filled: Filled
    recorded: Event | None
    """What was just recorded, once it is judged."""
    is_pending: bool
    """Whether something was recorded that is not judged yet."""
    most_comment: int = MOST_COMMENT

    @property
    def can_any(self) -> bool:
        """Whether there is any form to show."""
        return any(self.can.values())


def lead_forms(
    standing: Standing, charter: Charter, visitor: Visitor, *, filled: Filled | None = None, recorded: str | None = None
) -> LeadForms:
    """The forms of a lead. `recorded` is the id of the event that was just recorded."""
    event = next((each for each in standing.events if (each.source, each.id) == (SOURCE, recorded)), None)
    return LeadForms(
        standing=standing,
        can={form: _can(form, standing, visitor) for form in FORMS},
        reasons=charter.reasons,
        suggested=_suggested(standing, charter),
        filled=filled or Filled(),
        recorded=event,
        is_pending=recorded is not None and event is None,
    )


def read_form(body: bytes) -> Mapping[str, str]:
    """The fields of a form as browsers send it; of one that comes twice the last. Raises Refused."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refused(400, "The form cannot be read") from None
    return {name: value.replace("\r\n", "\n").strip() for name, value in pairs}


def said_in(form: str, lead: str, typed: Mapping[str, str]) -> Said:
    """What a form says. Raises Refused where there is no such form, ValidationError where a field is wrong."""
    if form not in FORMS:
        raise Refused(400, "The form cannot be read")
    model, fixed = FORMS[form]
    given = {name: typed[name] for name in FIELDS if typed.get(name) and name in model.model_fields}
    return model.model_validate({**given, **fixed, "lead": lead})


def errors_of(error: ValidationError, language: Language) -> Mapping[str, str]:
    """What is wrong with each field, in words for whoever filled it in."""
    found = {}
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        most = each.get("ctx", {}).get("max_length", "")
        found[name if name in FIELDS else ""] = language.gettext(_WORDS.get(each["type"], _WRONG), most=most)
    return found


def _can(form: str, standing: Standing, visitor: Visitor) -> bool:
    kind, permission = TYPES[FORMS[form][0]]
    return visitor.may(permission) and why_not(kind, standing) is None


def _suggested(standing: Standing, charter: Charter) -> str:
    exchange = standing.latest(State.UNANSWERED)
    reason = exchange.complaint.data.get("reason") if exchange is not None else None
    known = charter.reasons.get(reason) if isinstance(reason, str) else None
    return known.action if known is not None else ""
