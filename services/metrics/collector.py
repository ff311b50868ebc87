"""Reads the metrics of `services.metric_table` for a scrape: those of the store, and those of this process.

Exact: counters of the store are the rows that the judging transaction moved, every label combination is there from the
start, and gauges are counted when they are read.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from schemas.dead_letters import DEAD_LETTER_REASONS
from services import metric_table as table
from services import samples
from services.domain.charter import OTHER, Charter, Charters
from services.domain.clocks import CLOCK_KINDS
from services.domain.events import WIRE_NAMES
from services.domain.instants import SECOND, Instant
from services.domain.periods import month_of, quarter_of
from services.metric_table import Metric as Definition
from services.metric_table import Shape
from services.metrics.text import Metric
from services.ports import WallClock
from services.storage import CounterKey
from services.views import Views

Gauges = Mapping[str, Callable[[], Mapping[tuple[str, ...], float]]]
"""By the name of a metric: what gives its values, by the values of its labels."""


class ServiceCollector:
    """Collects what this process alone knows: its counts, and gauges of its own."""

    def __init__(self, *, process_counts: Callable[[], Mapping[CounterKey, int]], gauges: Gauges) -> None:
        self._process_counts = process_counts
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """All metrics, read now."""
        counted = Counted(self._process_counts())
        yield from (_counted(definition, counted) for definition in table.METRICS if counted.has(definition))
        yield from _gauges(self._gauges)


class StoreCollector:
    """Collects from the views of one database, and what a process knows that is all in one."""

    def __init__(
        self,
        *,
        views: Views,
        charters: Callable[[], Charters],
        clock: WallClock,
        process_counts: Callable[[], Mapping[CounterKey, int]],
        gauges: Gauges,
        crms: Collection[str] = (),
    ) -> None:
        """`crms` are those that are set up here, of which it is told too that none of their events ever came."""
        self._views = views
        self._crms = tuple(crms)
        self._charters = charters
        self._clock = clock
        self._process_counts = process_counts
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """All metrics, read now."""
        now = self._clock.now()
        charters = self._charters()
        in_force = charters.in_force(now)
        charter = in_force or charters.versions[0]
        counted = Counted(self._views.counters(), self._process_counts())
        for definition in table.METRICS:
            if definition.shape is Shape.COUNTER or definition.buckets:
                yield _counted(definition, counted, _expected(definition, charter, self._crms))
        yield gauge(table.CRM_LAST_EVENT, self._heard())
        yield _counted_seconds(charter, charters, counted)
        yield from self._states(charter, now)
        yield self._attainment(charter, now)
        yield gauge(table.CHARTER_INFO, {(in_force.version,): 1} if in_force is not None else {})
        yield from _gauges(self._gauges)

    def _heard(self) -> Mapping[tuple[str, ...], float]:
        values: dict[tuple[str, ...], float] = {(crm,): 0.0 for crm in self._crms}
        return values | {(crm,): at / SECOND for crm, at in self._views.heard().items()}

    def _states(self, charter: Charter, now: Instant) -> Iterator[Metric]:
        teams, priorities = _values(charter, "team"), _values(charter, "priority")
        handoffs: dict[tuple[str, ...], float] = dict.fromkeys(itertools.product(teams, priorities), 0)
        stalled = dict(handoffs)
        for row in self._views.open_handoffs(now):
            labels = (row.team_label, row.priority_label)
            handoffs[labels] = handoffs.get(labels, 0) + row.open
            stalled[labels] = stalled.get(labels, 0) + row.stalled
        yield gauge(table.OPEN_HANDOFFS, handoffs)
        yield gauge(table.STALLED_LEADS, stalled)
        clocks: dict[tuple[str, ...], float] = {
            (name, str(clock.promised_by), team, priority, str(status)): 0
            for name, clock in charter.clocks.items()
            for team, priority, status in itertools.product(teams, priorities, table.OPEN_STATUSES)
        }
        for each in self._views.open_clocks(now):
            labelled = (each.clock, each.promised_by, each.team_label, each.priority_label, str(each.status))
            clocks[labelled] = clocks.get(labelled, 0) + each.count
        yield gauge(table.OPEN_CLOCKS, clocks)

    def _attainment(self, charter: Charter, now: Instant) -> Metric:
        zone = next(iter(charter.calendars.values())).zone
        values: dict[tuple[str, ...], float] = {
            # Nothing fell due yet: a ratio of nothing is no number, and says so.
            (name, str(clock.promised_by), per): float("nan")
            for name, clock in charter.clocks.items()
            for per in table.PERIODS
        }
        for per, period in zip(table.PERIODS, (month_of(now, zone), quarter_of(now, zone)), strict=True):
            for verdicts in self._views.verdicts(period.since, period.until, now):
                if verdicts.attainment is not None:
                    values[verdicts.clock, verdicts.promised_by, per] = verdicts.attainment
        return gauge(table.ATTAINMENT_RATIO, values)


def single(value: Callable[[], float]) -> Callable[[], Mapping[tuple[str, ...], float]]:
    """A gauge without labels."""
    return lambda: {(): value()}


def _values(charter: Charter, label: str) -> list[str]:
    return [*sorted(charter.labels.get(label, ())), OTHER]


def _expected(definition: Definition, charter: Charter, crms: Collection[str]) -> Iterable[tuple[str, ...]]:
    """The label combinations of a counter or histogram that must be there before anything is counted."""
    teams, priorities = _values(charter, "team"), _values(charter, "priority")
    if definition is table.EVENTS_TOTAL:
        return itertools.product(crms, WIRE_NAMES.values(), table.STORED_OUTCOMES)
    if definition in (table.EVENT_DELAY_SECONDS, table.EVENT_AHEAD_SECONDS):
        return ((crm,) for crm in crms)
    if definition is table.CLOCK_TRANSITIONS_TOTAL:
        return (
            (name, str(clock.promised_by), team, priority, str(kind))
            for name, clock in charter.clocks.items()
            for team, priority, kind in itertools.product(teams, priorities, CLOCK_KINDS)
        )
    if definition is table.HANDOFF_TRANSITIONS_TOTAL:
        return itertools.product(teams, priorities, map(str, table.HANDOFF_KINDS))
    if definition is table.HANDOFF_OUTCOMES_TOTAL:
        return itertools.product(table.OUTCOMES, _values(charter, "source"))
    if definition is table.FEEDBACK_TOTAL:
        return itertools.product(table.FEEDBACK_KINDS, _values(charter, "reason"), _values(charter, "source"))
    if definition is table.DEAD_LETTERS_TOTAL:
        return ((reason,) for reason in DEAD_LETTER_REASONS)
    return ()


class Counted:
    """Counts, taken together by what they are of."""

    def __init__(self, *all_counts: Mapping[CounterKey, int]) -> None:
        self._of: defaultdict[str, dict[CounterKey, int]] = defaultdict(dict)
        for counts in all_counts:
            for key, amount in counts.items():
                named = self._of[key[0]]
                named[key] = named.get(key, 0) + amount

    def has(self, definition: Definition) -> bool:
        """Whether there is any count of the metric, be it 0."""
        return definition.name in self._of or f"{definition.name}_sum" in self._of

    def amounts(self, definition: Definition) -> dict[tuple[str, ...], int]:
        """Of a counter, by the values of its labels."""
        return {tuple(value for _, value in labels): amount for (_, labels), amount in self._get(definition.name)}

    def observed(self, definition: Definition) -> dict[tuple[str, ...], samples.Observed]:
        """Of a histogram, by the values of its labels."""
        name = definition.name
        return samples.observed(definition, dict([*self._get(f"{name}_bucket"), *self._get(f"{name}_sum")]))

    def _get(self, name: str) -> Iterable[tuple[CounterKey, int]]:
        return self._of[name].items() if name in self._of else ()


def _counted(definition: Definition, counted: Counted, expected: Iterable[tuple[str, ...]] = ()) -> Metric:
    """A counter, or a histogram whose bounds are the table's own."""
    if definition.shape is Shape.HISTOGRAM:
        series = {values: samples.Observed() for values in expected} | counted.observed(definition)
        return _histogram(definition, series, lambda _labels: definition.buckets)
    return gauge(definition, dict.fromkeys(expected, 0) | counted.amounts(definition))


