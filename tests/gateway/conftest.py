"""The gateway on fakes in memory: a log, a quarantine and a tally to look into, and a clock that stands still."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from schemas.dead_letters import DeadLetter
from services.domain.instants import SECOND, Instant, parse_instant
from services.errors import Unavailable
from services.gateway.crm.base import CrmSender
from services.gateway.crm.cloudevents import CloudEventsSender
from services.gateway.crms import CRMS
from services.gateway.door import Door
from services.gateway.mapping import read_mapping
from services.gateway.routes import add_routes
from services.gateway.sender import Senders
from services.gateway.signatures import sign_hubspot, sign_standard_webhook
from services.metric_table import BY_NAME
from services.metrics.tally import ProcessTally
from services.ports import DEAD_LETTERS, DEALS, EVENTS, FetchQueue, HeldRequest, Record
from services.samples import sample

NOW: Instant = parse_instant("2026-11-23T09:00:00Z")
PUBLIC_URL = "https://baton.example.com"
HUBSPOT_SECRETS = ("old-client-secret", "new-client-secret")
STANDARD_SECRETS = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
)
OTHER_SECRETS: dict[str, tuple[str, ...]] = {
    "salesforce": ("the-code-that-goes", "the-code-that-comes"),
    "pipedrive": ("baton:old-password", "baton:new:password"),
    "dynamics": ("a-key-that-goes", "a-key-that-comes"),
    "odoo": ("a-secret-that-goes", "a/secret that+comes"),
    "zoho": ("token-that-goes", "token-that-comes"),
    "close": (
        "058bfb6a3d8cfdc4da7c3be5901b16ae11da982b46a25fb2cd7016e97a140a1c",
        "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
    ),
}
"""Of the other CRMs, in the form that each has them."""
ORGANIZATIONS = {"salesforce": ("00D5f000005mc66EAA",)}
"""From which messages come, where a CRM names them."""
MAPPINGS = {each.crm: read_mapping(each.crm) for each in CRMS}
TOKENS = ("a-token-that-goes", "a-token-that-comes")


@dataclass
class FakeLog:
    """A log that keeps what is appended, or is away."""

    appended: list[list[Record]] = field(default_factory=list)
    away: bool = False
    before_append: Callable[[], Any] | None = None

    async def append(self, records: Sequence[Record]) -> None:
        if self.before_append is not None:
            await self.before_append()
        if self.away:
            raise Unavailable("the log is away")
        self.appended.append(list(records))

    @property
    def records(self) -> list[Record]:
        return [record for batch in self.appended for record in batch]

    def documents(self, *topics: str) -> list[dict[str, Any]]:
        return [json.loads(one.value) for one in self.records if one.topic in (topics or (EVENTS, DEALS))]

    @property
    def letters(self) -> list[DeadLetter]:
        return [DeadLetter.model_validate_json(one.value) for one in self.records if one.topic == DEAD_LETTERS]


@dataclass
class FakeQuarantine:
    """A quarantine without bounds."""

    requests: dict[str, HeldRequest] = field(default_factory=dict)

    def keep(self, request: HeldRequest) -> None:
        self.requests[request.id] = request

    def held(self) -> Sequence[HeldRequest]:
        return list(self.requests.values())

    def drop(self, request_id: str) -> None:
        del self.requests[request_id]


class FakeTally(ProcessTally):
    """Counts by metric and labels."""

    def of(self, metric: str, **labels: str) -> int:
        return self.counts().get(sample(BY_NAME[metric], **labels), 0)


@dataclass
class FakeClock:
    """A clock that stands where it is put."""

    at: Instant = NOW
    speed: float = 1.0

    def now(self) -> Instant:
        return self.at

    def real_seconds(self, duration: int) -> float:
        return duration / SECOND / self.speed


@dataclass
class Gateway:
    """A door with its fakes, and an HTTP client that knows the secrets."""

    log: FakeLog = field(default_factory=FakeLog)
    quarantine: FakeQuarantine = field(default_factory=FakeQuarantine)
    tally: FakeTally = field(default_factory=FakeTally)
    clock: FakeClock = field(default_factory=FakeClock)
    hubspot_secrets: tuple[str, ...] = HUBSPOT_SECRETS
    standard_secrets: tuple[str, ...] = STANDARD_SECRETS
    tokens: tuple[str, ...] = TOKENS
    public_url: str | None = PUBLIC_URL
    fetches: dict[str, FetchQueue] = field(default_factory=dict)
    most_in_work: int = 8
    most_bytes: int = 64 * 1024
    most_seconds: float = 0.2

    def door(self) -> Door:
        return Door(
            log=self.log,
            quarantine=self.quarantine,
            tally=self.tally,
            clock=self.clock,
            most_in_work=self.most_in_work,
            senders=self.senders(),
            fetches=self.fetches,
        )

    def senders(self) -> Senders:
        """All CRMs with secrets of their own, and CloudEvents."""
        given = {"hubspot": self.hubspot_secrets, **OTHER_SECRETS}
        return {
            **{
                each.crm: each.made(
                    mapping=MAPPINGS[each.crm], given=_credentials(each.crm, given), public_url=self.public_url
                )
                for each in CRMS
            },
            "cloudevents": CloudEventsSender(secrets=self.standard_secrets, tokens=self.tokens),
        }

    def app(self) -> FastAPI:
        app = FastAPI()
        add_routes(app, self.door(), most_bytes=self.most_bytes, most_seconds=self.most_seconds)
        return app

    def client(self) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app(), raise_app_exceptions=True)
        # What the server sees is not what HubSpot called: a proxy stands between.
        return httpx2.AsyncClient(transport=transport, base_url="http://10.0.0.7:8700")

    async def send(self, crm: str, body: bytes, **headers: str) -> httpx2.Response:
        """POST a body as the CRM would, signed with our first secret."""
        sender = self.senders()[crm]
        assert isinstance(sender, CrmSender)
        request = sender.signed(body, at=self.clock.at, base_url=PUBLIC_URL)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client() as client:
            return await client.post(request.target, content=request.body, headers={**request.headers, **named})

    async def hubspot(self, payload: object, **changes: Any) -> httpx2.Response:
        """POST a payload (bytes as they are) signed as HubSpot does."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = {"url": f"{PUBLIC_URL}/hooks/hubspot", "secret": HUBSPOT_SECRETS[0], "at": self.clock.at, **changes}
        headers = sign_hubspot(method="POST", body=body, **signed)
        async with self.client() as client:
            return await client.post(
                "/hooks/hubspot", content=body, headers={"content-type": "application/json", **headers}
            )

    async def cloudevents(
        self, payload: object, content_type: str = "application/cloudevents+json", **headers: str
    ) -> httpx2.Response:
        """POST a payload (bytes as they are) signed by Standard Webhooks."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = sign_standard_webhook(message_id="msg_1", body=body, secret=STANDARD_SECRETS[0], at=self.clock.at)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client() as client:
            return await client.post(
                "/hooks/cloudevents", content=body, headers={"content-type": content_type, **signed, **named}
            )


def _credentials(crm: str, secrets: Mapping[str, tuple[str, ...]]) -> Callable[[str], tuple[str, ...]]:
    """What the settings would give a sender, by the end of their names."""
    given = {"secrets": secrets[crm], "organizations": ORGANIZATIONS.get(crm, ())}
    return lambda name: given.get(name, ())


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with gateway.client() as client:
        yield client


def notification(**fields: Any) -> dict[str, Any]:
    """A property change as HubSpot documents it, with other fields where they are given (None: without)."""
    document = {
        "objectId": 1246965,
        "propertyName": "lifecyclestage",
        "propertyValue": "marketingqualifiedlead",
        "changeSource": "CRM_UI",
        "eventId": 3816279340,
        "subscriptionId": 25,
        "portalId": 33,
        "appId": 1160452,
        "occurredAt": 1462216307945,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        **fields,
    }
    return {name: value for name, value in document.items() if value is not None}


def cloud_event(**fields: Any) -> dict[str, Any]:
    """A canonical event, with other fields where they are given (None: without)."""
    document = {
        "specversion": "1.0",
        "id": "evt-1",
        "source": "/own-crm",
        "type": "lead.captured",
        "subject": "own:lead:1",
        "time": "2026-11-23T08:59:00Z",
        "datacontenttype": "application/json",
        "data": {"attributes": {"source": "webinar"}},
        **fields,
    }
    return {name: value for name, value in document.items() if value is not None}
