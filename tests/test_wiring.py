"""What wiring decides itself: which charters come into force, and that one process owns its folder and lets it go."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services import metric_table as table
from services.adapters.sql.facts import SqlFacts
from services.domain.charter import Charters
from services.domain.instants import SECOND
from services.errors import CharterError, UsageError
from services.ports import EVENTS, Record
from services.settings import Settings, read_settings, variable
from services.translate import to_json
from services.wiring.alerting import StoredCharter, sinks_of
from services.wiring.charters import charters_in_force, put_in_force
from services.wiring.embedded import Embedded
from tests.databases import empty
from tests.notifier.support import HandClock
from tests.tracker.support import CHARTER, Bench, at, event

# Apprise loads all its services at the first use, and one of them asks whether this module is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

BOARD = "http://127.0.0.1:8700"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.database.close()


def version(name: str, effective_from: str, more: str = "", *, within: str = "1h") -> Path:
    """A file with a version of the charter and `more` in it, in which a lead is to be touched `within` so long."""
    text = CHARTER.replace("version: test", f"version: {name}").replace("2020-01-01T00:00:00Z", effective_from)
    text = text.replace("{within: 1h}", f"{{within: {within}}}")
    file = Path(f"{name}.yaml")
    file.write_text(text + more, encoding="utf-8")
    return file


def versions(charters: Charters) -> list[str]:
    """The names of those in force, by date."""
    return [charter.version for charter in charters.versions]


def test_a_charter_that_was_put_in_force_stays(bench: Bench) -> None:
    """The next start needs no --charter; it may be given again, and its file may be gone."""
    file = version("one", "2026-01-01T00:00:00Z")
    assert versions(put_in_force(bench.store, file, at("09:00"))) == ["one"]
    assert versions(put_in_force(bench.store, file, at("09:01"))) == ["one"]
    file.unlink()
    assert versions(put_in_force(bench.store, None, at("09:02"))) == ["one"]


def test_a_new_version_joins_the_old_ones(bench: Bench) -> None:
    """What the first one judged is still judged by it."""
    put_in_force(bench.store, version("one", "2026-01-01T00:00:00Z"), at("09:00"))
    charters = put_in_force(bench.store, version("two", "2026-10-05T09:30:00Z"), at("09:00"))
    assert versions(charters) == ["one", "two"]
    in_force = [charters.in_force(at(each)) for each in ("09:29:59", "09:30")]
    assert [charter.version for charter in in_force if charter] == ["one", "two"]


def test_a_folder_brings_all_its_versions(bench: Bench) -> None:
    """By their dates."""
    version("two", "2026-10-05T09:30:00Z")
    version("one", "2026-01-01T00:00:00Z")
    assert versions(put_in_force(bench.store, Path(), at("09:00"))) == ["one", "two"]


def test_without_any_charter_nothing_starts(bench: Bench) -> None:
    """The message says how to give one."""
    with pytest.raises(UsageError, match=r"^no charter: give --charter FILE \(or BATON_CHARTER\)"):
        put_in_force(bench.store, None, at("09:00"))


@pytest.mark.parametrize("sides", ["[]", "[{side: sales, by: B, on: 2019-12-01}]"])
def test_a_draft_is_refused(bench: Bench, sides: str) -> None:
    """Without both sides it can be tried on history, and judges nobody."""
    text = re.sub(r"agreed: .*", f"agreed: {sides}", CHARTER)
    Path("draft.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"^draft\.yaml: a side has not agreed to version test"):
        put_in_force(bench.store, Path("draft.yaml"), at("09:00"))
    assert not bench.store.charter_texts()


def test_a_changed_text_under_the_same_version_is_refused(bench: Bench) -> None:
    """What both sides signed cannot change under them; nothing else of the folder is kept then."""
    put_in_force(bench.store, version("one", "2026-01-01T00:00:00Z"), at("09:00"))
    version("one", "2026-01-02T00:00:00Z")
    version("two", "2026-10-05T09:30:00Z")
    with pytest.raises(UsageError, match="version one is already in force with another text; raise `version`"):
        put_in_force(bench.store, Path(), at("09:00"))
    assert [name for name, _ in bench.store.charter_texts()] == ["one"]


def test_a_version_that_does_not_fit_is_refused_and_not_kept(bench: Bench) -> None:
    """From the same moment as another: it would stop every later start, for a stored charter stays for good."""
    put_in_force(bench.store, version("one", "2026-01-01T00:00:00Z"), at("09:00"))
    with pytest.raises(UsageError, match="do not fit together"):
        put_in_force(bench.store, version("two", "2026-01-01T00:00:00Z"), at("09:00"))
    assert versions(put_in_force(bench.store, None, at("09:00"))) == ["one"]


def test_a_file_that_is_not_there_or_wrong_is_named(bench: Bench) -> None:
    """With its lines, where it is a charter with mistakes."""
    with pytest.raises(UsageError, match=r"^nowhere\.yaml: "):
        put_in_force(bench.store, Path("nowhere.yaml"), at("09:00"))
    file = version("one", "2026-01-01T00:00:00Z")
    file.write_text(file.read_text().replace("promised_by: sales", "promised_by: nobody"), encoding="utf-8")
    with pytest.raises(CharterError, match=r"^one\.yaml:\d+: "):
        put_in_force(bench.store, file, at("09:00"))
    assert not bench.store.charter_texts()


def overdue_lead(bench: Bench) -> None:
    """A lead that is overdue since 10:00 by the first version."""
    charters = put_in_force(bench.store, version("one", "2026-01-01T00:00:00Z"), at("08:00"))
    bench.judge_by(charters)
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    bench.tick("10:00:01")
    assert "touch/1/overdue" in bench.told()


def test_a_charter_that_reaches_back_judges_anew(bench: Bench) -> None:
    """With three hours instead of one in force since eight o'clock, what was overdue is not, and that is told."""
    overdue_lead(bench)
    longer = version("two", "2026-10-05T08:00:00Z", within="3h")
    charters = put_in_force(bench.store, longer, at("10:30"))
    bench.judge_by(charters)
    assert bench.tick("10:30") == 1
    (row,) = bench.clocks()
    assert (row.charter, row.due_at, row.status) == ("two", at("12:00"), None)
    assert bench.told() == ["touch/1/corrected", "touch/1/started"]
    assert bench.tick("10:30") == 0
    assert bench.tick("12:00:01") == 1
    assert "touch/1/overdue" in bench.told()


