"""The contract of `services.ports.Driver`, on Faust and on aiokafka, against a broker and a ledger in SQLite."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka import TopicPartition as AdminPartition
from confluent_kafka.admin import AdminClient

from services.adapters.drivers.consumer import Membership
from services.adapters.drivers.faust_driver import faust_driver
from services.adapters.drivers.group_driver import GroupDriver
from services.adapters.drivers.pace import Pace
from services.adapters.drivers.plain_driver import kafka_driver
from services.adapters.drivers.watchdog import Limits
from services.adapters.kafka.client import KafkaConnection
from services.domain.instants import SECOND
from services.errors import LogGap, PositionLost, Unavailable
from services.ports import LogRecord
from tests.contracts.ledger import Ledger, Place
from tests.servers.kafka import KafkaCluster

_APPENDED = {"message.timestamp.type": "LogAppendTime"}
_QUICK = Pace(batch=100, idle=0.1, back_off=(0.05, 0.2), commit=0.5)
_SHORT_SESSION = 6.0
"""Seconds; a broker as delivered takes no shorter one."""
_LONG_ENOUGH = 90.0
"""Seconds within which all must have happened, on however busy a machine."""

_KINDS = {"faust": faust_driver, "aiokafka": kafka_driver}


class Bench:
    """A topic or two, a ledger, and drivers that read the one into the other."""

    def __init__(self, kafka: KafkaCluster, folder: Path, kind: str) -> None:
        self.kafka = kafka
        self.kind = kind
        self.name = uuid.uuid4().hex[:12]
        self.topic = f"events.{self.name}"
        self.ledger = self.new_ledger(folder)
        self.barked: list[str] = []
        """What watchdogs would have ended the process for."""
        self.folder = folder

    def new_ledger(self, folder: Path | None = None) -> Ledger:
        """Another process's way to the same ledger."""
        return Ledger((folder or self.folder) / "ledger.db", batch=_QUICK.batch)

    def create(
        self, topic: str | None = None, partitions: int = 1, config: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        """Make a topic as the tracker's are made."""
        topic = topic or self.topic
        self.kafka.create_topic(topic, partitions, config=_APPENDED | dict(config))
        return topic

    def driver(
        self, ledger: Ledger | None = None, *, pace: Pace = _QUICK, limits: Limits | None = None, **membership: Any
    ) -> GroupDriver:
        """A driver that has not begun."""
        given = {"group": f"group.{self.name}", "topics": (self.topic,)} | membership
        return _KINDS[self.kind](
            connection=KafkaConnection(broker=f"kafka://{self.kafka.bootstrap}"),
            membership=Membership(**given),
            processor=ledger or self.ledger,
            pace=pace,
            limits=limits or Limits(),
            end=self.barked.append,
        )

    async def produce(self, values: Iterable[bytes | None], partition: int = 0, topic: str | None = None) -> None:
        """Append to a partition, in order."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap, max_request_size=4 * 1024 * 1024, enable_idempotence=True
        ) as producer:
            sent = [await producer.send(topic or self.topic, value, partition=partition) for value in values]
            await asyncio.gather(*sent)

    def admin(self) -> AdminClient:
        """For what only an operator does."""
        return AdminClient({"bootstrap.servers": self.kafka.bootstrap})


@pytest.fixture(params=list(_KINDS))
def bench(request: pytest.FixtureRequest, kafka: KafkaCluster, tmp_path: Path) -> Iterator[Bench]:
    """A bench for each driver; no watchdog may bark but where a test says so."""
    kafka.needs_real("groups of several members")
    bench = Bench(kafka, tmp_path, request.param)
    yield bench
    assert not bench.barked


@asynccontextmanager
async def running(*drivers: GroupDriver) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Have drivers run, and stop them; what ends one otherwise is raised."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(driver.run(stop)) for driver in drivers]
    try:
        yield tasks
    finally:
        stop.set()
        await asyncio.wait(tasks, timeout=_LONG_ENOUGH)
    for task in tasks:
        assert task.done()
        task.result()


@asynccontextmanager
async def outage(bench: Bench) -> AsyncIterator[None]:
    """The broker is killed, and started again at the end."""
    await asyncio.to_thread(bench.kafka.kill, 0)
    try:
        yield
    finally:
        await asyncio.to_thread(bench.kafka.start, 0)


async def until(condition: Callable[[], object], *tasks: "asyncio.Task[None]") -> None:
    """Wait for a condition; a driver that ends meanwhile ends the wait with what it raises."""
    deadline = time.monotonic() + _LONG_ENOUGH
    while not condition():
        for task in tasks:
            if task.done():
                task.result()
                raise AssertionError("the driver has ended by itself")
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


def numbered(count: int, first: int = 0) -> list[bytes]:
    """So many values, all different."""
    return [b"%d" % number for number in range(first, first + count)]


def in_order(values: Sequence[bytes], first: int = 0) -> list[tuple[int, bytes]]:
    """What a ledger must hold of a partition."""
    return list(enumerate(values, first))


def places_of(ledger: Ledger, since: int = 0) -> set[Place]:
    """The partitions whose records came to a ledger, from a batch on."""
    return {(batch[0].topic, batch[0].partition) for batch in ledger.batches[since:]}


async def write_on_and_on(bench: Bench, partitions: int) -> int:
    """Append to all partitions until cancelled; how many records each has got."""
    written = 0
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka.bootstrap, enable_idempotence=True) as producer:
        try:
            while True:
                for value in numbered(10, written):
                    for partition in range(partitions):
                        await producer.send(bench.topic, value, partition=partition)
                written += 10
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            # What was begun is finished, that all partitions have got the same.
            await producer.flush()
            return written


async def test_everything_in_order_once(bench: Bench) -> None:
    """Every record of every partition of every topic is applied, in its partition's order, in bounded batches."""
    deals = f"deals.{bench.name}"
    bench.create(partitions=3)
    bench.create(deals, partitions=2)
    written = {(bench.topic, each): numbered(700, each) for each in range(3)}
    written |= {(deals, each): numbered(150, each) for each in range(2)}
    for (topic, partition), values in written.items():
        await bench.produce(values, partition, topic)
    async with running(bench.driver(topics=(bench.topic, deals))) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) + bench.ledger.count(deals) == 2400, *tasks)
        await bench.produce(numbered(50, 700), 0)
        await until(lambda: bench.ledger.count(bench.topic) == 2150, *tasks)
    written[bench.topic, 0] += numbered(50, 700)
    for topic, partitions in ((bench.topic, 3), (deals, 2)):
        assert bench.ledger.applied(topic) == {each: in_order(written[topic, each]) for each in range(partitions)}
    assert max(len(batch) for batch in bench.ledger.batches) == _QUICK.batch


