"""What the teams may say over the API and by its forms, and how that is answered. All of it is about leads.

Bodies of requests; the shapes of what is read about feedback are in `schemas.feedback_figures`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from schemas.api import Moment, Optional
from schemas.events import Key
from services.domain.instants import parse_instant

MOST_COMMENT = 2_000
"""Characters of a comment or an action: what fits on a page, and in the messages that tell it."""
MOST_NOTES = 10_000
MOST_REASON = 200


def _storable(text: str) -> str:
    # The one character that PostgreSQL cannot keep.
    if "\0" in text:
        raise ValueError("must not have the character U+0000")
    return text


def _instant(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("a time is text, such as 2026-11-23T09:00:00Z")
    return parse_instant(value)


_Storable = AfterValidator(_storable)
_Stripped = StringConstraints(strip_whitespace=True, min_length=1)
LeadKey = Annotated[Key, _Storable]
Comment = Annotated[str, _Stripped, StringConstraints(max_length=MOST_COMMENT), _Storable]
Reason = Annotated[str, _Stripped, StringConstraints(max_length=MOST_REASON), _Storable]
Told = Annotated[int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 in a body, an `Instant` once read."""
Notes = Annotated[str, _Stripped, StringConstraints(max_length=MOST_NOTES), _Storable]

_COMMENT = "About the lead, not about a person."


class _Said(BaseModel):
    # A field that is not known would otherwise be lost without a word.
    model_config = ConfigDict(extra="forbid", frozen=True)

    lead: LeadKey = Field(description="The lead's key.", examples=["hubspot:contact:151"])


class Accept(_Said):
    """Sales takes the lead that was handed off."""

    decision: Literal["accept"]


class Reject(_Said):
    """Sales gives the lead back."""

    decision: Literal["reject"]
    reason: Reason = Field(description="One of the charter's reasons.", examples=["no_budget"])
    comment: Annotated[Comment | None, Optional] = Field(
        None, description=_COMMENT, examples=["The budget for this year is spent; ask again in January."]
    )


class Given(_Said):
    """Sales says how good the lead is."""

    kind: Literal["given"]
    verdict: Literal["good", "poor"]
    reason: Annotated[Reason | None, Optional] = Field(
        None, description="Of a poor lead: one of the charter's reasons.", examples=["wrong_fit"]
    )
    comment: Annotated[Comment | None, Optional] = Field(None, description=_COMMENT)


class Answered(_Said):
    """Marketing answers a rejection or a verdict of poor."""

    kind: Literal["answered"]
    answer: Literal["agreed", "disputed"]
    action: Annotated[Comment | None, Optional] = Field(
        None, description="What marketing will do; needed where it agrees.", examples=["Tighten the audience"]
    )
    comment: Annotated[Comment | None, Optional] = Field(None, description=_COMMENT)


class Settled(_Said):
    """A dispute ends."""

    kind: Literal["settled"]
    outcome: Literal["upheld", "withdrawn"] = Field(
        description="upheld: marketing was right to dispute; withdrawn: it takes the dispute back."
    )


HandoffRequest = Annotated[Accept | Reject, Field(discriminator="decision")]
FeedbackRequest = Annotated[Given | Answered | Settled, Field(discriminator="kind")]


class AttendeesOf(BaseModel):
    """How many came, by side."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    marketing: Annotated[int, Field(ge=0, le=100_000)] = Field(examples=[4])
    sales: Annotated[int, Field(ge=0, le=100_000)] = Field(examples=[5])


class CeremonyRequest(BaseModel):
    """The teams met."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ceremony: Annotated[str, _Stripped, StringConstraints(max_length=MOST_REASON), _Storable] = Field(
        description="One of the charter's ceremonies.", examples=["quarterly-review"]
    )
    attendees: AttendeesOf
    notes: Annotated[Notes | None, Optional] = Field(None, examples=["Webinar leads are scored anew from June on."])
    held_at: Annotated[Told | None, Optional] = Field(
        None, description="When; left out: now. It cannot lie ahead.", examples=["2026-10-12T08:42:00Z"]
    )


class RecordedAnswer(BaseModel):
    """What was said is safe in the event log. It counts as soon as it is judged, within a second as a rule."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Of the event, within its source.", examples=["5c1e0a1fb1f2e8d2"])
    source: str = Field(examples=["/baton/board"])
    type: str = Field(description="Of the event.", examples=["lead.rejected"])
    subject: str = Field(description="The lead's key, or `ceremony:NAME`.", examples=["hubspot:contact:151"])
    time: Moment
    href: str | None = Field(
        description="Where the API has the lead; null for a ceremony.", examples=["/api/v1/leads/hubspot:contact:151"]
    )
    repeated: bool = Field(description="Whether it was said before, so that nothing new was recorded.")
    judged: bool = Field(description="Whether it counts already. Ask for `Prefer: wait=5` to be answered then.")