def test_a_charter_judges_nothing_that_started_before_it(bench: Bench) -> None:
    """It reaches back to half past nine: the lead of nine o'clock stays with the one before."""
    overdue_lead(bench)
    longer = version("two", "2026-10-05T09:30:00Z", within="3h")
    charters = put_in_force(bench.store, longer, at("10:30"))
    bench.judge_by(charters)
    before = bench.told()
    bench.tick("10:30")
    assert bench.told() == before
    assert bench.clocks()[0].charter == "one"


def test_a_charter_to_come_wakes_nobody(bench: Bench) -> None:
    """Nor does one that is in force already."""
    overdue_lead(bench)
    bench.tick("10:00:02")
    now = at("10:10")
    put_in_force(bench.store, version("two", "2026-12-01T00:00:00Z"), now)
    put_in_force(bench.store, Path("one.yaml"), now)
    assert not bench.store.due(0, now, 10)


def test_a_filter_that_was_not_known_has_leads_looked_at_again(bench: Bench) -> None:
    """What was counted long ago is counted by it too, though its charter is yet to come; else nobody is woken."""
    first = put_in_force(bench.store, version("one", "2026-01-01T00:00:00Z"), at("08:00"))
    bench.judge_by(first)
    handed_off = event("lead.handed_off", "09:00", attributes={"segment": "smb"})
    bench.feed([handed_off, event("lead.withdrawn", "09:05")], "09:10")
    put_in_force(bench.store, version("two", "2030-01-01T00:00:00Z"), at("13:00"))
    assert bench.store.due(0, at("13:00"), 10) == []
    goal = "goals: [{name: g, measure: handoffs, where: {segment: smb}, per: month, target: 5}]\n"
    bench.judge_by(put_in_force(bench.store, version("three", "2031-01-01T00:00:00Z", goal), at("13:00")))
    assert bench.store.due(0, at("13:00"), 10) == ["crm:lead:1"]
    bench.tick("13:00")
    tallies = SqlFacts(bench.database).tallies(0, 100_000)
    assert {tally.kind for tally in tallies if tally.filter == 'segment is "smb"'} == {"handed_off", "closed"}
    put_in_force(bench.store, version("four", "2032-01-01T00:00:00Z", goal), at("23:00"))
    assert bench.store.due(0, at("23:00"), 10) == []


