"""Webhooks that are lost: what the CRM's API says closes the hole, and nothing counts twice."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp

from services.domain.instants import SECOND, Instant, format_exact, format_instant
from services.gateway.signatures import sign_hubspot
from tests.command import baton
from tests.crm.fakes import FakeCloud
from tests.crm.hubspot_fake import TOKEN, FakeHubspot
from tests.e2e.running import Running
from tests.e2e.test_up import CHARTER

SECRET = "the-secret-of-the-app"
_SETTLED_SECONDS = 60
_LASTS_SECONDS = 200
"""Of what happens: the first look of a schedule goes back a little more than five minutes."""
_USED = 'baton_events_total{crm="hubspot",.*outcome="used".*}'
Version = tuple[str, str, str, Instant]
"""Object, property (empty: its creation), value, time."""


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The app on a free port of this machine; its address."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Account:
    """An account of HubSpot: what happens in it, its API, and the webhooks that it would send."""

    def __init__(self) -> None:
        self.began = (int(time.time()) - _LASTS_SECONDS) * SECOND
        self._versions: list[Version] = []
        self._hubspot = FakeHubspot()
        self.cloud: FakeCloud = self._hubspot.cloud()

    def happens(self, seconds: int, what: str, name: str = "", value: str = "") -> None:
        """So many seconds after it began, an object is made, or gets a value. Its record says so from then on."""
        self._versions.append((what, name, value, self.began + seconds * SECOND))
        kind, number = what.split(":")
        of_it = [version for version in self._versions if version[0] == what]
        self._hubspot.add(
            f"{kind}s",
            number,
            *((name, value, format_exact(at)) for _, name, value, at in of_it if name),
            created=format_exact(of_it[0][3]),
            modified=format_exact(of_it[-1][3]),
        )

    def associate(self, contact: str, deal: str) -> None:
        """A deal is a contact's."""
        self._hubspot.associate("contacts", contact, "deals", deal)

    def notifications(self, first: int, beyond: int | None = None) -> Sequence[dict[str, Any]]:
        """What its webhooks tell of what happened, of the first to that beyond the last."""
        return [self._notification(each) for each in self._versions[first:beyond]]

    @staticmethod
    def _notification(version: Version) -> dict[str, Any]:
        what, name, value, at = version
        kind, number = what.split(":")
        told = {"propertyName": name, "propertyValue": value} if name else {}
        return {
            "objectId": int(number),
            **told,
            "eventId": 1,
            "subscriptionId": 2,
            "portalId": 33,
            "appId": 4,
            "occurredAt": at // 1000,
            "subscriptionType": f"{kind}.{'propertyChange' if name else 'creation'}",
            "attemptNumber": 0,
        }


