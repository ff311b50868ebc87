"""The page of metrics, from a store that a tracker has filled: exact, whole from the start, no series more."""

import math
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services import metric_table as table
from services.domain.charter import Charters
from services.domain.events import WIRE_NAMES, Event
from services.domain.instants import SECOND
from services.errors import Unavailable
from services.metrics.collector import Gauges, single
from services.metrics.routes import add_routes
from services.metrics.tally import ProcessTally
from services.metrics.text import CONTENT_TYPE, page_of
from tests.metrics.support import collector, never_down, read, scrape, text
from tests.shared_data import DEMAND_ALL
from tests.tracker.support import CHARTER, Bench, at, charters_of, event

TOUCH: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
HOT = {"team": "inbound", "priority": "hot", "source": "webinar"}


@pytest.fixture
def story() -> Bench:
    """A morning: one promise kept, one kept late, one overdue, one lead given back and answered, two still in time."""
    bench = Bench()
    bench.feed(
        [
            event("lead.handed_off", "09:00", "kept", attributes=HOT),
            event("lead.handed_off", "09:00", "late", attributes={"source": "fair"}),
            event("lead.handed_off", "09:00", "overdue", attributes={"team": "inbound"}),
        ],
        "09:00:10",
    )
    bench.feed([event("lead.touched", "09:10", "kept", **TOUCH)], "09:10:03")
    bench.tick("09:45")
    bench.tick("10:00:01")
    bench.feed([event("lead.handed_off", "10:00", "back", attributes={"source": "webinar"})], "10:00:05")
    bench.feed(
        [
            event("lead.rejected", "10:20", "back", reason="wrong_fit"),
            event("lead.touched", "10:30", "late", **TOUCH),
        ],
        "10:31",
    )
    bench.feed(
        [
            event("feedback.answered", "10:50", "back", answer="agreed"),
            event("lead.handed_off", "10:50", "paused", attributes=HOT),
            event("lead.paused", "10:55", "paused", reason="holiday"),
            event("lead.handed_off", "10:50", "running", attributes=HOT),
        ],
        "10:58",
    )
    bench.tick("11:00")
    return bench


