"""What is posted to Alertmanager, and what is said where it is not taken."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import orjson
import pytest

from services.adapters.alertmanager import Alertmanager, Alertmanagers
from services.errors import Unavailable
from services.ports import ShownAlert
from tests.tracker.support import at

ALERT = ShownAlert(
    labels={"alertname": "BatonLeadOverdue", "lead": "crm:lead:ö 1"},
    annotations={"summary": "Overdue"},
    url="https://baton.example.com/leads/1",
    starts_at=at("09:00") + 1,
    ends_at=at("10:00"),
)


class Answering:
    """Keeps what is asked, and answers with `status`, or not at all."""

    def __init__(self) -> None:
        self.status = 200
        self.error: Exception | None = None
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.error is not None:
            raise self.error
        self.asked.append(request)
        return httpx2.Response(self.status, headers={"location": "https://elsewhere.example.com/"})


@contextmanager
def client(answering: Answering, url: str = "http://am.example.com:9093", **login: Any) -> Iterator[Alertmanager]:
    """A client that asks it."""
    made = Alertmanager(url, transport=httpx2.MockTransport(answering), **login)
    yield made
    made.close()


def test_alerts_are_posted_as_version_2_wants_them() -> None:
    """A list of labels, annotations and instants with their zone, under the prefix of the address."""
    answering = Answering()
    with client(answering, "http://am.example.com/prefix") as alertmanager:
        alertmanager.post([ALERT])
    (request,) = answering.asked
    assert (request.method, str(request.url)) == ("POST", "http://am.example.com/prefix/api/v2/alerts")
    assert "authorization" not in request.headers
    assert orjson.loads(request.content) == [
        {
            "labels": {"alertname": "BatonLeadOverdue", "lead": "crm:lead:ö 1"},
            "annotations": {"summary": "Overdue"},
            "generatorURL": "https://baton.example.com/leads/1",
            "startsAt": "2026-10-05T09:00:00.000001Z",
            "endsAt": "2026-10-05T10:00:00Z",
        }
    ]


def test_it_shows_a_token_or_a_password() -> None:
    """As the settings give them."""
    answering = Answering()
    with client(answering, token="t0k3n") as alertmanager:
        alertmanager.post([ALERT])
    with client(answering, user=("jan", "s3cr3t")) as alertmanager:
        alertmanager.post([ALERT])
    basic = base64.b64encode(b"jan:s3cr3t").decode()
    assert [each.headers["authorization"] for each in answering.asked] == ["Bearer t0k3n", f"Basic {basic}"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "answers 400"), (301, "answers 301"), (503, "answers 503"), (401, "credentials"), (403, "credentials")],
)
def test_an_answer_that_is_no_yes_is_an_outage(status: int, said: str) -> None:
    """It is posted again later; nothing that is secret is in what is said, and no redirect takes the token along."""
    answering = Answering()
    answering.status = status
    with (
        client(answering, token="t0k3n") as alertmanager,
        pytest.raises(Unavailable, match=said) as refused,
    ):
        alertmanager.post([ALERT])
    assert len(answering.asked) == 1
    assert "t0k3n" not in str(refused.value)


@pytest.mark.parametrize("error", [httpx2.ConnectError("x s3cr3t"), httpx2.ReadTimeout("x s3cr3t")])
def test_no_answer_is_an_outage(error: Exception) -> None:
    """So is a time-out."""
    answering = Answering()
    answering.error = error
    with client(answering) as alertmanager, pytest.raises(Unavailable, match="does not answer") as refused:
        alertmanager.post([ALERT])
    assert "s3cr3t" not in str(refused.value)


@contextmanager
def cluster(*members: Answering) -> Iterator[Alertmanagers]:
    """A client of several, `am1` and so on."""
    made = Alertmanagers(
        [
            Alertmanager(f"http://am{number}:9093", transport=httpx2.MockTransport(each))
            for number, each in enumerate(members, 1)
        ]
    )
    yield made
    made.close()


def test_each_of_several_is_posted_to() -> None:
    """They tell each other what they have told, not what they were given."""
    one, two = Answering(), Answering()
    with cluster(one, two) as alertmanagers:
        assert alertmanagers.up() == {}
        alertmanagers.post([ALERT])
        assert alertmanagers.up() == {"am1:9093": True, "am2:9093": True}
    assert [len(each.asked) for each in (one, two)] == [1, 1]


def test_one_that_takes_them_is_enough() -> None:
    """Which one is away is known; where all are, it is an outage."""
    one, two = Answering(), Answering()
    one.error = httpx2.ConnectError("x")
    with cluster(one, two) as alertmanagers:
        alertmanagers.post([ALERT])
        assert alertmanagers.up() == {"am1:9093": False, "am2:9093": True}
        two.status = 503
        with pytest.raises(Unavailable, match="does not answer"):
            alertmanagers.post([])
        assert alertmanagers.up() == {"am1:9093": False, "am2:9093": False}
        one.error = None
        alertmanagers.post([])
        assert alertmanagers.up() == {"am1:9093": True, "am2:9093": False}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://am:9093", "am:9093"),
        ("https://am.example.com/prefix", "am.example.com/prefix"),
        ("http://jan:s3cr3t@am:9093", "am:9093"),
    ],
)
def test_it_is_named_by_its_place(url: str, name: str) -> None:
    """In metrics: with no secret in it."""
    with client(Answering(), url) as alertmanager:
        assert alertmanager.name == name