def test_a_charter_that_comes_meanwhile_is_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process puts a version in force between our reading and our writing: both are in force then."""
    put_in_force(bench.store, version("one", "2026-01-01T00:00:00Z"), at("09:00"))
    other = version("two", "2026-10-05T09:30:00Z").read_text(encoding="utf-8")
    ours = bench.store.charter_texts

    def read_then_other() -> Sequence[tuple[str, str]]:
        texts = ours()
        if len(texts) == 1:
            bench.store.put_in_force([("two", other)], at("09:01"), generation=1)
        return texts

    monkeypatch.setattr(bench.store, "charter_texts", read_then_other)
    charters = put_in_force(bench.store, version("three", "2026-10-05T10:30:00Z"), at("09:02"))
    assert versions(charters) == ["one", "two", "three"]
    assert charters_in_force(bench.store)[1] == 3


def settings(**given: object) -> Settings:
    """Settings of a folder `data` with a charter."""
    charter = version("one", "2020-01-01T00:00:00Z")
    return read_settings(**{"data": Path("data"), "charter": charter, **given})


async def test_it_starts_judges_and_stops() -> None:
    """A record in the log is judged, what is owed is on the page of metrics, and a stop ends it without a rest."""
    embedded = Embedded(settings(), board_url=BOARD)
    with closing(embedded):
        handed = event("lead.handed_off", embedded.clock.now() - 60 * SECOND)
        await embedded.log.append([Record(EVENTS, handed.lead, to_json(handed))])
        stop = asyncio.Event()
        async with asyncio.timeout(20):
            running = asyncio.create_task(embedded.run(stop))
            while embedded.store.position(EVENTS, 0) == 0:  # noqa: ASYNC110 - nothing tells when it has moved
                await asyncio.sleep(0.01)
            stop.set()
            await running
        assert embedded.store.read_until()[EVENTS, 0] > handed.time


def test_what_was_judged_is_there_after_a_restart() -> None:
    """The same folder, without the charter's file: the store has it all."""
    given = settings()
    with closing(Embedded(given, board_url=BOARD)) as embedded:
        handed = event("lead.handed_off", embedded.clock.now() - 60 * SECOND)
        asyncio.run(embedded.log.append([Record(EVENTS, handed.lead, to_json(handed))]))
        assert embedded.loop.step()
    with closing(Embedded(read_settings(data=Path("data")), board_url=BOARD)) as embedded:
        assert embedded.store.position(EVENTS, 0) == 1
        assert not embedded.loop.step()
        with TestClient(embedded.app, base_url=BOARD) as client:
            assert client.get(f"/leads/{handed.lead}").status_code == 200


def test_the_app_has_every_metric_and_is_ready() -> None:
    """The page of metrics is whole as it is wired, and health looks at store and tracker."""
    apart = {metric.name for metric in table.APART}
    with closing(Embedded(settings(), board_url=BOARD)) as embedded, TestClient(embedded.app, base_url=BOARD) as client:
        page = client.get("/metrics").text
        assert {name for name in table.BY_NAME if f"# TYPE {name} " not in page} == apart
        assert 'baton_log_lag_records{partition="0",topic="baton.events"} 0.0' in page
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json()["checks"] == {"store": "ok", "tracker": "ok"}
        embedded.loop.is_away = True
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["checks"]["tracker"]) == (503, "waits for the storage")
        assert client.get("/healthz").status_code == 200