TRANSITIONS = {
    f'baton_clock_transitions_total{{clock="{clock}",priority="{priority}",promised_by="{side}",team="{team}",'
    f'transition="{transition}"}}': count
    for (clock, side, team, priority, transition), count in {
        ("answer", "marketing", "other", "other", "met"): 1,
        ("answer", "marketing", "other", "other", "started"): 1,
        ("touch", "sales", "inbound", "hot", "met"): 1,
        ("touch", "sales", "inbound", "hot", "paused"): 1,
        ("touch", "sales", "inbound", "hot", "started"): 3,
        ("touch", "sales", "inbound", "other", "at_risk"): 1,
        ("touch", "sales", "inbound", "other", "escalated"): 2,
        ("touch", "sales", "inbound", "other", "overdue"): 1,
        ("touch", "sales", "inbound", "other", "started"): 1,
        ("touch", "sales", "other", "other", "at_risk"): 1,
        ("touch", "sales", "other", "other", "cancelled"): 1,
        ("touch", "sales", "other", "other", "escalated"): 1,
        ("touch", "sales", "other", "other", "missed"): 1,
        ("touch", "sales", "other", "other", "overdue"): 1,
        ("touch", "sales", "other", "other", "started"): 2,
    }.items()
}
# All that is neither 0 nor a bucket at 11:00.
STORY = {
    'baton_attainment_ratio{clock="answer",per="month",promised_by="marketing"}': 1,
    'baton_attainment_ratio{clock="answer",per="quarter",promised_by="marketing"}': 1,
    'baton_attainment_ratio{clock="touch",per="month",promised_by="sales"}': 1 / 3,
    'baton_attainment_ratio{clock="touch",per="quarter",promised_by="sales"}': 1 / 3,
    'baton_charter_info{version="test"}': 1,
    'baton_clock_counted_seconds_count{clock="answer",promised_by="marketing",team="other"}': 1,
    'baton_clock_counted_seconds_count{clock="touch",promised_by="sales",team="inbound"}': 1,
    'baton_clock_counted_seconds_count{clock="touch",promised_by="sales",team="other"}': 1,
    'baton_clock_counted_seconds_sum{clock="answer",promised_by="marketing",team="other"}': 1800,
    'baton_clock_counted_seconds_sum{clock="touch",promised_by="sales",team="inbound"}': 600,
    'baton_clock_counted_seconds_sum{clock="touch",promised_by="sales",team="other"}': 5400,
    **TRANSITIONS,
    'baton_crm_last_event_timestamp_seconds{crm="hubspot"}': at("10:58") / SECOND,
    'baton_event_delay_seconds_count{crm="hubspot"}': 11,
    'baton_event_delay_seconds_sum{crm="hubspot"}': 2378,
    'baton_events_total{crm="hubspot",outcome="used",type="feedback.answered"}': 1,
    'baton_events_total{crm="hubspot",outcome="used",type="lead.handed_off"}': 6,
    'baton_events_total{crm="hubspot",outcome="used",type="lead.paused"}': 1,
    'baton_events_total{crm="hubspot",outcome="used",type="lead.rejected"}': 1,
    'baton_events_total{crm="hubspot",outcome="used",type="lead.touched"}': 2,
    'baton_feedback_total{kind="agreed",reason="other",source="webinar"}': 1,
    'baton_feedback_total{kind="rejected",reason="wrong_fit",source="webinar"}': 1,
    'baton_handoff_outcomes_total{outcome="rejected",source="webinar"}': 1,
    'baton_open_clocks{clock="touch",priority="hot",promised_by="sales",status="paused",team="inbound"}': 1,
    'baton_open_clocks{clock="touch",priority="hot",promised_by="sales",status="running",team="inbound"}': 1,
    'baton_open_clocks{clock="touch",priority="other",promised_by="sales",status="overdue",team="inbound"}': 1,
    'baton_open_handoffs{priority="hot",team="inbound"}': 3,
    'baton_open_handoffs{priority="other",team="inbound"}': 1,
    'baton_open_handoffs{priority="other",team="other"}': 1,
    'baton_stalled_leads{priority="other",team="inbound"}': 1,
}
NOTHING_DUE = {
    f'baton_attainment_ratio{{clock="close",per="{per}",promised_by="sales"}}' for per in ("month", "quarter")
}
COUNTED_BUCKETS = {
    # Kept after 600 s by a hot lead (target 900 s), and after 5,400 s by another one (target 3,600 s).
    ("touch", "sales", "inbound"): {225: 0, 450: 0, 675: 1, 900: 1, 1350: 1, 1800: 1, 2700: 1, 3600: 1, 14_400: 1},
    ("touch", "sales", "other"): {225: 0, 900: 0, 2700: 0, 3600: 0, 5400: 1, 7200: 1, 14_400: 1},
    ("answer", "marketing", "other"): {1800: 1, 3600: 1, 5400: 1, 7200: 1, 10_800: 1, 14_400: 1, 28_800: 1},
    ("answer", "marketing", "inbound"): {1800: 0, 28_800: 0},
}
DELAY_BUCKETS = {1: 0, 5: 2, 15: 5, 60: 6, 300: 7, 900: 11, 3600: 11, 21_600: 11, 86_400: 11}


def test_the_page_says_exactly_what_happened(story: Bench) -> None:
    """Every series that is not 0 has the value of the story, and there is no other."""
    series = scrape(story, "11:00")
    told = {
        key: value
        for key, value in series.items()
        if value and not math.isnan(value) and not key.partition("{")[0].endswith("_bucket")
    }
    assert told == STORY
    assert {key for key, value in series.items() if math.isnan(value)} == NOTHING_DUE


def test_counted_time_falls_into_the_buckets_of_its_targets(story: Bench) -> None:
    """Each target is a bound, so that the share that kept it is exact."""
    series = scrape(story, "11:00")
    for (clock, side, team), buckets in COUNTED_BUCKETS.items():
        for bound, count in buckets.items():
            key = f'{{clock="{clock}",le="{bound}",promised_by="{side}",team="{team}"}}'
            assert series[f"baton_clock_counted_seconds_bucket{key}"] == count, key


