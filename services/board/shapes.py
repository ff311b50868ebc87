"""From what the board knows to the shapes of the API; the one mapper between the two."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast
from urllib.parse import quote

from schemas import api
from services.board.attention import Attention
from services.board.judgements import Chosen, Judgement, of_row
from services.board.overview import Kept, Overview, Promise, SideView
from services.board.reasons import reason
from services.board.said import trigger_words, when_words
from services.board.times import Times
from services.domain.charter import Charter, Charters, Clock, Target, Trigger
from services.domain.clocks import Status
from services.domain.fold import Lead
from services.domain.instants import SECOND, Instant, format_exact
from services.domain.stalls import stalls_at
from services.storage import ClockRow, HandoffRow, TransitionRow
from services.translate import to_wire
from services.views import LeadFile, LeadView, is_stalled

SideName = Literal["marketing", "sales"]


def lead_path(key: str) -> str:
    """A lead's key as the end of a path: slashes and percent signs are its own, colons stay readable."""
    return quote(key, safe=":@")


def clock_instance(judgement: Judgement, times: Times) -> api.ClockInstance:
    """An instance of a clock."""
    return api.ClockInstance(
        lead=judgement.lead,
        clock=judgement.clock,
        number=judgement.number,
        charter=judgement.charter,
        promised_by=_side(judgement.promised_by),
        team=judgement.team,
        priority=judgement.priority,
        status=judgement.status,
        reason=reason(judgement, times),
        target=_chosen(judgement.target),
        started_at=format_exact(judgement.started_at),
        started_by=judgement.started_by,
        due_at=_moment(judgement.due_at),
        ended_at=_moment(judgement.ended_at),
        ended_by=judgement.ended_by,
        counted_seconds=_seconds(judgement.counted),
        left_seconds=_seconds(judgement.left),
    )


def clock_page(rows: Sequence[ClockRow], following: str | None, charters: Charters, times: Times) -> api.ClockPage:
    """A page of instances."""
    return api.ClockPage(
        as_of=format_exact(times.now),
        items=[clock_instance(of_row(row, charters, times.now), times) for row in rows],
        next=following,
    )


def lead_page(views: Sequence[LeadView], following: str | None, charters: Charters, times: Times) -> api.LeadPage:
    """A page of leads."""
    return api.LeadPage(
        as_of=format_exact(times.now),
        items=[_lead_summary(view, charters, times) for view in views],
        next=following,
    )


def lead_detail(
    file: LeadFile, lead: Lead, judgements: Sequence[Judgement], stalled: bool, times: Times
) -> api.LeadDetail:
    """All about one lead at `times.now`."""
    return api.LeadDetail(
        key=file.row.key,
        as_of=format_exact(times.now),
        stalled=stalled,
        attributes=dict(lead.attributes),
        paused=lead.paused_at is not None,
        erased=lead.erased_at is not None,
        merged_into=lead.merged_into,
        timeline=[
            api.TimelineEvent(**{name: to_wire(event)[name] for name in ("time", "type", "source", "id", "data")})
            for event in file.events
            if event.time <= times.now
        ],
        handoffs=[_handoff(row, times.now) for row in file.handoffs if row.opened_at <= times.now],
        clocks=[clock_instance(judgement, times) for judgement in judgements],
        transitions=[_transition(row) for row in file.transitions if row.at <= times.now],
    )


def is_stalled_at(file: LeadFile, lead: Lead, charters: Charters, as_of: Instant | None, now: Instant) -> bool:
    """Whether the lead is stalled: as stored, or at another instant by the lead as it was then."""
    if as_of is None:
        return is_stalled(file.row, now)
    at = stalls_at(lead, charters)
    return at is not None and as_of >= at


def charter_document(charter: Charter, in_force: bool, coming: Charter | None) -> api.CharterDocument:
    """The charter."""
    return api.CharterDocument(
        version=charter.version,
        effective_from=format_exact(charter.effective_from),
        in_force=in_force,
        draft=charter.is_draft,
        agreed=[_side(side) for side in sorted(charter.agreed)],
        next_version=coming.version if coming is not None else None,
        calendars={
            name: api.CalendarItem(timezone=str(calendar.zone), day_seconds=calendar.day_seconds)
            for name, calendar in charter.calendars.items()
        },
        clocks=[_charter_clock(clock) for clock in charter.clocks.values()],
        stalled_after_seconds=_seconds(charter.stalled_after.time) if charter.stalled_after is not None else None,
        labels={name: sorted(values) for name, values in charter.labels.items()},
    )


def overview_document(seen: Overview) -> api.OverviewDocument:
    """The front page."""
    return api.OverviewDocument(
        version=seen.version,
        as_of=format_exact(seen.now),
        charter=seen.charter.version,
        in_force=seen.is_in_force,
        month=seen.month.name,
        quarter=seen.quarter.name,
        open_handoffs=seen.open_handoffs,
        stalled_leads=seen.stalled,
        sides=[_side_item(side) for side in seen.sides],
        attention=[_attention(row) for row in seen.attention],
    )


