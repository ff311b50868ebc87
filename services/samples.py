"""Counters and histograms as they are kept: their keys, what an observation adds, and a histogram read back."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from services.domain.charter import Clock
from services.domain.instants import SECOND
from services.metric_table import Metric
from services.storage import CounterKey


@lru_cache(maxsize=4096)  # there are some hundreds, and every event moves three or four
def sample(metric: Metric, **labels: str) -> CounterKey:
    """The key of a counter's sample. TypeError unless the labels are the metric's own."""
    if set(labels) != set(metric.labels):
        raise TypeError(f"{metric.name} has the labels {metric.labels}, not {tuple(labels)}")
    return metric.name, tuple((name, labels[name]) for name in metric.labels)


def observe(counters: dict[CounterKey, int], key: CounterKey, microseconds: int, buckets: Sequence[float]) -> None:
    """Add one observation to a histogram that is kept as counters: one a bucket (not cumulated), and the sum.

    `microseconds` is not negative. The sum is kept in whole microseconds, so that it stays exact.
    """
    index = bisect_left(buckets, microseconds / SECOND)
    bound = buckets[index] if index < len(buckets) else None
    for sample_key, amount in zip(_parts(key, bound), (1, microseconds), strict=True):
        counters[sample_key] = counters.get(sample_key, 0) + amount


def sum_key(key: CounterKey) -> CounterKey:
    """The key under which `observe` keeps the sum of a series of a histogram."""
    name, labels = key
    return name + "_sum", labels


@lru_cache(maxsize=4096)
def _parts(key: CounterKey, bound: float | None) -> tuple[CounterKey, CounterKey]:
    """The keys of a bucket by its upper bound, and of the sum."""
    name, labels = key
    return (name + "_bucket", (*labels, ("le", "+Inf" if bound is None else f"{bound:.15g}"))), sum_key(key)


def add(counters: dict[CounterKey, int], key: CounterKey, amount: int = 1) -> None:
    """Add to a counter."""
    counters[key] = counters.get(key, 0) + amount


@lru_cache(maxsize=256)
def counted_buckets(clock: Clock) -> tuple[float, ...]:
    """The bounds for counted time of a clock, in seconds: its own targets, and shares and multiples of them."""
    targets = {target.within / SECOND for target in clock.targets}
    return tuple(sorted({target * factor for target in targets for factor in (0.25, 0.5, 0.75, 1, 1.5, 2, 4)}))


@dataclass(slots=True)
class Observed:
    """One series of a histogram as `observe` kept it."""

    buckets: dict[str, int] = field(default_factory=dict)
    """By upper bound, not cumulated."""
    microseconds: int = 0

    def cumulated(self, bounds: Iterable[float]) -> list[tuple[str, float]]:
        """Cumulated buckets by upper bound; beside `bounds`, those under which something was observed."""
        counts = dict.fromkeys(bounds, 0)
        counts.update({float(bound): count for bound, count in self.buckets.items()})
        cumulated: list[tuple[str, float]] = []
        total = 0
        for bound in sorted({*counts, float("inf")}):
            total += counts.get(bound, 0)
            cumulated.append(("+Inf" if bound == float("inf") else f"{bound:.15g}", total))
        return cumulated


def observed(metric: Metric, counters: Mapping[CounterKey, int]) -> dict[tuple[str, ...], Observed]:
    """The series of a histogram, by the values of its labels."""
    series: dict[tuple[str, ...], Observed] = {}
    for (name, labels), amount in counters.items():
        values = tuple(value for _, value in labels)
        if name == metric.name + "_bucket":
            series.setdefault(values[:-1], Observed()).buckets[values[-1]] = amount
        elif name == metric.name + "_sum":
            series.setdefault(values, Observed()).microseconds = amount
    return series
