"""`baton import`: export files become the events that webhooks would have told, once, however often they are read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.export_map import ExportMap
from services.adapters.bookmarks import FileBookmarks
from services.errors import Unavailable, UsageError
from services.gateway import backfill
from services.gateway.backfill import Backfill
from services.gateway.mapping import read_export_map, read_mapping
from services.ports import Record
from services.translate import from_json
from tests.gateway.conftest import FakeClock, FakeLog
from tests.gateway.test_journeys import FOLDER as JOURNEYS
from tests.gateway.test_journeys import clocks_of, events_of

FOLDER = Path(__file__).parent
HUBSPOT = FOLDER / "hubspot"
LEADS = {
    "hubspot": "hubspot:contact:151",
    "pipedrive": "pipedrive:person:151",
    "salesforce": "salesforce:Lead:00Q5f000005bwLFEAY",
}
"""The leads of the journeys."""


@dataclass
class BreakingLog(FakeLog):
    """A log that goes away after some batches."""

    batches: int = 10**9

    async def append(self, records: Sequence[Record]) -> None:
        if self.batches == 0:
            raise Unavailable("the log is away")
        self.batches -= 1
        await super().append(records)


def backfill_of(
    log: FakeLog,
    folder: Path,
    told: list[str] | None = None,
    export_map: ExportMap | None = None,
    crm: str = "hubspot",
) -> Backfill:
    zone = "Europe/Warsaw" if crm == "hubspot" else "UTC"
    return Backfill(
        crm=crm,
        mapping=read_mapping(crm),
        export_map=export_map or read_export_map(crm).model_copy(update={"timezone": zone}),
        log=log,
        bookmarks=FileBookmarks(folder / "imports.json"),
        clock=FakeClock(),
        report=(told if told is not None else []).append,
    )


def many(path: Path, rows: int) -> Path:
    """A file with so many contacts."""
    lines = [f"{number},2026-10-05 11:00,Lead" for number in range(rows)]
    path.write_text("Record ID,Create Date,Lifecycle Stage\n" + "\n".join(lines) + "\n")
    return path


def told_by(log: FakeLog) -> list[tuple[str, str, str]]:
    return [(event["type"], event["time"], event.get("subject", "")) for event in log.documents()]


async def test_a_contact_s_row_tells_its_life(tmp_path: Path) -> None:
    """Each column that is a time tells an event at it; attributes are told as of when they were so."""
    log = FakeLog()
    await backfill_of(log, tmp_path).take(HUBSPOT / "contacts.csv", lambda _: None)
    ada = "hubspot:contact:151"
    assert [told for told in told_by(log) if told[2] == ada] == [
        ("lead.captured", "2026-10-05T09:00:00Z", ada),
        ("lead.updated", "2026-10-05T09:00:00Z", ada),
        ("lead.updated", "2026-10-07T11:00:00Z", ada),
        ("lead.handed_off", "2026-10-05T09:10:00Z", ada),
        ("lead.qualified", "2026-10-05T10:00:00Z", ada),
        ("lead.assigned", "2026-10-05T09:12:00Z", ada),
        ("lead.touched", "2026-10-05T09:30:00Z", ada),
    ]
    attributes = [event["data"].get("attributes") for event in log.documents() if event["subject"] == ada]
    assert {"source": "webinar"} in attributes
    assert {"score": 80} in attributes


async def test_a_deal_s_row_joins_it_to_its_first_contact(tmp_path: Path) -> None:
    """What is not closed has a close date too, in the plan: it tells nothing."""
    log = FakeLog()
    await backfill_of(log, tmp_path).take(HUBSPOT / "deals.csv", lambda _: None)
    assert [(event["type"], event["data"], event.get("subject")) for event in log.documents()] == [
        ("deal.opened", {"deal": "hubspot:deal:900"}, None),
        ("deal.opened", {"deal": "hubspot:deal:900", "amount": 1200}, None),
        ("deal.won", {"deal": "hubspot:deal:900"}, None),
        ("deal.opened", {"deal": "hubspot:deal:900"}, "hubspot:contact:151"),
        ("deal.opened", {"deal": "hubspot:deal:901"}, None),
    ]


async def test_a_file_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    """Under another name neither; with another map it is."""
    log = FakeLog()
    path = many(tmp_path / "contacts.csv", 3)
    for copy in (path, path, path.rename(tmp_path / "copy.csv")):
        again = backfill_of(log, tmp_path)
        await again.take(tmp_path / "copy.csv" if not copy.exists() else copy, lambda _: None)
    assert len(log.records) == 3
    assert (again.done.rows, again.done.earlier) == (0, 3)
    other = read_export_map("hubspot").model_copy(update={"timezone": "UTC"})
    await backfill_of(log, tmp_path, export_map=other).take(tmp_path / "copy.csv", lambda _: None)
    assert len(log.records) == 6


async def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row is in the log in the end, and none that was noted is read twice."""
    monkeypatch.setattr(backfill, "_BATCH", 4)
    path = many(tmp_path / "contacts.csv", 10)
    log = BreakingLog(batches=1)
    with pytest.raises(Unavailable):
        await backfill_of(log, tmp_path).take(path, lambda _: None)
    log.batches = 10
    again = backfill_of(log, tmp_path)
    await again.take(path, lambda _: None)
    assert [record.key for record in log.records] == [f"hubspot:contact:{number}" for number in range(10)]
    assert (again.done.rows, again.done.earlier) == (6, 4)


