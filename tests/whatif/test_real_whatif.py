"""`baton whatif` on a bank's year of leads: held against two replays of it and against a recount of its alerts."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.charters.files import load_charters
from services.domain.clocks import Kind, passages
from services.domain.durations import parse_duration
from services.domain.fold import fold
from services.domain.instants import SECOND, parse_instant
from services.replay.csv_map import read_map
from services.replay.history import History, read_history
from services.whatif.compare import compare
from services.whatif.words import duration
from tests.command import baton
from tests.shared_data import SHARED, needs_shared

BANK = SHARED / "data" / "bank" / "applications-2011.csv.gz"
BANK_MAP = Path(__file__).parents[1] / "replay" / "bank-map.yaml"
CHARTER_A = SHARED / "vectors" / "bank-charter.yaml"
UNTIL = "2011-12-06T14:30:00Z"
"""In the middle of it all: many clocks are open."""
SETTLE = 25 * 60 * SECOND
OTHER_PROMISES = {
    "version: bank-2011": "version: bank-2012",
    "targets: [{within: 2h}]": "targets: [{within: 3h}]\n    settle: 25m",
    "targets: [{within: 1h30m}]": "targets: [{within: 5m}]\n    escalate: [{at: 50%, to: sales}]\n    settle: 25m",
    "targets: [{within: 3d}]": "targets: [{within: 5d, calendar: always}]\n    settle: 25m",
    "targets: [{within: 2w}]": "targets: [{within: 4w}]\n    settle: 25m",
    "targets: [{within: 1d4h}]": "targets: [{within: 1h}]\n    settle: 25m",
}

pytestmark = needs_shared


@dataclass(frozen=True)
class Compared:
    """What one run of `baton whatif` made, and by which charters."""

    a: Path
    b: Path
    document: Any
    leads: list[dict[str, str]]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """One run for all tests."""
    folder = tmp_path_factory.mktemp("whatif")
    text = CHARTER_A.read_text(encoding="utf-8")
    for old, new in OTHER_PROMISES.items():
        assert old in text
        text = text.replace(old, new)
    other = folder / "other.yaml"
    other.write_text(text, encoding="utf-8")
    leads = folder / "leads.csv"
    options: list[str | Path] = ["--map", BANK_MAP, "--until", UNTIL, "--json", "--leads-csv", leads]
    done = baton("whatif", BANK, "--charter", CHARTER_A, "--against", other, *options)
    assert done.returncode == 0, done.stderr
    with leads.open(encoding="utf-8", newline="") as file:
        return Compared(CHARTER_A, other, json.loads(done.stdout), list(csv.DictReader(file)))


def replayed(folder: Path, charter: Path) -> tuple[Any, dict[tuple[str, str, str], dict[str, str]]]:
    """The document of a replay, and its clocks by lead, clock and number."""
    out = folder / "clocks.csv"
    options: list[str | Path] = ["--map", BANK_MAP, "--until", UNTIL, "--json", "--clocks-csv", out]
    done = baton("replay", BANK, "--charter", charter, *options)
    assert done.returncode == 0, done.stderr
    with out.open(encoding="utf-8", newline="") as file:
        rows = {(row["lead"], row["clock"], row["instance"]): row for row in csv.DictReader(file)}
    return json.loads(done.stdout), rows


def test_each_side_is_what_a_replay_says(compared: Compared, tmp_path: Path) -> None:
    """The numbers of both charters, and what comes out otherwise, are those of two separate replays."""
    replay_a, clocks_a = replayed(tmp_path, compared.a)
    replay_b, clocks_b = replayed(tmp_path, compared.b)
    for side, replay in (("a", replay_a), ("b", replay_b)):
        assert compared.document["charters"][side] == replay["charter"]
        assert {name: compared.document[name] for name in ("as_of", "events", "leads")} == {
            name: replay[name] for name in ("as_of", "events", "leads")
        }
        for name, clock in replay["clocks"].items():
            mine = compared.document["clocks"][name][side]
            assert {key: mine[key] for key in clock} == clock
            assert mine["reached"] == (clock["attainment"] >= mine["objective"])
    differing = [
        {
            **dict(zip(("lead", "clock", "instance"), key, strict=True)),
            "status_a": row["status"],
            "due_at_a": row["due_at"],
            "status_b": clocks_b[key]["status"],
            "due_at_b": clocks_b[key]["due_at"],
        }
        for key, row in clocks_a.items()
        if row["status"] != clocks_b[key]["status"]
    ]
    assert clocks_a.keys() == clocks_b.keys()
    assert compared.leads == differing
    assert compared.document["changed"]["total"] == len(differing) > 1000
    listed = compared.document["changed"]["instances"]
    assert [(each["lead"], each["clock"], str(each["instance"])) for each in listed] == [
        (row["lead"], row["clock"], row["instance"]) for row in differing
    ]
    turns = Counter((row["clock"], row["status_a"], row["status_b"]) for row in differing)
    found = compared.document["changed"]["turns"]
    assert {(turn["clock"], turn["a"], turn["b"]): turn["instances"] for turn in found} == turns


def bank() -> History:
    return read_history(
        [BANK], csv_map=read_map(BANK_MAP), until=parse_instant(UNTIL), report=lambda bad: pytest.fail(str(bad))
    )


@pytest.mark.parametrize("side", ["a", "b"])
def test_alerts_are_the_passages_of_instances_that_were_still_open(compared: Compared, side: str) -> None:
    """Counted anew from the domain's passages: by kind, week, weekday and hour."""
    charters = load_charters(getattr(compared, side), whole_history_if_single=True)
    as_of = parse_instant(UNTIL)
    kinds: Counter[str] = Counter()
    weeks: Counter[str] = Counter()
    hours: Counter[int] = Counter()
    weekdays: Counter[str] = Counter()
    for key, events in bank().leads.items():
        for instance in fold(key, events, charters).instances:
            for kind, _, at in passages(instance, as_of):
                if kind not in (Kind.AT_RISK, Kind.OVERDUE, Kind.ESCALATED):
                    continue
                told = at + SETTLE if side == "b" and kind is not Kind.AT_RISK else at
                if told > as_of or (instance.ended_at is not None and told >= instance.ended_at):
                    continue
                moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=told)
                local = moment.astimezone(ZoneInfo("Europe/Amsterdam"))
                kinds[str(kind)] += 1
                weeks[f"{local:%G-W%V}"] += 1
                hours[local.hour] += 1
                weekdays[f"{local:%a}"] += 1
    alerts = compared.document["alerts"]
    assert {name: alerts[side][name] for name in ("at_risk", "overdue", "escalated")} == dict(kinds)
    assert alerts[side]["total"] == sum(alerts[side]["clocks"].values()) == kinds.total()
    assert {row["week"]: row[side] for row in alerts["weeks"] if row[side]} == weeks
    assert {row["hour"]: row[side] for row in alerts["hours"] if row[side]} == hours
    assert {row["weekday"]: row[side] for row in alerts["weekdays"] if row[side]} == weekdays