def test_delays_fall_into_their_buckets(story: Bench) -> None:
    """How long events took from the CRM's time to use, each counted once."""
    series = scrape(story, "11:00")
    for bound, count in DELAY_BUCKETS.items():
        assert series[f'baton_event_delay_seconds_bucket{{crm="hubspot",le="{bound}"}}'] == count, bound


def test_an_event_from_the_near_future_shows_how_far_ahead_it_is() -> None:
    """Where the CRM's clock is ahead, that is a histogram of its own: a sum that goes down looks like a restart."""
    bench = Bench()
    bench.feed([event("lead.handed_off", "09:02")], "09:00")
    series = scrape(bench, "09:00")
    assert series['baton_event_ahead_seconds_bucket{crm="hubspot",le="60"}'] == 0
    assert series['baton_event_ahead_seconds_bucket{crm="hubspot",le="300"}'] == 1
    assert series['baton_event_ahead_seconds_sum{crm="hubspot"}'] == 120
    assert 'baton_event_delay_seconds_sum{crm="hubspot"}' not in series


LAST = 'baton_crm_last_event_timestamp_seconds{crm="%s"}'


def test_the_last_event_of_each_crm_is_that_of_the_log() -> None:
    """When it came in, not when it happened; a duplicate counts, a dead letter does not, a restart loses nothing."""
    bench = Bench()
    nothing = read(text(collector(bench, "09:00", crms=["hubspot", "zoho"])))
    assert (nothing[LAST % "hubspot"], nothing[LAST % "zoho"]) == (0, 0)
    assert LAST % "hubspot" not in scrape(bench, "09:00")
    handed_off = event("lead.handed_off", "08:00")
    bench.feed([handed_off], "09:00")
    assert scrape(bench, "09:30")[LAST % "hubspot"] == at("09:00") / SECOND
    bench.restart()
    assert scrape(bench, "09:30")[LAST % "hubspot"] == at("09:00") / SECOND
    bench.feed([handed_off], "10:00")
    bench.feed_raw([b"{"], "11:00")
    series = read(text(collector(bench, "12:00", crms=["hubspot", "zoho"])))
    assert (series[LAST % "hubspot"], series[LAST % "zoho"]) == (at("10:00") / SECOND, 0)


def test_gauges_are_of_the_moment_they_are_read(story: Bench) -> None:
    """Without the tracker waking up in between, a later scrape shows what time alone has changed."""
    series = scrape(story, "11:06")
    hot = 'baton_open_clocks{clock="touch",priority="hot",promised_by="sales",status="%s",team="inbound"}'
    assert (series[hot % "running"], series[hot % "overdue"], series[hot % "paused"]) == (0, 1, 1)
    assert series['baton_stalled_leads{priority="hot",team="inbound"}'] == 1
    assert series['baton_attainment_ratio{clock="touch",per="month",promised_by="sales"}'] == 1 / 4


def test_a_correction_moves_the_ratio_and_not_the_counters(story: Bench) -> None:
    """A late proof is counted as corrected and as its new verdict; attainment is exact, what was told stays counted."""
    before = scrape(story, "11:00")
    story.feed([event("lead.touched", "09:20", "overdue", **TOUCH)], "11:00")
    after = scrape(story, "11:00")
    labels = 'clock="touch",priority="other",promised_by="sales",team="inbound",transition'
    changed = {key: value - before[key] for key, value in never_down(after).items() if value != before[key]}
    assert {key: amount for key, amount in changed.items() if "transitions" in key} == {
        f'baton_clock_transitions_total{{{labels}="corrected"}}': 1,
        f'baton_clock_transitions_total{{{labels}="met"}}': 1,
    }
    assert after['baton_attainment_ratio{clock="touch",per="month",promised_by="sales"}'] == 2 / 3


def test_a_ratio_is_of_the_month_and_the_quarter_it_fell_due_in(story: Bench) -> None:
    """In November there is nothing yet for the month, and the quarter is as it was but for what is overdue now."""
    later = collector(story, "11:00")
    later._clock.pass_by(31 * 24 * 3600)  # type: ignore[attr-defined]
    series = read(text(later))
    assert math.isnan(series['baton_attainment_ratio{clock="touch",per="month",promised_by="sales"}'])
    assert series['baton_attainment_ratio{clock="touch",per="quarter",promised_by="sales"}'] == 1 / 4


