"""The implementations that every contract is tried on: a line for each."""

from collections.abc import Iterator

import pytest

from services.adapters.sql.database import Database, open_database
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.store import SqlStore
from services.adapters.sql.views import SqlViews
from services.outgoing import Outbox
from services.views import Views
from tests.contracts.rows import opened
from tests.databases import EVERY, url_of


@pytest.fixture(params=EVERY)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh database."""
    database = open_database(url_of(request.param, request))
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqlStore:
    """A store, and with it what keeps the charters."""
    return opened(database)


@pytest.fixture
def views(database: Database) -> Views:
    """What reads the same database."""
    return SqlViews(database)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    """The outbox in the same database."""
    return SqlOutbox(database)
