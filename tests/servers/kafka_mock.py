"""librdkafka's mock cluster, which comes inside the wheel of confluent-kafka and needs no Java.

It speaks Kafka's protocol from memory: one member per group, no settings of topics, nothing kept on disk.
"""

import ctypes
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

_PRODUCER = 0
"""`RD_KAFKA_PRODUCER`: the cluster hangs on a client, of whatever kind."""
_ERROR_BYTES = 512

_HELD_BY_NATURE = {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime"}
"""Settings of a topic that the mock has without being told, with the value it has."""
_WITHOUT_EFFECT = frozenset({"retention.ms", "retention.bytes"})
"""Settings that make no difference within a test."""


class MockBrokers:
    """Brokers in threads of librdkafka inside this process. Nodes are counted from 0, as those of a real cluster."""

    is_real = False

    def __init__(self, *, nodes: int) -> None:
        self._library = _library()
        self._nodes = nodes
        self._client: int | None = None
        self._cluster: int | None = None

    def open(self) -> None:
        """Start them; returns when they listen."""
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        settings = self._library.rd_kafka_conf_new()
        self._client = self._library.rd_kafka_new(_PRODUCER, settings, error, _ERROR_BYTES)
        if not self._client:
            raise RuntimeError(f"librdkafka made no client: {error.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, self._nodes)
        if not self._cluster:
            raise RuntimeError("librdkafka made no mock cluster")
        self.addresses: list[str] = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode().split(",")

    def close(self) -> None:
        """End them."""
        if self._cluster is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        if self._client is not None:
            self._library.rd_kafka_destroy(self._client)

    def create_topic(
        self, name: str, partitions: int, replicas: int, config: Mapping[str, str], *, client: AdminClient
    ) -> None:
        """Make a topic, not by the client: the mock has no such request. Skips a test that wants settings it lacks."""
        del client
        for setting, value in config.items():
            if setting not in _WITHOUT_EFFECT and _HELD_BY_NATURE.get(setting) != value:
                pytest.skip(f"librdkafka's mock cluster has no topics with {setting}={value}")
        self._check(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, replicas))

    def kill(self, node: int) -> None:
        """Close its connections and refuse new ones. What it holds stays in memory."""
        self._check(self._library.rd_kafka_mock_broker_set_down(self._cluster, node + 1))

    def start(self, node: int) -> None:
        """Accept connections again."""
        self._check(self._library.rd_kafka_mock_broker_set_up(self._cluster, node + 1))

    def stop(self, node: int) -> None:
        """The same as killing it: it has nothing to put in order."""
        self.kill(node)

    def pause(self, node: int) -> None:
        """Skip the test: its threads are those of this process."""
        pytest.skip(f"node {node} of librdkafka's mock cluster cannot be paused")

    def resume(self, node: int) -> None:
        """Skip the test, as `pause` does."""
        self.pause(node)

    def check(self, node: int) -> None:
        """It cannot end by itself."""

    def node_of(self, broker: int) -> int:
        """The node that clients know by this id: librdkafka counts from 1. None is -1 to both."""
        return max(broker - 1, -1)

    def push_errors(self, api: int, errors: Sequence[int]) -> None:
        """Answer the next requests of an API (its number in Kafka's protocol) with these error codes, in turn."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(errors), codes)

    def _check(self, code: int) -> None:
        if code:
            raise RuntimeError(f"librdkafka's mock cluster: {self._library.rd_kafka_err2str(code).decode()}")


def lacking() -> str | None:
    """Why there is no mock cluster, if there is none."""
    return None if _library_file() else "the wheel of confluent-kafka is not installed, or has no librdkafka inside"


def _library_file() -> Path | None:
    found = importlib.util.find_spec("confluent_kafka")
    if found is None or found.origin is None:
        return None
    package = Path(found.origin).parent
    bundled = [*package.parent.glob("confluent_kafka.libs/librdkafka*"), *package.glob(".dylibs/librdkafka*")]
    return bundled[0] if bundled else None


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_library_file()))
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_new": (pointer, [integer, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [integer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, integer]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (integer, [pointer, text, integer, integer]),
        "rd_kafka_mock_broker_set_down": (integer, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (integer, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_push_request_errors_array": (
            None,
            [pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(integer)],
        ),
    }
    for name, (result, arguments) in signatures.items():
        function: Callable[..., Any] = getattr(library, name)
        function.restype, function.argtypes = result, arguments  # type: ignore[attr-defined]
    return library