def test_the_charter_in_force_is_named() -> None:
    """The version whose time has come, and none before the first one's."""
    later = CHARTER.replace("version: test", "version: next").replace("2020-01-01", "2026-10-05")
    future = later.replace("version: next", "version: future").replace("2026-10-05", "2030-01-01")
    versions = [charters_of(each).latest for each in (CHARTER, later, future)]
    bench = Bench()

    def named(*charters: int) -> list[str]:
        series = scrape(bench, "09:00", charters=Charters([versions[each] for each in charters]))
        return [key for key, value in series.items() if key.startswith("baton_charter_info") and value == 1]

    assert named(0) == ['baton_charter_info{version="test"}']
    assert named(0, 1, 2) == ['baton_charter_info{version="next"}']
    assert named(2) == []


def test_every_series_of_the_charter_is_there_before_anything_happens() -> None:
    """A counter that appeared with its first event would show no increase: all start at 0, on an empty store."""
    series = scrape(Bench(), "09:00")
    clocks = {"touch": "sales", "answer": "marketing", "close": "sales"}
    teams, priorities, sources, reasons = (
        ("inbound", "other"),
        ("hot", "other"),
        ("webinar", "other"),
        ("wrong_fit", "other"),
    )
    transitions = (
        *("started", "at_risk", "overdue", "escalated", "met", "missed", "cancelled", "paused", "resumed"),
        "corrected",
    )
    expected = {
        f'baton_clock_transitions_total{{clock="{clock}",priority="{priority}",promised_by="{side}",team="{team}",'
        f'transition="{transition}"}}'
        for clock, side in clocks.items()
        for team in teams
        for priority in priorities
        for transition in transitions
    }
    expected |= {
        f'baton_open_clocks{{clock="{clock}",priority="{priority}",promised_by="{side}",status="{status}",'
        f'team="{team}"}}'
        for clock, side in clocks.items()
        for team in teams
        for priority in priorities
        for status in ("running", "at_risk", "overdue", "paused")
    }
    expected |= {
        f'baton_handoff_transitions_total{{priority="{priority}",team="{team}",transition="{transition}"}}'
        for team in teams
        for priority in priorities
        for transition in ("stalled", "corrected")
    }
    expected |= {
        f'{name}{{priority="{priority}",team="{team}"}}'
        for name in ("baton_open_handoffs", "baton_stalled_leads")
        for team in teams
        for priority in priorities
    }
    expected |= {
        f'baton_clock_counted_seconds_{part}{{clock="{clock}",promised_by="{side}",team="{team}"}}'
        for part in ("count", "sum")
        for clock, side in clocks.items()
        for team in teams
    }
    expected |= {
        f'baton_feedback_total{{kind="{kind}",reason="{reason}",source="{source}"}}'
        for kind in ("good", "poor", "rejected", "agreed", "disputed", "upheld", "withdrawn")
        for reason in reasons
        for source in sources
    }
    expected |= {
        f'baton_handoff_outcomes_total{{outcome="{outcome}",source="{source}"}}'
        for outcome in ("rejected", "recycled", "withdrawn", "merged", "won", "lost")
        for source in sources
    }
    expected |= {
        f'baton_dead_letters_total{{reason="{reason}"}}'
        for reason in ("unreadable", "invalid", "too_many", "incomplete", "too_far_ahead", "lost", "fault")
    }
    found = {key for key, value in series.items() if value == 0 and "_bucket{" not in key}
    assert found == expected


