"""The messages and calls of the Pub/Sub API, made of the descriptor that protoc makes of pubsub_api.proto.

A descriptor is read by every version of protobuf; generated code is refused by older ones than its own.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Protocol, cast

import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

DESCRIPTOR = "pubsub_api.binpb"
PACKAGE = "eventbus.v1"
LATEST, EARLIEST, CUSTOM = range(3)
"""The presets of `FetchRequest.replay_preset`: from now on, from the oldest that is kept, after `replay_id`."""

Metadata = Sequence[tuple[str, str]]


class ProducerEvent(Protocol):
    """An event: its Avro bytes, and the id of the schema that they were written by."""

    schema_id: str
    payload: bytes


class ConsumerEvent(Protocol):
    """An event and its place in the stream."""

    event: ProducerEvent
    replay_id: bytes


class FetchResponse(Protocol):
    """Events; none: a sign of life, with the place up to which there are none."""

    events: Sequence[ConsumerEvent]
    latest_replay_id: bytes


class SchemaInfo(Protocol):
    """A schema of Avro, as JSON."""

    schema_json: str


class TopicInfo(Protocol):
    """What our user may do with a topic."""

    can_subscribe: bool


class SubscribeCall(Protocol):
    """The two-way stream of `Subscribe`."""

    async def write(self, request: Message) -> None:
        """Send a request."""

    async def read(self) -> object:
        """The next FetchResponse, or `grpc.aio.EOF`."""

    def cancel(self) -> bool:
        """End it."""


class PubSubStub:
    """The calls that Baton makes on a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._messages = messages()
        self._subscribe = channel.stream_stream(*self._method("Subscribe", "FetchResponse"))
        self._schema = channel.unary_unary(*self._method("GetSchema", "SchemaInfo"))
        self._topic = channel.unary_unary(*self._method("GetTopic", "TopicInfo"))

    def subscribe(self, metadata: Metadata) -> SubscribeCall:
        """Open a stream; the requests are `fetch`."""
        return cast(SubscribeCall, self._subscribe(metadata=tuple(metadata)))

    def fetch(self, **fields: Any) -> Message:
        """A FetchRequest."""
        return self._messages["FetchRequest"](**fields)

    async def schema(self, schema_id: str, metadata: Metadata, within: float) -> SchemaInfo:
        """The schema of that id. Raises grpc.aio.AioRpcError."""
        request = self._messages["SchemaRequest"](schema_id=schema_id)
        return cast(SchemaInfo, await self._schema(request, metadata=tuple(metadata), timeout=within))

    async def topic(self, name: str, metadata: Metadata, within: float) -> TopicInfo:
        """What our user may do with a topic. Raises grpc.aio.AioRpcError."""
        request = self._messages["TopicRequest"](topic_name=name)
        return cast(TopicInfo, await self._topic(request, metadata=tuple(metadata), timeout=within))

    def _method(self, name: str, answer: str) -> tuple[str, Any, Any]:
        return f"/{PACKAGE}.PubSub/{name}", _written, self._messages[answer].FromString


def _written(message: Message) -> bytes:
    return message.SerializeToString()


def messages() -> dict[str, type[Message]]:
    """Each message's class, by its name.

    They are in a pool of their own: another client of the API may share the process.
    """
    described = descriptor_pb2.FileDescriptorSet.FromString(files(__package__).joinpath(DESCRIPTOR).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in described.file:
        pool.Add(file)
    return {
        message.name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}"))
        for file in described.file
        for message in file.message_type
    }