async def test_starts_at_the_stored_position(bench: Bench) -> None:
    """Whatever the group has committed to the broker, before the position or after it, it is not read."""
    bench.create(partitions=3)
    for partition in range(3):
        await bench.produce(numbered(60), partition)
    places = [(bench.topic, partition) for partition in range(3)]
    for place, stored in zip(places, (40, 20, 0), strict=True):
        bench.ledger.set_position(place, stored)
    async with AIOKafkaConsumer(
        group_id=f"group.{bench.name}", bootstrap_servers=bench.kafka.bootstrap, enable_auto_commit=False
    ) as consumer:
        consumer.assign([TopicPartition(*place) for place in places])
        await consumer.commit(
            {TopicPartition(*place): committed for place, committed in zip(places, (10, 50, 60), strict=True)}
        )
    async with running(bench.driver()) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 20 + 40 + 60, *tasks)
    assert bench.ledger.applied(bench.topic) == {
        0: in_order(numbered(20, 40), 40),
        1: in_order(numbered(40, 20), 20),
        2: in_order(numbered(60)),
    }


async def test_records_come_as_they_are(bench: Bench) -> None:
    """What nobody can decode is the tracker's business. A missing key or value is an empty one, others stay."""
    bench.create()
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka.bootstrap) as producer:
        for key, value, headers in (
            (None, b"no key", []),
            (b"tombstone", None, []),
            (b"\xff\x00", b"\x00\xff not json", [("crm", b"hubspot"), ("odd", b"\xfe"), ("none", None)]),
            (b"", b"", []),
        ):
            await producer.send_and_wait(bench.topic, value, key, partition=0, headers=headers)
    before = time.time_ns() // 1000
    async with running(bench.driver()) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 4, *tasks)
    records = [record for batch in bench.ledger.batches for record in batch]
    assert [(each.key, each.value) for each in records] == [
        ("", b"no key"),
        ("tombstone", b""),
        ("\\xff\x00", b"\x00\xff not json"),
        ("", b""),
    ]
    assert records[2].headers == {"crm": "hubspot", "odd": "\\xfe", "none": ""}
    assert all(before - 60 * SECOND < each.appended_at < before + 60 * SECOND for each in records)