async def test_the_progress_comes_to_the_size_of_the_file(tmp_path: Path) -> None:
    """So that the bar ends at its end."""
    steps: list[int] = []
    path = many(tmp_path / "contacts.csv", 2_000)
    await backfill_of(FakeLog(), tmp_path).take(path, steps.append)
    assert sum(steps) == path.stat().st_size
    assert len(steps) == 4


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("151,soon,Lead", "column 'Create Date': 'soon' is no time that the map knows"),
        ("151,1601-01-01 00:00,Lead", "lies outside the years 1970 to 2199"),
        ("151,9999-01-01 00:00,Lead", "lies outside the years 1970 to 2199"),
        ("151,2190-01-01 00:00,Lead", "which is to come"),
        ("1 5 1,2026-10-05 11:00,Lead", "column 'Record ID': not the id of an object"),
        (",2026-10-05 11:00,Lead", "column 'Record ID': not the id of an object"),
        ("151,2026-10-05 11:00", "2 columns instead of 3"),
    ],
)
async def test_a_bad_row_is_told_with_its_line_and_costs_no_other(tmp_path: Path, row: str, said: str) -> None:
    """The file, the line and what is wrong."""
    path = tmp_path / "contacts.csv"
    path.write_text(f"Record ID,Create Date,Lifecycle Stage\n{row}\n152,2026-10-05 11:05,Lead\n")
    told: list[str] = []
    log = FakeLog()
    into = backfill_of(log, tmp_path, told)
    await into.take(path, lambda _: None)
    (line,) = told
    assert line.startswith(f"{path}:2: ")
    assert said in line
    assert (into.done.bad, len(log.records)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"Name,Age\nx,1\n", "its columns fit no file of the map, which knows deals: Record ID, Deal Stage, Deal Name"),
        (b"Record ID,Lifecycle Stage\n\xff\xfe,x\n", "cannot be read"),
    ],
)
async def test_a_file_that_is_no_export_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    """By its name, and with what the map knows."""
    path = tmp_path / "contacts.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"contacts\.csv") as caught:
        await backfill_of(FakeLog(), tmp_path).take(path, lambda _: None)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"a": "b"}'])
def test_bookmarks_that_are_none_are_told(tmp_path: Path, content: str) -> None:
    """Losing them costs time alone, and the text says so."""
    (tmp_path / "imports.json").write_text(content)
    with pytest.raises(UsageError, match=r"imports\.json"):
        FileBookmarks(tmp_path / "imports.json")


@pytest.mark.parametrize("crm", ["hubspot", "pipedrive", "salesforce"])
async def test_an_export_and_the_webhooks_together_count_once(tmp_path: Path, crm: str) -> None:
    """Both tell the same journey; in whichever order, the clocks are those of the webhooks alone."""
    log = FakeLog()
    into = backfill_of(log, tmp_path, crm=crm)
    for path in sorted((FOLDER / crm).glob("*.csv")):
        await into.take(path, lambda _: None)
    assert into.done.bad == 0
    lead = LEADS[crm]
    deals = {
        event["data"]["deal"] for event in log.documents() if event.get("subject") == lead and "deal" in event["data"]
    }
    exported = [
        from_json(json.dumps(event))
        for event in log.documents()
        if event.get("subject") == lead or event["data"].get("deal") in deals
    ]
    told = list(events_of(crm, JOURNEYS / crm / "won"))
    shared = {(event.source, event.id) for event in exported} & {(event.source, event.id) for event in told}
    assert len(shared) >= len(exported) / 2
    expected = (JOURNEYS / "won.csv").read_text()
    assert clocks_of([*told, *exported]) == clocks_of([*exported, *told]) == expected


async def test_salesforce_s_export_tells_the_whole_journey(tmp_path: Path) -> None:
    """With the history of its fields, it comes to the same clocks as the webhooks."""
    log = FakeLog()
    into = backfill_of(log, tmp_path, crm="salesforce")
    for path in sorted((FOLDER / "salesforce").glob("*.csv")):
        await into.take(path, lambda _: None)
    events = [from_json(json.dumps(event)) for event in log.documents()]
    assert clocks_of(events) == (JOURNEYS / "won.csv").read_text()


def test_bookmarks_are_kept_on_disk(tmp_path: Path) -> None:
    """Bookmarks survive the process."""
    bookmarks = FileBookmarks(tmp_path / "imports.json")
    bookmarks.put("a", 7)
    assert FileBookmarks(tmp_path / "imports.json").at("a") == 7
    assert FileBookmarks(tmp_path / "imports.json").at("b") == 0
    assert json.loads((tmp_path / "imports.json").read_text()) == {"a": 7}
