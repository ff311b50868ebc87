"""The page of each service, as it is wired: Prometheus's linter has nothing to say, and no sender makes a series."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services import metric_table as table
from services.ports import EVENTS, Record
from services.settings import Settings, read_settings, variable
from services.wiring.board import BoardService
from services.wiring.embedded import Embedded
from services.wiring.gateway import GatewayService
from services.wiring.notifier import NotifierService
from services.wiring.service import Service
from services.wiring.tracker import TrackerService
from tests.databases import empty
from tests.shared_data import DEMAND_ALL
from tests.tracker.support import CHARTER

# Apprise loads all its services at the first use, and one of them asks whether this module is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

BOARD = "http://127.0.0.1:8700"
TOKEN = "a-token-of-the-tests-that-is-long-enough"
BATCH = "application/cloudevents-batch+json"
NOWHERE = "kafka://127.0.0.1:1"
"""Services are made and looked at here, not run: none of them calls."""
ALONE: Mapping[str, Any] = {
    "tracker": TrackerService,
    "board": BoardService,
    "gateway": GatewayService,
    "notifier": NotifierService,
}
EVERYWHERE = {table.HTTP_SECONDS, table.HTTP_IN_FLIGHT, table.DATABASE_POOL}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "charter.yaml").write_text(CHARTER, encoding="utf-8")


@pytest.fixture
def given() -> Settings:
    """Settings of a folder `data` with a charter, and a sender."""
    return read_settings(
        data=Path("data"), charter=Path("charter.yaml"), cloudevents_tokens=(TOKEN,), hubspot_secrets=("s" * 32,)
    )


def checked(page: str) -> str:
    """What promtool says of a page; nothing where all is well."""
    path = shutil.which("promtool")
    if path is None and not DEMAND_ALL:
        pytest.skip("promtool is not there; Debian has it in the package prometheus")
    assert path is not None, "there is no promtool on PATH"
    done = subprocess.run([path, "check", "metrics"], input=page.encode(), capture_output=True, check=False)
    return (done.stdout + done.stderr).decode() or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def pages(service: Service | Embedded) -> str:
    """The second page: the first one was a request itself."""
    with TestClient(service.app, base_url=BOARD) as client:
        client.get("/metrics")
        answer = client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def series(page: str) -> set[str]:
    """The series of a page, without their values."""
    return {line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")}


def test_promtool_has_nothing_to_say_of_baton_up(given: Settings) -> None:
    """Of everything in one process; and it would have, were anything wrong."""
    with closing(Embedded(given, board_url=BOARD)) as embedded:
        page = pages(embedded)
    assert checked(page) == ""
    assert "baton_made_up" in checked(page + "# TYPE baton_made_up counter\nbaton_made_up 1\n")


@pytest.fixture
def apart(given: Settings, postgres_tables: str) -> Settings:
    """The same for services that run apart."""
    empty(postgres_tables)
    return given.model_copy(
        update=read_settings(database=postgres_tables, broker=NOWHERE).model_dump(include={"database", "broker"})
    )


@pytest.mark.parametrize("name", ALONE)
def test_promtool_has_nothing_to_say_of_each_service(name: str, apart: Settings) -> None:
    """Each tells how its requests and its database do; what it has of both is there from the start."""
    with closing(TrackerService(apart, url=BOARD)):  # puts the charter in force, without which there is no board
        pass
    with closing(ALONE[name](apart, url=BOARD)) as service:
        page = pages(service)
    assert checked(page) == ""
    assert all(f"# TYPE {metric.name} " in page for metric in EVERYWHERE)
    health = 'baton_http_request_duration_seconds_count{method="GET",route="/healthz",status="5xx"}'
    assert health in series(page)
    if name != "gateway":  # it opens a database where it is to repair, once it runs
        away = 'baton_database_transaction_duration_seconds_count{access="write",outcome="away"}'
        assert away in series(page)
        assert 'baton_database_pool_ratio{access="read"}' in series(page)


def test_counters_of_the_door_are_there_before_anybody_comes(given: Settings) -> None:
    """With every status that a sender may get; what is ignored only of those that are set up."""
    with closing(Embedded(given, board_url=BOARD)) as embedded:
        found = series(pages(embedded))
    statuses = {
        crm: {
            match[1]
            for each in found
            if (match := re.fullmatch(rf'baton_webhook_requests_total{{crm="{crm}",status="(\d+)"}}', each))
        }
        for crm in ("cloudevents", "hubspot", "pipedrive", "salesforce", "odoo")
    }
    refused = {"400", "401", "408", "413", "415", "429", "503"}
    assert statuses["cloudevents"] == statuses["hubspot"] == statuses["odoo"] == {*refused, "202", "422"}
    assert statuses["pipedrive"] == {*refused, "202"}
    assert statuses["salesforce"] == {*refused, "200"}
    ignored = {each for each in found if each.startswith("baton_events_total{") and 'outcome="ignored"' in each}
    assert {re.findall('crm="(.*?)"', each)[0] for each in ignored} == {"cloudevents", "hubspot"}


KINDS = {
    "lead.handed_off": ("owner", "team"),
    "lead.assigned": ("owner", "team"),
    "lead.paused": ("reason",),
    "lead.touched": ("kind", "direction", "connected"),
    "deal.opened": ("deal", "currency", "stage"),
    "feedback.given": ("reason", "comment", "by"),
    "lead.rejected": ("reason", "comment", "by"),
    "feedback.answered": ("action", "comment", "by"),
    "deal.lost": ("deal", "reason"),
    "ceremony.held": ("ceremony", "notes", "attendees"),
    "no.such.event": ("anything",),
}
_ATTRIBUTES = ("source", "campaign", "medium", "priority", "segment", "region", "account", "team", "owner", "made_up")
_CHOICES = {
    "direction": "outbound",
    "kind": "call",
    "connected": True,
    "currency": "PLN",
    "attendees": {"marketing": 1, "sales": 1},
}


def hostile(number: int) -> Iterator[dict[str, Any]]:
    """Events with a name in every place where one can stand."""
    name = f'x{number}"}} 1\nbaton_forged_total{{a="\\'
    verdicts = {"feedback.given": {"verdict": "poor"}, "feedback.answered": {"answer": "disputed"}}
    for kind, fields in KINDS.items():
        data: dict[str, Any] = {field: _CHOICES.get(field, name) for field in fields} | verdicts.get(kind, {})
        if kind == "lead.handed_off":
            data["attributes"] = dict.fromkeys(_ATTRIBUTES, name) | {name: name}
        yield {
            "specversion": "1.0",
            "id": f"{kind}{name}",
            "source": f"/{number}",
            "type": kind if kind != "no.such.event" else f"x{number}",
            "subject": f"ceremony:{number}" if kind == "ceremony.held" else f"crm:lead:{name}",
            "time": "2026-10-05T09:00:00Z",
            "datacontenttype": "application/json",
            "data": data,
        }


def attacked(embedded: Embedded, client: TestClient, number: int) -> set[int]:
    """Have one sender try what a sender can: the statuses of the answers."""
    name = f"x{number}%22%7D"
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": BATCH, "user-agent": name, "x-forwarded-for": name}
    answers = [
        client.post("/hooks/cloudevents", json=list(hostile(number)), headers=headers),
        client.post("/hooks/cloudevents", json=[], headers=headers | {"authorization": f"Bearer {name}"}),
        client.post("/hooks/cloudevents", json=[], headers=headers | {"content-type": f"text/{name}"}),
        client.post(f"/hooks/{name}", json=[], headers=headers),
        client.post(f"/hooks/odoo/{name}", json={}, headers=headers),
        client.get(f"/{name}", headers={"host": f"{name}.example"}),
        client.get(f"/leads/{name}", params={"team": name}),
        client.get("/api/v1/leads", params={name: name}),
        client.request(f"X{number}", "/metrics"),
    ]
    record = Record(EVENTS, "k", b"{}", {"crm": f"crm{number}"})
    asyncio.run(embedded.log.append([record]))
    while embedded.loop.step():
        continue
    return {answer.status_code for answer in answers}


def test_no_sender_makes_a_series(given: Settings) -> None:
    """Whatever names stand in attributes, types, ids, headers, paths and methods, and in records of others' hands."""
    with closing(Embedded(given, board_url=BOARD)) as embedded, TestClient(embedded.app, base_url=BOARD) as client:
        assert {202, 401, 404, 405, 415} <= attacked(embedded, client, 0)
        client.get("/metrics")
        before = series(client.get("/metrics").text)
        for number in range(1, 40):
            attacked(embedded, client, number)
        page = client.get("/metrics").text
    assert series(page) == before
    assert "forged" not in page
    assert len(before) < 2500
    used = re.findall(r'^baton_events_total\{crm="cloudevents",outcome="used",type="[^"]+"\} (.+)$', page, re.M)
    assert sum(map(float, used)) == 40 * 10