async def test_waits_while_the_database_is_away(bench: Bench) -> None:
    """The same records are handed in again until they are taken; meanwhile the trouble is told, and reading stops."""
    bench.create(partitions=2)
    for partition in range(2):
        await bench.produce(numbered(1000), partition)
    is_away = True

    def away(*_: object) -> None:
        if is_away:
            raise Unavailable("the database is being moved")

    bench.ledger.on_position = bench.ledger.on_idle = away
    bench.ledger.on_apply = away
    driver = bench.driver()
    async with running(driver) as tasks:
        await until(lambda: len(bench.ledger.positions_asked) > 6, *tasks)
        assert driver.trouble == "the database is being moved"
        bench.ledger.on_position = lambda _place: None
        await until(lambda: len(bench.ledger.batches) > 6, *tasks)
        assert driver.trouble == "the database is being moved"
        assert {batch[0].offset for batch in bench.ledger.batches} == {0}
        assert {len(batch) for batch in bench.ledger.batches} <= {100}
        assert bench.ledger.count(bench.topic) == 0
        is_away = False
        await until(lambda: bench.ledger.count(bench.topic) == 2000, *tasks)
        await until(lambda: driver.trouble is None, *tasks)
        is_away = True
        await until(lambda: driver.trouble == "the database is being moved", *tasks)
        is_away = False
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(1000)) for each in range(2)}


async def test_an_answer_that_was_lost(bench: Bench) -> None:
    """The database went away when all was committed but the answer: the batch is not handed in once more."""
    bench.create()
    await bench.produce(numbered(150))
    apply = bench.ledger.apply
    lost = 0

    def apply_and_lose(records: Sequence[LogRecord], read_at: int) -> None:
        nonlocal lost
        apply(records, read_at)
        lost += 1
        raise Unavailable("no answer came")

    bench.ledger.apply = apply_and_lose  # type: ignore[method-assign]
    async with running(bench.driver()) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 150, *tasks)
    assert lost == len(bench.ledger.batches)
    assert bench.ledger.applied(bench.topic) == {0: in_order(numbered(150))}


async def test_a_fault_ends_it(bench: Bench) -> None:
    """An error that nobody expected is raised by `run`; the next driver goes on where the last commit was."""
    bench.create(partitions=2)
    for partition in range(2):
        await bench.produce(numbered(500), partition)

    def fail(records: Sequence[LogRecord]) -> None:
        if records[0].partition == 1 and records[0].offset >= 200:
            raise ZeroDivisionError("a bug")

    bench.ledger.on_apply = fail
    with pytest.raises(ZeroDivisionError, match="a bug"):
        async with running(bench.driver()) as tasks:
            await until(lambda: False, *tasks)
    assert bench.ledger.applied(bench.topic)[1] == in_order(numbered(200))
    bench.ledger.on_apply = lambda _records: None
    async with running(bench.driver()) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 1000, *tasks)
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(500)) for each in range(2)}


async def test_a_fault_amid_the_stop(bench: Bench) -> None:
    """What goes wrong with the last batches is not lost sight of because we were about to go."""
    bench.create()
    await bench.produce(numbered(10))
    stop, begun = asyncio.Event(), threading.Event()

    def fail(_records: Sequence[LogRecord]) -> None:
        begun.set()
        time.sleep(0.5)
        raise ZeroDivisionError("a bug")

    bench.ledger.on_apply = fail
    task = asyncio.create_task(bench.driver().run(stop))
    await until(begun.is_set, task)
    stop.set()
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await task


