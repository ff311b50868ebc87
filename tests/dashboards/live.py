"""A demo that plays, and a Prometheus that reads it: what the queries of the dashboards are put to."""

import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.metric_table import METRICS
from tests.dashboards.every_metric import served
from tests.dashboards.made import filled
from tests.e2e.running import Running
from tests.servers.prometheus import Prometheus

DEMO, REST = "baton", "rest"
"""The names of the jobs."""
_SPEED = 1200
"""So a second of the demo has twenty minutes: a day of the teams passes in three quarters of a minute."""
_AT_MOST = 240
"""Seconds after which a demo ends by itself."""
_PATIENCE = 120
_SEEN = 120
"""Seconds that are looked back; longer than the tests take."""


@dataclass(frozen=True)
class Live:
    """The two."""

    baton: Running
    prometheus: Prometheus

    def ask(self, target: Mapping[str, Any], job: str, above: float = -math.inf) -> list[Any]:
        """The series that a query of a dashboard gives, of those with a finite number `above` this one."""
        expr = filled(target["expr"], job=job, window=f"{_SEEN}s", __range=f"{_SEEN}s", __rate_interval="5s")
        if target["instant"]:
            return [each for each in self.prometheus.instant(expr) if above < number(each["value"][1])]
        found = self.prometheus.along(expr, _SEEN)
        return [each for each in found if any(above < number(value) for _, value in each["values"])]

    def wait_for(self, targets: Mapping[str, Mapping[str, Any]], job: str, above: float = -math.inf) -> None:
        """Return when each query gives a number above this one; AssertionError with those that do not in time."""
        deadline = time.monotonic() + _PATIENCE
        missing = dict(targets)
        while missing:
            missing = {name: target for name, target in missing.items() if not self.ask(target, job, above)}
            assert not missing or time.monotonic() < deadline, f"no data: {sorted(missing)}\n{self.baton.output}"
            time.sleep(0.5 if missing else 0)


def number(sample: str) -> float:
    """The value of a sample; one that is not finite is less than any."""
    value = float(sample)
    return value if math.isfinite(value) else -math.inf


@contextmanager
def live(speed: float = _SPEED) -> Iterator[Live]:
    """A demo, and beside it a page with every metric, both read by one Prometheus."""
    with (
        tempfile.TemporaryDirectory(prefix="baton-prometheus-") as folder,
        Running("demo", "--port", "0", "--speed", str(speed), "--seconds", str(_AT_MOST)) as baton,
        served(METRICS) as rest,
        Prometheus(Path(folder), {DEMO: baton.url.removeprefix("http://"), REST: rest}) as prometheus,
    ):
        yield Live(baton, prometheus)
