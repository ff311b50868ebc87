"""A deployment of its own for each test: topics and tables of one must not be another's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distributed.deployment import Deployment, deployed
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres


@pytest.fixture
def deployment(tmp_path: Path, postgres: Postgres) -> Iterator[Deployment]:
    """On one node of Kafka, with topics and tables, and no service yet."""
    with KafkaCluster(tmp_path / "kafka") as kafka, deployed(tmp_path, kafka, postgres) as deployment:
        yield deployment