async def test_a_fault_of_idle_ends_it(bench: Bench) -> None:
    """What is woken is work as any other."""
    bench.create()

    def fail(_place: Place) -> None:
        raise ZeroDivisionError("a bug")

    bench.ledger.on_idle = fail
    with pytest.raises(ZeroDivisionError, match="a bug"):
        async with running(bench.driver()) as tasks:
            await until(lambda: False, *tasks)


async def test_somebody_else_writes(bench: Bench) -> None:
    """A position that was moved by another while the partition is ours ends the driver, and nothing is written."""
    bench.create()
    await bench.produce(numbered(300))

    def steal(records: Sequence[LogRecord]) -> None:
        if records[0].offset == 100:
            bench.ledger.set_position((bench.topic, 0), 150)

    bench.ledger.on_apply = steal
    with pytest.raises(PositionLost):
        async with running(bench.driver()) as tasks:
            await until(lambda: False, *tasks)
    assert bench.ledger.applied(bench.topic) == {0: in_order(numbered(100))}


async def test_a_log_that_was_cut(bench: Bench) -> None:
    """Records that were deleted before they were applied are a gap, which an operator must know of."""
    bench.create()
    await bench.produce(numbered(100))
    bench.ledger.set_position((bench.topic, 0), 10)
    admin = bench.admin()
    for future in admin.delete_records([AdminPartition(bench.topic, 0, 50)]).values():
        await asyncio.to_thread(future.result, 30)
    with pytest.raises(LogGap, match=rf"{bench.topic}/0: the record at offset 10 is .* begins at 50 "):
        async with running(bench.driver()) as tasks:
            await until(lambda: False, *tasks)
    assert bench.ledger.count(bench.topic) == 0


async def test_a_log_that_is_another(bench: Bench) -> None:
    """A position beyond the end of the log is a gap too: it is not the log that the database belongs to."""
    bench.create()
    await bench.produce(numbered(100))
    bench.ledger.set_position((bench.topic, 0), 500)
    with pytest.raises(LogGap, match=r"the record at offset 500 is the next to apply, .* begins at 0 and ends at 100"):
        async with running(bench.driver()) as tasks:
            await until(lambda: False, *tasks)
    assert bench.ledger.count(bench.topic) == 0


async def test_idle_at_the_end(bench: Bench) -> None:
    """A partition that is read to its end is looked after, up to an instant that rises and is never ahead of reading.

    That nothing comes which is older than what was said to be read, and that it never goes back, the ledger checks.
    """
    bench.create(partitions=2)
    await bench.produce(numbered(10))
    async with running(bench.driver()) as tasks:
        for number in range(5):
            seen = len(bench.ledger.idled)
            await until(lambda: len(bench.ledger.idled) > seen + 8, *tasks)  # noqa: B023 - waited for at once
            assert all(at <= time.time_ns() // 1000 - SECOND for place, at in bench.ledger.idled if place[1] == 1)
            await bench.produce(numbered(1, 10 + number))
        await until(lambda: bench.ledger.count(bench.topic) == 15, *tasks)
        told = dict(bench.ledger.told)
        await until(lambda: all(bench.ledger.told[place] > at + SECOND for place, at in told.items()), *tasks)
    assert {place for place, _ in bench.ledger.idled} == {(bench.topic, 0), (bench.topic, 1)}


async def test_idle_again_at_once(bench: Bench) -> None:
    """While there is more to wake there is no pause; and records are not kept waiting by it."""
    bench.create()
    bench.ledger.on_idle = lambda _place: len(bench.ledger.idled) < 500 or None
    async with running(bench.driver(pace=replace(_QUICK, idle=3600))) as tasks:
        await until(lambda: len(bench.ledger.idled) == 500, *tasks)
        await asyncio.sleep(0.2)
        assert len(bench.ledger.idled) == 500
        await bench.produce(numbered(5))
        await until(lambda: bench.ledger.count(bench.topic) == 5, *tasks)


async def test_not_idle_while_there_are_records(bench: Bench) -> None:
    """Nothing is woken while a proof may lie unread."""
    bench.create()
    await bench.produce(numbered(1000))
    seen: list[int] = []
    bench.ledger.on_idle = lambda _place: seen.append(bench.ledger.read_position((bench.topic, 0)))
    bench.ledger.on_apply = lambda _records: time.sleep(0.02)
    async with running(bench.driver(pace=replace(_QUICK, idle=0.001))) as tasks:
        await until(lambda: seen, *tasks)
    assert seen[0] == 1000


async def test_two_share_and_one_takes_over(bench: Bench) -> None:
    """Partitions are shared out over a group, and move to who is left when one stops, amid all the reading."""
    bench.create(partitions=4)
    ledgers = [bench.ledger, bench.new_ledger()]
    drivers = [bench.driver(ledger) for ledger in ledgers]
    writing = asyncio.create_task(write_on_and_on(bench, partitions=4))
    try:
        async with running(drivers[0]) as first:
            await until(lambda: bench.ledger.count(bench.topic) > 100, *first)
            async with running(drivers[1]) as second:
                await until(lambda: len(places_of(ledgers[1])) == 2, *first, *second)
                since = [len(ledger.batches) for ledger in ledgers]
                await until(
                    lambda: all(len(places_of(ledger, at)) == 2 for ledger, at in zip(ledgers, since, strict=True)),
                    *first,
                )
                assert places_of(ledgers[0], since[0]).isdisjoint(places_of(ledgers[1], since[1]))
            since = [len(ledger.batches) for ledger in ledgers]
            await until(lambda: len(places_of(ledgers[0], since[0])) == 4, *first)
            assert len(ledgers[1].batches) == since[1]
            writing.cancel()
            written = await writing
            await until(lambda: bench.ledger.count(bench.topic) == 4 * written, *first)
    finally:
        writing.cancel()
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(written)) for each in range(4)}