def _counted_seconds(charter: Charter, charters: Charters, counted: Counted) -> Metric:
    definition = table.CLOCK_COUNTED_SECONDS
    series: dict[tuple[str, ...], samples.Observed] = {
        (name, str(clock.promised_by), team): samples.Observed()
        for name, clock in charter.clocks.items()
        for team in _values(charter, "team")
    }
    series.update(counted.observed(definition))
    # The bounds of all versions: a bucket that went away with its charter would look like a counter going down.
    bounds: defaultdict[str, set[float]] = defaultdict(set)
    for version in charters.versions:
        for name, clock in version.clocks.items():
            bounds[name].update(samples.counted_buckets(clock))
    return _histogram(definition, series, lambda labels: bounds[labels[0]])


def _histogram(
    definition: Definition,
    series: Mapping[tuple[str, ...], samples.Observed],
    bounds: Callable[[tuple[str, ...]], Iterable[float]],
) -> Metric:
    metric = Metric(definition)
    for values, observed in series.items():
        metric.add_histogram(values, observed.cumulated(bounds(values)), observed.microseconds / SECOND)
    return metric


def _gauges(gauges: Gauges) -> Iterator[Metric]:
    return (gauge(table.BY_NAME[name], values()) for name, values in gauges.items())


def gauge(definition: Definition, values: Mapping[tuple[str, ...], float]) -> Metric:
    """A gauge, with its values by the values of its labels."""
    metric = Metric(definition)
    for labels, value in values.items():
        metric.add(labels, value)
    return metric
