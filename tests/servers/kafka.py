"""A Kafka cluster for tests: Apache Kafka where Java and its jars are, else librdkafka's mock cluster."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.servers import kafka_java, kafka_mock
from tests.servers.kafka_java import JavaBrokers
from tests.servers.kafka_mock import MockBrokers
from tests.shared_data import DEMAND_ALL

T = TypeVar("T")

_AS_DELIVERED: Mapping[str, str] = MappingProxyType({})
_WAIT_SECONDS = 60
"""For a start or an election; each takes a few seconds on an idle machine."""
_ANSWER_SECONDS = 2
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class _Picture:
    """What a node tells clients: the nodes that they may use, and which leads each partition (-1: none)."""

    nodes: frozenset[int]
    leaders: Mapping[tuple[str, int], int]


class KafkaCluster:
    """A cluster on 127.0.0.1, used as a context; leaving it ends every process and removes the data.

    Calls block until what they say is so, a start for seconds: from a coroutine use `asyncio.to_thread`.
    """

    def __init__(self, folder: Path, nodes: int = 1, *, mock: bool = False, java_options: Sequence[str] = ()) -> None:
        """A cluster of so many nodes, counted from 0, with its files below `folder`; of the mock, if that is wanted.

        Skips the test where it cannot be had; fails it instead when BATON_TEST_DEMAND_ALL is set.
        """
        self._brokers = _mock(nodes) if mock else _real(folder, nodes, java_options) or _stand_in(nodes)
        self._running: set[int] = set()

    def __enter__(self) -> Self:
        try:
            self._brokers.open()
            for node in range(len(self._brokers.addresses)):
                self._wait_until_it_answers(node)
        except BaseException:
            self._brokers.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._brokers.close()

    @property
    def is_real(self) -> bool:
        """Whether this is Apache Kafka, not the mock."""
        return self._brokers.is_real

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, whether they run or not: "127.0.0.1:p1,127.0.0.1:p2"."""
        return ",".join(self._brokers.addresses)

    def needs_real(self, what: str) -> None:
        """Skip the test if this is the mock, which has no such thing."""
        if not self.is_real:
            pytest.skip(f"librdkafka's mock cluster has no {what}; {kafka_java.lacking()}")

    def create_topic(
        self, name: str, partitions: int = 1, replicas: int = 1, config: Mapping[str, str] = _AS_DELIVERED
    ) -> None:
        """Make a topic; returns when every running node knows a leader of each of its partitions."""
        client = _client(self._running_addresses())
        self._brokers.create_topic(name, partitions, replicas, config, client=client)
        for node in self._running:
            self._wait(f"node {node} to know all of {name}", partial(self._knows, node, name, partitions))

    def leader(self, topic: str, partition: int) -> int:
        """The node that leads a partition, once the running ones agree on one of them: a kill takes an election."""
        return self._wait(f"{topic}/{partition} to have a leader", lambda: self._leader(topic, partition))

    def kill(self, node: int) -> None:
        """SIGKILL a node."""
        self._leave(node)
        self._brokers.kill(node)

    def stop(self, node: int) -> None:
        """SIGTERM a node; returns when it has ended."""
        self._leave(node)
        self._brokers.stop(node)

    def start(self, node: int) -> None:
        """Start a node that was killed or stopped, on its ports and data; returns when clients can use it."""
        if node in self._running:
            raise ValueError(f"node {node} runs already")
        self._brokers.start(node)
        self._wait_until_it_answers(node)

    def pause(self, node: int) -> None:
        """SIGSTOP a node: its connections stay, and it answers nothing."""
        self._leave(node)
        self._brokers.pause(node)

    def resume(self, node: int) -> None:
        """SIGCONT a node that was paused; returns when clients can use it."""
        self._brokers.resume(node)
        self._wait_until_it_answers(node)

    def push_errors(self, api: int, errors: Sequence[int]) -> None:
        """Of the mock alone: answer the next requests of an API (its number in Kafka's protocol) with these errors."""
        if isinstance(self._brokers, JavaBrokers):
            raise TypeError("Apache Kafka does not err on demand: make the cluster with mock=True")
        self._brokers.push_errors(api, errors)

    def _leave(self, node: int) -> None:
        if node not in self._running:
            raise ValueError(f"node {node} does not run")
        self._running.remove(node)

    def _running_addresses(self) -> str:
        return ",".join(self._brokers.addresses[node] for node in self._running)

    def _wait_until_it_answers(self, node: int) -> None:
        self._wait(f"node {node} to know what the others know", lambda: self._is_one_of_us(node))
        self._running.add(node)

    def _is_one_of_us(self, node: int) -> bool:
        """Whether a node is in the cluster and sees it as the others do, not as it was when the node was last there."""
        self._brokers.check(node)
        pictures = [self._picture(each) for each in self._running | {node}]
        return node in pictures[0].nodes and all(picture == pictures[0] for picture in pictures)

    def _knows(self, node: int, topic: str, partitions: int) -> bool:
        leaders = self._picture(node).leaders
        return all(leaders.get((topic, partition), -1) >= 0 for partition in range(partitions))

    def _leader(self, topic: str, partition: int) -> int | None:
        leaders = {self._picture(node).leaders.get((topic, partition)) for node in self._running}
        return next(iter(leaders & self._running), None) if len(leaders) == 1 else None

    def _picture(self, node: int) -> _Picture:
        metadata = _client(self._brokers.addresses[node]).list_topics(timeout=_ANSWER_SECONDS)
        return _Picture(
            nodes=frozenset(map(self._brokers.node_of, metadata.brokers)),
            leaders={
                (name, number): self._brokers.node_of(partition.leader)
                for name, topic in metadata.topics.items()
                for number, partition in topic.partitions.items()
            },
        )

    @staticmethod
    def _wait(what: str, ask: Callable[[], T | None]) -> T:
        """The first answer but None and False; a broker that cannot be reached is asked again."""
        deadline = time.monotonic() + _WAIT_SECONDS
        why = "it was not so"
        while time.monotonic() < deadline:
            try:
                answer = ask()
            except KafkaException as error:
                answer, why = None, str(error)
            if answer is not None and answer is not False:
                return answer
            time.sleep(_PAUSE_SECONDS)
        raise TimeoutError(f"waited {_WAIT_SECONDS} s for {what}: {why}")


def _real(folder: Path, nodes: int, java_options: Sequence[str]) -> JavaBrokers | None:
    why = kafka_java.lacking()
    if why is None:
        return JavaBrokers(folder=folder, nodes=nodes, java_options=java_options)
    if DEMAND_ALL:
        pytest.fail(f"Apache Kafka is demanded: {why}")
    return None


def _stand_in(nodes: int) -> MockBrokers:
    if nodes > 1:
        pytest.skip(f"librdkafka's mock cluster has no groups over several nodes; {kafka_java.lacking()}")
    return _mock(nodes)


def _mock(nodes: int) -> MockBrokers:
    if (why := kafka_mock.lacking()) is not None:
        (pytest.fail if DEMAND_ALL else pytest.skip)(why)
    return MockBrokers(nodes=nodes)


def _client(addresses: str) -> AdminClient:
    """A client that finds a broker soon after it is there, and keeps quiet while it is away."""
    return AdminClient(
        {
            "bootstrap.servers": addresses,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,
        }
    )
