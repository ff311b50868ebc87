"""Counts and times of this process that no transaction keeps. They start at 0 with it, as Prometheus expects."""

import itertools
import threading
from collections.abc import Iterable, Mapping

from services.domain.instants import SECOND
from services.metric_table import BY_NAME, Metric, Shape
from services.samples import observe, sample, sum_key
from services.storage import CounterKey


class ProcessTally:
    """A `Tally` in memory, for all threads."""

    def __init__(self) -> None:
        self._counts: dict[CounterKey, int] = {}
        self._lock = threading.Lock()

    def expect(self, metric: str, **labels: Iterable[str]) -> None:
        """Have every combination of these values there from now on, at 0. Raises as `count` does."""
        for values in itertools.product(*labels.values()):
            definition, key = _found(metric, dict(zip(labels, values, strict=True)))
            with self._lock:
                self._counts.setdefault(sum_key(key) if definition.shape is Shape.HISTOGRAM else key, 0)

    def count(self, metric: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Add to a counter. KeyError where there is none of that name, TypeError where it has other labels."""
        _, key = _found(metric, labels)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + amount

    def observe(self, metric: str, labels: Mapping[str, str], seconds: float) -> None:
        """Add an observation to a histogram; it is not negative. Raises as `count` does."""
        definition, key = _found(metric, labels)
        microseconds = round(seconds * SECOND)
        with self._lock:
            observe(self._counts, key, microseconds, definition.buckets)

    def counts(self) -> dict[CounterKey, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)


def _found(name: str, labels: Mapping[str, str]) -> tuple[Metric, CounterKey]:
    definition = BY_NAME[name]
    return definition, sample(definition, **labels)