def test_a_second_process_on_the_folder_is_refused() -> None:
    """Until the first lets it go."""
    given = settings()
    refused = pytest.raises(UsageError, match="is in use by another baton process")
    with closing(Embedded(given, board_url=BOARD)), refused:
        Embedded(given, board_url=BOARD)
    Embedded(given, board_url=BOARD).close()


def test_a_failed_start_lets_everything_go() -> None:
    """Whatever is wrong with the settings, the folder is free for the next try."""
    with pytest.raises(UsageError, match="BATON_ALERT_URLS"):
        Embedded(settings(alert_urls=("nosuch://x",)), board_url=BOARD)
    Embedded(settings(), board_url=BOARD).close()


def test_alerts_go_to_the_log_and_to_every_url() -> None:
    """The log is always there."""
    names = [sink.name for sink in sinks_of(settings(alert_urls=("json://127.0.0.1", "jsons://127.0.0.1")))]
    assert [name.partition(":")[0] for name in names] == ["log", "json", "jsons"]


@pytest.mark.parametrize("name", ["broker", "database"])
@pytest.mark.parametrize(
    "url", ["kafka://user:s3cr3t@host", "mysql://user:s3cr3t@host/db", "s3cr3t", "sqlite://", "sqlite:///"]
)
def test_another_storage_is_refused(name: str, url: str) -> None:
    """The line names the variable and what to write, and not what stands in it."""
    with pytest.raises(UsageError, match=rf"^{variable(name)}: write sqlite:///FILE[;,] ") as refused:
        Embedded(settings(**{name: url}), board_url=BOARD)
    assert "s3cr3t" not in str(refused.value)


def test_log_and_store_can_lie_elsewhere() -> None:
    """Each in the file that its setting names."""
    given = settings(broker="sqlite:///elsewhere.log", database=f"sqlite:///{Path.cwd()}/elsewhere.db")
    Embedded(given, board_url=BOARD).close()
    assert Path("elsewhere.log").is_file()
    assert Path("elsewhere.db").is_file()
    assert not Path("data/log.db").exists()


def test_the_store_can_be_postgresql(postgres_tables: str) -> None:
    """One process, with its log in the folder and everything judged in a database that others can query."""
    empty(postgres_tables)
    with closing(Embedded(settings(database=postgres_tables), board_url=BOARD)) as embedded:
        handed = event("lead.handed_off", embedded.clock.now() - 60 * SECOND)
        asyncio.run(embedded.log.append([Record(EVENTS, handed.lead, to_json(handed))]))
        assert embedded.loop.step()
        assert embedded.views.lead(handed.lead) is not None
    assert not Path("data/baton.db").exists()


@pytest.mark.parametrize("name", ["broker", "database"])
def test_a_file_that_is_no_database_is_refused(name: str) -> None:
    """It is not written over."""
    Path("notes.txt").write_text("These are notes, and no database at all.\n" * 200, encoding="utf-8")
    with pytest.raises(UsageError, match="file is not a database"):
        Embedded(settings(**{name: "sqlite:///notes.txt"}), board_url=BOARD)
    assert Path("notes.txt").read_text(encoding="utf-8").startswith("These are notes")


def test_the_notifier_alone_follows_the_charter_of_the_store(tmp_path: Path) -> None:
    """Who looks after an account is asked of the charter that others put in force, at the time that it is."""
    bench = Bench()
    clock = HandClock("09:00")
    stored = StoredCharter(bench.store, clock)
    path = tmp_path / "charter.yaml"
    path.write_text(CHARTER + "client_teams: {first: {accounts: [ACME]}}\n")
    put_in_force(bench.store, path, clock.now())
    charter = stored()
    assert charter is not None
    assert (charter.client_team_of("ACME"), charter.client_team_of("Globex")) == ("first", None)
    later = CHARTER.replace("version: test", "version: next").replace("2020-01-01T00", "2026-10-05T10")
    path.write_text(later + "client_teams: {second: {accounts: [ACME]}}\n")
    put_in_force(bench.store, path, clock.now())
    charter = stored()
    assert charter is not None
    assert charter.client_team_of("ACME") == "first"
    clock.set("10:30")
    charter = stored()
    assert charter is not None
    assert charter.client_team_of("ACME") == "second"
