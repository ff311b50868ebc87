"""Goals, commitments, ceremonies and the facts behind them on the wire: what may be asked, and the answers' shapes.

Numbers are exact where they are whole; shares and other fractions are the nearest floating point number, and come with
the whole numbers that they are made of.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.api import MAX_LIMIT, AskedInstant, Moment, Optional, Text
from services.domain.facts import FactKind

DEFAULT_FACTS = 100
Number = int | float
SideName = Literal["marketing", "sales"]
PerName = Literal["week", "month", "quarter", "year"]


class MeasuresQuery(BaseModel):
    """When, and of which period."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: Annotated[AskedInstant | None, Optional] = Field(
        None,
        description="Without what happened after this instant (RFC 3339). What is known of the time before is that of "
        "today: a touch that came later still makes its handoff a touched one.",
        examples=["2026-10-12T08:42:00Z"],
    )
    period: Annotated[Text | None, Optional] = Field(
        None,
        description="A week, month, quarter or year in place of the present one: 2026-W41, 2026-10, 2026-Q4, 2026.",
        examples=["2026-Q4"],
    )


class FactsQuery(BaseModel):
    """Which facts to list: those of these days, in the order in which they happened."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FactKind = Field(description="What the facts say.", examples=["accepted"])
    since: date = Field(description="The first day.", examples=["2026-10-01"])
    until: date = Field(description="The day after the last.", examples=["2026-11-01"])
    filter: Annotated[Text | None, Optional] = Field(
        None,
        max_length=2000,
        description="Those that meet a condition of a goal or commitment, as their `filter` has it.",
    )
    source: Annotated[Text | None, Optional] = Field(None, description="Where the lead came from, as a label.")
    currency: Annotated[Text | None, Optional] = Field(None, description="Of won deals: those in this currency.")
    as_of: Annotated[AskedInstant | None, Optional] = Field(None, description="Those up to this instant (RFC 3339).")
    cursor: Annotated[Text | None, Optional] = Field(
        None, max_length=2000, description="Where to go on: the `next` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = Field(DEFAULT_FACTS, description="How many at most.")


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class PeriodItem(_Answer):
    """A stretch of whole days in the zone of the charter's first calendar."""

    name: str = Field(examples=["October 2026"])
    key: str = Field(description="As addresses write it.", examples=["2026-10"])
    per: PerName
    since: Moment
    until: Moment


class MadeOf(_Answer):
    """A number of facts that a figure is made of."""

    kind: FactKind
    filter: str | None = Field(description="The condition that they meet.", examples=["new_customer is true"])
    count: int
    href: str = Field(description="The list of them.", examples=["/api/v1/facts?kind=won&since=2026-10-01"])


class FigureItem(_Answer):
    """A measure against its target."""

    measure: str = Field(examples=["won_amount"])
    clock: str | None = Field(description="Of attainment.", examples=["accept"])
    where: str | None = Field(description="Which of it counts.", examples=["new_customer is true"])
    currency: str | None = Field(examples=["PLN"])
    currencies: list[str] = Field(description="Where amounts are in several and the charter names none: no value.")
    period: PeriodItem
    as_of: Moment
    target: Number = Field(examples=[1200000])
    value: Number | None = Field(description="Null where it is a share of nothing.", examples=[480000])
    top: Number = Field(description="Of a share: what is over `bottom`; else the value.")
    bottom: Number | None = Field(description="Of a share: what it is a share of.")
    progress: Number | None = Field(description="The share of the target that is reached.", examples=[0.4])
    time_passed: Number | None = Field(description="The share of the period's counted time.", examples=[0.485])
    expected: Number | None = Field(description="What was to be reached by now; of a share, the target itself.")
    pace: Number | None = Field(description="`value` over `expected`.", examples=[0.825])
    word: Literal["ahead", "on_pace", "behind"] | None = Field(description="The pace in a word.")
    made_of: list[MadeOf] = Field(description="The facts behind the number.")


class ContributionItem(_Answer):
    """What a side gives to a goal."""

    side: str = Field(examples=["marketing"])
    words: str = Field(description="As the charter has it.", examples=["600 handoffs"])
    figure: FigureItem | None = Field(description="Null where it is words alone.")


class ForecastItem(_Answer):
    """Where the figure will be at the period's end, if it goes on as on the working days before."""

    low: Number | None = Field(description="Nine of ten times it is this or more. Null where it is too early to tell.")
    middle: Number | None = Field(description="Half of the times it is this or more.")
    high: Number | None = Field(description="One of ten times it is more than this.")
    missing_days: int = Field(description="Working days after which it can be told.")
    missing_deals: int = Field(description="Won deals after which it can be told.")


