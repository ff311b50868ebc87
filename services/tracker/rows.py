"""Domain values as rows of the store."""

from collections.abc import Iterable, Set

import orjson

from services.domain.charter import Charter
from services.domain.clocks import Instance, Kind
from services.domain.events import Attributes, Order
from services.domain.fold import Lead
from services.domain.handoffs import Handoff
from services.domain.instants import Instant
from services.domain.telling import Telling
from services.storage import ClockRow, HandoffRow, LeadRow, TransitionRow


def clock_row(lead: str, instance: Instance) -> ClockRow:
    """An instance of a clock."""
    is_open = instance.verdict is None
    return ClockRow(
        lead=lead,
        clock=instance.clock.name,
        number=instance.number,
        charter=instance.charter.version,
        promised_by=str(instance.clock.promised_by),
        team_label=instance.team,
        priority_label=instance.priority,
        target=instance.target_number,
        within=instance.target.within,
        calendar=instance.target.calendar.name,
        started_at=instance.started_at,
        started_by=event_name(instance.started_by),
        due_at=instance.due_at,
        at_risk_at=instance.at_risk_at,
        paused=instance.is_paused,
        ended_at=instance.ended_at,
        ended_by=event_name(instance.ended_by) if instance.ended_by is not None else None,
        status=str(instance.verdict) if instance.verdict is not None else None,
        counted=None if is_open else instance.counted_at(instance.started_at),
    )


def handoff_row(lead: str, handoff: Handoff, charter: Charter) -> HandoffRow:
    """A handoff, its source as a label of `charter`."""
    return HandoffRow(
        lead=lead,
        number=handoff.number,
        opened_at=handoff.opened_at,
        closed_at=handoff.closed_at,
        outcome=handoff.outcome.wire if handoff.outcome is not None else None,
        accepted_at=handoff.accepted_at,
        touched_at=handoff.touched_at,
        qualified_at=handoff.qualified_at,
        opportunity_at=handoff.opportunity_at,
        reason=handoff.reason,
        verdict=handoff.verdict,
        source_label=charter.label("source", handoff.attributes.get("source")),
        attributes=orjson.dumps(handoff.attributes),
    )


def lead_row(
    lead: Lead,
    *,
    revision: int,
    partition: int,
    state: bytes,
    wake_at: Instant | None,
    stalls_at: Instant | None,
    charter: Charter,
) -> LeadRow:
    """A lead with at least one event, its team and priority as labels of `charter`."""
    attributes = lead.attributes
    return LeadRow(
        key=lead.key,
        revision=revision,
        partition=partition,
        state=state,
        wake_at=wake_at,
        last_event_at=lead.last.time if lead.last is not None else 0,
        handoff=lead.handoff.number if lead.handoff is not None else None,
        handed_off_at=lead.handoff.opened_at if lead.handoff is not None else None,
        stalls_at=stalls_at,
        owner=_text(attributes, "owner"),
        team=_text(attributes, "team"),
        priority=_text(attributes, "priority"),
        source=_text(attributes, "source"),
        account=_text(attributes, "account"),
        team_label=charter.label("team", attributes.get("team")),
        priority_label=charter.label("priority", attributes.get("priority")),
    )


def transition_rows(
    told_of: tuple[str, str, int],
    tellings: Iterable[Telling],
    *,
    turned: Set[str],
    standing: Set[str],
    now: Instant,
    shown_by: str | None,
) -> list[TransitionRow]:
    """What was told at `now` of an instance or a handoff: its lead, clock and number.

    `turned` are the transitions that stand now and did not before, or the other way round; `standing` those that do.
    `shown_by` is what a correction is shown by.
    """
    lead, clock, number = told_of
    rows = [
        TransitionRow(
            lead,
            clock,
            number,
            each.passage.name,
            each.passage.at,
            now,
            True,
            each.before,
            each.after,
            shown_by if each.passage.kind is Kind.CORRECTED else None,
        )
        for each in tellings
    ]
    # What was told before keeps its row; the store changes nothing of it but `standing`.
    before = turned - {row.name for row in rows}
    return rows + [TransitionRow(lead, clock, number, name, now, now, name in standing) for name in sorted(before)]


def _text(attributes: Attributes, name: str) -> str | None:
    value = attributes.get(name)
    return None if value is None else str(value)


def event_name(order: Order) -> str:
    """An event as `type source id`."""
    return f"{order.type.wire} {order.source} {order.id}"