def send(running: Running, notifications: Sequence[dict[str, Any]]) -> None:
    """Deliver webhooks, signed."""
    body = json.dumps(notifications).encode()
    url = f"{running.url}/hooks/hubspot"
    headers = sign_hubspot(method="POST", url=url, body=body, secret=SECRET, at=time.time_ns() // 1000)
    answer = running.client.post(
        "/hooks/hubspot", content=body, headers={**headers, "content-type": "application/json"}
    )
    assert answer.status_code == 202, answer.text


def verdicts(running: Running, at: Instant) -> Any:
    """What the board's API says of all leads and clocks."""
    running.wait_until_judged()
    as_of = format_instant(at)
    return [list(running.pages(path, as_of=as_of)) for path in ("/api/v1/leads", "/api/v1/clocks")]


def wait_for(running: Running, what: str, least: float) -> None:
    """Return once a metric is so much."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    while running.metric(what) < least:
        assert time.monotonic() < deadline, running.output
        time.sleep(0.1)


@pytest.fixture
def charter(tmp_path: Path) -> Path:
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER)
    return path


@pytest.fixture
def account() -> Account:
    account = Account()
    account.happens(0, "contact:151")
    account.happens(10, "contact:151", "hs_analytics_source", "webinar")
    account.happens(20, "contact:151", "lifecyclestage", "marketingqualifiedlead")
    return account


def settings_of(url: str) -> dict[str, str]:
    return {
        "BATON_HUBSPOT_SECRETS": SECRET,
        "BATON_HUBSPOT_API_URL": url,
        "BATON_HUBSPOT_API_TOKEN": TOKEN,
        "BATON_RECONCILE_HOURS": "0.0005",
    }


def go_on_unheard(account: Account) -> None:
    """What happens while no webhook arrives: to a lead that is known, and to one that is not."""
    account.happens(100, "contact:151", "hubspot_owner_id", "7")
    account.happens(110, "contact:151", "hs_lead_status", "OPEN")
    account.happens(120, "contact:152")
    account.happens(130, "contact:152", "lifecyclestage", "marketingqualifiedlead")
    account.happens(140, "contact:152", "hs_lead_status", "UNQUALIFIED")
    account.happens(150, "deal:9")
    account.happens(160, "deal:9", "dealstage", "closedwon")
    account.associate("151", "9")


def test_a_hole_in_the_webhooks_is_closed(tmp_path: Path, charter: Path, account: Account) -> None:
    """Lost while the sender was banned: the schedule finds it all, and what is redelivered later changes nothing."""
    arguments = ("up", "--charter", charter, "--port", "0", "--data")
    with served(account.cloud.app) as url, Running(*arguments, tmp_path / "data", **settings_of(url)) as running:
        send(running, account.notifications(0))
        go_on_unheard(account)
        # Those three; owner, status; creation, handover, rejection; creation, stage, and whose the deal is.
        wait_for(running, _USED, 11)
        found = verdicts(running, account.began + _LASTS_SECONDS * SECOND)
        send(running, account.notifications(3))
        assert verdicts(running, account.began + _LASTS_SECONDS * SECOND) == found
        assert running.metric(_USED) == 11
        assert running.metric('baton_api_events_total{crm="hubspot",outcome="new"}') >= 8
        assert running.metric("baton_dead_letters_total") == 0
        assert running.terminate() == 0
    with Running(*arguments, tmp_path / "undisturbed", BATON_HUBSPOT_SECRETS=SECRET) as running:
        send(running, account.notifications(0))
        send(running, [_associated(account)])
        assert verdicts(running, account.began + _LASTS_SECONDS * SECOND) == found


def _associated(account: Account) -> dict[str, Any]:
    return {
        "associationType": "CONTACT_TO_DEAL",
        "fromObjectId": 151,
        "toObjectId": 9,
        "associationRemoved": False,
        "occurredAt": (account.began + 150 * SECOND) // 1000,
        "subscriptionType": "contact.associationChange",
        "eventId": 1,
        "subscriptionId": 2,
        "portalId": 33,
        "appId": 4,
        "attemptNumber": 0,
    }


def test_an_api_that_refuses_keeps_nobody_out(tmp_path: Path, charter: Path, account: Account) -> None:
    """A wrong token is told with the setting's name; webhooks come in all the same, and the process goes on."""
    arguments = ("up", "--charter", charter, "--port", "0", "--data", tmp_path / "data")
    with served(account.cloud.app) as url:
        settings = {**settings_of(url), "BATON_HUBSPOT_API_TOKEN": "a-wrong-one"}
        with Running(*arguments, **settings) as running:
            wait_for(running, 'baton_api_failures_total{crm="hubspot",failure="refused"}', 1)
            send(running, account.notifications(0))
            running.wait_until_judged()
            assert running.get("/api/v1/leads/hubspot:contact:151")["key"] == "hubspot:contact:151"
            assert running.terminate() == 0
    assert "BATON_HUBSPOT_API_TOKEN" in running.output
    assert "a-wrong-one" not in running.output


def test_by_hand(tmp_path: Path, charter: Path, account: Account) -> None:
    """`baton reconcile` does it while no Baton runs, says what it found, and the second time finds nothing."""
    data = tmp_path / "data"
    with served(account.cloud.app) as url:
        settings = {**settings_of(url), "BATON_RECONCILE_HOURS": "24"}
        without = {name: value for name, value in settings.items() if "API" not in name}
        with Running("up", "--charter", charter, "--port", "0", "--data", data, **without) as running:
            send(running, account.notifications(0))
            running.wait_until_judged()
            refused = baton("reconcile", "hubspot", "--data", data, **settings)
            assert (refused.returncode, "in use" in refused.stderr) == (2, True)
            assert running.terminate() == 0
        go_on_unheard(account)
        done = baton("reconcile", "hubspot", "--since", "2h", "--data", data, "--json", **settings)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert {name: document[name] for name in ("crm", "new", "known", "bad", "later")} == {
            "crm": "hubspot",
            "new": 8,
            "known": 3,
            "bad": 0,
            "later": 0,
        }
        again = baton("reconcile", "hubspot", "--data", data, **settings)
        assert (again.returncode, " 0 events new" in again.stdout) == (0, True), again.stderr
        assert account.cloud.calls
    with Running("up", "--port", "0", "--data", data, **without) as running:
        running.wait_until_judged()
        lead = running.get("/api/v1/leads/hubspot:contact:152")
        assert [handoff["outcome"] for handoff in lead["handoffs"]] == ["lead.rejected"]
        assert running.terminate() == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("hubspot",), "hubspot: its API is not set up"),
        (("nosuch",), "nosuch: its API is not set up"),
        (("hubspot", "--since", "yesterday"), "--since: 'yesterday' is not a duration"),
        (("hubspot", "--since", "1w"), "--since: "),
        (("hubspot", "--since", "2026-10-05"), "--since: "),
    ],
)
def test_wrong_use_is_told_in_one_line(tmp_path: Path, charter: Path, arguments: tuple[str, ...], says: str) -> None:
    """With what to do instead."""
    done = baton("reconcile", *arguments, "--data", tmp_path / "data", BATON_CHARTER=str(charter))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_crm_that_is_away_is_told(tmp_path: Path, charter: Path) -> None:
    """It may be there tomorrow: exit 1, and the time from which it has to be looked at again stays."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = settings_of(f"http://127.0.0.1:{port}")
    done = baton("reconcile", "hubspot", "--data", tmp_path / "data", BATON_CHARTER=str(charter), **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert "hubspot: cannot be reached" in done.stderr
