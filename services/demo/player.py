"""Plays a story into a gateway over HTTP: each webhook at its instant, signed as its sender signs."""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2
import orjson
import structlog

from services.demo.story import Delivery, Story
from services.domain.instants import SECOND, Instant
from services.errors import Unavailable
from services.gateway.signatures import sign_hubspot, sign_standard_webhook
from services.ports import WallClock

log = structlog.get_logger()

_RETRY_AFTER = 1.0  # real seconds
_TRIES = 10
_CLOUDEVENTS = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the demo's senders sign with."""

    hubspot: str
    cloudevents: str


def in_order(story: Story) -> Iterator[Delivery]:
    """The deliveries in the order in which they are sent."""
    waiting: list[tuple[Instant, int, Delivery]] = []
    counter = itertools.count()
    for captured, deliveries in story.lives():
        while waiting and waiting[0][0] < captured:
            yield heapq.heappop(waiting)[2]
        for delivery in deliveries:
            heapq.heappush(waiting, (delivery.at, next(counter), delivery))
    while waiting:
        yield heapq.heappop(waiting)[2]


async def play(
    story: Story,
    *,
    base_url: str,
    secrets: Secrets,
    clock: WallClock,
    sent: Callable[[Delivery], None],
) -> None:
    """Send every delivery of the story; `sent` is told of each that was acknowledged."""
    async with httpx2.AsyncClient(base_url=base_url, timeout=10, trust_env=False) as client:
        for delivery in in_order(story):
            await asyncio.sleep(max(0.0, clock.real_seconds(delivery.at - clock.now())))
            await _deliver(client, delivery, secrets, clock)
            sent(delivery)


async def _deliver(client: httpx2.AsyncClient, delivery: Delivery, secrets: Secrets, clock: WallClock) -> None:
    """Send it until it is acknowledged, as every CRM does (but for longer)."""
    for _ in range(_TRIES):
        if await _post(client, delivery, secrets, clock):
            return
        await asyncio.sleep(_RETRY_AFTER)
    raise Unavailable(f"the gateway has not taken a webhook in {_TRIES} tries")


async def _post(client: httpx2.AsyncClient, delivery: Delivery, secrets: Secrets, clock: WallClock) -> bool:
    """Send it once; whether it was acknowledged."""
    path = f"/hooks/{delivery.crm}"
    if delivery.crm == "hubspot":
        body = orjson.dumps(delivery.items)
        url = str(client.base_url.join(path))
        headers = sign_hubspot(method="POST", url=url, body=body, secret=secrets.hubspot, at=clock.now())
        headers["content-type"] = "application/json"
    else:
        body = orjson.dumps(delivery.items[0])
        message_id = str(delivery.items[0]["id"])
        headers = sign_standard_webhook(
            message_id=message_id, body=body, secret=secrets.cloudevents, at=clock.now() // SECOND * SECOND
        )
        headers["content-type"] = _CLOUDEVENTS
    try:
        answer = await client.post(path, content=body, headers=headers)
    except httpx2.TransportError as error:
        log.warning("webhook not delivered", error=str(error))
        return False
    if not answer.is_success:
        log.warning("webhook refused", status=answer.status_code, answer=answer.text[:200])
    return answer.is_success
