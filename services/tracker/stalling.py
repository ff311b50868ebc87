"""What is told of a lead that lies still: the stalls of its handoffs, and their corrections."""

from services import metric_table as metrics
from services import samples
from services.domain.charter import OTHER, Charters
from services.domain.clocks import Kind
from services.domain.fold import Lead
from services.domain.handoffs import Handoff
from services.domain.instants import Instant
from services.domain.silences import HANDOFF
from services.domain.snapshot import ToldByInstance
from services.domain.stalls import lies_still, stalls_of
from services.domain.telling import CLOSED, NO_VERDICT, OPEN, Telling, Told, tell_stalls
from services.storage import AlertRow, Changes, CounterKey
from services.tracker.rows import transition_rows


def tell_of_stalls(
    lead: Lead,
    told: ToldByInstance,
    charters: Charters,
    now: Instant,
    *,
    shown_by: str | None,
    alert_since: Instant,
    changes: Changes,
) -> None:
    """Tell at `now` what is new of the handoffs of a lead; `told` is changed to what has then been told.

    `shown_by` is what a correction would be shown by. A stall before `alert_since` alerts nobody.
    """
    handoffs = {each.number: each for each in lead.handoffs}
    for number in sorted(handoffs.keys() | {number for name, number in told if name == HANDOFF}):
        handoff = handoffs.get(number)
        stalls = stalls_of(lead, handoff, charters, now) if handoff is not None else []
        known = told.get((HANDOFF, number), Told())
        stood = set(known.standing)
        state = _state(lead, handoff, charters, now) if known.ever else OPEN  # where nothing can be corrected
        tellings = tell_stalls(stalls, known, now, now=state)
        if known.ever:
            told[HANDOFF, number] = known
        changes.transitions += transition_rows(
            (lead.key, HANDOFF, number),
            tellings,
            turned=stood ^ known.standing,
            standing=known.standing,
            now=now,
            shown_by=shown_by,
        )
        for telling in tellings:
            _count(handoff, charters, telling, changes.counters)
            alert = _alert(lead, number, telling, charters)
            if alert is not None and alert.not_before >= alert_since:
                changes.alerts.append(alert)


def _state(lead: Lead, handoff: Handoff | None, charters: Charters, now: Instant) -> str:
    """What a correction says that the handoff is now."""
    if handoff is None:
        return NO_VERDICT
    if handoff is not lead.handoff:
        return CLOSED
    stall = lies_still(lead, charters)
    return str(Kind.STALLED) if stall is not None and stall.at <= now else OPEN


def _count(handoff: Handoff | None, charters: Charters, telling: Telling, counters: dict[CounterKey, int]) -> None:
    team = priority = OTHER
    if handoff is not None:
        charter = charters.in_force(handoff.opened_at) or charters.versions[0]
        team, priority = (charter.label(name, handoff.attributes.get(name)) for name in ("team", "priority"))
    key = samples.sample(
        metrics.HANDOFF_TRANSITIONS_TOTAL, team=team, priority=priority, transition=str(telling.passage.kind)
    )
    samples.add(counters, key)


def _alert(lead: Lead, number: int, telling: Telling, charters: Charters) -> AlertRow | None:
    """A stall that still lasts, or a correction, for whoever was alerted before."""
    kind, since, at = telling.passage
    details: dict[str, object] = {
        "at": at,
        "before": telling.before,
        "after": telling.after,
        **{name: lead.attributes.get(name) for name in ("owner", "team", "account", "source")},
    }
    if kind is Kind.STALLED:
        charter = charters.in_force(since)
        if telling.passage != lies_still(lead, charters) or charter is None or charter.stalled_after is None:
            return None
        after = charter.stalled_after
        details |= {
            "since": since,
            "within": after.text,
            "calendar": after.calendar.name,
            "timezone": str(after.calendar.zone),
        }
    identifier = f"{lead.key}/{HANDOFF}/{number}/{telling.passage.name}"
    return AlertRow(identifier, str(kind), lead.key, HANDOFF, number, at, details)
