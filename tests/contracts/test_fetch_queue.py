"""The contract of `services.ports.FetchQueue`."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.adapters.sqlite.fetch_queue import SqliteFetchQueue
from services.errors import Unavailable, UsageError
from services.ports import Reference
from tests.contracts.killing import killed_after

CONTACT = Reference("contact", "151")
DEAL = Reference("Opportunity", "006ż")
ALL = Reference("contact", "", since=0)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[SqliteFetchQueue]:
    queue = SqliteFetchQueue(tmp_path / "fetches.db")
    yield queue
    queue.close()


def waiting(queue: SqliteFetchQueue, crm: str = "hubspot") -> list[Reference]:
    """What is to be asked for, oldest first."""
    return [each.reference for each in queue.waiting(crm, 100)]


def test_what_is_put_waits_as_it_is(queue: SqliteFetchQueue) -> None:
    """In the order in which it came, whatever it names."""
    queue.put("hubspot", [CONTACT, ALL])
    queue.put("hubspot", [DEAL])
    assert waiting(queue) == [CONTACT, ALL, DEAL]
    assert [each.crm for each in queue.waiting("hubspot", 2)] == ["hubspot", "hubspot"]


def test_nothing_to_put_is_nothing(queue: SqliteFetchQueue) -> None:
    """Neither is forgetting nothing, or what is not there."""
    queue.put("hubspot", [])
    queue.done([])
    queue.done([7])
    assert waiting(queue) == []


def test_each_is_there_once(queue: SqliteFetchQueue) -> None:
    """However often it changes before its turn; then it goes to the end."""
    queue.put("hubspot", [CONTACT, DEAL, CONTACT])
    queue.put("hubspot", [DEAL])
    assert waiting(queue) == [CONTACT, DEAL]
    assert queue.count("hubspot") == 2


def test_with_and_without_a_time_are_two(queue: SqliteFetchQueue) -> None:
    """All that changed since 1970 is another thing than all."""
    references = [ALL, Reference("contact", ""), Reference("contact", "", since=1)]
    queue.put("hubspot", references)
    assert waiting(queue) == references


def test_the_crms_have_nothing_to_do_with_each_other(queue: SqliteFetchQueue) -> None:
    """One that is away holds up no other."""
    queue.put("hubspot", [CONTACT])
    queue.put("zoho", [CONTACT, DEAL])
    assert (waiting(queue), waiting(queue, "zoho")) == ([CONTACT], [CONTACT, DEAL])
    assert (queue.count("hubspot"), queue.count("zoho"), queue.count("close")) == (1, 2, 0)


def test_what_is_done_is_forgotten(queue: SqliteFetchQueue) -> None:
    """And nothing else."""
    queue.put("hubspot", [CONTACT, DEAL, ALL])
    first, second = queue.waiting("hubspot", 2)
    queue.done([first.number, second.number])
    assert waiting(queue) == [ALL]


def test_what_changes_while_it_is_asked_for_is_asked_for_again(queue: SqliteFetchQueue) -> None:
    """The answer may be from before the second change."""
    queue.put("hubspot", [CONTACT])
    (asked,) = queue.waiting("hubspot", 10)
    queue.put("hubspot", [CONTACT])
    queue.done([asked.number])
    assert waiting(queue) == [CONTACT]


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    """Not after an end either: what is late to be forgotten must not hit another."""
    queue = SqliteFetchQueue(tmp_path / "fetches.db")
    queue.put("hubspot", [CONTACT])
    (first,) = queue.waiting("hubspot", 1)
    queue.done([first.number])
    queue.close()
    again = SqliteFetchQueue(tmp_path / "fetches.db")
    again.put("hubspot", [DEAL])
    again.done([first.number])
    assert waiting(again) == [DEAL]
    again.close()


def test_threads_share_it(queue: SqliteFetchQueue) -> None:
    """Requests put from threads of their own."""

    def put(owner: int) -> None:
        for number in range(20):
            queue.put("hubspot", [Reference("deal", f"{owner}-{number}")])

    threads = [threading.Thread(target=put, args=(owner,)) for owner in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.count("hubspot") == 80


@pytest.mark.parametrize("after", [1, 30])
def test_a_killed_process_loses_nothing(tmp_path: Path, after: int) -> None:
    """Whatever `put` returned for is there, and at most what was in work besides."""
    path = tmp_path / "fetches.db"
    durable = killed_after(after, "fetches", str(path))
    queue = SqliteFetchQueue(path)
    found = [each.reference for each in queue.waiting("crm", 1_000_000)]
    queue.close()
    assert found == [Reference("contact", str(number)) for number in range(len(found))]
    assert durable <= len(found) <= durable + 1


def test_a_full_disk_is_an_outage(queue: SqliteFetchQueue) -> None:
    """All of a put is there or nothing, and it is told: the request is not acknowledged then."""
    queue.put("hubspot", [CONTACT])
    pages = queue._connection.execute("PRAGMA page_count").fetchone()[0]
    queue._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable, match="fetch queue"):
        queue.put("hubspot", [DEAL, *(Reference("contact", "9" * 90 + str(number)) for number in range(500))])
    assert waiting(queue) == [CONTACT]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """With a line that names it."""
    (tmp_path / "fetches.db").write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match="cannot be used as the fetch queue"):
        SqliteFetchQueue(tmp_path / "fetches.db")