@pytest.mark.parametrize("seed", range(8))
def test_the_counters_are_a_recount_of_the_store(seed: int) -> None:
    """Whatever happens in whatever order, transitions and events on the page are those in the store, and only grow."""
    rng = random.Random(seed)
    bench = Bench()
    leads = [f"lead:{number}" for number in range(6)]
    mixed = [each for lead in leads for each in _life(rng, lead)]
    mixed += rng.sample(mixed, len(mixed) // 5)
    rng.shuffle(mixed)
    now, before = at("14:00"), never_down(scrape(bench, "14:00"))
    while mixed:
        size = rng.randint(1, 15)
        bench.feed(mixed[:size], now)
        del mixed[:size]
        now += rng.randint(0, 900) * SECOND
        bench.tick(now)
        series = never_down(scrape(bench, "14:00"))
        assert all(series[key] >= value for key, value in before.items())
        before = series
    rows = [row for lead in leads for row in bench.store.transitions([lead])]
    told = Counter((row.clock, row.name.partition("/")[0]) for row in rows)
    counted = _sums(before, "baton_clock_transitions_total", "clock", "transition")
    for (transition,), count in _sums(before, "baton_handoff_transitions_total", "transition").items():
        counted["handoff", transition] = count
    assert told == counted
    assert told["handoff", "stalled"]
    stored = Counter(each.type.wire for lead in leads for each in _events(bench, lead))
    used = _sums(before, "baton_events_total", "outcome", "type")
    assert {kind: count for (outcome, kind), count in used.items() if outcome == "used"} == stored
    assert sum(before[key] for key in before if key.startswith("baton_event_delay_seconds_count")) == stored.total()


def _life(rng: random.Random, lead: str) -> list[Event]:
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("lead.handed_off", {"attributes": rng.choice([HOT, {"team": "made up"}, {}])}),
        ("lead.touched", TOUCH),
        ("lead.assigned", {"owner": "o"}),
        ("lead.paused", {"reason": "holiday"}),
        ("lead.resumed", {}),
        ("lead.rejected", {"reason": "wrong_fit"}),
        ("feedback.answered", {"answer": "agreed"}),
        ("lead.withdrawn", {}),
        ("lead.erased", {}),
    )
    chosen = rng.choices(kinds, (6, 4, 2, 2, 2, 2, 2, 1, 0.2), k=rng.randint(4, 14))
    return [
        event(kind, at("08:00") + rng.randint(0, 300) * 60 * SECOND, lead, id=f"{lead}/{number}", **data)
        for number, (kind, data) in enumerate(chosen)
    ]


def _events(bench: Bench, lead: str) -> list[Event]:
    file = bench.views.lead(lead)
    return list(file.events) if file is not None else []


def _sums(series: Any, name: str, *labels: str) -> dict[Any, float]:
    """The values of a metric, added up by some of its labels; without zeros."""
    sums: Counter[tuple[str, ...]] = Counter()
    for key, value in series.items():
        found, _, rest = key.partition("{")
        if found == name and value:
            pairs = dict(pair.split("=") for pair in rest.rstrip("}").split(","))
            sums[tuple(pairs[label].strip('"') for label in labels)] += value
    return dict(sums)


def test_a_new_charter_takes_no_series_away() -> None:
    """What was counted under labels, clocks and targets that the new version lacks stays on the page."""
    bench = Bench()
    bench.feed([event("lead.handed_off", "09:00", attributes=HOT), event("lead.touched", "09:10", **TOUCH)], "09:10")
    before = never_down(scrape(bench, "09:10"))
    other = CHARTER.replace("version: test", "version: next").replace("2020-01-01", "2021-01-01")
    other = other.replace("team: [inbound], priority: [hot]", "team: [fresh]").replace("touch:", "contact:")
    other = other.replace("within: 15m", "within: 20m")
    next_one = Charters([bench.charters.latest, charters_of(other).latest])
    after = never_down(scrape(bench, "09:10", charters=next_one))
    lost = {key: value for key, value in before.items() if after.get(key, 0) < value}
    assert lost == {}


def test_hostile_names_add_no_series() -> None:
    """Teams, sources, campaigns, priorities and reasons that nobody listed count as `other`, whatever they are."""
    bench = Bench()
    _hostile_leads(bench, 0, 1)
    before = scrape(bench, "09:30").keys()
    _hostile_leads(bench, 1, 300)
    assert scrape(bench, "09:30").keys() == before
    # The rest of a hundred thousand without the store: a label has no other way than this one.
    charter = bench.charters.latest
    names = ("team", "priority", "source", "reason", "campaign")
    assert {charter.label(name, f"{name}-{number}") for number in range(100_000) for name in names} == {"other"}


