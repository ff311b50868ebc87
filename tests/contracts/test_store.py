"""The contract of `services.storage.Store`."""

import sqlite3
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from services.adapters.sql import tables
from services.adapters.sql.database import Database, open_database
from services.adapters.sql.store import SqlStore
from services.domain.events import Event, EventType
from services.errors import Conflict, PositionLost, Unavailable, UsageError
from services.storage import ClockRow, HandoffRow, LeadRow, TransitionRow
from services.views import Views
from tests.contracts.rows import (
    PARTITIONS,
    TOPIC,
    alert,
    changes,
    clock,
    commit,
    dead_letter,
    deal,
    ended,
    event,
    handoff,
    lead,
    opened,
    transition,
)

KEY = "a:lead:1"


def everything(position: int = 0) -> Any:
    """Changes with one row of each kind."""
    named = event("deal", time=7, deal="a:deal:1")
    return changes(
        position,
        read_at=9,
        events=[event(), named],
        leads=[lead(wake_at=4)],
        handoffs=[handoff()],
        clocks=[clock()],
        transitions=[transition()],
        alerts=[alert()],
        deals=[deal("a:deal:1", KEY, named.event)],
        dead_letters=[dead_letter()],
        counters={("x_total", (("b", "2"), ("a", "1"))): 3},
    )


def states_of(store: SqlStore, *leads: str) -> dict[str, bytes]:
    """The snapshots of leads, without their revisions."""
    return {key: stored.state for key, stored in store.states(leads).items()}


def counts(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    with database.reading() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.METADATA.tables.items()
        }


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (tables.leads, LeadRow),
        (tables.handoffs, HandoffRow),
        (tables.clocks, ClockRow),
        (tables.transitions, TransitionRow),
    ],
)
def test_columns_are_fields(table: Table, row: Any) -> None:
    """Tables of rows have the fields of the row as columns, in the same order."""
    assert [column.name for column in table.columns] == [field.name for field in fields(row)]


def test_empty(store: SqlStore) -> None:
    """A fresh store knows nothing and says so without an error."""
    assert store.position(TOPIC, 0) == 0
    assert store.read_until() == {(TOPIC, partition): 0 for partition in range(PARTITIONS)}
    assert store.charter_generation() == 0
    assert store.states([KEY]) == {}
    assert store.known_events([("lead:x", "crm", "1")]) == {}
    assert store.events(["lead:x"]) == {"lead:x": []}
    assert store.transitions([KEY]) == []
    assert store.deals(["a:deal:1"]) == {}
    assert store.deals_of([KEY]) == {KEY: []}
    assert store.due(0, 1000, 10) == []
    assert store.charter_texts() == []


def test_everything_comes_back(store: SqlStore, views: Views) -> None:
    """What was committed is read back as it was written."""
    written = everything()
    commit(store, written)
    touch, named = written.events
    assert store.position(TOPIC, 0) == 1
    assert store.read_until()[TOPIC, 0] == 9
    assert states_of(store, KEY, "a:lead:2") == {KEY: b"{}"}
    assert store.known_events([(touch.stream, "crm", "1"), (touch.stream, "crm", "2")]) == {
        (touch.stream, "crm", "1"): touch.event
    }
    assert sorted(store.events([touch.stream])[touch.stream]) == [touch.event, named.event]
    assert store.transitions([KEY]) == [transition()]
    assert store.deals(["a:deal:1", "a:deal:2"]) == {"a:deal:1": written.deals[0]}
    assert store.deals_of([KEY]) == {KEY: ["a:deal:1"]}
    file = views.lead(KEY)
    assert file is not None
    assert (file.row, file.handoffs, file.clocks) == (lead(wake_at=4), [handoff()], [clock()])
    assert views.counters() == {("x_total", (("b", "2"), ("a", "1"))): 3}
    assert views.dead_letters(None, 10) == [dead_letter()]