async def test_both_kinds_in_one_group(bench: Bench) -> None:
    """A group may be moved from one driver to the other, process by process."""
    bench.create(partitions=4)
    other = Bench(bench.kafka, bench.folder, next(kind for kind in _KINDS if kind != bench.kind))
    ledger = bench.new_ledger()
    async with running(bench.driver()) as first:
        await until(lambda: len(set(bench.ledger.positions_asked)) == 4, *first)
        async with running(other.driver(ledger, group=f"group.{bench.name}", topics=(bench.topic,))) as second:
            await until(lambda: len(set(ledger.positions_asked)) == 2, *first, *second)
            for partition in range(4):
                await bench.produce(numbered(30), partition)
            await until(lambda: bench.ledger.count(bench.topic) == 120, *first, *second)
        assert len(places_of(bench.ledger)) == len(places_of(ledger)) == 2
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(30)) for each in range(4)}


async def test_a_slow_batch_keeps_its_membership(bench: Bench) -> None:
    """A batch that takes longer than a session loses nothing: heartbeats go on meanwhile."""
    bench.create()
    await bench.produce(numbered(150))
    bench.ledger.on_apply = lambda records: time.sleep(1.3 * _SHORT_SESSION) if records[0].offset == 0 else None
    async with running(bench.driver(session=_SHORT_SESSION)) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 150, *tasks)
    assert bench.ledger.positions_asked == [(bench.topic, 0)]
    assert bench.ledger.applied(bench.topic) == {0: in_order(numbered(150))}


@pytest.mark.parametrize("patience", [20.0, 0.2], ids=["waited for", "not waited for"])
async def test_partitions_move_amid_a_slow_batch(bench: Bench, patience: float) -> None:
    """A batch in work when partitions are taken away is finished, or comes to nothing if that takes too long.

    In neither case anything is lost or doubled, nor does the driver end by it; nor do two calls for one partition
    overlap, as the ledger checks, even where it comes back while the batch is still in work.
    """
    bench.create(partitions=3)
    for partition in range(3):
        await bench.produce(numbered(400), partition)
    other = bench.new_ledger()
    pace = replace(_QUICK, revoke=patience)
    is_slow = threading.Event()

    def be_slow(records: Sequence[LogRecord]) -> None:
        if records[0].offset == 100:
            is_slow.set()
            time.sleep(2.0)

    bench.ledger.on_apply = be_slow
    async with running(bench.driver(pace=pace)) as first:
        await until(is_slow.is_set, *first)
        async with running(bench.driver(other, pace=pace)) as second:
            await until(lambda: bench.ledger.count(bench.topic) == 1200, *first, *second)
            await until(lambda: other.positions_asked, *first, *second)
            await asyncio.sleep(2.5)  # until a batch that was not waited for has come to its end
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(400)) for each in range(3)}


