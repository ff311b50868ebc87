"""Counts of this process that no transaction keeps. They start at 0 with it, as Prometheus expects of counters."""

import threading
from collections.abc import Mapping

from services.metric_table import BY_NAME, sample
from services.storage import CounterKey


class ProcessTally:
    """A `Tally` in memory, for all threads."""

    def __init__(self) -> None:
        self._counts: dict[CounterKey, int] = {}
        self._lock = threading.Lock()

    def count(self, metric: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Add to a counter. KeyError where there is none of that name, TypeError where it has other labels."""
        key = sample(BY_NAME[metric], **labels)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + amount

    def counts(self) -> dict[CounterKey, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)