@pytest.mark.parametrize("text", ["a\x01b", "zażółć 😀", "' \" \\ % ? :x", "\n\t\u2028"])
def test_any_text_is_a_key(store: SqlStore, text: str) -> None:
    """Keys of any characters are found again."""
    row = event(text, lead=text, note=text)
    commit(store, changes(events=[row], leads=[lead(text)], deals=[deal(text, text, row.event)]))
    assert store.known_events([(row.stream, "crm", text)]) == {(row.stream, "crm", text): row.event}
    assert states_of(store, text) == {text: b"{}"}
    assert store.deals_of([text]) == {text: [text]}


def test_deal_events_wait_in_the_stream_of_their_deal(store: SqlStore) -> None:
    """An event that names no lead is found under its deal."""
    row = event(lead="", deal="a:deal:1")
    commit(store, changes(events=[row]))
    assert store.events(["deal:a:deal:1"]) == {"deal:a:deal:1": [row.event]}
    assert row.event.type is EventType.DEAL_MOVED


def test_more_keys_than_a_statement_takes(store: SqlStore) -> None:
    """Any number of keys can be asked for at once."""
    rows = [event(str(number), lead=f"a:lead:{number}") for number in range(1234)]
    commit(store, changes(events=rows, leads=[lead(row.event.lead, state=row.event.id.encode()) for row in rows]))
    keys = {row.event.lead for row in rows} | {f"b:{number}" for number in range(40_000)}
    assert states_of(store, *keys) == {row.event.lead: row.event.id.encode() for row in rows}
    identities = {(row.stream, "crm", row.event.id): row.event for row in rows}
    assert store.known_events({*identities, ("lead:none", "crm", "1")}) == identities
    assert sum(map(len, store.events({row.stream for row in rows}).values())) == len(rows)


def test_rows_replace_rows_with_the_same_key(store: SqlStore, views: Views) -> None:
    """An event, lead, clock, handoff, transition or deal written again is there once, as it was written last."""
    commit(store, everything())
    later = event(note="changed", time=6)
    moved = deal("a:deal:1", "a:lead:2", Event(1, EventType.DEAL_OPENED, "crm", "0", "a:lead:2", {}))
    commit(
        store,
        changes(
            1,
            events=[later],
            leads=[lead(state=b"2", wake_at=8)],
            handoffs=[handoff(closed_at=9)],
            clocks=[ended()],
            transitions=[transition(standing=False)],
            deals=[moved],
        ),
    )
    assert store.known_events([(later.stream, "crm", "1")]) == {(later.stream, "crm", "1"): later.event}
    assert states_of(store, KEY) == {KEY: b"2"}
    assert store.transitions([KEY]) == [transition(standing=False)]
    assert store.deals(["a:deal:1"]) == {"a:deal:1": moved}
    file = views.lead(KEY)
    assert file is not None
    assert (list(file.handoffs), list(file.clocks)) == ([handoff(closed_at=9)], [ended()])


def test_another_position_writes_nothing(store: SqlStore, database: Database) -> None:
    """Changes for a position that is not the stored one are refused whole, also where they only look at the time."""
    commit(store, changes(0, 5))
    before = counts(database)
    for position, next_position in [(0, 1), (4, 6), (6, 7), (0, 0), (4, 4)]:
        refused = everything(position)
        refused.next_position = next_position
        with pytest.raises(PositionLost):
            commit(store, refused)
    assert counts(database) == before
    assert store.position(TOPIC, 0) == 5


def test_first_position(store: SqlStore) -> None:
    """A partition that was opened stands at 0, and nowhere else."""
    with pytest.raises(PositionLost):
        commit(store, changes(1, 2))
    commit(store, changes(0, 0))
    commit(store, changes(0, 2))
    assert store.position(TOPIC, 0) == 2


