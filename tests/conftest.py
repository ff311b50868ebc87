"""The real servers that tests share; each test takes topics, groups and databases of its own."""

from collections.abc import Iterator

import pytest

from services.adapters.database import migrate
from tests.servers import kafka_java
from tests.servers import postgres as pg
from tests.servers.kafka import KafkaCluster
from tests.servers.postgres import Postgres

_STOOD_IN = pytest.StashKey[bool]()
"""Whether a test had the mock cluster for Apache Kafka."""


def pytest_report_header() -> list[str]:
    """Name what the fixtures below will start."""
    return [f"kafka: {_kafka()}", f"postgres: {pg.lacking() or f'PostgreSQL {pg.MAJOR}'}"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say at the end too that tests passed without Apache Kafka: `pytest -q` shows no header."""
    if _STOOD_IN in config.stash:
        terminalreporter.write_line(f"Kafka was {_kafka()}")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[KafkaCluster]:
    """One Kafka node for all tests; a test that ends it starts it again."""
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        if not cluster.is_real:
            pytestconfig.stash[_STOOD_IN] = True
        yield cluster


@pytest.fixture(scope="module")
def kafka3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three Kafka nodes for the tests of a file; a test that ends one starts it again."""
    with KafkaCluster(tmp_path_factory.mktemp("kafka3"), nodes=3) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL for all tests; a test that ends it starts it again."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_tables(postgres: Postgres) -> str:
    """The URL of a database with the newest tables; see `tests.databases` for who empties them."""
    url = postgres.fresh_database()
    migrate(url)
    return url


def _kafka() -> str:
    why = kafka_java.lacking()
    return f"librdkafka's mock cluster, since {why}" if why else f"Apache Kafka {kafka_java.version()}"
