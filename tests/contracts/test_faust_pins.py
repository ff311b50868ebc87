"""What we know of Faust's inside, so that an upgrade which changes it is noticed."""

import inspect
from collections.abc import AsyncIterator

import faust
import pytest
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message
from mode.threads import WorkerThread

from services.adapters.drivers import faust_app, faust_consumer

_PLACE = TP("events", 0)


@pytest.fixture
async def consumer() -> AsyncIterator[driver.Consumer]:
    """Stock Faust's consumer, which is never started."""
    app = faust.App("pin", broker="kafka://127.0.0.1:1", env={})
    app.finalize()
    app.topics.acking_topics.add(_PLACE.topic)
    assert isinstance(app.consumer, driver.Consumer)
    yield app.consumer
    app.consumer._thread.thread_loop.close()


async def test_stock_faust_commits_past_what_is_in_work(consumer: driver.Consumer) -> None:
    """Why positions are ours. Offset 2585 is the next and not acknowledged, the four after it are: all are committed.

    When this fails, the gap is mended (issue 606 of faust-streaming), and docs/design.md may be kinder.
    """
    consumer._committed_offset[_PLACE] = 2585
    for offset in range(2586, 2590):
        assert consumer.ack(Message(_PLACE.topic, _PLACE.partition, offset, 0.0, 1, None, None, None, None, tp=_PLACE))
    assert consumer._new_offset(_PLACE) == 2590


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (faust_consumer.BatchConsumer, driver.Consumer),
        (faust_consumer.BatchThread, driver.AIOKafkaConsumerThread),
        (faust_consumer._DaemonThread, WorkerThread),
        (faust_app.TrackerApp, faust.App),
        (faust_app._Consuming, BootStrategy),
        (faust_app.Batches, faust.Schema),
    ],
)
def test_what_is_overridden_is_there(ours: type, theirs: type) -> None:
    """A method of ours that stands in for one of Faust's takes what that takes; what is our own is named here."""
    own = {"__init__", "inside", "seek_to", "bounds_of", "tell", "inspect", "_reader", "_event", "_note"}
    for name, method in vars(ours).items():
        if not inspect.isfunction(method) or name in own:
            continue
        given = inspect.signature(getattr(theirs, name)).parameters
        taken = inspect.signature(method).parameters
        takes_all = {parameter.kind for parameter in taken.values()} >= {
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        }
        takes_names = inspect.Parameter.VAR_KEYWORD in {parameter.kind for parameter in taken.values()}
        for parameter in given.values():
            by_name = takes_names and parameter.kind is inspect.Parameter.KEYWORD_ONLY
            assert takes_all or by_name or parameter.name in taken, f"{name} is given {parameter.name}"