def test_partitions_are_opened_once(store: SqlStore) -> None:
    """Opening them again moves none; a topic that has grown gets those that it lacks; others have no position."""
    commit(store, changes(0, 2))
    store.open_partitions(TOPIC, PARTITIONS + 1)
    assert [store.position(TOPIC, partition) for partition in range(PARTITIONS + 1)] == [2, *[0] * PARTITIONS]
    unknown = changes(0, 1)
    unknown.partition = PARTITIONS + 1
    with pytest.raises(PositionLost):
        commit(store, unknown)


def test_reading_is_noted_where_nothing_came(store: SqlStore, views: Views) -> None:
    """The instant moves on while the position stays, never back, and pages have nothing new to show."""
    commit(store, changes(0, 2, read_at=5))
    seen = views.version()
    store.note_read(TOPIC, 0, 2, 50)
    store.note_read(TOPIC, 0, 2, 40)
    assert (store.position(TOPIC, 0), store.read_until()[TOPIC, 0]) == (2, 50)
    assert views.version() == seen
    with pytest.raises(PositionLost):
        store.note_read(TOPIC, 0, 1, 60)
    assert store.read_until()[TOPIC, 0] == 50


@pytest.mark.parametrize("stale", ["lead", "gone lead", "deal"])
def test_what_another_worker_has_changed_is_not_written_over(
    store: SqlStore, database: Database, views: Views, stale: str
) -> None:
    """A batch that read a lead or a deal before somebody else wrote it is refused whole, and can be judged anew."""
    commit(store, changes(leads=[lead()], deals=[deal("d", KEY)], handoffs=[handoff()]))
    read = lead(revision=store.states([KEY])[KEY].revision)
    owned = store.deals(["d"])["d"]
    commit(store, changes(1, leads=[lead(state=b"theirs")], deals=[deal("d", KEY)]))
    before = counts(database)
    mine = changes(2, events=[event()], counters={("x_total", ()): 1})
    match stale:
        case "lead":
            mine.leads = [read]
        case "gone lead":
            mine.gone, mine.refolded = [(KEY, read.revision)], [KEY]
        case _:
            mine.deals = [owned]
    with pytest.raises(Conflict, match=f"a {stale.split()[-1]} was changed"):
        store.commit(mine)
    assert counts(database) == before
    assert states_of(store, KEY) == {KEY: b"theirs"}
    assert store.position(TOPIC, 0) == 2
    assert views.counters() == {}
    commit(store, mine)
    assert store.position(TOPIC, 0) == 3


def test_what_another_worker_has_made_is_not_written_over(store: SqlStore) -> None:
    """Two batches to which a lead (or a deal) is new: the second is refused."""
    for mine in (changes(1, leads=[lead(state=b"mine")]), changes(1, deals=[deal("d", KEY)])):
        position = store.position(TOPIC, 0)
        commit(store, changes(position, position, leads=[lead()], deals=[deal("d", None)]))
        mine.position, mine.next_position = position, position + 1
        with pytest.raises(Conflict):
            store.commit(mine)
    assert states_of(store, KEY) == {KEY: b"{}"}


def test_a_lead_that_went_and_came_back_is_another(store: SqlStore) -> None:
    """Although it looks as it did, whoever read it before is refused."""
    commit(store, changes(leads=[lead()]))
    read = lead(revision=store.states([KEY])[KEY].revision)
    commit(store, changes(1, gone=[(KEY, 0)], refolded=[KEY]))
    assert states_of(store, KEY) == {}
    commit(store, changes(2, leads=[lead()]))
    with pytest.raises(Conflict):
        store.commit(changes(3, leads=[read]))