def test_the_break_even_targets_would_just_have_done(compared: Compared, tmp_path: Path) -> None:
    """Judged with every clock's break-even the objectives are reached; with a second less each, none is."""
    found = {name: clock["a"]["break_even_seconds"] for name, clock in compared.document["clocks"].items()}
    assert found.pop("answer_rejection") is None  # marketing never answered
    outcomes = []
    for less in (0, 1):
        text = CHARTER_A.read_text(encoding="utf-8")
        for name, seconds in found.items():
            head, clock = text.split(f"  {name}:\n")
            before, after = clock.split("within: ", 1)
            text = f"{head}  {name}:\n{before}within: {duration(seconds - less)}}}{after.split('}', 1)[1]}"
        path = tmp_path / f"{less}.yaml"
        path.write_text(text, encoding="utf-8")
        outcomes.append(load_charters(path, whole_history_if_single=True))
    comparison = compare(bank(), *outcomes, as_of=parse_instant(UNTIL), changed=lambda _: None)
    for name, seconds in found.items():
        a, b = comparison.a.clocks[name], comparison.b.clocks[name]
        assert parse_duration(a.clock.targets[0].text).total(None) == seconds
        assert (a.is_reached, b.is_reached) == (True, False), name
        assert a.break_even() == b.break_even() == seconds