async def test_a_spare(bench: Bench) -> None:
    """A driver beyond the number of partitions is well, is not taken for one that hangs, and takes over when needed."""
    bench.create()
    limits = Limits(unjoined=4.0, unplaced=4.0, stuck=4.0)
    ledgers = [bench.ledger, bench.new_ledger()]
    drivers = [bench.driver(ledger, limits=limits) for ledger in ledgers]
    stops = [asyncio.Event(), asyncio.Event()]
    tasks = [asyncio.create_task(driver.run(stop)) for driver, stop in zip(drivers, stops, strict=True)]
    try:
        await until(lambda: sorted(len(driver.lag()) for driver in drivers) == [0, 1], *tasks)
        await until(lambda: all(driver.trouble is None for driver in drivers), *tasks)
        await asyncio.sleep(5.0)
        spare = next(number for number, driver in enumerate(drivers) if not driver.lag())
        assert [driver.trouble for driver in drivers] == [None, None]
        stops[1 - spare].set()
        await bench.produce(numbered(10))
        await until(lambda: bench.ledger.count(bench.topic) == 10, tasks[spare])
        await until(lambda: drivers[spare].trouble is None, tasks[spare])
    finally:
        for stop in stops:
            stop.set()
        await asyncio.wait(tasks)
    assert [task.exception() for task in tasks] == [None, None]


async def test_stops_amid_work(bench: Bench) -> None:
    """It finishes the batches in work, begins no others, and leaves the group."""
    bench.create(partitions=2)
    for partition in range(2):
        await bench.produce(numbered(2000), partition)
    bench.ledger.on_apply = lambda _records: time.sleep(0.3)
    driver = bench.driver()
    async with running(driver) as tasks:
        await until(lambda: len(bench.ledger.batches) >= 4, *tasks)
    begun = len(bench.ledger.batches)
    assert sum(len(batch) for batch in bench.ledger.batches) == bench.ledger.count(bench.topic) < 4000
    assert driver.trouble == "the driver is not running"
    await asyncio.sleep(0.5)
    assert len(bench.ledger.batches) == begun
    admin = bench.admin()
    group = f"group.{bench.name}"
    found = await asyncio.to_thread(admin.describe_consumer_groups([group])[group].result, 30)
    assert found.members == []
    bench.ledger.on_apply = lambda _records: None
    async with running(bench.driver()) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 4000, *tasks)
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(2000)) for each in range(2)}


def _wait_for(event: threading.Event) -> Callable[[object], None]:
    def wait(_records: object) -> None:
        event.wait(_LONG_ENOUGH)

    return wait


async def test_a_batch_that_does_not_end(bench: Bench) -> None:
    """A stop that cannot finish what is in work says so; it does not wait for ever."""
    bench.create()
    await bench.produce(numbered(10))
    hold = threading.Event()
    bench.ledger.on_apply = _wait_for(hold)
    try:
        with pytest.raises(TimeoutError, match=rf"still in work 1 s after the stop: {bench.topic}/0"):
            async with running(bench.driver(pace=replace(_QUICK, finish=1.0))) as tasks:
                await until(lambda: bench.ledger.batches, *tasks)
    finally:
        hold.set()
    await until(lambda: bench.ledger.count(bench.topic) == 10)


