"""What commands ask about CRMs: who is set up, what a payload would become, and a webhook sent as the CRM would."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from services.domain.instants import SECOND, Instant
from services.errors import BadEvent, Refused, Unavailable, UsageError
from services.gateway.crm.base import CrmSender
from services.gateway.crm.cloudevents import BATCH, STRUCTURED
from services.gateway.explaining import Part as Part
from services.gateway.explaining import explained
from services.gateway.mapping import read_mapping_file
from services.gateway.meaning import Place
from services.gateway.request import Incoming
from services.gateway.sample import sample_of
from services.gateway.sender import Sender
from services.settings import Settings
from services.wiring.apis import apis_of
from services.wiring.parts import clock_of, senders_of

_SECONDS = 30.0
"""The longest that any CRM waits for an answer (HubSpot's workflows)."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a payload would become. `bad`: it is of no use as a whole."""

    mapping: str | None
    parts: Sequence[Part]
    where: Callable[[Place], str]
    """`FILE:LINE` of a place of the mapping."""
    bad: BadEvent | None = None

    @property
    def usable(self) -> bool:
        """Whether nothing of it would become a dead letter for what it says."""
        return self.bad is None and all(part.bad is None for part in self.parts)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a gateway answered."""

    url: str
    status: int
    answer: str


@dataclass(frozen=True, slots=True)
class Door:
    """Where a CRM calls, and what is set up for it."""

    crm: str
    address: str
    secrets: bool
    settings: str
    """The settings that hold its secrets."""
    mapping: str | None
    """The file; None where it needs none."""
    api: bool
    """Whether its API can be asked for what webhooks leave out."""


def doors(settings: Settings) -> Sequence[Door]:
    """All senders. Raises UsageError for a setting or a mapping that is wrong."""
    apis = asyncio.run(_apis(settings))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = settings.public_url or f"http://{host}:{settings.port}"
    return [
        Door(
            crm,
            f"{base}/hooks/{crm}{'/SECRET' if sender.secret_in_path else ''}",
            sender.configured,
            sender.settings,
            _mapping_name(settings, crm) if isinstance(sender, CrmSender) else None,
            crm in apis,
        )
        for crm, sender in senders_of(settings).items()
    ]


def tested(settings: Settings, crm: str, body: bytes, headers: Mapping[str, str], mapping: Path | None) -> Tested:
    """What a captured body would become; `headers` are those that came with it, as far as they matter.

    Raises UsageError for an unknown CRM, a wrong mapping, or a format that the CRM does not send.
    """
    own = {f"{crm}_mapping": mapping} if mapping is not None and f"{crm}_mapping" in type(settings).model_fields else {}
    settings = settings.model_copy(update=own)
    sender = _sender(settings, crm)
    file = read_mapping_file(crm, getattr(settings, f"{crm}_mapping")) if isinstance(sender, CrmSender) else None
    if mapping is not None and file is None:
        raise UsageError(f"--mapping: {crm} has none; its events are canonical already")
    where = file.where if file is not None else str
    name = _mapping_name(settings, crm) if file is not None else None
    clock = clock_of(settings)
    given = {"content-type": _content_type(crm, body, headers), **headers}
    request = Incoming("POST", f"/hooks/{crm}", given, body, clock.now())
    try:
        parts = explained(crm, sender, request, latest=clock.now() + settings.clocks_may_differ * SECOND)
    except BadEvent as bad:
        return Tested(name, (), where, bad)
    except Refused as refused:
        raise UsageError(f"{refused}; say what came with --header content-type=...") from None
    return Tested(name, parts, where)


def sent(settings: Settings, crm: str, body: bytes | None, url: str, at: Instant | None) -> Sent:
    """Sign a body (None: a sample of one lead handed off) as of `at` (None: now) and post it to a gateway.

    Raises UsageError where there is no secret to sign with, Unavailable where nobody answers.
    """
    instant = clock_of(settings).now() if at is None else at
    sender = _sender(settings, crm)
    content = sample_of(crm, instant) if body is None else body
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url {url}: write it with its scheme, such as http://127.0.0.1:8700")
    base = url.rstrip("/")
    # What is signed is the address that the CRM would call, wherever the request goes.
    request = sender.signed(content, at=instant, base_url=settings.public_url or base)
    try:
        with httpx2.Client(timeout=_SECONDS, trust_env=False) as client:
            answer = client.post(base + request.target, content=request.body, headers=dict(request.headers))
    except httpx2.TimeoutException:
        raise Unavailable(f"{base} did not answer within {_SECONDS:g} seconds") from None
    except httpx2.TransportError as error:
        raise Unavailable(f"nobody answers at {base}: {error}; is `baton up` or `baton gateway` running?") from None
    except httpx2.InvalidURL as error:
        raise UsageError(f"--url {url}: {error}") from None
    return Sent(f"{base}/hooks/{crm}", answer.status_code, answer.text)


async def _apis(settings: Settings) -> Collection[str]:
    """Of which CRMs the API is set up. Nothing is asked of any."""
    apis = apis_of(settings)
    for api in apis.values():
        await api.close()
    return apis.keys()


def _mapping_name(settings: Settings, crm: str) -> str:
    own: Path | None = getattr(settings, f"{crm}_mapping")
    return f"{crm}.yaml, built in" if own is None else str(own)


def _sender(settings: Settings, crm: str) -> Sender:
    senders = senders_of(settings)
    if crm not in senders:
        raise UsageError(f"there is no CRM {crm!r:.60}; there are {', '.join(senders)}")
    return senders[crm]


def _content_type(crm: str, body: bytes, headers: Mapping[str, str]) -> str:
    """What the sender would call it, as far as its first character tells."""
    first = body.lstrip()[:1]
    if crm == "cloudevents" and "ce-specversion" not in headers:
        return BATCH if first == b"[" else STRUCTURED
    return "text/xml" if first == b"<" else "application/json"