def _hostile_leads(bench: Bench, first: int, last: int) -> None:
    handed, rejected = [], []
    for number in range(first, last):
        name = f'x{number}"}} 1\nbaton_forged_total{{a="\\'
        attributes = {"team": name, "priority": name, "source": name, "campaign": name}
        lead = f"crm:lead:{number}"
        handed.append(event("lead.handed_off", "09:00", lead, owner=name, attributes=attributes))
        rejected += [
            event("lead.touched", "09:10", lead, **TOUCH),
            event("lead.rejected", "09:20", lead, reason=name),
            event("feedback.given", "09:20", lead, verdict="poor", reason=name),
        ]
    bench.feed(handed, "09:00")
    bench.feed(rejected, "09:20")


def test_hostile_labels_of_a_charter_are_escaped() -> None:
    """A label may hold any text; the page stays readable, and it comes back as it was."""
    name = 'a "b" \\ c'
    bench = Bench(charters_of(CHARTER.replace("team: [inbound]", f"team: ['{name}']")))
    page = text(collector(bench, "09:00"))
    assert f'team="{name}"' in "".join(read(page))


def _promtool() -> str | None:
    return shutil.which("promtool")


@pytest.mark.skipif(
    _promtool() is None and not DEMAND_ALL, reason="promtool is not there; Debian has it in the package prometheus"
)
def test_promtool_finds_nothing_to_say(story: Bench) -> None:
    """Prometheus's own linter of names, kinds, units and helps is content with the page."""
    lag: Gauges = {
        "baton_log_lag_records": lambda: {("baton.events", "0"): 0.0},
        "baton_api_waiting": lambda: {("hubspot",): 0.0},
        "baton_reconciled_timestamp_seconds": lambda: {("hubspot",): 1.0},
        "baton_webhooks_out_waiting": lambda: {("webhook:1",): 0.0},
        "baton_alertmanager_up": lambda: {("alertmanager:9093",): 1.0},
        "baton_crm_subscription_expiry_timestamp_seconds": lambda: {("zoho",): 1.0},
        "baton_database_pool_ratio": lambda: {("read",): 0.25},
    }
    names = {name for name, metric in table.BY_NAME.items() if metric.shape is table.Shape.GAUGE and not metric.labels}
    gauges: Gauges = {**dict.fromkeys(names, single(float)), **lag}
    tally = ProcessTally()
    tally.count("baton_webhook_requests_total", {"status": "202", "crm": "hubspot"})
    page = text(collector(story, "11:00", counts=tally.counts, gauges=gauges))
    assert set(table.BY_NAME) == {name for name in table.BY_NAME if f"# HELP {name} " in page}
    done = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_times_of_this_process_are_a_histogram_from_the_start() -> None:
    """Each combination is there at 0, every observation falls into its bucket, and the sum is in seconds."""
    bench, tally = Bench(), ProcessTally()
    tally.expect("baton_batch_duration_seconds", batch=["records", "due"])
    series = read(text(collector(bench, "09:00", counts=tally.counts)))
    assert series['baton_batch_duration_seconds_bucket{batch="records",le="+Inf"}'] == 0
    assert series['baton_batch_duration_seconds_count{batch="due"}'] == 0
    for seconds in (0.005, 0.006, 700):
        tally.observe("baton_batch_duration_seconds", {"batch": "due"}, seconds)
    series = read(text(collector(bench, "09:00", counts=tally.counts)))
    found = {bound: series[f'baton_batch_duration_seconds_bucket{{batch="due",le="{bound}"}}'] for bound in _BOUNDS}
    assert found == {"0.005": 1, "0.025": 2, "0.1": 2, "0.5": 2, "2": 2, "10": 2, "+Inf": 3}
    assert series['baton_batch_duration_seconds_sum{batch="due"}'] == pytest.approx(700.011)


_BOUNDS = ("0.005", "0.025", "0.1", "0.5", "2", "10", "+Inf")


