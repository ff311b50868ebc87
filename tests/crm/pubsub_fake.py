"""Salesforce's Pub/Sub API on 127.0.0.1, from its pages on Subscribe, flow control, errors, durability."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from services.adapters.salesforce.wire import CUSTOM, EARLIEST, PACKAGE, messages
from tests.contracts.certificates import Certificates
from tests.crm.change_events import CHANNEL, LEAD, ORGANIZATION

MESSAGES: Mapping[str, Any] = messages()
CODES = "sfdc.platform.eventbus.grpc."
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Stream:
    """A call of Subscribe."""

    requests: list[Any] = field(default_factory=list)
    pending: int = 0
    """Events that were asked for and not yet sent."""
    sent: int = 0


@dataclass
class FakePubSub:
    """A channel with its events, which it keeps until `forget`."""

    events: list[tuple[bytes, str, bytes]] = field(default_factory=list)
    """Replay id, schema id, payload."""
    schemas: dict[str, str] = field(default_factory=lambda: {"lead-1": json.dumps(LEAD)})
    tokens: set[str] = field(default_factory=lambda: {"token-1"})
    """That are good."""
    in_response: int = 10
    """Events in a response, at most."""
    keepalive: float = 0.05
    """Seconds; Salesforce's are 270."""
    may_read: bool = True
    break_after: int | None = None
    """Events after which the next stream is broken, once."""
    end_after: int | None = None
    """Events after which the next stream ends without an error, once."""
    streams: list[Stream] = field(default_factory=list)
    asked_schemas: list[str] = field(default_factory=list)
    most_pending: int = 0
    address: str = ""
    _ids: int = 0
    _told: set[bytes] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def add(self, *payloads: bytes, schema_id: str = "lead-1") -> None:
        """Publish events."""
        for payload in payloads:
            self._ids += 7  # replay ids are not contiguous
            self.events.append((self._ids.to_bytes(8, "big") + b"\0\0", schema_id, payload))

    async def publish(self, *payloads: bytes, schema_id: str = "lead-1") -> None:
        """Publish events, and have open streams send them."""
        self.add(*payloads, schema_id=schema_id)
        async with self._news:
            self._news.notify_all()

    def forget(self, number: int) -> None:
        """The oldest are past their 72 hours."""
        del self.events[:number]
        self._told.clear()

    def end_tokens(self, *good: str) -> None:
        """Those that were given are not good any more."""
        self.tokens = set(good)

    @asynccontextmanager
    async def running(self, certificates: Certificates | None = None) -> AsyncIterator["FakePubSub"]:
        """Serve on a port of 127.0.0.1, with TLS where there are certificates."""
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((self._handler(),))
        if certificates is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            pair = (certificates.server_key.read_bytes(), certificates.server.read_bytes())
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        self.address = f"127.0.0.1:{port}"
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    def _handler(self) -> grpc.GenericRpcHandler:
        def written(message: Message) -> bytes:
            return message.SerializeToString()

        def unary(call: Any, request: str) -> Any:
            return grpc.unary_unary_rpc_method_handler(call, MESSAGES[request].FromString, written)

        return grpc.method_handlers_generic_handler(
            f"{PACKAGE}.PubSub",
            {
                "Subscribe": grpc.stream_stream_rpc_method_handler(
                    self._subscribe, MESSAGES["FetchRequest"].FromString, written
                ),
                "GetSchema": unary(self._get_schema, "SchemaRequest"),
                "GetTopic": unary(self._get_topic, "TopicRequest"),
            },
        )

    async def _get_schema(self, request: Any, context: Context) -> Any:
        await self._check(context)
        self.asked_schemas.append(request.schema_id)
        if request.schema_id not in self.schemas:
            await _refuse(context, grpc.StatusCode.NOT_FOUND, "schema.notfound")
        return MESSAGES["SchemaInfo"](
            schema_id=request.schema_id, schema_json=self.schemas[request.schema_id], rpc_id="r-1"
        )

    async def _get_topic(self, request: Any, context: Context) -> Any:
        await self._check(context)
        if request.topic_name != CHANNEL:
            await _refuse(context, grpc.StatusCode.NOT_FOUND, "topic.notfound")
        return MESSAGES["TopicInfo"](topic_name=CHANNEL, tenant_guid=ORGANIZATION, can_subscribe=self.may_read)

    async def _subscribe(self, _requests: Any, context: Context) -> None:
        await self._check(context)
        first: Any = await context.read()
        at = await self._start(first, context)
        stream = Stream()
        self.streams.append(stream)
        self._requested(stream, first)
        reading = asyncio.create_task(self._read(stream, context))
        try:
            while True:
                await self._break_where_told(stream, context)
                if self.end_after is not None and stream.sent >= self.end_after:
                    self.end_after = None
                    return
                events = self.events[at : at + min(self.in_response, stream.pending, self._left(stream))]
                if events:
                    at += len(events)
                    stream.pending -= len(events)
                    stream.sent += len(events)
                    await context.write(_response(events, events[-1][0], stream.pending))
                elif not await self._is_news():
                    latest = self.events[at - 1][0] if at else self._ids.to_bytes(8, "big") + b"\1\0"
                    self._told.add(latest)
                    await context.write(_response([], latest, stream.pending))
        finally:
            reading.cancel()

    def _left(self, stream: Stream) -> int:
        limits = [each for each in (self.break_after, self.end_after) if each is not None]
        return min(limits) - stream.sent if limits else self.in_response

    async def _break_where_told(self, stream: Stream, context: Context) -> None:
        if self.break_after is not None and stream.sent >= self.break_after:
            self.break_after = None
            await context.abort(grpc.StatusCode.UNAVAILABLE, "RST_STREAM closed stream")

    async def _is_news(self) -> bool:
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait(), self.keepalive)
            except TimeoutError:
                return False
        return True

    async def _read(self, stream: Stream, context: Context) -> None:
        while (request := await context.read()) is not grpc.aio.EOF:
            self._requested(stream, request)
            async with self._news:
                self._news.notify_all()

    def _requested(self, stream: Stream, request: Any) -> None:
        stream.requests.append(request)
        stream.pending += request.num_requested
        self.most_pending = max(self.most_pending, stream.pending)

    async def _start(self, first: Any, context: Context) -> int:
        if first.num_requested <= 0:
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.requested.events.invalid")
        if first.replay_preset == EARLIEST:
            return 0
        if first.replay_preset != CUSTOM:
            return len(self.events)
        for number, (replay_id, _, _) in enumerate(self.events, 1):
            if replay_id == first.replay_id:
                return number
        if first.replay_id in self._told:
            return 0
        await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted")
        raise AssertionError

    async def _check(self, context: Context) -> None:
        told = dict(context.invocation_metadata() or ())
        if told.get("accesstoken") not in self.tokens or told.get("tenantid") != ORGANIZATION:
            await _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error")
        assert str(told.get("instanceurl")).startswith("https://")


def _response(events: list[tuple[bytes, str, bytes]], latest: bytes, pending: int) -> Any:
    return MESSAGES["FetchResponse"](
        events=[
            {"event": {"schema_id": schema_id, "payload": payload}, "replay_id": replay_id}
            for replay_id, schema_id, payload in events
        ],
        latest_replay_id=latest,
        rpc_id="r-1",
        pending_num_requested=pending,
    )


async def _refuse(context: Context, status: grpc.StatusCode, code: str) -> None:
    context.set_trailing_metadata((("error-code", f"{CODES}{code}"), ("rpc-id", "r-1")))
    await context.abort(status, "s3cr3t text that quotes what was sent. rpcId: r-1")