class GapPartItem(_Answer):
    """One factor's part of the gap."""

    stage: Literal["handoffs", "accepted", "won", "amount"]
    of: Literal["handoffs", "accepted", "won", "amount"] | None = Field(
        description="The stage before, of which so much gets here; null for the first, which is a number."
    )
    planned: Number
    planned_by: Literal["target", "contributes", "commitment", "last_period"] = Field(
        description="Where the plan of the stage is written; `last_period`: its shares fill what nobody said."
    )
    actual: Number | None = Field(description="Null where nothing got to the stage before.")
    amount: Number = Field(description="In the goal's unit; below 0 it makes up for others.")


class GapItem(_Answer):
    """What is missing to what was expected by now; its parts add up to it."""

    total: Number
    parts: list[GapPartItem]


class GoalItem(_Answer):
    """A goal of both sides."""

    name: str = Field(examples=["new-revenue"])
    says: str
    parent: str | None = Field(description="The goal that it serves.")
    figure: FigureItem
    contributes: list[ContributionItem]
    forecast: ForecastItem | None = Field(description="Null where there is none: of shares, and of what is over.")
    gap: GapItem | None = Field(description="Of goals of won or won_amount.")


class GoalList(_Answer):
    """The goals, in the order of the charter."""

    as_of: Moment
    charter: str = Field(description="The version whose goals they are.", examples=["2026-Q4"])
    items: list[GoalItem]


class CommitmentItem(_Answer):
    """What one side promised."""

    name: str = Field(examples=["volume"])
    promised_by: SideName
    figure: FigureItem


class CommitmentList(_Answer):
    """The commitments of both sides, in the order of the charter."""

    as_of: Moment
    charter: str = Field(description="The version whose commitments they are.", examples=["2026-Q4"])
    items: list[CommitmentItem]


class IndexPartItem(_Answer):
    """One part of the index."""

    part: Literal["two_way_attainment", "feedback_given", "feedback_answered", "disputes_settled", "ceremonies_held"]
    share: Number | None = Field(description="Null where there was nothing to do; it is left out.")
    top: int
    bottom: int
    side: SideName | None = Field(description="Of the two-way attainment: the weaker side.")
    made_of: list[MadeOf]


class MovedItem(_Answer):
    """What a part did to the index since the period before."""

    part: str = Field(examples=["feedback_answered"])
    points: Number = Field(description="The points of all parts add up to the change.")
    before: Number | None
    after: Number | None


class CollaborationDocument(_Answer):
    """How both teams work together, as one figure and what it is made of."""

    as_of: Moment
    period: PeriodItem
    index: Number | None = Field(description="0 to 100; null where nothing is known.", examples=[78.2])
    parts: list[IndexPartItem]
    last_period: PeriodItem
    last_index: Number | None
    moved: list[MovedItem]
    says: str = Field(description="What moved it, in a sentence.")


class HeldItem(_Answer):
    """A ceremony that took place."""

    at: Moment
    marketing: int = Field(description="How many of marketing came.")
    sales: int = Field(description="How many of sales came.")
    notes: str | None


class CeremonyItem(_Answer):
    """A ceremony in one of its periods."""

    ceremony: str = Field(examples=["quarterly-review"])
    period: PeriodItem
    due: bool = Field(description="It counts: its period is over, or it was held already.")
    over: bool = Field(description="Its period is over.")
    held: list[HeldItem]


class CeremonyList(_Answer):
    """The ceremonies whose periods end in one period, and those that run now."""

    as_of: Moment
    period: PeriodItem
    items: list[CeremonyItem]


class FactItem(_Answer):
    """Something that happened, and with which lead."""

    lead: str = Field(examples=["hubspot:contact:151"])
    href: str = Field(examples=["/api/v1/leads/hubspot:contact:151"])
    kind: FactKind
    number: str = Field(description="Of the handoff, or which conversation, deal or dispute of the lead it is.")
    at: Moment
    source: str = Field(description="As a label of the charter.")
    attributes: dict[str, str] = Field(description="Where known: campaign, segment, region, team, account, reason.")
    amount: Number | None = Field(description="Of won deals.")
    currency: str | None


class FactPage(_Answer):
    """A page of facts."""

    items: list[FactItem]
    next: str | None = Field(description="The cursor of the next page; null on the last.")