async def test_the_broker_is_away(bench: Bench) -> None:
    """An outage of the broker is waited out, from the start or amid the reading, and told; then it goes on.

    A stop meanwhile cannot be told the group, and does not wait for it.
    """
    bench.create(partitions=2)
    for partition in range(2):
        await bench.produce(numbered(300), partition)
    driver = bench.driver()
    async with running(driver) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 600, *tasks)
        async with outage(bench):
            await until(lambda: "Kafka cannot be reached" in (driver.trouble or ""), *tasks)
        await until(lambda: driver.trouble is None, *tasks)
        for partition in range(2):
            await bench.produce(numbered(300, 300), partition)
        await until(lambda: bench.ledger.count(bench.topic) == 1200, *tasks)
    async with contextlib.AsyncExitStack() as left:
        async with outage(bench):
            async with running(driver) as tasks:
                await until(lambda: "Kafka cannot be reached" in (driver.trouble or ""), *tasks)
            tasks = await left.enter_async_context(running(driver))
            await until(lambda: "Kafka cannot be reached" in (driver.trouble or ""), *tasks)
        for partition in range(2):
            await bench.produce(numbered(300, 600), partition)
        await until(lambda: bench.ledger.count(bench.topic) == 1800, *tasks)
        await until(lambda: driver.trouble is None, *tasks)
    assert bench.ledger.applied(bench.topic) == {each: in_order(numbered(900)) for each in range(2)}


async def test_stops_while_the_broker_is_silent(bench: Bench) -> None:
    """A broker that takes what it is told and answers nothing does not keep a driver from ending."""
    bench.create()
    await bench.produce(numbered(10))
    await asyncio.to_thread(bench.kafka.leader, bench.topic, 0)
    try:
        async with running(bench.driver(pace=replace(_QUICK, leave=1.0))) as tasks:
            await until(lambda: bench.ledger.idled, *tasks)
            await asyncio.to_thread(bench.kafka.pause, 0)
    finally:
        await asyncio.to_thread(bench.kafka.resume, 0)
    assert bench.ledger.count(bench.topic) == 10


async def test_large_records(bench: Bench) -> None:
    """A webhook may hold 2 MiB; it is read, with small ones around it, and no more is held than told."""
    bench.create(config={"max.message.bytes": str(3 * 1024 * 1024)})
    sizes = [1, 2 * 1024 * 1024, 5, *[700_000] * 20, 2 * 1024 * 1024, 1]
    await bench.produce(os.urandom(size) for size in sizes)
    async with running(bench.driver(pace=replace(_QUICK, held_bytes=1_000_000))) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == len(sizes), *tasks)
    assert [len(value) for _, value in bench.ledger.applied(bench.topic)[0]] == sizes
    # What is held and what came last in one response of the broker, which is a mebibyte or one record.
    assert max(sum(len(each.value) for each in batch) for batch in bench.ledger.batches) < 1_000_000 + 2 * 1024 * 1024


async def test_lag(bench: Bench) -> None:
    """How much is left of each partition is told, also while it cannot be applied."""
    bench.create(partitions=2)
    await bench.produce(numbered(250))
    is_held = True

    def hold(records: Sequence[LogRecord]) -> None:
        if is_held and records[0].offset >= 100:
            raise Unavailable("held")

    bench.ledger.on_apply = hold
    driver = bench.driver()
    assert driver.lag() == {}
    async with running(driver) as tasks:
        await until(lambda: driver.lag() == {(bench.topic, 0): 150, (bench.topic, 1): 0}, *tasks)
        is_held = False
        await until(lambda: driver.lag() == {(bench.topic, 0): 0, (bench.topic, 1): 0}, *tasks)
    assert driver.lag() == {}


async def test_tells_the_broker_how_far_it_is(bench: Bench) -> None:
    """For tools that show lag the position is committed to the group: when it is stored, never before."""
    bench.create()
    await bench.produce(numbered(250))
    is_held = True

    def hold(records: Sequence[LogRecord]) -> None:
        if is_held and records[0].offset >= 100:
            raise Unavailable("held")

    bench.ledger.on_apply = hold
    async with (
        running(bench.driver()) as tasks,
        AIOKafkaConsumer(
            group_id=f"group.{bench.name}", bootstrap_servers=bench.kafka.bootstrap, enable_auto_commit=False
        ) as group,
    ):

        async def committed() -> int | None:
            offset: int | None = await group.committed(TopicPartition(bench.topic, 0))
            assert offset is None or offset <= bench.ledger.read_position((bench.topic, 0))
            return offset

        while await committed() != 100:
            await until(lambda: True, *tasks)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)
        assert await committed() == 100
        is_held = False
        while await committed() != 250:
            await until(lambda: True, *tasks)
            await asyncio.sleep(0.1)