def test_events_of_a_crm_that_is_set_up_are_there_before_the_first() -> None:
    """Of every type, used and known already; and how long they take."""
    series = read(text(collector(Bench(), "09:00", crms=["zoho"])))
    counted = {key for key in series if key.startswith("baton_events_total{")}
    assert counted == {
        f'baton_events_total{{crm="zoho",outcome="{outcome}",type="{name}"}}'
        for name in WIRE_NAMES.values()
        for outcome in ("used", "duplicate")
    }
    assert len(counted) == 44
    for name in ("baton_event_delay_seconds", "baton_event_ahead_seconds"):
        assert series[f'{name}_count{{crm="zoho"}}'] == 0


def test_no_created_series_doubles_the_page(story: Bench) -> None:
    """Prometheus would keep another series for each counter, for nothing."""
    assert "_created" not in text(collector(story, "11:00"))


def test_what_this_process_counted_is_added() -> None:
    """Counts that no transaction keeps appear beside those of the store; gauges as they are asked."""
    bench, tally = Bench(), ProcessTally()
    for status in ("202", "202", "401"):
        tally.count("baton_webhook_requests_total", {"status": status, "crm": "hubspot"})
    tally.count("baton_events_total", {"outcome": "ignored", "crm": "hubspot", "type": "other"}, 3)
    series = read(
        text(collector(bench, "09:00", counts=tally.counts, gauges={"baton_alerts_unsettled": single(lambda: 7.0)}))
    )
    assert series['baton_webhook_requests_total{crm="hubspot",status="202"}'] == 2
    assert series['baton_webhook_requests_total{crm="hubspot",status="401"}'] == 1
    assert series['baton_events_total{crm="hubspot",outcome="ignored",type="other"}'] == 3
    assert series["baton_alerts_unsettled"] == 7


@pytest.mark.parametrize(
    ("metric", "labels", "error"),
    [
        ("baton_requests_total", {"crm": "hubspot", "status": "202"}, KeyError),
        ("baton_webhook_requests_total", {"crm": "hubspot"}, TypeError),
        ("baton_webhook_requests_total", {"crm": "hubspot", "status": "202", "lead": "x"}, TypeError),
    ],
)
def test_a_count_under_a_wrong_name_is_a_fault(metric: str, labels: dict[str, str], error: type[Exception]) -> None:
    """A metric that the table does not have, or with other labels, is not counted silently."""
    with pytest.raises(error):
        ProcessTally().count(metric, labels)


def test_the_route_serves_the_page(story: Bench) -> None:
    """In the text format, with its version, and with what the system says of this process."""
    app = FastAPI()
    add_routes(app, page_of(collector(story, "11:00")))
    with TestClient(app) as client:
        answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE)
    assert read(answer.text) == pytest.approx(scrape(story, "11:00"), nan_ok=True)
    assert "process_resident_memory_bytes" in answer.text


def test_the_route_says_when_the_store_is_away(story: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, so that Prometheus shows the target as down instead of counters that are gone."""

    def away() -> None:
        raise Unavailable("database: unable to open database file")

    monkeypatch.setattr(story.views, "counters", away)
    app = FastAPI()
    add_routes(app, page_of(collector(story, "11:00")))
    with TestClient(app) as client:
        answer = client.get("/metrics")
    assert (answer.status_code, answer.text) == (503, "database: unable to open database file\n")


def test_ten_thousand_series_render_quickly() -> None:
    """A large charter's page; how long it takes is printed, since it depends on the machine (aim: 100 ms)."""
    teams = ", ".join(f"team-{number}" for number in range(45))
    sources = ", ".join(f"source-{number}" for number in range(30))
    labels = f"team: [{teams}], priority: [hot, warm, cold], source: [{sources}]"
    bench = Bench(charters_of(CHARTER.replace("team: [inbound], priority: [hot], source: [webinar]", labels)))
    collected = collector(bench, "09:00")
    took = []
    for _ in range(5):
        started = time.perf_counter()
        page = text(collected)
        took.append(time.perf_counter() - started)
    count = len(read(page))
    assert count >= 10_000
    sys.stderr.write(f"{count:,} series in {min(took) * 1000:.0f} ms\n")
