"""The JSON API on the wire: what may be asked, and the shapes of the answers.

Instants are RFC 3339 in UTC; durations are whole seconds, rounded down.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from services.domain.clocks import Status
from services.domain.instants import parse_instant

MAX_LIMIT = 200
DEFAULT_LIMIT = 50

_DATE_LENGTH = len("2026-10-12T")


def _blank_is_nothing(value: object) -> object:
    # A form sends its empty fields too; they ask nothing.
    return None if value == "" else value


def _instant(value: object) -> object:
    # A plus that was not percent-encoded in the address arrives as a space.
    return (
        parse_instant(value[:_DATE_LENGTH] + value[_DATE_LENGTH:].replace(" ", "+"))
        if isinstance(value, str)
        else value
    )


Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-10-12T08:42:00Z"])]
Optional = BeforeValidator(_blank_is_nothing)
Text = Annotated[str, Field(max_length=200)]
AskedInstant = Annotated[int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 in the address, an `Instant` once read."""


class _Query(BaseModel):
    # A misspelt filter would otherwise be answered with everything.
    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: Annotated[Text | None, Optional] = Field(
        None, max_length=2000, description="Where to go on: the `next` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = Field(DEFAULT_LIMIT, description="How many at most.")
    as_of: Annotated[AskedInstant | None, Optional] = Field(
        None,
        description="Judge what is open at this instant instead of now (RFC 3339). What has ended since stays ended.",
        examples=["2026-10-12T08:42:00Z"],
    )


class LeadsQuery(_Query):
    """Which leads to list; those that meet all that is asked."""

    stalled: Annotated[bool | None, Optional] = Field(None, description="Stalled leads, or those that are not.")
    clock: Annotated[Text | None, Optional] = Field(None, description="Leads with an instance of this clock.")
    status: Annotated[Status | None, Optional] = Field(None, description="Leads with a clock in this status.")
    team: Annotated[Text | None, Optional] = Field(None, description="The sales team that has the lead.")
    priority: Annotated[Text | None, Optional] = Field(None, description="The priority of the lead.")
    source: Annotated[Text | None, Optional] = Field(None, description="Where the lead came from.")
    account: Annotated[Text | None, Optional] = Field(None, description="The company the lead belongs to.")
    owner: Annotated[Text | None, Optional] = Field(None, description="Who has the lead now.")


class ClocksQuery(_Query):
    """Which instances of clocks to list; those that meet all that is asked."""

    clock: Annotated[Text | None, Optional] = Field(None, description="Instances of this clock.")
    status: Annotated[Status | None, Optional] = Field(None, description="Instances in this status.")
    team: Annotated[Text | None, Optional] = Field(
        None, description="The team at the start, as a label of the charter (`other` for those it does not list)."
    )


class LeadQuery(BaseModel):
    """At which instant to judge one lead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: Annotated[AskedInstant | None, Optional] = Field(
        None,
        description="Judge the lead by the events up to this instant, as if nothing had come after (RFC 3339).",
        examples=["2026-10-12T08:42:00Z"],
    )


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class WrongParameter(_Answer):
    """What is wrong with one parameter."""

    parameter: str = Field(examples=["limit"])
    detail: str = Field(examples=["Input should be less than or equal to 200"])


class Problem(_Answer):
    """Why a request was not answered as asked (RFC 9457)."""

    type: str = Field("about:blank", description="The kind of problem; `about:blank`: what the status says.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is the matter with this request.", examples=["No lead has the key crm:1"])
    instance: str = Field(description="The path that was asked.", examples=["/api/v1/leads/crm:1"])
    errors: list[WrongParameter] = Field(default_factory=list, description="Each parameter that is wrong.")


class Target(_Answer):
    """The target that was chosen when the instance started."""

    number: int = Field(description="Its place among the clock's targets, from 1.", examples=[1])
    of: int = Field(description="How many targets the clock has; 0 where its charter is no longer known.", examples=[3])
    when: str | None = Field(
        description="The condition that held; null for the last one.", examples=["priority is hot"]
    )
    within: str = Field(description="The time allowed, as the charter writes it.", examples=["15m"])
    within_seconds: int = Field(description="The same in counted seconds.", examples=[900])
    calendar: str = Field(description="The calendar that counts it.", examples=["office"])


class ClockInstance(_Answer):
    """One instance of a clock on a lead, with its verdict."""

    lead: str = Field(examples=["hubspot:contact:151"])
    clock: str = Field(examples=["accept"])
    number: int = Field(description="Instances of a clock on a lead are numbered from 1.", examples=[1])
    charter: str = Field(description="The version of the charter that judges it.", examples=["2026-Q4"])
    promised_by: Literal["marketing", "sales"] = Field(description="The side that owes it.")
    team: str = Field(description="The team at the start, as a label of the charter.", examples=["inbound"])
    priority: str = Field(description="The priority at the start, as a label of the charter.", examples=["hot"])
    status: Status = Field(description="The verdict.")
    reason: str = Field(
        description="Why, in one sentence; times are those of the charter's first calendar.",
        examples=[
            "Met: accepted Mon 12 Oct 10:42, after 1 h 12 min of the 4 h that calendar office allows (target: 4h)"
        ],
    )
    target: Target
    started_at: Moment
    started_by: str = Field(description="The type of the event that started it.", examples=["lead.handed_off"])
    due_at: Moment | None = Field(description="When the target is reached; null while paused before that.")
    ended_at: Moment | None = Field(description="Null while it is open.")
    ended_by: str | None = Field(description="The type of the event that ended it.", examples=["lead.accepted"])
    counted_seconds: int | None = Field(
        description="Counted time up to its end or to `as_of`. Null in lists where it takes the lead's events to tell "
        "(paused, or overdue and pausable); the lead itself has it.",
        examples=[4320],
    )
    left_seconds: int | None = Field(
        description="Counted time until it is due; 0 once it was. Null after its end, and in lists while paused.",
        examples=[10080],
    )


class LeadSummary(_Answer):
    """A lead with its open clocks."""

    key: str = Field(examples=["hubspot:contact:151"])
    href: str = Field(description="Where the API has all about it.", examples=["/api/v1/leads/hubspot:contact:151"])
    stalled: bool = Field(description="Whether its handoff is open and it lies still.")
    stalls_at: Moment | None = Field(description="When it counts as stalled unless something happens before.")
    handoff: int | None = Field(description="The number of the open handoff.", examples=[1])
    handed_off_at: Moment | None = Field(description="When that was opened.")
    last_event_at: Moment
    owner: str | None = Field(examples=["jan.nowak"])
    team: str | None = Field(examples=["inbound"])
    priority: str | None = Field(examples=["hot"])
    source: str | None = Field(examples=["webinar"])
    account: str | None = Field(examples=["ACME"])
    clocks: list[ClockInstance] = Field(description="Its open instances.")


class LeadPage(_Answer):
    """A page of leads, by key."""

    as_of: Moment = Field(description="The instant at which this was judged.")
    items: list[LeadSummary]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class ClockPage(_Answer):
    """A page of instances, by lead, clock and number."""

    as_of: Moment = Field(description="The instant at which this was judged.")
    items: list[ClockInstance]
    next: str | None = Field(description="The `cursor` of the next page; null on the last.")


class TimelineEvent(_Answer):
    """An event of the lead."""

    time: Moment = Field(description="When it happened in the CRM.")
    type: str = Field(examples=["lead.accepted"])
    source: str = Field(examples=["//hubspot/123"])
    id: str = Field(examples=["151-7"])
    data: dict[str, Any] = Field(examples=[{"by": "jan.nowak"}])


class HandoffItem(_Answer):
    """One passing of the lead from marketing to sales."""

    number: int = Field(examples=[1])
    opened_at: Moment
    closed_at: Moment | None
    outcome: str | None = Field(description="The type of the event that closed it.", examples=["deal.won"])
    accepted_at: Moment | None
    touched_at: Moment | None = Field(description="The first outbound touch.")
    qualified_at: Moment | None
    opportunity_at: Moment | None
    reason: str | None = Field(description="Why it was rejected, lost, recycled or withdrawn.", examples=["no_budget"])
    verdict: Literal["good", "poor"] | None = Field(description="The last feedback on its quality.")


class TransitionItem(_Answer):
    """Something that was told of a clock, or of a handoff that lay still; once."""

    id: str = Field(
        description="LEAD/CLOCK/INSTANCE/TRANSITION[/LEVEL].", examples=["hubspot:contact:151/accept/1/met"]
    )
    clock: str = Field(description="`handoff` where it was told of a handoff.", examples=["accept"])
    number: int = Field(description="Of the instance, or of the handoff.", examples=[1])
    transition: str = Field(
        description="Its name. The level of `stalled` is when the silence began, in microseconds since 1970.",
        examples=["escalated/2"],
    )
    at: Moment = Field(description="When it happened.")
    told_at: Moment = Field(description="When it was told.")
    standing: bool = Field(description="False once late events have taken it back.")
    before: str | None = Field(description="Of a correction: the verdict that was believed.", examples=["overdue"])
    after: str | None = Field(description="Of a correction: the verdict that holds.", examples=["met"])
    because: str | None = Field(
        description="Of a correction: what arrived that showed it.", examples=["lead.touched /hubspot/33 1-2-3"]
    )


class LeadDetail(_Answer):
    """All about one lead."""

    key: str = Field(examples=["hubspot:contact:151"])
    as_of: Moment = Field(description="The instant at which this was judged.")
    stalled: bool
    attributes: dict[str, str | int | float | bool | None] = Field(examples=[{"priority": "hot", "source": "webinar"}])
    paused: bool
    erased: bool = Field(description="Whether the person asked to be forgotten.")
    merged_into: str | None = Field(description="The key of the lead that goes on in its place.")
    timeline: list[TimelineEvent] = Field(description="Its events, in order.")
    handoffs: list[HandoffItem]
    clocks: list[ClockInstance]
    transitions: list[TransitionItem]


class CalendarItem(_Answer):
    """A calendar, by name."""

    timezone: str = Field(examples=["Europe/Warsaw"])
    day_seconds: int | None = Field(description="How long `1d` is.", examples=[28800])


class CharterTarget(_Answer):
    """A target: how long a clock may take where its condition holds."""

    when: str | None = Field(description="Null where it always holds.", examples=["priority is hot"])
    within: str = Field(examples=["15m"])
    within_seconds: int = Field(examples=[900])
    calendar: str = Field(examples=["always"])


class EscalationItem(_Answer):
    """Whom to tell when a share of the target has gone by."""

    level: int = Field(examples=[1])
    at: float = Field(examples=[1.0])
    to: str = Field(examples=["sales"])


class CharterClock(_Answer):
    """A timed promise of one side to the other."""

    name: str = Field(examples=["accept"])
    says: str = Field(examples=["Sales accepts or rejects every lead it is handed"])
    promised_by: Literal["marketing", "sales"]
    starts_on: list[str] = Field(examples=[["handed off"]])
    stops_on: list[str] = Field(examples=[["accepted", "rejected"]])
    restarts_on: list[str] = Field(examples=[["assigned"]])
    cancelled_by: list[str] = Field(examples=[["withdrawn"]])
    pausable: bool
    targets: list[CharterTarget]
    at_risk: float = Field(examples=[0.75])
    escalate: list[EscalationItem]
    settle_seconds: int = Field(examples=[0])
    objective: float | None = Field(description="The attainment that is promised.", examples=[0.95])


class CharterDocument(_Answer):
    """The agreement of both sides that is in force."""

    version: str = Field(examples=["2026-Q4"])
    effective_from: Moment
    in_force: bool = Field(description="False while the first charter is still to take effect.")
    draft: bool = Field(description="Whether a side has not agreed yet.")
    agreed: list[Literal["marketing", "sales"]]
    next_version: str | None = Field(description="The version that takes effect next.", examples=[None])
    calendars: dict[str, CalendarItem]
    clocks: list[CharterClock]
    stalled_after_seconds: int | None = Field(
        description="Counted time without an event after which a lead is stalled."
    )
    labels: dict[str, list[str]] = Field(examples=[{"team": ["enterprise", "inbound"]}])


class KeptItem(_Answer):
    """How the instances that fell due in a period were kept."""

    met: int
    missed: int
    overdue: int
    attainment: float | None = Field(
        description="met / (met + missed + overdue); null where that is 0/0.", examples=[0.96]
    )


class OpenItem(_Answer):
    """Open instances by status."""

    overdue: int
    at_risk: int
    running: int
    paused: int


class PromiseItem(_Answer):
    """A clock, how it was kept, and its open instances."""

    clock: str = Field(examples=["accept"])
    says: str
    objective: float | None = Field(examples=[0.95])
    month: KeptItem
    quarter: KeptItem
    open: OpenItem


class SideItem(_Answer):
    """What one side has promised, and how it was kept."""

    side: Literal["marketing", "sales"]
    month: KeptItem
    quarter: KeptItem
    open: OpenItem
    promises: list[PromiseItem]


class AttentionItem(_Answer):
    """Something that needs someone now: a pressing clock, or (clock is null) a lead that lies still."""

    lead: str
    clock: str | None
    number: int | None
    promised_by: Literal["marketing", "sales"]
    status: Status | None
    stalled: bool
    since: Moment = Field(description="When it is due, or since when the lead lies still.")
    team: str | None
    owner: str | None
    account: str | None
    priority: str | None


class OverviewDocument(_Answer):
    """The front page."""

    version: int = Field(description="Grows with every change; the stream tells it.")
    as_of: Moment
    charter: str = Field(examples=["2026-Q4"])
    in_force: bool
    month: str = Field(examples=["October 2026"])
    quarter: str = Field(examples=["2026-Q4"])
    open_handoffs: int
    stalled_leads: int
    sides: list[SideItem]
    attention: list[AttentionItem] = Field(description="The worst first; the lists have all.")
