"""Bodies in files, as CRMs send them: `FOLDER/CRM/NAME.json` or `.xml`, where it matters with `NAME.headers.json`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from defusedxml import ElementTree

from services.gateway.crms import CRMS
from services.gateway.request import Incoming
from services.gateway.sender import Sender
from tests.gateway.conftest import (
    HUBSPOT_SECRETS,
    NOW,
    ORGANIZATIONS,
    OTHER_SECRETS,
    STANDARD_SECRETS,
    TOKENS,
    Gateway,
)

HERE = Path(__file__).parent
SENDERS = Gateway().senders()
"""All, with the secrets of the tests."""
NAMES = tuple(sender.crm for sender in CRMS)
"""Of the CRMs: all senders but CloudEvents."""

GIVEN: Mapping[str, tuple[str, ...]] = {
    "hubspot_secrets": HUBSPOT_SECRETS,
    "cloudevents_secrets": STANDARD_SECRETS,
    "cloudevents_tokens": TOKENS,
    **{f"{crm}_secrets": secrets for crm, secrets in OTHER_SECRETS.items()},
    **{f"{crm}_organizations": ids for crm, ids in ORGANIZATIONS.items()},
}
"""The settings that give these secrets."""


@dataclass(frozen=True)
class Payload:
    """One body, and the headers that come with it beside those that every request of the CRM has."""

    path: Path
    crm: str
    name: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def incoming(self) -> Incoming:
        """The request, of which nothing is signed."""
        kind = "text/xml; charset=utf-8" if self.path.suffix == ".xml" else "application/json"
        return Incoming("POST", f"/hooks/{self.crm}", {"content-type": kind, **self.headers}, self.body, NOW)

    @property
    def fate(self) -> str:
        """The first word of its name."""
        return self.name.partition("-")[0]

    def expected(self) -> Any:
        """What stands beside it in `NAME.expected.json`."""
        return json.loads(self.path.with_name(f"{self.name}.expected.json").read_text())

    @property
    def is_kept(self) -> bool:
        """Whether the log gets anything of it where no API is set up."""
        told = self.expected()
        return bool(told["events"] or told.get("lacking") if isinstance(told, dict) else told)

    def __str__(self) -> str:
        return f"{self.crm}/{self.name}"


def payloads(folder: str) -> list[Payload]:
    """The bodies for the CRMs that Baton knows, in order."""
    return [_read(path) for path in sorted((HERE / folder).glob("*/*")) if _is_body(path)]


def parts(payload: Payload) -> Sequence[object]:
    """The parts of a body that can be used."""
    return SENDERS[payload.crm].items(payload.incoming)


def together(bodies: Sequence[bytes]) -> bytes | None:
    """One body with the parts of all, for JSON lists and SOAP messages; None for what has one part alone."""
    if bodies[0].lstrip().startswith(b"<"):
        return _one_message(bodies)
    documents = [json.loads(body) for body in bodies]
    if all(isinstance(document, list) for document in documents):
        return json.dumps([part for document in documents for part in document]).encode()
    return None


async def sent(gateway: Gateway, crm: str, body: bytes, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    """The answer to a body, signed as the sender signs."""
    if crm == "cloudevents":
        return await gateway.cloudevents(body, **(headers or {}))
    return await gateway.send(crm, body, **(headers or {}))


def alone(sender: Sender, item: object) -> bytes:
    """The body with this part alone."""
    return sender.alone(item)[1]


def _is_body(path: Path) -> bool:
    told = path.name.endswith((".expected.json", ".headers.json"))
    return path.suffix in (".json", ".xml") and not told and path.parent.name in SENDERS


def _read(path: Path) -> Payload:
    beside = path.with_name(f"{path.stem}.headers.json")
    headers = json.loads(beside.read_text()) if beside.exists() else {}
    return Payload(path, path.parent.name, path.stem, path.read_bytes(), headers)


def _one_message(bodies: Sequence[bytes]) -> bytes:
    """Salesforce's: all `Notification` elements in the message that comes first."""
    first, *others = (ElementTree.fromstring(body) for body in bodies)
    parent = next(element for element in first.iter() if any(_notifications(element)))
    for other in others:
        parent.extend(list(_notifications(next(each for each in other.iter() if any(_notifications(each))))))
    written: bytes = ElementTree.tostring(first)
    return written


def _notifications(element: Any) -> Iterator[Any]:
    return (child for child in element if str(child.tag).endswith("}Notification"))
