"""A subscription to a channel of change events, which goes on where the log left it.

At most a hundred events are on their way to us at a time: what the log has is asked for anew, one by one. An event that
cannot be read is handed on as it is, and all that changed since the last good one is to be asked for.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import grpc
import grpc.aio

from services.adapters.salesforce.failures import is_replay_id_refused, is_token_refused, meaning
from services.adapters.salesforce.schema import HEADER, ChangeSchema
from services.adapters.salesforce.session import Session
from services.adapters.salesforce.wire import CUSTOM, EARLIEST, ConsumerEvent, FetchResponse, PubSubStub, SubscribeCall
from services.domain.instants import DAY, SECOND, Instant, check_range
from services.domain.instants import EARLIEST as EPOCH_START
from services.errors import BadEvent, Unavailable, UsageError
from services.ports import Position, Positions, Pulled

MOST_REQUESTED = 100
"""Events that may be asked for at a time; Salesforce takes more as this many."""
SILENCE_SECONDS = 300.0
"""Salesforce gives a sign of life within 270 s."""
OVERLAP = 300 * SECOND
"""Transactions that ran side by side need not come in the order of their times."""

KEPT = 4 * DAY
"""Salesforce keeps events for 72 hours, and a while longer where it has not yet come to remove them."""

_CALL_SECONDS = 30.0
_MOST_BYTES = 64 * 1024 * 1024
"""Of a response: gRPC's own bound of 4 MB is less than a hundred large events."""
_MOST_SCHEMAS = 256
"""That are kept; each entity has one at a time."""