async def test_a_member_of_a_name(bench: Bench) -> None:
    """What comes back under its name within a session goes on with its partitions; the others are left in peace."""
    bench.create(partitions=4)
    ledgers = [bench.ledger, bench.new_ledger()]
    async with running(bench.driver(ledgers[0], member="a", session=60.0)) as first:
        await until(lambda: len(set(ledgers[0].positions_asked)) == 4, *first)
        async with running(bench.driver(ledgers[1], member="b", session=60.0)) as second:
            await until(lambda: len(set(ledgers[1].positions_asked)) == 2, *first, *second)
            await until(lambda: len({place for place, _ in ledgers[1].idled}) == 2, *first, *second)
        asked = [list(ledger.positions_asked) for ledger in ledgers]
        mine = set(asked[1][-2:])
        for place in mine:
            await bench.produce(numbered(10), place[1])
        async with running(bench.driver(ledgers[1], member="b", session=60.0)) as second:
            await until(lambda: bench.ledger.count(bench.topic) == 20, *first, *second)
        assert set(ledgers[1].positions_asked[len(asked[1]) :]) == mine
        assert ledgers[0].positions_asked == asked[0]


async def test_leaves_the_process_alone(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs within our loop: it opens no port, writes no file, and takes over neither signals, logs nor stdout."""
    bench.create()
    await bench.produce(numbered(10))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEB_ENABLED", "1")
    monkeypatch.setenv("APP_DATADIR", str(tmp_path / "data"))
    root = logging.getLogger()
    threads = {thread.name for thread in threading.enumerate()}
    before = (sys.stdout, sys.stderr, root.level, list(root.handlers), signals(), listening())
    for _ in range(3):
        ledger = bench.new_ledger()
        async with running(bench.driver(ledger)) as tasks:
            await until(lambda: ledger.idled, *tasks)  # noqa: B023 - waited for at once
            assert (sys.stdout, sys.stderr, root.level, list(root.handlers), signals(), listening()) == before
    assert bench.ledger.count(bench.topic) == 10
    assert {name.partition("-")[0] for name in os.listdir(tmp_path)} == {"ledger.db"}
    await until(lambda: {thread.name for thread in threading.enumerate()} <= threads)


def signals() -> list[object]:
    """Who handles each signal."""
    return [signal.getsignal(number) for number in signal.valid_signals()]


def listening() -> set[str]:
    """The sockets of this process on which it waits for connections (Linux)."""
    if not Path("/proc/self/net/tcp").exists():
        pytest.skip("there is no /proc to see open ports in")
    sockets = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(str(file.readlink()))
    rows = [
        row.split() for name in ("tcp", "tcp6") for row in Path("/proc/self/net", name).read_text().splitlines()[1:]
    ]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


async def test_a_topic_that_is_not_there(bench: Bench) -> None:
    """It is told, the others are read meanwhile, and it is read as soon as it is made."""
    bench.create()
    await bench.produce(numbered(10))
    later = f"later.{bench.name}"
    driver = bench.driver(topics=(bench.topic, later))
    async with running(driver) as tasks:
        await until(lambda: bench.ledger.count(bench.topic) == 10, *tasks)
        await until(lambda: driver.trouble == f"Kafka has no topic {later}", *tasks)
        bench.create(later)
        await bench.produce(numbered(10), topic=later)
        await until(lambda: bench.ledger.count(later) == 10, *tasks)
        await until(lambda: driver.trouble is None, *tasks)


async def test_a_hole_in_the_log(bench: Bench) -> None:
    """An offset without a record is one that was lost: our topics are neither compacted nor written in transactions.

    Here the end of a transaction takes an offset.
    """
    bench.create()
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka.bootstrap, transactional_id=bench.name) as producer:
        for first in (0, 5):
            async with producer.transaction():
                for value in numbered(5, first):
                    await producer.send(bench.topic, value, partition=0)
    with pytest.raises(LogGap, match=rf"{bench.topic}/0: the record at offset 5 is .* begins at 0 and ends at 12"):
        async with running(bench.driver()) as tasks:
            await until(lambda: False, *tasks)
    assert bench.ledger.applied(bench.topic) == {0: in_order(numbered(5))}
