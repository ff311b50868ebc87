"""One lead in one batch: its state brought up to date, and the rows that this changes.

Events in order are applied to the stored state; one out of order, or a change of the charters, folds the lead
anew from all its events. Nothing here reads or writes anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from services import metric_table as metrics
from services import samples
from services.domain.charter import OTHER, Charters, Clock
from services.domain.clocks import Instance, Kind, Role, wake_at
from services.domain.counting import facts_of, keys_of
from services.domain.events import Event
from services.domain.facts import Fact, FactKey
from services.domain.fold import Lead, apply
from services.domain.handoffs import Handoff
from services.domain.instants import DAY, Instant
from services.domain.silences import HANDOFF
from services.domain.snapshot import ToldByInstance, freeze, knows_stalls, thaw
from services.domain.stalls import stalls_at
from services.domain.telling import Telling, Told, tell
from services.storage import (
    ABSENT,
    AlertRow,
    Changes,
    CounterKey,
    HandoffRow,
    LeadState,
)
from services.tracker import tallying
from services.tracker.rows import clock_row, event_name, handoff_row, lead_row, transition_rows
from services.tracker.stalling import tell_of_stalls

ALERTED = frozenset({Kind.AT_RISK, Kind.OVERDUE, Kind.ESCALATED, Kind.CORRECTED})
_NAMED = 3
"""Events that a correction names; a batch may bring hundreds of one lead."""
STALE_ALERT = DAY
"""A threshold passed longer ago than this is shown, but wakes nobody: it is history being read in."""
FORMAT = "2"
"""Of the snapshots. The first had nothing of deals and disputes, and was of a store without facts."""


Marks = tuple[object, ...]
"""All of an instance or a handoff that changes while it lives: where these are the same, so is its row."""


@dataclass(slots=True)
class Judged:
    """A lead as stored, then as the batch leaves it."""

    key: str
    partition: int
    charters: Charters
    lead: Lead
    told: ToldByInstance
    revision: int = ABSENT
    """At which it was read."""
    judged_at: Instant = 0
    """The latest instant at which it was judged. It is never judged at an earlier one: a worker that is behind, or
    whose clock is, would take back what was told."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """The outcome that was counted of each closed handoff, by its number."""
    arrived: Sequence[Event] = ()
    """The events of this batch."""
    because: str | None = None
    """What a correction would be shown by where none arrived: the charter, or what other leads were judged by."""
    future_at: Instant | None = None
    """The time of the first stored event that is still to come."""
    is_refolded: bool = False
    told_until: Instant = 0
    """Up to when what the stored state went through was told."""
    clocks_before: dict[tuple[str, int], Marks] = field(default_factory=dict)
    handoffs_before: dict[int, Marks] = field(default_factory=dict)
    """Of what is stored, by clock and number, and by number."""
    facts_before: frozenset[FactKey] = frozenset()
    """Those of the open handoff that are stored."""
    facts_stored: Sequence[Fact] = ()
    """All that are stored, where the lead was judged anew."""

    def shown_by(self) -> str | None:
        """What a correction would be shown by: as `type source id`, and no more than a line of them."""
        names = [event_name(event.order) for event in self.arrived]
        more = len(names) - _NAMED
        return "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "") or self.because

    def apply_in_order(self, events: Sequence[Event]) -> None:
        """Apply sorted events, each after the last one applied; those that are still to come wait for their time."""
        for event in events:
            if event.time > self.judged_at:
                self.future_at = event.time if self.future_at is None else min(self.future_at, event.time)
            else:
                apply(self.lead, event, self.charters)

    def take(self, lead: Lead, events: Iterable[Event], told: ToldByInstance, facts: Sequence[Fact]) -> None:
        """Take the state that was judged anew from all events.

        `told` is all that was ever told of the lead, `facts` those that are stored.
        """
        self.lead = lead
        self.future_at = min((event.time for event in events if event.time > self.judged_at), default=None)
        self.told = told
        self.is_refolded = True
        self.clocks_before = {}
        self.handoffs_before = {}
        self.facts_stored = facts


@lru_cache(maxsize=8)  # it is asked for twice a lead
def fingerprint(charters: Charters) -> str:
    """Tells sets of charters apart; a state judged under other ones, or in another format, is folded anew."""
    return " ".join([FORMAT, *(f"{charter.version}@{charter.effective_from}" for charter in charters.versions)])


def new(key: str, partition: int, charters: Charters) -> Judged:
    """A lead of which nothing is known."""
    return Judged(key, partition, charters, Lead(key), {})


def read(key: str, partition: int, stored: LeadState, charters: Charters) -> tuple[Judged, bool]:
    """A lead from its snapshot, and whether that was judged under these charters: else it is to be folded anew."""
    state: dict[str, Any] = orjson.loads(stored.state)
    is_current = state["charters"] == fingerprint(charters) and knows_stalls(state["lead"])
    lead, told = thaw(key, state["lead"], charters) if is_current else (Lead(key), {})
    judged = Judged(
        key,
        partition,
        charters,
        lead,
        told,
        revision=stored.revision,
        judged_at=state.get("judged_at", 0),  # snapshots of the first version have none
        outcomes=state["outcomes"],
        because=None if is_current else f"charter {charters.latest.version}",
    )
    if is_current:
        judged.future_at = state["future_at"]
        judged.told_until = judged.judged_at
        judged.clocks_before = {(each.clock.name, each.number): _clock_marks(each) for each in lead.instances}
        judged.handoffs_before = {each.number: _handoff_marks(each) for each in lead.handoffs}
        judged.facts_before = keys_of(lead)
    return judged, is_current


def write(judged: Judged, changes: Changes) -> None:
    """Tell what is to be told at the instant at which it was judged, and add every row that has changed."""
    lead, charters, now = judged.lead, judged.charters, judged.judged_at
    shown_by = judged.shown_by()
    _tell_all(judged, now, shown_by, changes)
    tell_of_stalls(
        lead,
        judged.told,
        charters,
        now,
        shown_by=shown_by,
        alert_since=now - STALE_ALERT,
        changes=changes,
    )
    is_gone = lead.last is None and judged.future_at is None
    # Of what was not stored there is nothing to clear, but perhaps what another worker is just writing.
    if judged.is_refolded and not (is_gone and judged.revision == ABSENT):
        changes.refolded.append(lead.key)
    if judged.is_refolded:
        tallying.replace(lead.key, facts_of(lead, charters), judged.facts_stored, changes)
    else:
        tallying.add(lead.key, facts_of(lead, charters, judged.facts_before), changes)
    if is_gone:
        changes.gone.append((lead.key, judged.revision))
        return
    changes.clocks += [
        clock_row(lead.key, each)
        for each in lead.instances
        if judged.clocks_before.get((each.clock.name, each.number)) != _clock_marks(each)
    ]
    handoffs = [
        handoff_row(lead.key, each, charters.labelling(each.opened_at))
        for each in lead.handoffs
        if judged.handoffs_before.get(each.number) != _handoff_marks(each)
    ]
    changes.handoffs += handoffs
    _count_outcomes(judged, handoffs, changes.counters)
    stalled = stalls_at(lead, charters)
    wakes = [wake_at(instance, now) for instance in lead.open.values()]
    wakes += [judged.future_at, stalled if stalled is not None and stalled > now else None]
    state = {
        "charters": fingerprint(charters),
        "lead": freeze(lead, judged.told),
        "outcomes": judged.outcomes,
        "future_at": judged.future_at,
        "judged_at": now,
    }
    changes.leads.append(
        lead_row(
            lead,
            revision=judged.revision,
            partition=judged.partition,
            state=orjson.dumps(state),
            wake_at=min((wake for wake in wakes if wake is not None), default=None),
            stalls_at=stalled,
            charter=charters.labelling(now),
        )
    )


def _clock_marks(instance: Instance) -> Marks:
    return instance.due_at, instance.ended_by, len(instance.pauses), instance.is_paused


def _handoff_marks(handoff: Handoff) -> Marks:
    return (
        handoff.closed_by,
        handoff.accepted_at,
        handoff.touched_at,
        handoff.qualified_at,
        handoff.opportunity_at,
        handoff.verdict,
    )


def _count_outcomes(judged: Judged, handoffs: Iterable[HandoffRow], counters: dict[CounterKey, int]) -> None:
    for row in handoffs:
        number = str(row.number)
        if row.outcome is not None and judged.outcomes.get(number) != row.outcome:
            judged.outcomes[number] = row.outcome
            outcome = row.outcome.partition(".")[2]
            key = samples.sample(metrics.HANDOFF_OUTCOMES_TOTAL, outcome=outcome, source=row.source_label)
            samples.add(counters, key)


def _tell_all(judged: Judged, now: Instant, shown_by: str | None, changes: Changes) -> None:
    instances = {(each.clock.name, each.number): each for each in judged.lead.instances}
    for identity in sorted(instances.keys() | {each for each in judged.told if each[0] != HANDOFF}):
        if _has_nothing_to_tell(judged, instances.get(identity), now):
            continue
        told = judged.told.setdefault(identity, Told())
        stood = set(told.standing)
        tellings = tell(instances.get(identity), told, now)
        changes.transitions += transition_rows(
            (judged.key, *identity),
            tellings,
            turned=stood ^ told.standing,
            standing=told.standing,
            now=now,
            shown_by=shown_by,
        )
        for telling in tellings:
            _count(judged, instances.get(identity), identity, telling, changes.counters)
            _alert(judged, instances.get(identity), identity, telling, now, changes.alerts)


def _has_nothing_to_tell(judged: Judged, instance: Instance | None, now: Instant) -> bool:
    """Whether an instance is as it is stored, and has gone through nothing by time since: `tell` would find nothing."""
    return (
        instance is not None
        and judged.clocks_before.get((instance.clock.name, instance.number)) == _clock_marks(instance)
        and not any(judged.told_until < threshold.at <= now for threshold in instance.thresholds)
    )


def _count(
    judged: Judged,
    instance: Instance | None,
    identity: tuple[str, int],
    telling: Telling,
    counters: dict[CounterKey, int],
) -> None:
    """Count a transition; an end by a stop is also an observation of counted time."""
    if instance is None:
        # The instance never was: its labels are gone with it, the clock's name and side remain.
        clock = _any_clock(judged.charters, identity[0])
        promised_by, team, priority = (str(clock.promised_by) if clock else OTHER), OTHER, OTHER
    else:
        promised_by, team, priority = str(instance.clock.promised_by), instance.team, instance.priority
    samples.add(
        counters,
        samples.sample(
            metrics.CLOCK_TRANSITIONS_TOTAL,
            clock=identity[0],
            promised_by=promised_by,
            team=team,
            priority=priority,
            transition=str(telling.passage.kind),
        ),
    )
    if instance is not None and instance.role is Role.STOP and telling.passage.kind in (Kind.MET, Kind.MISSED):
        key = samples.sample(metrics.CLOCK_COUNTED_SECONDS, clock=identity[0], promised_by=promised_by, team=team)
        samples.observe(counters, key, instance.counted_at(telling.passage.at), samples.counted_buckets(instance.clock))


def _any_clock(charters: Charters, name: str) -> Clock | None:
    return next((each.clocks[name] for each in reversed(charters.versions) if name in each.clocks), None)


def _alert(
    judged: Judged,
    instance: Instance | None,
    identity: tuple[str, int],
    telling: Telling,
    now: Instant,
    alerts: list[AlertRow],
) -> None:
    """Alert on what still holds and is news; a correction always, for whoever was alerted before."""
    kind, level, at = telling.passage
    if kind not in ALERTED:
        return
    clock, number = identity
    not_before = now
    if kind is not Kind.CORRECTED:
        if instance is None or instance.verdict is not None or at < now - STALE_ALERT:
            return
        not_before = at + (instance.clock.settle if kind is not Kind.AT_RISK else 0)
    details: dict[str, object] = {
        "at": at,
        "before": telling.before,
        "after": telling.after,
        **{name: judged.lead.attributes.get(name) for name in ("owner", "team", "account", "source")},
    }
    if instance is not None:
        details |= {
            "promised_by": str(instance.clock.promised_by),
            "says": instance.clock.says,
            "due_at": instance.due_at,
            "started_at": instance.started_at,
            "ended_at": instance.ended_at,
            "within": instance.target.text,
            "calendar": instance.target.calendar.name,
            "timezone": str(instance.target.calendar.zone),
            "to": instance.clock.escalate[level - 1].to if kind is Kind.ESCALATED else None,
        }
    identifier = f"{judged.key}/{clock}/{number}/{telling.passage.name}"
    alerts.append(AlertRow(identifier, str(kind), judged.key, clock, number, not_before, details))
