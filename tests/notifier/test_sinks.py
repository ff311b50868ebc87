"""The sinks themselves: Apprise against a real receiver on loopback, and the log."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import structlog

from services.adapters.alert_sinks import AppriseSink, LogSink
from services.errors import Unavailable, UsageError
from services.ports import Message

ALERT = Message(
    id="crm:lead:1/touch/1/overdue",
    kind="overdue",
    title="Overdue: touch on x & y",
    body="First.\nOwner <b>x</b>.",
    lead="crm:lead:1",
    clock="touch",
    number=1,
    at=0,
    url="https://baton.example.com/leads/crm%3Alead%3A1",
    facts={},
)

# Apprise loads all its services at the first use, and one of them asks whether this module is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Receiver:
    """A web server that keeps what is posted to it, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.posted: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.mark.parametrize(
    ("kind", "level"),
    [("at_risk", "warning"), ("overdue", "failure"), ("escalated", "failure"), ("corrected", "success")],
)
def test_a_message_arrives_as_it_is(receiver: Receiver, kind: str, level: str) -> None:
    """Title and text are posted unchanged, with a level that Apprise's services show in colour."""
    AppriseSink(receiver.url).send(replace(ALERT, kind=kind))
    (posted,) = receiver.posted
    assert (posted["title"], posted["message"], posted["type"]) == (ALERT.title, ALERT.body, level)


def test_markup_in_a_name_is_text(receiver: Receiver) -> None:
    """Where the service shows HTML, what a CRM calls a lead is escaped."""
    AppriseSink(f"{receiver.url}?format=html").send(ALERT)
    (posted,) = receiver.posted
    assert "<b>" not in posted["message"]
    assert "&lt;b&gt;x&lt;/b&gt;" in posted["message"]


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_an_answer_that_is_no_yes_is_tried_again(receiver: Receiver, status: int) -> None:
    """A service that answers with an error has not taken it."""
    receiver.status = status
    with pytest.raises(Unavailable):
        AppriseSink(receiver.url).send(ALERT)


def test_a_service_that_is_not_there_is_tried_again() -> None:
    """Nobody listens: it is not taken."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable):
        AppriseSink(f"json://127.0.0.1:{port}/").send(ALERT)


BAD_URLS = [
    "nosuch://user:s3cr3t@host/t0k3n-s3cr3t",
    "s3cr3t",
    "s3cr3t:t0k3n@host",
    "slack://s3cr3t",
    "tgram://t0k3n/s3cr3t",
    "json://:s3cr3t@/",
    "mailto://s3cr3t",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_url_is_refused_without_its_secrets(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The message names the variable and the scheme, and neither it nor the log shows the rest of the URL."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(UsageError, match=r"^BATON_ALERT_URLS: ") as refused:
        AppriseSink(url)
    shown = str(refused.value) + caplog.text
    assert "s3cr3t" not in shown
    assert "t0k3n" not in shown


def test_a_sink_has_a_name_that_stays_and_hides_the_url() -> None:
    """Deliveries are noted under it, over restarts."""
    url = "json://user:s3cr3t@127.0.0.1/"
    assert AppriseSink(url).name == AppriseSink(url).name != AppriseSink("json://127.0.0.1/").name
    assert "s3cr3t" not in AppriseSink(url).name


def test_the_log_has_every_alert() -> None:
    """One event with what people need to find the lead."""
    with structlog.testing.capture_logs() as logged:
        LogSink().send(ALERT)
    assert logged == [
        {
            "event": "alert",
            "log_level": "info",
            "id": ALERT.id,
            "kind": "overdue",
            "title": ALERT.title,
            "lead": "crm:lead:1",
        }
    ]
