"""The databases that the SQL store is tried on, each empty and with the newest tables."""

from pathlib import Path

import pytest
from sqlalchemy import insert, text

from services.adapters.database import open_database
from services.adapters.tables import METADATA, meta

MEMORY, FILE, POSTGRES = "memory", "file", "postgres"
EVERY = (MEMORY, FILE, POSTGRES)


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database of this kind that is this test's own while it runs."""
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
