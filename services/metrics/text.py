"""Prometheus's text format. What names a series is made into text once: a page has the same series at each scrape.

(prometheus_client writes the same, but checks and escapes every label anew, which takes three times as long.)
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from services.metric_table import Metric as Definition

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REMEMBERED = 1 << 16
"""Series whose text is kept: more than Prometheus is told to take from one page (`sample_limit`)."""

_NO_DIGITS = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}


class Metric:
    """One metric with its samples."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._lines: list[str] = []

    def add(self, values: tuple[str, ...], value: float) -> None:
        """Add the sample of a counter or gauge, by the values of its labels."""
        definition = self._definition
        self._lines.append(f"{_series(definition.name, definition.labels, values)} {_number(value)}\n")

    def add_histogram(self, values: tuple[str, ...], buckets: Iterable[tuple[str, float]], total: float) -> None:
        """Add a series of a histogram: cumulated buckets by upper bound, the last `+Inf`, and the sum in seconds."""
        name, labels = self._definition.name, self._definition.labels
        count = 0.0
        for bound, count in buckets:
            series = _series(f"{name}_bucket", (*labels, "le"), (*values, bound))
            self._lines.append(f"{series} {_number(count)}\n")
        self._lines.append(f"{_series(f'{name}_count', labels, values)} {_number(count)}\n")
        self._lines.append(f"{_series(f'{name}_sum', labels, values)} {_number(total)}\n")

    def lines(self) -> Iterator[str]:
        """The lines about it."""
        about = self._definition
        yield f"# HELP {about.name} {_escaped(about.help)}\n# TYPE {about.name} {about.shape}\n"
        yield from self._lines


class Collector(Protocol):
    """Gives all metrics, read now."""

    def collect(self) -> Iterator[Metric]:
        """All metrics. Raises Unavailable."""


def page_of(collector: Collector) -> Callable[[], bytes]:
    """The page of a collector, and of what the operating system says of this process, made anew at each call."""
    process = CollectorRegistry()
    ProcessCollector(registry=process)

    def page() -> bytes:
        text = "".join(line for metric in collector.collect() for line in metric.lines())
        return text.encode() + generate_latest(process)

    return page


@lru_cache(maxsize=_REMEMBERED)
def _series(name: str, labels: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not labels:
        return name
    pairs = sorted(f'{label}="{_quoted(value)}"' for label, value in zip(labels, values, strict=True))
    return f"{name}{{{','.join(pairs)}}}"


def _number(value: float) -> str:
    text = repr(float(value))
    return _NO_DIGITS.get(text, text)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
