"""The Faust app of the tracker: an agent for each topic, and of Faust's services those that consuming takes.

No tables, no changelogs, no producer, no leader, no web server, and nothing in the environment or on the disk.
"""

from collections.abc import Iterable
from typing import Any

import faust
from faust.app.base import BootStrategy
from faust.app.base import logger as faust_logger
from faust.types import AppT, Message, ServiceT, StreamT

from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_consumer import SCHEME, BatchTransport
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.partitions import Partitions
from services.adapters.drivers.reader import Fetched

_BUFFER = 16
"""Events (batches of a partition) that an agent's channel holds."""


class _Consuming(BootStrategy):
    """Starts the consumer, the agents and what is between them."""

    enable_web = False
    enable_kafka_producer = False
    enable_sensors = False

    def kafka_consumer(self) -> Iterable[ServiceT]:
        """The consumer, without the leader's and the replies' topics that Faust reads beside."""
        return [self.app.consumer]


class TrackerApp(faust.App):
    """An app that consumes, and writes no file."""

    BootStrategy = _Consuming
    logger = faust_logger

    async def on_first_start(self) -> None:
        """Make no folders: they are for tables."""


class Batches(faust.Schema[Any, Any]):
    """Hands events on as they are; the tracker decodes what the records hold, and keeps what cannot be decoded."""

    def loads_key(self, app: AppT, message: Message, **_: Any) -> Any:
        """The key as it came."""
        del app
        return message.key

    def loads_value(self, app: AppT, message: Message, **_: Any) -> Any:
        """The batch as it was fetched."""
        del app
        return message.value


def build_app(
    *,
    membership: Membership,
    options: dict[str, Any],
    partitions: Partitions,
    pace: Pace,
) -> TrackerApp:
    """An app that feeds the partitions. To be made in the loop that runs it."""
    app = TrackerApp(
        membership.group,
        broker=f"{SCHEME}://",
        env={},  # Faust would let some sixty variables change what is set here
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_buffer_maxsize=_BUFFER,
        # Nothing is acknowledged to Faust; the consumer waits for what is in work.
        stream_wait_empty=False,
    )
    app.transport = BatchTransport(app, options=options, partitions=partitions, pace=pace)

    async def gather(batches: StreamT[Fetched]) -> None:
        async for fetched in batches:
            partitions.feed(fetched)

    for topic in membership.topics:
        channel = app.topic(topic, schema=Batches(), acks=False)
        app.agent(channel, name=topic, concurrency=1)(gather)
    return app
