"""The JSON API on what the teams told each other: what may be asked, and the shapes of the answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.api import DEFAULT_LIMIT, MAX_LIMIT, ClockInstance, Moment, Optional, Text


class _Query(BaseModel):
    # A misspelt filter would otherwise be answered with everything.
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Paged(_Query):
    cursor: Annotated[Text | None, Optional] = Field(
        None, max_length=2000, description="Where to go on: the `next` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = Field(DEFAULT_LIMIT, description="How many at most.")


class FeedbackQuery(_Query):
    """Which handoffs to count: those accepted or rejected in a period that meet all that is asked."""

    period: Annotated[Text | None, Optional] = Field(
        None,
        description="A week 2026-W41, month 2026-10, quarter 2026-Q4 or year; left out: this quarter.",
        examples=["2026-Q4"],
    )
    source: Annotated[Text | None, Optional] = Field(
        None, description="Where the lead came from, as a label of the charter (`other` for those it does not list)."
    )
    campaign: Annotated[Text | None, Optional] = Field(None, description="The campaign of the lead.")
    segment: Annotated[Text | None, Optional] = Field(None, description="The segment of the lead.")
    team: Annotated[Text | None, Optional] = Field(None, description="The sales team to which it was handed off.")


class RejectionsQuery(FeedbackQuery, _Paged):
    """Which rejections to list."""

    reason: Annotated[Text | None, Optional] = Field(None, description="Those that were rejected for this reason.")


class ActionsQuery(FeedbackQuery, _Paged):
    """Which answers to list: those of a period that meet all that is asked."""


class DisputesQuery(_Paged):
    """Which part of the open disputes to list."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class RateItem(_Answer):
    """How many of the handoffs that sales decided on were rejected."""

    accepted: int
    rejected: int
    rate: float | None = Field(description="rejected / (accepted + rejected); null where that is 0/0.", examples=[0.2])
    low: float = Field(
        description="Where the true rate lies with 95 % confidence (Wilson's interval): from here", examples=[0.15]
    )
    high: float = Field(description="to here.", examples=[0.26])


class ReasonItem(_Answer):
    """A reason, and how often it was given."""

    reason: str | None = Field(description="Null where none was given.", examples=["no_budget"])
    means: str | None = Field(description="As the charter says it.", examples=["No money this year"])
    count: int


class BreakdownItem(_Answer):
    """What was decided on the leads of one source, campaign or segment."""

    value: str | None = Field(description="Null where it is not known.", examples=["webinar"])
    rate: RateItem
    reasons: list[ReasonItem]
    href: str = Field(description="The rejections behind it.", examples=["/api/v1/feedback/rejections?source=webinar"])


class Breakdown(_Answer):
    """By one attribute, the most rejections first."""

    items: list[BreakdownItem]
    left_out: int = Field(description="How many values more there are, with fewer rejections.")


class MonthItem(_Answer):
    """One month."""

    month: str = Field(examples=["2026-10"])
    rate: RateItem


class FeedbackDocument(_Answer):
    """Rejections and their reasons in a period."""

    as_of: Moment
    period: str = Field(examples=["2026-Q4"])
    since: Moment
    until: Moment
    total: RateItem
    reasons: list[ReasonItem]
    sources: Breakdown
    campaigns: Breakdown
    segments: Breakdown
    trend: list[MonthItem] = Field(description="The twelve months up to the end of the period.")
    open_disputes: int = Field(description="At most 200 are counted; `disputes` lists all.")


class _Item(_Answer):
    lead: str = Field(examples=["hubspot:contact:151"])
    href: str = Field(description="Where the API has all about it.", examples=["/api/v1/leads/hubspot:contact:151"])
    at: Moment
    source: str = Field(description="As a label of the charter.", examples=["webinar"])
    campaign: str | None = Field(examples=["autumn"])
    segment: str | None = Field(examples=["smb"])
    team: str | None = Field(examples=["inbound"])
    reason: str | None = Field(description="Of the rejection or verdict.", examples=["no_budget"])


class RejectionItem(_Item):
    """A handoff that was rejected."""


class DisputeItem(_Item):
    """A dispute that nobody has settled; `at` is when marketing disputed."""

    quarter_ends: Moment = Field(description="Settled by then, it counts as settled within its quarter.")
    clock: ClockInstance | None = Field(description="The open clock that its settlement stops; null where none does.")


class ActionItem(_Item):
    """An answer by which marketing agreed; `at` is when it did."""

    action: str | None = Field(description="What it promised to do.", examples=["Tighten the audience"])
    before: RateItem = Field(description="Of its source, in the 90 days before.")
    after: RateItem = Field(description="Of its source, from the day after on, 90 days at most.")
    change: Literal["too_early", "fell", "rose", "unclear"] = Field(
        description="Whether the rejection rate of the source changed: the interval of the difference leaves no doubt "
        "(fell, rose) or does (unclear); too_early: fewer than 20 decisions before or after."
    )


class RejectionPage(_Answer):
    """A page of rejections, in their order in time."""

    as_of: Moment
    items: list[RejectionItem]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class DisputePage(_Answer):
    """A page of open disputes, the oldest first."""

    as_of: Moment
    items: list[DisputeItem]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class ActionPage(_Answer):
    """A page of answers, in their order in time."""

    as_of: Moment
    items: list[ActionItem]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")