class Subscription:
    """Implements `services.ports.ChangeStream`."""

    def __init__(
        self,
        *,
        target: str,
        channel: str,
        session: Session,
        positions: Positions,
        now: Callable[[], Instant],
        secure: bool = True,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        """`target` is HOST:PORT; without `secure`, on this machine alone, it is spoken to without TLS."""
        self._target = target
        self._channel = channel
        self._session = session
        self._positions = positions
        self._now = now
        self._secure = secure
        self._silence = silence
        self._schemas: dict[str, ChangeSchema] = {}
        self._name = channel
        self._seen_until: Instant | None = None
        """When the last change was committed that was read; None while there was none."""
        self._started: Instant = 0

    async def pulled(self) -> AsyncGenerator[Pulled, None]:
        """Changes from where the last `keep` left it, until the connection breaks (Unavailable)."""
        token_refused = False
        while True:
            position = await self._position()
            try:
                async with aclosing(self._subscribed(position)) as subscribed:
                    async for pulled in subscribed:
                        token_refused = False
                        yield pulled
            except grpc.aio.AioRpcError as error:
                if is_replay_id_refused(error) and position is not None and position.replay_id is not None:
                    yield Pulled(lost_since=_before(position.seen_until), mark=replace(position, replay_id=None))
                elif is_token_refused(error) and not token_refused:
                    token_refused = True
                    self._session.forget()
                else:
                    raise meaning(error, self._channel) from None

    async def keep(self, pulled: Pulled) -> None:
        """Go on after this."""
        if isinstance(pulled.mark, Position):
            await asyncio.to_thread(self._positions.write, self._name, pulled.mark)

    async def close(self) -> None:
        """Nothing is open between two subscriptions."""

    async def _position(self) -> Position | None:
        organization = dict(await self._session.metadata())["tenantid"]
        self._name = f"{organization}{self._channel}"
        position = await asyncio.to_thread(self._positions.read, self._name)
        self._seen_until = position.seen_until if position is not None else None
        self._started = self._now()
        return position

    async def _subscribed(self, position: Position | None) -> AsyncGenerator[Pulled, None]:
        async with self._connected() as stub:
            await self._check_topic(stub)
            call = stub.subscribe(await self._session.metadata())
            try:
                await self._request(stub, call, MOST_REQUESTED, **_start(position, self._channel))
                while True:
                    response = await self._response(call)
                    yield await self._read(stub, response)
                    # Whoever asks for more has what there was.
                    if response.events:
                        await self._request(stub, call, len(response.events))
            finally:
                call.cancel()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[PubSubStub]:
        options = [("grpc.max_receive_message_length", _MOST_BYTES)]
        if self._secure:
            channel = grpc.aio.secure_channel(self._target, grpc.ssl_channel_credentials(), options=options)
        else:
            channel = grpc.aio.insecure_channel(self._target, options=options)
        try:
            yield PubSubStub(channel)
        finally:
            await channel.close()

    async def _check_topic(self, stub: PubSubStub) -> None:
        topic = await stub.topic(self._channel, await self._session.metadata(), _CALL_SECONDS)
        if not topic.can_subscribe:
            raise UsageError(f"BATON_SALESFORCE_CHANNEL: the user of the connected app may not read {self._channel}")

    async def _request(self, stub: PubSubStub, call: SubscribeCall, number: int, **start: Any) -> None:
        try:
            await call.write(stub.fetch(num_requested=number, **start))
        except asyncio.InvalidStateError:
            return  # it has ended; reading from it says why

    async def _response(self, call: SubscribeCall) -> FetchResponse:
        try:
            async with asyncio.timeout(self._silence):
                response = await call.read()
        except TimeoutError:
            raise Unavailable(f"salesforce: no sign of life for {self._silence:g} s") from None
        if response is grpc.aio.EOF:
            raise Unavailable("salesforce: the subscription was ended")
        return cast(FetchResponse, response)

    async def _read(self, stub: PubSubStub, response: FetchResponse) -> Pulled:
        items: list[dict[str, Any]] = []
        lost_since: Instant | None = None
        for event in response.events:
            try:
                change = (await self._schema(stub, event.event.schema_id)).change(event.event.payload)
            except BadEvent as bad:
                items.append(_unreadable(event, str(bad)))
                lost_since = lost_since or _before(self._seen_until or self._started - KEPT)
            else:
                items.append(change)
                self._seen_until = _later(self._seen_until, _committed(change))
        # What a response calls the latest may lie behind events that are still to come.
        replay_id = response.events[-1].replay_id if response.events else response.latest_replay_id
        seen_until = self._seen_until
        if seen_until is None:
            seen_until = self._started - KEPT if response.events else self._started
        return Pulled(items, lost_since=lost_since, mark=Position(replay_id, seen_until) if replay_id else None)

    async def _schema(self, stub: PubSubStub, schema_id: str) -> ChangeSchema:
        if (known := self._schemas.get(schema_id)) is not None:
            return known
        schema = ChangeSchema(await self._schema_text(stub, schema_id))
        if len(self._schemas) >= _MOST_SCHEMAS:
            self._schemas.pop(next(iter(self._schemas)))
        self._schemas[schema_id] = schema
        return schema

    async def _schema_text(self, stub: PubSubStub, schema_id: str) -> str:
        """A stream outlives the token that it was opened with; other calls do not."""
        try:
            return (await stub.schema(schema_id, await self._session.metadata(), _CALL_SECONDS)).schema_json
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise BadEvent("unreadable", "salesforce does not know the event's schema") from None
            if not is_token_refused(error):
                raise
        self._session.forget()
        return (await stub.schema(schema_id, await self._session.metadata(), _CALL_SECONDS)).schema_json


def _start(position: Position | None, channel: str) -> dict[str, Any]:
    """The first time, and where Salesforce has forgotten the place: all that it keeps. What is known counts once."""
    if position is None or position.replay_id is None:
        return {"topic_name": channel, "replay_preset": EARLIEST}
    return {"topic_name": channel, "replay_preset": CUSTOM, "replay_id": position.replay_id}


def _committed(change: dict[str, Any]) -> Instant | None:
    """When the transaction was committed, where that is told."""
    told = change[HEADER].get("commitTimestamp")
    try:
        return check_range(told * 1_000, "commitTimestamp") if isinstance(told, int) else None
    except ValueError:
        return None


def _later(one: Instant | None, other: Instant | None) -> Instant | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _before(instant: Instant) -> Instant:
    return max(EPOCH_START, instant - OVERLAP)


def _unreadable(event: ConsumerEvent, why: str) -> dict[str, Any]:
    """An item that no sender can read, and that says all that there is."""
    return {
        "unreadable": why,
        "schema_id": event.event.schema_id,
        "replay_id": event.replay_id.hex(),
        "payload_base64": base64.b64encode(event.event.payload).decode(),
    }
