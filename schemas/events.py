"""The canonical events on the wire: CloudEvents 1.0 in JSON, one model for the data of each type.

Validation is strict (nothing is coerced); fields that are not named here are kept.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)

from services.domain.instants import parse_instant

Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""A lead's or a deal's key."""
Text = Annotated[str, StringConstraints(max_length=10_000)]
Amount = Annotated[int | float, Field(ge=0, allow_inf_nan=False)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


Time = Annotated[
    int,
    BeforeValidator(lambda value: parse_instant(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 on the wire, an `Instant` once read."""


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a time is text, such as 2026-11-23T09:00:00Z")
    return value


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


AttributeValue = str | int | float | bool | None


class NoData(_Wire):
    """Nothing that is known."""


class Attributes(_Wire):
    """What is said of a lead."""

    attributes: dict[str, AttributeValue] = Field(default_factory=dict)


class HandedOff(Attributes):
    """A lead passes from marketing to sales."""

    owner: Text | None = None
    team: Text | None = None


class Assigned(_Wire):
    """A lead gets an owner."""

    owner: Text
    team: Text | None = None


class Paused(_Wire):
    """The promises on the lead stand still."""

    reason: Text


class By(_Wire):
    """Something one person did."""

    by: Text | None = None


class Touched(_Wire):
    """A contact between sales and the lead."""

    kind: Literal["call", "email", "meeting", "message", "visit", "other"]
    direction: Literal["outbound", "inbound"]
    connected: bool


class DealOpened(_Wire):
    """A deal begins."""

    deal: Key
    amount: Amount | None = None
    currency: Currency | None = None
    new_customer: bool | None = None
    stage: Text | None = None


class DealMoved(_Wire):
    """A deal goes to another stage."""

    deal: Key
    stage: Text
    amount: Amount | None = None


class FeedbackGiven(By):
    """Sales says how good the lead is."""

    verdict: Literal["good", "poor"]
    reason: Text | None = None
    comment: Text | None = None


class Rejected(By):
    """Sales gives the lead back."""

    reason: Text
    comment: Text | None = None


class FeedbackAnswered(By):
    """Marketing answers a rejection."""

    answer: Literal["agreed", "disputed"]
    action: Text | None = None
    comment: Text | None = None


class FeedbackSettled(By):
    """A dispute ends."""

    outcome: Literal["upheld", "withdrawn"]


class DealWon(_Wire):
    """A deal is won."""

    deal: Key
    amount: Amount | None = None
    currency: Currency | None = None
    new_customer: bool | None = None


class Reasoned(_Wire):
    """Something that may have a reason."""

    reason: Text | None = None


class DealLost(Reasoned):
    """A deal is lost."""

    deal: Key


class Merged(_Wire):
    """A lead turns out to be another one."""

    into: Key


class Attendees(_Wire):
    """How many came, by side."""

    marketing: int = Field(ge=0)
    sales: int = Field(ge=0)


class CeremonyHeld(_Wire):
    """The teams met."""

    ceremony: Key
    notes: Text | None = None
    attendees: Attendees


class _CloudEvent(_Wire):
    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    time: Annotated[Time, BeforeValidator(_text)]
    datacontenttype: Literal["application/json"] = "application/json"


class _LeadEvent(_CloudEvent):
    subject: Key


class LeadCaptured(_LeadEvent):
    """`lead.captured`."""

    type: Literal["lead.captured"]
    data: Attributes


class LeadUpdated(_LeadEvent):
    """`lead.updated`."""

    type: Literal["lead.updated"]
    data: Attributes


class LeadHandedOff(_LeadEvent):
    """`lead.handed_off`."""

    type: Literal["lead.handed_off"]
    data: HandedOff = HandedOff()


class LeadAssigned(_LeadEvent):
    """`lead.assigned`."""

    type: Literal["lead.assigned"]
    data: Assigned


class LeadPaused(_LeadEvent):
    """`lead.paused`."""

    type: Literal["lead.paused"]
    data: Paused


class LeadTouched(_LeadEvent):
    """`lead.touched`."""

    type: Literal["lead.touched"]
    data: Touched


class LeadAccepted(_LeadEvent):
    """`lead.accepted`."""

    type: Literal["lead.accepted"]
    data: By = By()


class LeadWithoutData(_LeadEvent):
    """The types that say nothing more."""

    type: Literal["lead.resumed", "lead.qualified", "lead.erased"]
    data: NoData = NoData()


class LeadRejected(_LeadEvent):
    """`lead.rejected`."""

    type: Literal["lead.rejected"]
    data: Rejected


class LeadReturned(_LeadEvent):
    """The lead leaves sales without a verdict on it."""

    type: Literal["lead.recycled", "lead.withdrawn"]
    data: Reasoned = Reasoned()


class LeadMerged(_LeadEvent):
    """`lead.merged`."""

    type: Literal["lead.merged"]
    data: Merged


class FeedbackGivenEvent(_LeadEvent):
    """`feedback.given`."""

    type: Literal["feedback.given"]
    data: FeedbackGiven


class FeedbackAnsweredEvent(_LeadEvent):
    """`feedback.answered`."""

    type: Literal["feedback.answered"]
    data: FeedbackAnswered


class FeedbackSettledEvent(_LeadEvent):
    """`feedback.settled`."""

    type: Literal["feedback.settled"]
    data: FeedbackSettled


class _DealEvent(_CloudEvent):
    subject: Key | None = None


class DealOpenedEvent(_DealEvent):
    """`deal.opened`."""

    type: Literal["deal.opened"]
    data: DealOpened


class DealMovedEvent(_DealEvent):
    """`deal.moved`."""

    type: Literal["deal.moved"]
    data: DealMoved


class DealWonEvent(_DealEvent):
    """`deal.won`."""

    type: Literal["deal.won"]
    data: DealWon


class DealLostEvent(_DealEvent):
    """`deal.lost`."""

    type: Literal["deal.lost"]
    data: DealLost


def _names_a_ceremony(subject: str) -> str:
    if not subject.startswith("ceremony:"):
        raise ValueError("the subject of a ceremony is ceremony:NAME")
    return subject


class CeremonyHeldEvent(_CloudEvent):
    """`ceremony.held`."""

    type: Literal["ceremony.held"]
    subject: Annotated[Key, AfterValidator(_names_a_ceremony)]
    data: CeremonyHeld


WireEvent = Annotated[
    LeadCaptured
    | LeadUpdated
    | LeadHandedOff
    | LeadAssigned
    | LeadPaused
    | LeadTouched
    | LeadAccepted
    | LeadWithoutData
    | LeadRejected
    | LeadReturned
    | LeadMerged
    | FeedbackGivenEvent
    | FeedbackAnsweredEvent
    | FeedbackSettledEvent
    | DealOpenedEvent
    | DealMovedEvent
    | DealWonEvent
    | DealLostEvent
    | CeremonyHeldEvent,
    Field(discriminator="type"),
]

WIRE_EVENT: TypeAdapter[Any] = TypeAdapter(WireEvent)
