"""`baton replay` on real data: a bank's year of leads against an independent program, and Olist's funnel."""

import csv
import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from services.replay.csv_map import read_map
from services.replay.history import read_history
from services.translate import to_json
from tests.command import baton
from tests.shared_data import SHARED, needs_shared

HERE = Path(__file__).parent
BANK = SHARED / "data" / "bank" / "applications-2011.csv.gz"
BANK_MAP = HERE / "bank-map.yaml"
BANK_CHARTER = SHARED / "vectors" / "bank-charter.yaml"
OLIST = SHARED / "data" / "olist"
OLIST_LEADS = OLIST / "olist_marketing_qualified_leads_dataset.csv"
OLIST_DEALS = OLIST / "olist_closed_deals_dataset.csv"

pytestmark = needs_shared


def vector(name: str) -> str:
    with gzip.open(SHARED / "vectors" / name, "rt", encoding="utf-8", newline="") as file:
        return file.read()


def same_lines(got: Path, wanted: str) -> None:
    """Line by line, so that a difference is shown as one line and not as nine megabytes."""
    lines, wanted_lines = got.read_text(encoding="utf-8").splitlines(), wanted.splitlines()
    for number, (line, wanted_line) in enumerate(zip(lines, wanted_lines, strict=False), start=1):
        assert line == wanted_line, f"line {number}"
    assert len(lines) == len(wanted_lines)


def test_the_bank_log_gives_the_clocks_of_an_independent_program(tmp_path: Path) -> None:
    """79,490 instances of five clocks, each line the same."""
    out = tmp_path / "clocks.csv"
    done = baton("replay", BANK, "--map", BANK_MAP, "--charter", BANK_CHARTER, "--clocks-csv", out)
    assert done.returncode == 0, done.stderr
    same_lines(out, vector("bank-2011-clocks.csv.gz"))


def test_the_bank_log_judged_in_the_middle_gives_the_clocks_of_that_moment(tmp_path: Path) -> None:
    """With --until, later events do not exist, and open instances stand as they stood then."""
    out = tmp_path / "clocks.csv"
    until = "2011-11-10T11:00:00Z"
    done = baton("replay", BANK, "--map", BANK_MAP, "--charter", BANK_CHARTER, "--clocks-csv", out, "--until", until)
    assert done.returncode == 0, done.stderr
    same_lines(out, vector("bank-2011-clocks-until-20111110T110000Z.csv.gz"))


def test_order_and_duplicates_of_the_bank_log_change_nothing(tmp_path: Path) -> None:
    """All its events in random order, one in ten sent twice, give the same file."""
    history = read_history([BANK], csv_map=read_map(BANK_MAP), until=None, report=lambda bad: pytest.fail(str(bad)))
    events = [event for mine in history.leads.values() for event in mine]
    rng = random.Random(2011)
    twice = rng.sample(events, len(events) // 10)
    mixed = events + twice
    rng.shuffle(mixed)
    shuffled = tmp_path / "shuffled.jsonl.gz"
    with gzip.open(shuffled, "wb", compresslevel=1) as file:
        file.writelines(to_json(event) + b"\n" for event in mixed)
    out = tmp_path / "clocks.csv"
    done = baton("replay", shuffled, "--charter", BANK_CHARTER, "--clocks-csv", out, "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["events"]
    assert counts == {
        "read": len(mixed),
        "used": len(events),
        "duplicate": len(twice),
        "ignored_after_until": 0,
        "bad": 0,
    }
    same_lines(out, vector("bank-2011-clocks.csv.gz"))


def test_the_summary_of_the_bank_log_counts_its_clocks_file(tmp_path: Path) -> None:
    """The JSON document says of each clock and of the handoffs what the file and the log themselves say."""
    out = tmp_path / "clocks.csv"
    done = baton("replay", BANK, "--map", BANK_MAP, "--charter", BANK_CHARTER, "--clocks-csv", out, "--json")
    document = json.loads(done.stdout)
    with out.open(encoding="utf-8", newline="") as file:
        statuses = Counter((row["clock"], row["status"]) for row in csv.DictReader(file))
    for name, clock in document["clocks"].items():
        for status in ("met", "missed", "overdue", "at_risk", "running", "paused", "cancelled"):
            assert clock[status] == statuses[name, status]
        judged = clock["met"] + clock["missed"] + clock["overdue"]
        assert clock["attainment"] == pytest.approx(clock["met"] / judged)
    with gzip.open(BANK, "rt", encoding="utf-8", newline="") as file:
        activities = Counter(row["activity"] for row in csv.DictReader(file))
    assert document["leads"] == document["handoffs"]["opened"] == activities["A_SUBMITTED"]
    assert document["handoffs"]["won"] == activities["A_APPROVED"]
    assert document["handoffs"]["rejected"] == activities["A_DECLINED"]


def test_olist_leads_and_deals_join_into_handoffs_by_source() -> None:
    """Won and opened handoffs by origin are those of a plain join of the two files.

    One deal of Olist was won two days before its lead's first contact: it is on the lead's timeline and in no handoff.
    """
    with OLIST_LEADS.open(encoding="utf-8", newline="") as file:
        leads = {row["mql_id"]: row for row in csv.DictReader(file)}
    with OLIST_DEALS.open(encoding="utf-8", newline="") as file:
        deals = list(csv.DictReader(file))
    opened = Counter(row["origin"] or "unknown" for row in leads.values())
    won = Counter(
        leads[row["mql_id"]]["origin"] or "unknown"
        for row in deals
        if row["won_date"] >= leads[row["mql_id"]]["first_contact_date"]
    )
    files: list[Path | str] = [OLIST_LEADS, OLIST_DEALS]
    arguments = [*files, "--map", HERE / "olist-map.yaml", "--charter", HERE / "olist-charter.yaml"]
    document = json.loads(baton("replay", *arguments, "--json").stdout)
    assert document["events"]["used"] == len(leads) + len(deals)
    assert document["handoffs"]["opened"] == len(leads) == 8000
    assert document["handoffs"]["won"] == won.total() == 841
    table = baton("replay", *arguments).stdout
    rows = {line.split()[0]: line.split() for line in table.splitlines() if line.strip()}
    for source, count in opened.items():
        assert rows[source][1] == f"{count:,}"
        assert rows[source][5] == f"{won[source]:,}"
        assert rows[source][6] == f"{won[source] / count:.1%}"
