"""What the metrics' tests share: a page of a store, read back by Prometheus's own parser for Python."""

from collections.abc import Callable, Collection, Mapping

from prometheus_client.parser import text_string_to_metric_families

from services.domain.charter import Charters
from services.metrics.collector import Gauges, StoreCollector
from services.metrics.text import page_of
from services.storage import CounterKey
from tests.notifier.support import HandClock
from tests.tracker.support import Bench

Page = Mapping[str, float]
"""The value of each series, which is written as on the page: `name{label="value"}`, labels in order."""


def collector(
    bench: Bench,
    now: str,
    *,
    counts: Callable[[], Mapping[CounterKey, int]] = dict,
    charters: Charters | None = None,
    gauges: Gauges | None = None,
    crms: Collection[str] = (),
) -> StoreCollector:
    """A collector of what the bench has stored."""
    return StoreCollector(
        views=bench.views,
        charters=lambda: charters or bench.charters,
        clock=HandClock(now),
        process_counts=counts,
        gauges=gauges or {},
        crms=crms,
    )


def text(collected: StoreCollector) -> str:
    """The page as it is served."""
    return page_of(collected)().decode()


def read(page_text: str) -> Page:
    """All series of Baton's own, without those of the process."""
    series = {}
    for family in text_string_to_metric_families(page_text):
        for sample in family.samples:
            if family.name.startswith("baton_"):
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                key = f"{sample.name}{{{labels}}}" if labels else sample.name
                assert key not in series
                series[key] = sample.value
    return series


def scrape(bench: Bench, now: str, *, charters: Charters | None = None) -> Page:
    """The series of the bench's store at that time."""
    return read(text(collector(bench, now, charters=charters)))


def never_down(series: Page) -> Page:
    """Those that may only grow: counters, and all of a histogram."""
    return {key: value for key, value in series.items() if key.partition("{")[0].endswith(_GROWING)}


_GROWING = ("_total", "_bucket", "_sum", "_count")
