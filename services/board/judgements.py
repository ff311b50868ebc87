"""An instance of a clock with all that its verdict rests on, from its stored row or from the lead's events.

The row is what people were told. The events know more (pauses, which condition of a stop held); they are
used where they agree with the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.domain.charter import Charters, Clock, Target, Trigger
from services.domain.clocks import Instance, Role, Status
from services.domain.conditions import When
from services.domain.events import TYPES_BY_WIRE_NAME, EventType
from services.domain.fold import Lead, fold
from services.domain.instants import Instant
from services.storage import ClockRow
from services.views import LeadFile, status_at

OPEN = (Status.OVERDUE, Status.AT_RISK, Status.RUNNING, Status.PAUSED)
"""The statuses of open instances, the worst first."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The target that was chosen at the start: the `number`th (from 1) of `of`."""

    number: int
    of: int
    when: When
    """The condition that held; empty for the last target, which has none."""
    text: str
    """The duration as the charter writes it; empty where the charter is no longer known."""
    within: int
    calendar: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """An instance and its verdict at one instant."""

    lead: str
    clock: str
    number: int
    charter: str
    promised_by: str
    says: str
    team: str
    priority: str
    status: Status
    target: Chosen
    at_risk_share: float | None
    started_at: Instant
    started_by: str
    """The type of the event, as on the wire."""
    due_at: Instant | None
    ended_at: Instant | None
    ended_by: str | None
    role: Role | None
    """What the event that ended it was to it."""
    waits_for: Sequence[Trigger]
    """What would end it as kept."""
    paused_since: Instant | None
    pauses: Sequence[tuple[Instant, Instant | None]]
    """As far as its events are known, since when and until when nothing was counted."""
    counted: int | None
    """Counted time up to its end or to the instant of the verdict; None where the row alone cannot tell."""
    left: int | None
    """Counted time until it is due: 0 once it was; None where it has ended or the row alone cannot tell."""

    @property
    def is_open(self) -> bool:
        """Whether nothing has ended it yet."""
        return self.status in OPEN


def of_file(file: LeadFile, charters: Charters, now: Instant) -> tuple[Lead, list[Judgement]]:
    """The lead as its events make it, and a judgement on each of its stored instances."""
    lead = _folded(file, charters, now)
    known = {(each.clock.name, each.number): each for each in lead.instances}
    judgements = []
    for row in file.clocks:
        instance = known.get((row.clock, row.number))
        if instance is not None and _agree(instance, row, now):
            judgements.append(of_instance(file.row.key, instance, now))
        else:
            judgements.append(of_row(row, charters, now))
    return lead, judgements


def of_file_at(file: LeadFile, charters: Charters, as_of: Instant) -> tuple[Lead, list[Judgement]]:
    """The lead and its instances as the events up to `as_of` make them, whatever came after."""
    lead = _folded(file, charters, as_of)
    return lead, [of_instance(file.row.key, instance, as_of) for instance in lead.instances]


def of_instance(lead: str, instance: Instance, now: Instant) -> Judgement:
    """The judgement on a folded instance."""
    clock = instance.clock
    status = instance.status(now)
    counted = instance.counted_at(now)
    return Judgement(
        lead=lead,
        clock=clock.name,
        number=instance.number,
        charter=instance.charter.version,
        promised_by=clock.promised_by.value,
        says=clock.says,
        team=instance.team,
        priority=instance.priority,
        status=status,
        target=_chosen(clock, instance.target_number),
        at_risk_share=float(clock.at_risk),
        started_at=instance.started_at,
        started_by=instance.started_by.type.wire,
        due_at=instance.due_at,
        ended_at=instance.ended_at,
        ended_by=instance.ended_by.type.wire if instance.ended_by is not None else None,
        role=instance.role,
        waits_for=clock.stops_on,
        paused_since=instance.pauses[-1].since if instance.is_paused else None,
        pauses=[(each.since, each.until) for each in instance.pauses],
        counted=counted,
        left=max(instance.target.within - counted, 0) if status in OPEN else None,
    )


def of_row(row: ClockRow, charters: Charters, now: Instant) -> Judgement:
    """The judgement on a stored instance alone."""
    charter = charters.by_version.get(row.charter)
    clock = charter.clocks.get(row.clock) if charter is not None else None
    if clock is not None and row.target >= len(clock.targets):
        clock = None  # the file was changed under its old version: what it says of this instance is not so
    status = status_at(row, now)
    counted = row.counted if row.status is not None else _counted(row, clock, now)
    return Judgement(
        lead=row.lead,
        clock=row.clock,
        number=row.number,
        charter=row.charter,
        promised_by=row.promised_by,
        says=clock.says if clock is not None else "",
        team=row.team_label,
        priority=row.priority_label,
        status=status,
        target=_chosen(clock, row.target)
        if clock is not None
        else Chosen(row.target + 1, 0, When(), "", row.within, row.calendar),
        at_risk_share=float(clock.at_risk) if clock is not None else None,
        started_at=row.started_at,
        started_by=_type(row.started_by),
        due_at=row.due_at,
        ended_at=row.ended_at,
        ended_by=_type(row.ended_by) if row.ended_by is not None else None,
        role=_role(clock, row.ended_by),
        waits_for=clock.stops_on if clock is not None else (),
        paused_since=None,
        pauses=(),
        counted=counted,
        left=_left(row, status, counted),
    )


def _folded(file: LeadFile, charters: Charters, until: Instant) -> Lead:
    return fold(file.row.key, (event for event in file.events if event.time <= until), charters)


def _agree(instance: Instance, row: ClockRow, now: Instant) -> bool:
    return (instance.started_at, instance.charter.version, instance.target_number, instance.status(now)) == (
        row.started_at,
        row.charter,
        row.target,
        status_at(row, now),
    )


def _chosen(clock: Clock, number: int) -> Chosen:
    target = clock.targets[number]
    return Chosen(
        number=number + 1,
        of=len(clock.targets),
        when=target.when,
        text=target.text,
        within=target.within,
        calendar=target.calendar.name,
    )


def _counted(row: ClockRow, clock: Clock | None, now: Instant) -> int | None:
    """Counted time of an open instance: the target less what is left of it, as nothing was paused since."""
    if clock is None or row.due_at is None or row.paused:
        return None
    target: Target = clock.targets[row.target]
    if now <= row.due_at:
        return row.within - target.calendar.counted(now, row.due_at)
    # Pauses after the due instant count nothing either, and the row does not have them.
    return None if clock.pausable else row.within + target.calendar.counted(row.due_at, now)


def _left(row: ClockRow, status: Status, counted: int | None) -> int | None:
    if status is Status.OVERDUE:
        return 0
    return max(row.within - counted, 0) if counted is not None and status in OPEN else None


def _type(event_name: str) -> str:
    return event_name.partition(" ")[0]


def _role(clock: Clock | None, ended_by: str | None) -> Role | None:
    """By its type alone, what an event was to the clock, in the order of precedence."""
    kind = TYPES_BY_WIRE_NAME.get(_type(ended_by)) if ended_by is not None else None
    if kind is None:
        return None
    roles = clock.roles[kind] if clock is not None else None
    if roles is not None and roles.stops:
        return Role.STOP
    if kind == EventType.LEAD_ERASED or (roles is not None and roles.cancels):
        return Role.CANCEL
    return Role.RESTART if roles is not None and roles.restarts else None
