"""The databases that the SQL store is tried on."""

from pathlib import Path

import pytest
from sqlalchemy import insert, text

from services.adapters.database import open_database
from services.adapters.tables import METADATA, meta
from tests.servers.postgres import Postgres

MEMORY, FILE, POSTGRES = "memory", "file", "postgres"
EVERY = (MEMORY, FILE, POSTGRES)


def new_url(kind: str, request: pytest.FixtureRequest, name: str = "baton") -> str:
    """The URL of a database of this kind without any tables."""
    if kind == FILE:
        folder: Path = request.getfixturevalue("tmp_path")
        return f"sqlite:///{folder / name}.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh_database()


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database of this kind, its newest tables empty, that is the test's own while it runs."""
    match kind:
        case "memory":
            return "sqlite://"
        case "file":
            folder: Path = request.getfixturevalue("tmp_path")
            return f"sqlite:///{folder / 'baton.db'}"
        case _:
            url: str = request.getfixturevalue("postgres_tables")
            empty(url)
            return url


def empty(url: str) -> None:
    """Bring the tables back to what they are after a migration: that takes less than making them anew."""
    names = ", ".join(METADATA.tables)
    database = open_database(url)
    with database.writing() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        connection.execute(insert(meta), [{"name": name, "value": 0} for name in ("changes", "charters")])
    database.close()
