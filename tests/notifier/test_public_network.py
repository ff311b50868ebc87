"""Webhooks leave for the internet alone, at the very address that was looked at; and which URLs can be set."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import httpcore2
import pytest

from services.adapters.public_network import PublicNetwork, is_public
from services.adapters.webhook_receiver import HttpReceiver
from services.errors import UsageError
from services.settings import read_settings
from services.wiring.alerting import receivers_of
from tests.notifier.webhook_server import SECRET

PRIVATE = [
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",  # noqa: S104 - an address that must be refused
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "no address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_the_internets(address: str) -> None:
    """Those of this machine, of its networks, of a cloud's metadata, and whatever wraps one of them."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14"])
def test_addresses_of_the_internet(address: str) -> None:
    """All others."""
    assert is_public(address)


class Recording(httpcore2.MockBackend):
    """Connects nowhere, and keeps where it was asked to; those in `dead` do not answer."""

    def __init__(self, *, dead: Iterable[str] = ()) -> None:
        super().__init__([b"HTTP/1.1 204 No Content\r\n\r\n"])
        self.asked: list[str] = []
        self._dead = set(dead)

    def connect_tcp(self, host: str, *arguments: Any, **options: Any) -> httpcore2.NetworkStream:
        """Keep it."""
        self.asked.append(host)
        if host in self._dead:
            raise httpcore2.ConnectError("refused")
        return super().connect_tcp(host, *arguments, **options)


class Names:
    """A name server that gives another answer each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        return self._answers.pop(0)


def deliver(backend: Recording, names: Names) -> tuple[bool, str]:
    """Whether a webhook to a host of these names is taken, or why not."""
    network = PublicNetwork(backend=backend, look_up=names)
    receiver = HttpReceiver("https://crm.example.com/", sign=lambda *_: {}, allow_private=False, network=network)
    with closing(receiver):
        receipt = receiver.deliver("msg_1", b"{}")
    return receipt.is_taken, receipt.error


def test_it_connects_to_the_address_that_was_looked_at() -> None:
    """A name that leads elsewhere at the second look (DNS rebinding) is looked up once alone."""
    backend = Recording()
    assert deliver(backend, Names(["93.184.215.14"], ["127.0.0.1"])) == (True, "")
    assert backend.asked == ["93.184.215.14"]


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], []])
def test_a_name_that_leads_to_a_private_address_is_not_followed(answer: Sequence[str]) -> None:
    """Not even where it leads to a public one as well: nothing is connected to."""
    backend = Recording()
    taken, error = deliver(backend, Names(answer))
    assert not taken
    assert "no answer" in error
    assert backend.asked == []


def test_another_address_is_tried_where_the_first_does_not_answer() -> None:
    """A host with two addresses is reached by either."""
    backend = Recording(dead=["2606:2800:21f:cb07::1"])
    assert deliver(backend, Names(["2606:2800:21f:cb07::1", "93.184.215.14"])) == (True, "")
    backend = Recording(dead=["93.184.215.14"])
    taken, error = deliver(backend, Names(["93.184.215.14"]))
    assert (taken, error) == (False, "no answer (ConnectError)")


BAD_URLS = [
    "s3cr3t",
    "ftp://s3cr3t/",
    "https://",
    "http://crm.example.com/s3cr3t",
    "https://user:s3cr3t@crm.example.com/",
    "https://127.0.0.1/s3cr3t",
    "https://[::1]/s3cr3t",
    "https://169.254.169.254/s3cr3t",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_cannot_be_used_is_told_at_the_start(url: str) -> None:
    """The setting is named, and nothing of the URL."""
    settings = read_settings(webhook_urls=(url,), webhook_secret=(SECRET,))
    with pytest.raises(UsageError, match=r"^BATON_WEBHOOK_URLS: ") as refused:
        receivers_of(settings)
    assert "s3cr3t" not in str(refused.value)


def test_urls_and_secret_go_together() -> None:
    """An unsigned webhook is never sent, and a secret that is none is named."""
    with pytest.raises(UsageError, match="BATON_WEBHOOK_SECRET: give both"):
        receivers_of(read_settings(webhook_urls=("https://crm.example.com/",)))
    with pytest.raises(UsageError, match=r"^BATON_WEBHOOK_SECRET: a Standard Webhooks secret is whsec_"):
        receivers_of(read_settings(webhook_urls=("https://crm.example.com/",), webhook_secret=("s3cr3t",)))


def test_a_url_has_a_name_that_stays_and_hides_it() -> None:
    """Deliveries are noted under it; with something after a # it is another one, so that one disabled can come back."""
    urls = ("https://crm.example.com/s3cr3t", "https://crm.example.com/s3cr3t#again", "https://crm.example.com/s3cr3t")
    receivers = receivers_of(read_settings(webhook_urls=urls, webhook_secret=(SECRET,)))
    names = [each.name for each in receivers]
    for each in receivers:
        each.close()
    assert len(set(names)) == len(names) == 2
    assert "s3cr3t" not in "".join(names)
