"""Which errors of aiokafka mean that Kafka is away for now, and the reason in words; others are faults in Baton."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    RecordListTooLargeError,
    UnknownProducerId,
)

from services.errors import Unavailable

NAME = "Kafka"

AWAY = (KafkaError, OSError, TimeoutError)
"""Whatever Kafka answers but for what is named below, an operator can mend: a broker down, a wrong password, a right
that is missing. Until then nothing may be lost, so that a refusal is an outage too."""
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""Of AWAY, what a broker says of one record for good, as long as its topic has the settings that it has."""
STALE = (
    OutOfOrderSequenceNumber,
    UnknownProducerId,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    ProducerFenced,
    ProducerClosed,
)
"""Of AWAY, what ends an idempotent producer, while another one can send the same record."""


@contextmanager
def kafka_outages() -> Iterator[None]:
    """Raise Unavailable where the block fails because Kafka is away or refuses; other errors pass."""
    try:
        yield
    except AWAY as error:
        raise Unavailable(reason(error)) from error


def reason(error: BaseException) -> str:
    """What went wrong, in one line."""
    return f"{NAME}: {_words(error)}"


async def reach(options: Mapping[str, Any], *, request_timeout_ms: int) -> None:
    """Connect to one of the brokers, and sign in. Raises Unavailable with what each of them said.

    `options` are `KafkaConnection.client_options()`. What aiokafka's clients raise themselves, when they reach no
    broker, is only that: the reason goes to their log.
    """
    servers = collect_hosts(options["bootstrap_servers"])
    how = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    reasons = []
    for host, port, _family in servers:
        try:
            reached = await create_conn(host, port, request_timeout_ms=request_timeout_ms, **how)
        except AWAY as error:
            reasons.append(f"{host}:{port}: {_words(error)}")
        else:
            await reached.close()
            return
    raise Unavailable(f"{NAME}: {'; '.join(reasons)}")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)
    return " ".join(str(error).split()) or type(error).__name__
