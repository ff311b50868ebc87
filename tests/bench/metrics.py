"""How long a scrape of 10,000 series takes: `python -m tests.bench.metrics [--rounds N] [--leads N]`.

A charter with 45 teams, three priorities and 30 sources, and a store in a SQLite file that thousands of leads have
filled. Measured is the whole page: what the store is asked, what is added up, and the text. References in the same run,
taken in turn: the same page's series as ordinary counters of prometheus_client, and its text from the same samples.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from services.domain.events import Event
from services.metrics.text import page_of
from tests.metrics.support import collector
from tests.tracker.support import CHARTER, Bench, charters_of, event

TEAMS = [f"team-{number}" for number in range(45)]
PRIORITIES = ["hot", "warm", "cold"]
SOURCES = [f"source-{number}" for number in range(30)]
BATCH = 1000


def charter() -> str:
    """One that gives some 10,000 series."""
    labels = f"team: [{', '.join(TEAMS)}], priority: [{', '.join(PRIORITIES)}], source: [{', '.join(SOURCES)}]"
    return CHARTER.replace("team: [inbound], priority: [hot], source: [webinar]", labels)


def events(leads: int, seed: int = 1) -> Iterator[Event]:
    """What happens to the leads: half of them are touched, a third is given back and answered."""
    chance = random.Random(seed)
    for number in range(leads):
        lead = f"bench:lead:{number}"
        known = {
            "team": chance.choice(TEAMS),
            "priority": chance.choice(PRIORITIES),
            "source": chance.choice(SOURCES),
        }
        yield event("lead.handed_off", "09:00", lead, attributes=known)
        if number % 2:
            yield event("lead.touched", "09:10", lead, kind="call", direction="outbound", connected=True)
        if number % 3 == 0:
            yield event("lead.rejected", "09:20", lead, reason="wrong_fit")


def filled(url: str, leads: int) -> Bench:
    """A store that the leads have filled."""
    bench = Bench(charters_of(charter()), url)
    all_events = list(events(leads))
    for first in range(0, len(all_events), BATCH):
        bench.feed(all_events[first : first + BATCH], "09:21")
    while bench.tick("10:30"):
        continue
    return bench


def plain(series: int) -> CollectorRegistry:
    """As many series in ordinary counters, of 250 label combinations each, with five labels as the largest of ours."""
    registry = CollectorRegistry()
    names = ("clock", "promised_by", "team", "priority", "transition")
    for number in range(-(-series // 250)):
        counter = Counter(f"plain_{number}_total", "A counter.", names, registry=registry)
        for each in range(250):
            counter.labels(f"clock-{each % 5}", "sales", f"team-{each // 5}", "hot", f"transition-{each}").inc(each)
    return registry


class _Made(Collector):
    """Samples that are there already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def same(page: str) -> CollectorRegistry:
    """The samples of a page, for prometheus_client to write again."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Made(list(text_string_to_metric_families(page))))
    return registry


def took(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that passed, and those of them in which this process had a processor."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - busy


def row(what: str, times: Sequence[tuple[float, float]], reference: Sequence[tuple[float, float]] | None = None) -> str:
    """A line of the report, in milliseconds; the ratio is of each round's own two, and their median."""
    passed, busy = (statistics.quantiles(each, n=20, method="inclusive") for each in zip(*times, strict=True))
    line = f"{what:<42}" + "".join(f"{each[at] * 1000:>9.1f}" for each in (passed, busy) for at in (9, 18))
    if reference is None:
        return line
    return f"{line} {statistics.median(a / b for (_, a), (_, b) in zip(times, reference, strict=True)):>8.2f}"


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--leads", type=int, default=6000)
    options = parser.parse_args()
    disable_created_metrics()  # type: ignore[no-untyped-call] # nor has our page a second series for each counter
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        bench = filled(f"sqlite:///{folder}/bench.db", options.leads)
        page = page_of(collector(bench, "10:30", crms=["hubspot", "pipedrive"]))
        text = page().decode()
        series = sum(not line.startswith("#") for line in text.splitlines())
        counters, written = plain(series), same(text)
        works: Mapping[str, Callable[[], object]] = {
            "baton": page,
            "counters": lambda: generate_latest(counters),
            "text": lambda: generate_latest(written),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for _ in range(options.rounds):
            for name, work in works.items():
                times[name].append(took(work))
        bench.database.close()
    lines = [
        f"{series:,} series, {len(text):,} bytes, {options.leads:,} leads",
        f"{'milliseconds':<42}{'half':>9}{'95 %':>9}{'cpu half':>9}{'cpu 95 %':>9} {'times':>8}",
        row("baton: the store asked, the page made", times["baton"], times["counters"]),
        row("  reference: as many plain counters", times["counters"]),
        row("  reference: these samples' text alone", times["text"]),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
