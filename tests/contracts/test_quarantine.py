"""The contract of `services.ports.Quarantine`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.adapters.sqlite.quarantine import MOST_BYTES, MOST_REQUESTS, SqliteQuarantine
from services.ports import HeldRequest

REQUEST = HeldRequest(
    id="1",
    crm="hubspot",
    method="POST",
    target="/hooks/hubspot?a=ż",
    headers={"x-hubspot-signature-v3": "c2lnbmF0dXJl"},
    body=b"\x00\xff[]",
    received_at=9,
    why="the signature is another one",
)


@pytest.fixture
def quarantine(tmp_path: Path) -> Iterator[SqliteQuarantine]:
    """A small one."""
    quarantine = SqliteQuarantine(tmp_path / "quarantine.db", most_requests=3, most_bytes=1_000)
    yield quarantine
    quarantine.close()


def ids(quarantine: SqliteQuarantine) -> list[str]:
    """What is held, oldest first."""
    return [each.id for each in quarantine.held()]


def test_kept_as_it_came(quarantine: SqliteQuarantine) -> None:
    """A request is kept byte for byte."""
    quarantine.keep(REQUEST)
    assert quarantine.held() == [REQUEST]


def test_replaced(quarantine: SqliteQuarantine) -> None:
    """A request with the same id takes the place of the other."""
    quarantine.keep(REQUEST)
    quarantine.keep(replace(REQUEST, why="it is too old"))
    assert quarantine.held() == [replace(REQUEST, why="it is too old")]


def test_dropped(quarantine: SqliteQuarantine) -> None:
    """A dropped request is gone; dropping one that is not there is no error."""
    quarantine.keep(REQUEST)
    quarantine.drop("2")
    quarantine.drop("1")
    assert quarantine.held() == []


def test_bounded_by_number(quarantine: SqliteQuarantine) -> None:
    """The oldest make room when there are too many."""
    for number in range(5):
        quarantine.keep(replace(REQUEST, id=str(number)))
    assert ids(quarantine) == ["2", "3", "4"]


def test_bounded_by_bytes(quarantine: SqliteQuarantine) -> None:
    """The oldest make room when they are too large together."""
    for number in range(3):
        quarantine.keep(replace(REQUEST, id=str(number), body=bytes(300)))
    assert ids(quarantine) == ["1", "2"]
    quarantine.keep(replace(REQUEST, id="3", body=bytes(800)))
    assert ids(quarantine) == ["3"]


def test_too_large(quarantine: SqliteQuarantine) -> None:
    """A request that is larger than all the room does not throw out the others, and is no error."""
    quarantine.keep(REQUEST)
    quarantine.keep(replace(REQUEST, id="2", body=bytes(2_000)))
    assert ids(quarantine) == ["1"]


def test_disk_full(quarantine: SqliteQuarantine) -> None:
    """A full disk loses the request, not the answer to whoever sent it."""
    quarantine.keep(REQUEST)
    pages = quarantine._connection.execute("PRAGMA page_count").fetchone()[0]
    quarantine._connection.execute(f"PRAGMA max_page_count = {pages}")
    quarantine._most_bytes = 1_000_000
    quarantine.keep(replace(REQUEST, id="2", body=bytes(100_000)))
    assert ids(quarantine) == ["1"]


def test_reopened(tmp_path: Path) -> None:
    """What is held outlives the process."""
    first = SqliteQuarantine(tmp_path / "quarantine.db")
    first.keep(REQUEST)
    first.close()
    again = SqliteQuarantine(tmp_path / "quarantine.db")
    assert again.held() == [REQUEST]
    again.close()


def test_bounds_of_the_file(tmp_path: Path) -> None:
    """A flood of large requests leaves a file of about the size of the bound."""
    path = tmp_path / "quarantine.db"
    quarantine = SqliteQuarantine(path)
    for number in range(100):
        quarantine.keep(replace(REQUEST, id=str(number), body=bytes(512 * 1024)))
    quarantine.close()
    assert path.stat().st_size < 1.1 * MOST_BYTES
    assert MOST_REQUESTS == 1_000
