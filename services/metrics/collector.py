"""Reads the metrics of `services.metric_table` for a scrape: those of the store, and those of this process.

Exact: counters of the store are the rows that the judging transaction moved, every label combination is there from the
start, and gauges are counted when they are read.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.dead_letters import DEAD_LETTER_REASONS
from services import metric_table as table
from services.domain.charter import OTHER, Charter, Charters
from services.domain.clocks import Kind
from services.domain.instants import SECOND, Instant
from services.domain.periods import month_of, quarter_of
from services.metric_table import Metric as Definition
from services.metric_table import Shape
from services.ports import WallClock
from services.storage import CounterKey
from services.views import Views

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


Gauges = Mapping[str, Callable[[], Mapping[tuple[str, ...], float]]]
"""By the name of a metric: what gives its values, by the values of its labels."""


class ServiceCollector(Collector):
    """Collects what this process alone knows: its counts, and gauges of its own."""

    def __init__(self, *, process_counts: Callable[[], Mapping[CounterKey, int]], gauges: Gauges) -> None:
        self._process_counts = process_counts
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """All metrics, read now."""
        counts = self._process_counts()
        counted = {name for name, _ in counts}
        for definition in table.METRICS:
            if definition.shape is Shape.COUNTER and definition.name in counted:
                yield _counter(definition, counts, ())
        yield from _gauges(self._gauges)


class StoreCollector(Collector):
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
        counters = {**self._views.counters()}
        for key, amount in self._process_counts().items():
            counters[key] = counters.get(key, 0) + amount
        for definition in table.METRICS:
            if definition.shape is Shape.COUNTER:
                yield _counter(definition, counters, _expected(definition, charter))
        yield _fixed(table.EVENT_DELAY_SECONDS, counters)
        yield _fixed(table.EVENT_AHEAD_SECONDS, counters)
        yield gauge(table.CRM_LAST_EVENT, self._heard())
        yield _counted(charter, charters, counters)
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


def page(registry: CollectorRegistry) -> bytes:
    """The page of metrics in Prometheus's text format."""
    return generate_latest(registry)


def single(value: Callable[[], float]) -> Callable[[], Mapping[tuple[str, ...], float]]:
    """A gauge without labels."""
    return lambda: {(): value()}


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """A registry of its own, with what the operating system says of this process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    return registry


def _values(charter: Charter, label: str) -> list[str]:
    return [*sorted(charter.labels.get(label, ())), OTHER]


def _expected(definition: Definition, charter: Charter) -> Iterable[tuple[str, ...]]:
    """The label combinations of a counter that must be there before they count anything."""
    if definition is table.CLOCK_TRANSITIONS_TOTAL:
        return (
            (name, str(clock.promised_by), team, priority, str(kind))
            for name, clock in charter.clocks.items()
            for team, priority, kind in itertools.product(_values(charter, "team"), _values(charter, "priority"), Kind)
        )
    if definition is table.HANDOFF_OUTCOMES_TOTAL:
        return itertools.product(table.OUTCOMES, _values(charter, "source"))
    if definition is table.FEEDBACK_TOTAL:
        return itertools.product(table.FEEDBACK_KINDS, _values(charter, "reason"), _values(charter, "source"))
    if definition is table.DEAD_LETTERS_TOTAL:
        return ((reason,) for reason in DEAD_LETTER_REASONS)
    return ()


def _counter(definition: Definition, counters: Mapping[CounterKey, int], expected: Iterable[tuple[str, ...]]) -> Metric:
    values: dict[tuple[str, ...], int] = dict.fromkeys(expected, 0)
    for (name, labels), amount in counters.items():
        if name == definition.name:
            values[tuple(value for _, value in labels)] = amount
    family = CounterMetricFamily(definition.name, definition.help, labels=definition.labels)
    for values_of, amount in values.items():
        family.add_metric(values_of, amount)
    return family


def _fixed(definition: Definition, counters: Mapping[CounterKey, int]) -> Metric:
    """A histogram whose bounds are the table's own."""
    return _histogram(definition, table.observed(definition, counters), lambda _labels: definition.buckets)


def _counted(charter: Charter, charters: Charters, counters: Mapping[CounterKey, int]) -> Metric:
    definition = table.CLOCK_COUNTED_SECONDS
    series: dict[tuple[str, ...], table.Observed] = {
        (name, str(clock.promised_by), team): table.Observed()
        for name, clock in charter.clocks.items()
        for team in _values(charter, "team")
    }
    series.update(table.observed(definition, counters))
    # The bounds of all versions: a bucket that went away with its charter would look like a counter going down.
    bounds: defaultdict[str, set[float]] = defaultdict(set)
    for version in charters.versions:
        for name, clock in version.clocks.items():
            bounds[name].update(table.counted_buckets(clock))
    return _histogram(definition, series, lambda labels: bounds[labels[0]])


def _histogram(
    definition: Definition,
    series: Mapping[tuple[str, ...], table.Observed],
    bounds: Callable[[tuple[str, ...]], Iterable[float]],
) -> Metric:
    family = HistogramMetricFamily(definition.name, definition.help, labels=definition.labels)
    for labels, observed in series.items():
        buckets = observed.cumulated(bounds(labels))
        family.add_metric(labels, buckets=buckets, sum_value=observed.microseconds / SECOND)
    return family


def _gauges(gauges: Gauges) -> Iterator[Metric]:
    return (gauge(table.BY_NAME[name], values()) for name, values in gauges.items())


def gauge(definition: Definition, values: Mapping[tuple[str, ...], float]) -> Metric:
    """A gauge, with its values by the values of its labels."""
    family = GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