def _lead_summary(view: LeadView, charters: Charters, times: Times) -> api.LeadSummary:
    row = view.row
    return api.LeadSummary(
        key=row.key,
        href=f"/api/v1/leads/{lead_path(row.key)}",
        stalled=is_stalled(row, times.now),
        stalls_at=_moment(row.stalls_at),
        handoff=row.handoff,
        handed_off_at=_moment(row.handed_off_at),
        last_event_at=format_exact(row.last_event_at),
        owner=row.owner,
        team=row.team,
        priority=row.priority,
        source=row.source,
        account=row.account,
        clocks=[clock_instance(of_row(clock, charters, times.now), times) for clock in view.clocks],
    )


def _chosen(target: Chosen) -> api.Target:
    return api.Target(
        number=target.number,
        of=target.of,
        when=when_words(target.when) or None,
        within=target.text or f"{target.within // SECOND}s",
        within_seconds=target.within // SECOND,
        calendar=target.calendar,
    )


def _handoff(row: HandoffRow, now: Instant) -> api.HandoffItem:
    """The handoff as it was at `now`: what happened after that is left out."""
    is_closed = row.closed_at is not None and row.closed_at <= now

    def by_now(instant: Instant | None) -> str | None:
        return _moment(instant) if instant is not None and instant <= now else None

    return api.HandoffItem(
        number=row.number,
        opened_at=format_exact(row.opened_at),
        closed_at=by_now(row.closed_at),
        outcome=row.outcome if is_closed else None,
        accepted_at=by_now(row.accepted_at),
        touched_at=by_now(row.touched_at),
        qualified_at=by_now(row.qualified_at),
        opportunity_at=by_now(row.opportunity_at),
        reason=row.reason if is_closed else None,
        verdict=cast("Literal['good', 'poor'] | None", row.verdict),
    )


def _transition(row: TransitionRow) -> api.TransitionItem:
    return api.TransitionItem(
        id=row.id,
        clock=row.clock,
        number=row.number,
        transition=row.name,
        at=format_exact(row.at),
        told_at=format_exact(row.told_at),
        standing=row.standing,
        before=row.before,
        after=row.after,
        because=row.because,
    )


def _charter_clock(clock: Clock) -> api.CharterClock:
    return api.CharterClock(
        name=clock.name,
        says=clock.says,
        promised_by=_side(clock.promised_by),
        starts_on=_triggers(clock.starts_on),
        stops_on=_triggers(clock.stops_on),
        restarts_on=_triggers(clock.restarts_on),
        cancelled_by=_triggers(clock.cancelled_by),
        pausable=clock.pausable,
        targets=[_target(target) for target in clock.targets],
        at_risk=float(clock.at_risk),
        escalate=[api.EscalationItem(level=each.level, at=float(each.share), to=each.to) for each in clock.escalate],
        settle_seconds=clock.settle // SECOND,
        objective=float(clock.objective) if clock.objective is not None else None,
    )


def _target(target: Target) -> api.CharterTarget:
    return api.CharterTarget(
        when=when_words(target.when) or None,
        within=target.text,
        within_seconds=target.within // SECOND,
        calendar=target.calendar.name,
    )


def _side_item(seen: SideView) -> api.SideItem:
    return api.SideItem(
        side=_side(seen.side),
        month=_kept(seen.month),
        quarter=_kept(seen.quarter),
        open=_open(seen.open),
        promises=[_promise(promise) for promise in seen.promises],
    )


def _promise(promise: Promise) -> api.PromiseItem:
    return api.PromiseItem(
        clock=promise.name,
        says=promise.says,
        objective=promise.objective,
        month=_kept(promise.month),
        quarter=_kept(promise.quarter),
        open=_open(promise.open),
    )


def _attention(row: Attention) -> api.AttentionItem:
    return api.AttentionItem(
        lead=row.lead,
        clock=row.clock,
        number=row.number,
        promised_by=_side(row.promised_by),
        status=row.status,
        stalled=row.is_stalled,
        since=format_exact(row.since),
        team=row.team,
        owner=row.owner,
        account=row.account,
        priority=row.priority,
    )


def _kept(kept: Kept) -> api.KeptItem:
    return api.KeptItem(met=kept.met, missed=kept.missed, overdue=kept.overdue, attainment=kept.attainment)


def _open(counts: Mapping[Status, int]) -> api.OpenItem:
    return api.OpenItem(**{str(status): count for status, count in counts.items()})


def _triggers(triggers: Sequence[Trigger]) -> list[str]:
    return [trigger_words(trigger) for trigger in triggers]


def _moment(instant: Instant | None) -> str | None:
    return format_exact(instant) if instant is not None else None


def _seconds(length: int | None) -> int | None:
    return length // SECOND if length is not None else None


def _side(name: str) -> SideName:
    return "marketing" if name == "marketing" else "sales"