def test_two_writers_on_one_lead(store: SqlStore, database: Database) -> None:
    """Workers of different partitions that judge the same lead are refused until each has seen the others' work."""
    rounds = 8
    barrier = threading.Barrier(PARTITIONS)

    def work(partition: int) -> None:
        worker = SqlStore(database)
        barrier.wait()
        for number in range(rounds):
            while True:
                stored = worker.states([KEY]).get(KEY)
                seen, revision = (int(stored.state), stored.revision) if stored else (0, 0)
                mine = changes(number, leads=[lead(state=b"%d" % (seen + 1), revision=revision)])
                mine.partition = partition
                try:
                    worker.commit(mine)
                except Conflict:
                    continue
                break

    threads = [threading.Thread(target=work, args=(partition,)) for partition in range(PARTITIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states_of(store, KEY) == {KEY: b"%d" % (PARTITIONS * rounds)}


def test_two_writers_on_one_position(store: SqlStore, database: Database) -> None:
    """Of two workers that judged the same batch one is refused, however close they come."""
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        worker = SqlStore(database)
        barrier.wait()
        try:
            commit(worker, changes(0, 3, counters={("x_total", ()): 1}))
            outcomes.append("written")
        except PositionLost:
            outcomes.append("refused")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "written"]
    assert store.position(TOPIC, 0) == 3


@pytest.mark.parametrize("where", ["dead_letters", "counters", "clocks"])
def test_all_or_nothing(store: SqlStore, database: Database, where: str) -> None:
    """A row that cannot be written takes everything else of its batch with it."""
    commit(store, changes(0, 1))
    before = counts(database)
    broken = everything(1)
    match where:
        case "dead_letters":
            broken.dead_letters = [dead_letter("2", reason=None)]
        case "counters":
            broken.counters = {("x_total", ()): None}
        case _:
            broken.clocks = [clock(), clock(name="touch", charter=None)]
    with pytest.raises(Exception, match=r"NOT NULL|violates not-null"):
        commit(store, broken)
    assert counts(database) == before
    assert store.position(TOPIC, 0) == 1
    commit(store, everything(1))


def test_readers_see_whole_commits(store: SqlStore) -> None:
    """Whoever reads while batches are committed sees each of them whole or not at all."""
    keys = [f"a:lead:{number}" for number in range(50)]
    halves: list[set[bytes]] = []
    done = threading.Event()

    def watch() -> None:
        # A moment between two looks: in memory there is one connection, which the writer must get as well.
        while not done.wait(0.001):
            seen = set(states_of(store, *keys).values())
            if len(seen) > 1:
                halves.append(seen)

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(40):
        commit(store, changes(turn, leads=[lead(key, state=b"%d" % turn) for key in keys]))
    done.set()
    for thread in threads:
        thread.join()
    assert halves == []


def test_refolded_leads_are_written_whole(store: SqlStore, views: Views) -> None:
    """Clocks and handoffs that a refolded lead no longer has are gone; what was told, and other leads, stay."""
    other = "a:lead:2"
    commit(
        store,
        changes(
            leads=[lead(), lead(other)],
            handoffs=[handoff(), handoff(number=2), handoff(other)],
            clocks=[clock(), clock(name="touch"), clock(number=2), clock(other)],
            transitions=[transition(), transition(name="at_risk")],
        ),
    )
    commit(
        store,
        changes(
            1,
            leads=[lead()],
            refolded=[KEY],
            handoffs=[handoff(opened_at=2)],
            clocks=[ended(number=2)],
            transitions=[transition(standing=False)],
        ),
    )
    file, untouched = views.lead(KEY), views.lead(other)
    assert file is not None
    assert untouched is not None
    assert list(file.handoffs) == [handoff(opened_at=2)]
    assert list(file.clocks) == [ended(number=2)]
    assert {each.name: each.standing for each in file.transitions} == {"overdue": False, "at_risk": True}
    assert (len(untouched.handoffs), len(untouched.clocks)) == (1, 1)


def test_counters_add_up(store: SqlStore, views: Views) -> None:
    """Counters grow with every commit, by partition, and are read as their sum."""
    one, two = ("x_total", (("a", "1"),)), ("x_total", (("a", "2"),))
    commit(store, changes(0, counters={one: 2, two: 5}))
    commit(store, changes(1, counters={one: 3}))
    other = changes(0, counters={one: 10, ("y_total", ()): 1})
    other.partition = 1
    commit(store, other)
    assert views.counters() == {one: 15, two: 5, ("y_total", ()): 1}


def test_the_last_that_was_heard_of_a_crm_never_goes_back(store: SqlStore, views: Views) -> None:
    """Whichever partition it came to, and whatever is applied again."""
    assert views.heard() == {}
    commit(store, changes(0, heard={"hubspot": 5, "zoho": 2}))
    commit(store, changes(1, heard={"hubspot": 4, "zoho": 3}))
    other = changes(0, heard={"hubspot": 7, "close": 1})
    other.partition = 1
    commit(store, other)
    commit(store, changes(2, heard={"hubspot": 6}))
    assert views.heard() == {"close": 1, "hubspot": 7, "zoho": 3}


def test_dead_letters_are_kept_once(store: SqlStore, views: Views) -> None:
    """A dead letter that comes again is not doubled; one that was sent in again and comes back is listed again."""
    commit(store, changes(0, dead_letters=[dead_letter()]))
    commit(store, changes(1, dead_letters=[dead_letter(), dead_letter("2")]))
    assert views.dead_letters(None, 10) == [dead_letter(), dead_letter("2")]
    store.replayed("1", 20)
    assert views.dead_letters(None, 10) == [dead_letter("2")]
    commit(store, changes(2, dead_letters=[dead_letter(detail="still missing")]))
    assert views.dead_letters(None, 1) == [dead_letter(detail="still missing")]


def test_due(store: SqlStore) -> None:
    """Leads are woken from their instant on, the longest due first."""
    commit(store, changes(leads=[lead("c", wake_at=10), lead("b", wake_at=20), lead("a", wake_at=20), lead("d")]))
    assert store.due(0, 9, 10) == []
    assert store.due(0, 10, 10) == ["c"]
    assert store.due(0, 30, 10) == ["c", "a", "b"]
    assert store.due(0, 30, 2) == ["c", "a"]
    commit(store, changes(1, leads=[lead("c")]))
    assert store.due(0, 30, 10) == ["a", "b"]


def test_next_due(store: SqlStore) -> None:
    """The earliest instant at which a lead of the partition is to be woken, past or to come."""
    assert store.next_due(0) is None
    commit(store, changes(leads=[lead("a", wake_at=20), lead("b", wake_at=10), lead("c")]))
    commit(store, changes(1, leads=[lead("d", wake_at=5, partition=1)]))
    assert (store.next_due(0), store.next_due(1), store.next_due(2)) == (10, 5, None)
    commit(store, changes(2, leads=[lead("b")]))
    assert store.next_due(0) == 20


def test_each_partition_has_its_own_leads_to_wake(store: SqlStore) -> None:
    """Who holds one partition wakes nobody of another."""
    commit(store, changes(leads=[lead("a", wake_at=10), lead("b", wake_at=10, partition=1)]))
    assert (store.due(0, 30, 10), store.due(1, 30, 10), store.due(2, 30, 10)) == (["a"], ["b"], [])


def test_a_charter_that_reaches_back_wakes_all(store: SqlStore) -> None:
    """All leads are due at the instant, those that were due before it still are; a batch that read one is refused."""
    commit(store, changes(leads=[lead("a", wake_at=10), lead("b", wake_at=90), lead("c")]))
    read = lead("c", revision=store.states(["c"])["c"].revision)
    store.put_in_force([("1", "text")], 50, generation=0, reaching_back=True)
    assert store.due(0, 49, 10) == ["a"]
    assert store.due(0, 50, 10) == ["a", "b", "c"]
    with pytest.raises(Conflict, match="lead"):
        store.commit(changes(1, leads=[read], charters=1))


def test_charters(store: SqlStore) -> None:
    """A version is in force once and for good; another text under its name is refused, with all that came beside it."""
    store.put_in_force([("2", "second")], 10, generation=0)
    store.put_in_force([("1", "first"), ("2", "second")], 20, generation=1)
    assert store.charter_generation() == 2
    store.put_in_force([("2", "second")], 30, generation=2)
    with pytest.raises(UsageError, match="version 2 is already in force with another text; raise `version`"):
        store.put_in_force([("3", "third"), ("2", "changed")], 30, generation=2)
    assert store.charter_texts() == [("2", "second"), ("1", "first")]
    assert store.charter_generation() == 2


def test_charters_of_another_generation(store: SqlStore) -> None:
    """Who judged by other charters than those in force, or means to add to others, is refused and has to look again."""
    store.put_in_force([("1", "first")], 10, generation=0)
    with pytest.raises(Conflict, match="another charter"):
        commit(store, changes(leads=[lead()]))
    assert store.position(TOPIC, 0) == 0
    with pytest.raises(Conflict, match="another charter"):
        store.put_in_force([("2", "second")], 10, generation=0)
    commit(store, changes(leads=[lead()], charters=1))


def test_reopened(tmp_path: Path) -> None:
    """A file that is closed and opened again has everything."""
    url = f"sqlite:///{tmp_path / 'baton.db'}"
    database = open_database(url)
    commit(opened(database), everything())
    before = counts(database)
    database.close()
    again = open_database(url)
    store = SqlStore(again)
    assert counts(again) == before
    assert store.position(TOPIC, 0) == 1
    with pytest.raises(PositionLost):
        commit(store, everything())
    commit(store, everything(1))
    again.close()


def test_not_a_database(tmp_path: Path) -> None:
    """A file that is no database is refused, not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("Call ACME back. " * 100)
    with pytest.raises(UsageError, match=r"notes\.txt cannot be used"):
        open_database(f"sqlite:///{path}")
    assert path.read_text().startswith("Call ACME")


@pytest.mark.parametrize("url", ["mysql://here/x", "nonsense", "oracle+cx://u:secret@here/x"])
def test_unknown_url(url: str) -> None:
    """A URL of no known database is the user's mistake, and its password is not shown."""
    with pytest.raises(UsageError, match="BATON_DATABASE") as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_disk_full(tmp_path: Path) -> None:
    """A full disk is an outage: nothing of the batch is written, and the next one is when there is room again."""
    database = open_database(f"sqlite:///{tmp_path / 'baton.db'}")
    store = opened(database)
    commit(store, changes(0, 1))
    before = counts(database)
    with database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    large = changes(1, leads=[lead(str(number), state=bytes(9_000)) for number in range(100)])
    with pytest.raises(Unavailable, match="full"):
        commit(store, large)
    assert counts(database) == before
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    commit(store, large)
    assert len(store.states([str(number) for number in range(100)])) == 100
    database.close()


def test_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another process keeps locked is an outage; reading goes on meanwhile."""
    monkeypatch.setattr("services.adapters.sql.sqlite_engine._WAIT_SECONDS", 0.05)
    path = tmp_path / "baton.db"
    database = open_database(f"sqlite:///{path}")
    store = opened(database)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        commit(store, changes(0, 1))
    assert store.position(TOPIC, 0) == 0
    other.execute("ROLLBACK")
    commit(store, changes(0, 1))
    other.close()
    database.close()


def test_our_own_mistakes_are_no_outages(database: Database) -> None:
    """A statement that is wrong is a fault in Baton, not something to wait for."""
    with pytest.raises(Exception, match=r"no such table|does not exist"), database.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")


def test_outages_do_not_tell_about_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of an outage has no values of the statement in it."""
    database = open_database("sqlite://")
    store = opened(database)
    secret = changes(leads=[lead("jane@example.com"), lead("b")])

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr("sqlalchemy.engine.default.DefaultDialect.do_executemany", full)
    with pytest.raises(Unavailable, match="full") as caught:
        commit(store, secret)
    assert "jane" not in str(caught.value)
    database.close()
