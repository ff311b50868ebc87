"""How long Baton takes to say what it knows: `python -m tests.bench.alert [--webhooks N] [--leads N]`.

`baton up` runs as a process of its own, on embedded storage. First webhooks are posted, one after the other, and
/metrics is read until the counter has moved. Then leads are handed over whose promise is to be kept within seconds, and
is not: measured is the time from their due_at to an alert at a receiver of signed webhooks, and in the API of a real
Alertmanager, which both are told of the warning before, too.

References in the same run: a webhook posted and a page read, with nothing waited for; an alert posted to the receiver
and to Alertmanager by this program itself; and how much later than asked a sleep of this program ends.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from services.domain.instants import parse_instant
from services.gateway.signatures import sign_standard_webhook
from tests.e2e.running import Running
from tests.notifier.webhook_server import SECRET, WebhookServer
from tests.servers.alertmanager import AlertmanagerServer

WITHIN = 3.0
"""Seconds that the promise has; its warning comes after three quarters of them."""
EVERY = 0.05
"""Seconds between two leads."""
LOOK_EVERY = 0.01
_PATIENCE = 30.0
_CAPTURED = b'baton_events_total{crm="cloudevents",outcome="used",type="lead.captured"} '
_ALERTS = "/api/v2/alerts"
CHARTER = f"""
charter: 1
version: bench
effective_from: 2020-01-01T00:00:00Z
agreed: [{{side: marketing, by: A, on: 2019-12-01}}, {{side: sales, by: B, on: 2019-12-01}}]
calendars:
  always: {{timezone: UTC, hours: {{mon-sun: "00:00-24:00"}}, day: 24h}}
clocks:
  touch:
    says: Sales touches every lead
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    calendar: always
    targets: [{{within: {WITHIN:g}s}}]
"""


class Receiver(WebhookServer):
    """Notes when the alert of each lead came that its promise is broken."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, float] = {}

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Check the signature, and note the time."""
        now = time.time()
        super().take(headers, body)
        event = self.once[headers["webhook-id"]]
        if event["data"]["transition"] == "overdue":
            self.at.setdefault(event["subject"], now)


def event(kind: str, lead: str, at: datetime) -> dict[str, Any]:
    """An event of a lead."""
    return {
        "specversion": "1.0",
        "id": f"{kind}-{lead}",
        "source": "/bench",
        "type": kind,
        "subject": lead,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {},
    }


def seen(baton: Running, webhooks: int) -> tuple[list[float], list[float]]:
    """Seconds from posting a webhook to the counter's move, and of posting and reading with nothing waited for."""
    took, plain = [], []
    for number in range(1, webhooks + 1):
        began = time.perf_counter()
        baton.post_events([event("lead.captured", f"bench:seen:{number}", datetime.now(UTC))])
        posted = time.perf_counter() - began
        while counter(baton) < number:
            assert time.perf_counter() < began + _PATIENCE, baton.output
        took.append(time.perf_counter() - began)
        began = time.perf_counter()
        counter(baton)
        plain.append(posted + time.perf_counter() - began)
    return took, plain


def counter(baton: Running) -> float:
    """How many leads were captured, as /metrics has it."""
    page = baton.client.get("/metrics").content
    start = page.find(_CAPTURED)
    return float(page[start + len(_CAPTURED) : page.index(b"\n", start)]) if start >= 0 else 0.0


@contextmanager
def watching(server: AlertmanagerServer) -> Iterator[dict[str, float]]:
    """When Alertmanager showed first that a lead's promise is broken, by lead, until the block is left."""
    at: dict[str, float] = {}
    ended = threading.Event()

    def watch() -> None:
        with httpx2.Client(base_url=server.url, timeout=30, trust_env=False) as client:
            while not ended.wait(LOOK_EVERY):
                for alert in client.get(_ALERTS, params={"filter": 'alertname="BatonLeadOverdue"'}).json():
                    at.setdefault(alert["labels"]["lead"], time.time())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield at
    finally:
        ended.set()
        thread.join()


def broken(
    baton: Running, receiver: Receiver, server: AlertmanagerServer, leads: int
) -> tuple[list[float], list[float]]:
    """Seconds from due_at to the alert at the receiver, and in Alertmanager."""
    due: dict[str, float] = {}
    with watching(server) as shown:
        for number in range(leads):
            handed_off = datetime.now(UTC)
            lead = f"bench:lead:{number}"
            due[lead] = (handed_off + timedelta(seconds=WITHIN)).timestamp()
            baton.post_events([event("lead.handed_off", lead, handed_off)])
            time.sleep(EVERY)
        wait_for(lambda: len(receiver.at) == len(shown) == leads)
    return [receiver.at[lead] - due[lead] for lead in due], [shown[lead] - due[lead] for lead in due]


def directly(receiver: Receiver, server: AlertmanagerServer, count: int) -> tuple[list[float], list[float]]:
    """Seconds of a signed webhook by a plain client, and of an alert by one until Alertmanager shows it."""
    sent, shown = [], []
    with httpx2.Client(timeout=30, trust_env=False) as client:
        for number in range(count):
            lead, now = f"bench:direct:{number}", datetime.now(UTC).isoformat()
            body = b'{"subject":"%s","data":{"transition":"direct"}}' % lead.encode()
            began = time.perf_counter()
            at = parse_instant(now)
            headers = sign_standard_webhook(message_id=f"msg_{number}", body=body, secret=SECRET, at=at)
            assert client.post(receiver.url, content=body, headers=headers).status_code == receiver.status
            sent.append(time.perf_counter() - began)
            labels = {"alertname": "Direct", "lead": lead}
            began = time.perf_counter()
            client.post(server.url + _ALERTS, json=[{"labels": labels}])
            while not client.get(server.url + _ALERTS, params={"filter": f'lead="{lead}"'}).json():
                assert time.perf_counter() < began + _PATIENCE
            shown.append(time.perf_counter() - began)
    return sent, shown


def late_sleeps(count: int) -> list[float]:
    """By how many seconds a sleep of a hundredth of a second lasts longer."""
    late = []
    for _ in range(count):
        began = time.perf_counter()
        time.sleep(0.01)
        late.append(time.perf_counter() - began - 0.01)
    return late


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once it holds."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(LOOK_EVERY)


def row(what: str, took: Sequence[float], reference: Sequence[float] | None = None) -> str:
    """A line of the report: half, 99 % and the longest in milliseconds, and the median as a multiple."""
    ranked = statistics.quantiles(took, n=100)
    times = f"{what:<52} {len(took):>5} {ranked[49] * 1000:>8.1f} {ranked[98] * 1000:>8.1f} {max(took) * 1000:>8.1f}"
    return times if reference is None else f"{times} {ranked[49] / statistics.median(reference):>8.1f}"


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--webhooks", type=int, default=300)
    parser.add_argument("--leads", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder, Receiver() as receiver:
        home = Path(folder)
        (home / "charter.yaml").write_text(CHARTER)
        (home / "alertmanager").mkdir()
        with AlertmanagerServer(home / "alertmanager") as server:
            settings = {
                "BATON_ALERTMANAGER_URL": server.url,
                "BATON_WEBHOOK_URLS": receiver.url,
                "BATON_WEBHOOK_SECRET": SECRET,
                "BATON_WEBHOOK_ALLOW_PRIVATE": "true",
                "BATON_LOG_LEVEL": "error",
            }
            arguments = ("up", "--charter", home / "charter.yaml", "--data", home / "data", "--port", "0")
            with Running(*arguments, **settings) as baton:
                webhooks, plain = seen(baton, options.webhooks)
                alerts, shown = broken(baton, receiver, server, options.leads)
                sent, posted = directly(receiver, server, options.leads)
    lines = [
        f"{'milliseconds':<52} {'count':>5} {'half':>8} {'99 %':>8} {'longest':>8} {'times':>8}",
        row("webhook posted -> counter moved in /metrics", webhooks, plain),
        row("  reference: posted, and a page read", plain),
        row("due_at -> signed webhook at its receiver", alerts, sent),
        row("  reference: the webhook by a plain client", sent),
        row("due_at -> shown by Alertmanager's API", shown, posted),
        row("  reference: an alert by a plain client", posted),
        row("noise: a sleep of 10 ms ends later by", late_sleeps(options.leads)),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
