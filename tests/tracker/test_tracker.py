"""The tracker on a real store: what is judged, told, alerted and counted, whatever comes in whatever order."""

import itertools
import random
from typing import Any

import pytest

from services.domain.clocks import Status
from services.domain.events import Event
from services.domain.instants import SECOND
from services.errors import PositionLost
from services.ports import EVENTS, LogRecord
from services.translate import to_json
from services.views import status_at
from tests.tracker.support import Bench, at, event, expected_clocks, shuffled_with_duplicates

MINUTE = 60 * SECOND
TOUCH: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def counter(bench: Bench, metric: str, **labels: str) -> int:
    """The sum of a counter over all samples that have the labels."""
    return sum(
        amount
        for (name, sample), amount in bench.store_counters().items()
        if name == metric and labels.items() <= dict(sample).items()
    )


def alerts(bench: Bench) -> list[str]:
    """The ids of what is in the outbox."""
    return [pending.row.transition for pending in bench.outbox().due(at("23:59"), 1000)]


def test_a_clock_is_met_by_its_stop(bench: Bench) -> None:
    """A touch in time meets the clock, and each transition is told once."""
    bench.feed([event("lead.handed_off", "09:00"), event("lead.touched", "09:30", **TOUCH)], "09:31")
    (row,) = bench.clocks()
    assert (row.status, row.ended_at, row.counted) == ("met", at("09:30"), 30 * MINUTE)
    assert bench.told() == ["touch/1/met", "touch/1/started"]


def test_time_alone_tells_at_risk_overdue_and_escalations(bench: Bench) -> None:
    """A lead that nobody touches wakes the tracker at each threshold, once."""
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    assert bench.tick("09:44:59") == 0
    assert bench.tick("09:45") == 1
    assert bench.told() == ["touch/1/at_risk", "touch/1/started"]
    assert bench.tick("10:00") == 0
    assert bench.tick("10:00:01") == 1
    assert bench.tick("10:00:01") == 0
    assert "touch/1/overdue" in bench.told()
    assert "touch/1/escalated/1" in bench.told()
    bench.tick("10:30:01")
    assert "touch/1/escalated/2" in bench.told()
    assert alerts(bench) == [
        "crm:lead:1/touch/1/at_risk",
        "crm:lead:1/touch/1/overdue",
        "crm:lead:1/touch/1/escalated/1",
        "crm:lead:1/touch/1/escalated/2",
    ]


def test_a_late_proof_corrects_the_verdict(bench: Bench) -> None:
    """A touch made in time that arrives after the clock was called overdue turns it into met, and says so."""
    bench.feed([event("lead.handed_off", "10:00")], "10:00")
    bench.tick("11:00:01")
    bench.feed([event("lead.touched", "10:55", **TOUCH)], "11:40")
    (row,) = bench.clocks()
    assert row.status == "met"
    assert bench.told() == ["touch/1/at_risk", "touch/1/corrected", "touch/1/met", "touch/1/started"]
    corrected = next(each for each in bench.store.transitions(["crm:lead:1"]) if each.name == "corrected")
    assert (corrected.before, corrected.after) == ("overdue", "met")
    assert (corrected.told_at, corrected.because) == (
        at("11:40"),
        f"lead.touched /crm lead.touched@{at('10:55')}/crm:lead:1",
    )
    overdue = next(each for each in bench.store.transitions(["crm:lead:1"]) if each.name == "overdue")
    assert not overdue.standing
    assert overdue.told_at == at("11:00:01")
    assert counter(bench, "baton_clock_transitions_total", transition="corrected") == 1
    assert counter(bench, "baton_clock_transitions_total", transition="overdue") == 1
    assert counter(bench, "baton_clock_transitions_total", transition="met") == 1


def test_a_corrected_alert_no_longer_holds(bench: Bench) -> None:
    """The overdue alert is moot once corrected; the correction itself waits for whoever was told."""
    bench.feed([event("lead.handed_off", "10:00")], "10:00")
    bench.tick("11:00:01")
    bench.feed([event("lead.touched", "10:55", **TOUCH)], "11:40")
    holds = {pending.row.kind: pending.holds for pending in bench.outbox().due(at("23:59"), 1000)}
    assert holds == {"at_risk": False, "overdue": False, "escalated": False, "corrected": True}


def test_history_read_in_wakes_nobody(bench: Bench) -> None:
    """What fell overdue more than a day ago is judged and shown, and alerts nobody."""
    bench.feed([event("lead.handed_off", at("09:00") - 40 * 24 * 60 * MINUTE)], "09:00")
    assert "touch/1/overdue" in bench.told()
    assert alerts(bench) == []


def test_an_event_from_the_near_future_waits_for_its_time(bench: Bench) -> None:
    """A CRM whose clock is ahead changes nothing before the time that it gives."""
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    bench.feed([event("lead.touched", "09:05", **TOUCH)], "09:01")
    assert status_at(bench.clocks()[0], at("09:01")) is Status.RUNNING
    assert bench.tick("09:05") == 1
    assert bench.clocks()[0].status == "met"
    assert bench.clocks()[0].ended_at == at("09:05")


def test_an_event_from_the_far_future_is_a_dead_letter(bench: Bench) -> None:
    """What lies further ahead than clocks may differ is put aside with the reason."""
    bench.feed([event("lead.handed_off", "09:10")], "09:00")
    assert bench.clocks() == []
    (letter,) = bench.views.dead_letters(None, 10)
    assert letter.reason == "too_far_ahead"
    assert counter(bench, "baton_dead_letters_total", reason="too_far_ahead") == 1


def test_a_poison_record_does_not_cost_the_others(bench: Bench) -> None:
    """A record that is no event becomes a dead letter in the transaction that judges its neighbours."""
    good = to_json(event("lead.handed_off", "09:00"))
    bench.feed_raw([b"{", good, b'{"specversion": "1.0"}', b"\xff"], "09:00")
    assert len(bench.clocks()) == 1
    letters = bench.views.dead_letters(None, 10)
    assert sorted(letter.reason for letter in letters) == ["invalid", "unreadable", "unreadable"]
    assert sorted(letter.body for letter in letters) == sorted([b"{", b'{"specversion": "1.0"}', b"\xff"])
    assert bench.store.position(EVENTS, 0) == 4


def test_a_duplicate_changes_nothing_but_its_count(bench: Bench) -> None:
    """The same source and id counts once, in the same batch or a later one."""
    handed = event("lead.handed_off", "09:00")
    bench.feed([handed, handed], "09:00")
    bench.feed([handed], "09:01")
    assert len(bench.clocks()) == 1
    assert counter(bench, "baton_events_total", outcome="used") == 1
    assert counter(bench, "baton_events_total", outcome="duplicate") == 2


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_events_under_one_id_the_earlier_stays_whichever_came_first(bench: Bench, first: int) -> None:
    """A sender that gives one id to two different events gets one verdict, whatever the order of arrival."""
    handed = event("lead.handed_off", "09:00")
    touches = [event("lead.touched", when, id="same", **TOUCH) for when in ("09:20", "09:40")]
    bench.feed([handed, touches[first]], "09:50")
    bench.feed([touches[1 - first]], "09:50")
    assert bench.clocks()[0].ended_at == at("09:20")


def test_deal_events_wait_for_their_lead(bench: Bench) -> None:
    """A deal that is won before anybody says whose it is counts from its own time once that is known."""
    bench.feed([event("lead.handed_off", "09:00"), event("lead.touched", "09:10", **TOUCH)], "09:10")
    bench.feed([event("deal.opened", "09:20", lead="", id="o", deal="d1")], "09:20")
    bench.feed([event("deal.won", "10:00", lead="", id="w", deal="d1", amount=100)], "10:00")
    assert [row.clock for row in bench.clocks()] == ["touch"]
    bench.feed([event("deal.opened", "09:30", id="a", deal="d1")], "10:05")
    close = next(row for row in bench.clocks() if row.clock == "close")
    assert (close.started_at, close.ended_at, close.status) == (at("09:20"), at("10:00"), "met")
    file = bench.views.lead("crm:lead:1")
    assert file is not None
    assert [row.outcome for row in file.handoffs] == ["deal.won"]
    assert len(file.events) == 5


def test_a_deal_belongs_to_the_first_that_names_it_whatever_comes_first(bench: Bench) -> None:
    """When an earlier event names another lead, the deal and its events move there."""
    bench.feed([event("deal.opened", "09:30", lead="crm:lead:2", deal="d1")], "09:30")
    bench.feed([event("deal.won", "10:00", lead="", id="w", deal="d1")], "10:00")
    assert [row.status for row in bench.clocks("crm:lead:2")] == ["met"]
    bench.feed([event("deal.opened", "09:10", deal="d1")], "10:05")
    assert [row.status for row in bench.clocks("crm:lead:1")] == ["met"]
    assert bench.views.lead("crm:lead:2") is None
    told = {row.name: row for row in bench.store.transitions(["crm:lead:2"])}
    assert (told["corrected"].before, told["corrected"].after) == ("met", "none")


def test_a_lead_that_names_the_deal_of_another_gets_a_note(bench: Bench) -> None:
    """The deal counts for the first lead that named it; the other one's page says whose it is."""
    bench.feed([event("lead.handed_off", "09:00"), event("lead.handed_off", "09:00", "crm:lead:2")], "09:00")
    bench.feed([event("deal.opened", "09:10", deal="d1")], "09:10")
    bench.feed([event("deal.won", "10:00", "crm:lead:2", deal="d1")], "10:00")
    one, two = bench.views.lead("crm:lead:1"), bench.views.lead("crm:lead:2")
    assert one is not None
    assert two is not None
    assert [row.outcome for row in one.handoffs] == ["deal.won"]
    assert [row.outcome for row in two.handoffs] == [None]
    ((note, owner),) = two.foreign_deals
    assert (note.type.wire, owner) == ("deal.won", "crm:lead:1")


MERGE_ORDERS = list(itertools.permutations(range(4)))


@pytest.mark.parametrize("order", MERGE_ORDERS)
def test_the_survivor_of_a_merge_carries_on_the_handoff_and_the_clock(bench: Bench, order: tuple[int, ...]) -> None:
    """Whatever arrives first: the clock goes on from its old start and is judged once, and so does the handoff."""
    events = [
        event("lead.handed_off", "09:00", "crm:lead:old"),
        event("lead.merged", "09:20", "crm:lead:old", into="crm:lead:new"),
        event("lead.touched", "09:50", "crm:lead:new", **TOUCH),
        event("lead.accepted", "09:55", "crm:lead:new"),
    ]
    for number in order:
        bench.feed([events[number]], "10:00")
    (old,), (new,) = bench.clocks("crm:lead:old"), bench.clocks("crm:lead:new")
    assert (old.status, old.ended_at) == ("cancelled", at("09:20"))
    assert (new.status, new.started_at, new.due_at, new.counted) == ("met", at("09:00"), at("10:00"), 50 * MINUTE)
    file = bench.views.lead("crm:lead:new")
    assert file is not None
    (handoff,) = file.handoffs
    assert (handoff.opened_at, handoff.accepted_at, handoff.closed_at) == (at("09:00"), at("09:55"), None)
    assert bench.told("crm:lead:new")[-1] == "touch/1/met"
    assert "touch/1/started" not in bench.told("crm:lead:new")


def test_a_chain_of_merges_ends_with_the_last(bench: Bench) -> None:
    """A lead merged into one that is merged itself: the last one has the clock, and the first's deal too."""
    events = [
        event("lead.handed_off", "09:00", "crm:lead:a"),
        event("deal.opened", "09:05", "crm:lead:a", deal="d"),
        event("lead.merged", "09:10", "crm:lead:a", into="crm:lead:b"),
        event("lead.merged", "09:20", "crm:lead:b", into="crm:lead:c"),
        event("deal.won", "09:30", "", deal="d"),
        event("lead.touched", "09:40", "crm:lead:c", **TOUCH),
    ]
    for each in reversed(events):
        bench.feed([each], "10:00")
    statuses = {key: [(row.clock, row.status) for row in bench.clocks(f"crm:lead:{key}")] for key in "abc"}
    assert statuses["c"] == [("touch", "met")]
    assert ("touch", "cancelled") in statuses["a"]
    assert ("touch", "cancelled") in statuses["b"]
    file = bench.views.lead("crm:lead:c")
    assert file is not None
    assert [row.outcome for row in file.handoffs] == ["deal.won"]


def test_a_lead_that_becomes_a_deal_is_won_through_it(bench: Bench) -> None:
    """Pipedrive deletes a lead that it converts: the deal that names it carries the handoff to its end."""
    lead = "pipedrive:lead:adf21080"
    bench.feed([event("lead.handed_off", "09:00", lead), event("lead.touched", "09:10", lead, **TOUCH)], "09:10")
    bench.feed([event("deal.won", "11:00", "", id="won", deal="pipedrive:deal:7")], "11:00")
    bench.feed([event("deal.opened", "10:00", lead, deal="pipedrive:deal:7")], "11:05")
    file = bench.views.lead(lead)
    assert file is not None
    assert [(row.outcome, row.closed_at) for row in file.handoffs] == [("deal.won", at("11:00"))]


def test_a_lead_that_becomes_a_contact_and_a_deal_is_won_by_the_contact(bench: Bench) -> None:
    """Salesforce converts a lead into a contact and an opportunity: the contact carries on what was open."""
    lead, contact = "salesforce:lead:00Q1", "salesforce:contact:0031"
    bench.feed([event("deal.won", "11:00", "", id="won", deal="salesforce:opportunity:0061")], "11:00")
    bench.feed([event("deal.opened", "10:00", contact, deal="salesforce:opportunity:0061")], "11:00")
    bench.feed([event("lead.merged", "10:00", lead, into=contact)], "11:00")
    bench.feed([event("lead.handed_off", "09:00", lead), event("lead.touched", "09:10", lead, **TOUCH)], "11:00")
    before, after = bench.views.lead(lead), bench.views.lead(contact)
    assert before is not None
    assert after is not None
    assert [row.outcome for row in before.handoffs] == ["lead.merged"]
    assert [(row.opened_at, row.outcome) for row in after.handoffs] == [(at("09:00"), "deal.won")]


def test_a_survivor_with_a_clock_of_its_own_keeps_that(bench: Bench) -> None:
    """Nothing is doubled: where both were handed off, the survivor's own handoff and clock stay."""
    bench.feed(
        [
            event("lead.handed_off", "09:00", "crm:lead:old"),
            event("lead.handed_off", "09:10", "crm:lead:new"),
            event("lead.merged", "09:20", "crm:lead:old", into="crm:lead:new"),
        ],
        "09:20",
    )
    (row,) = bench.clocks("crm:lead:new")
    assert (row.number, row.started_at, row.status) == (1, at("09:10"), None)
    file = bench.views.lead("crm:lead:new")
    assert file is not None
    assert len(file.handoffs) == 1


def test_a_ceremony_is_no_lead(bench: Bench) -> None:
    """A ceremony is kept among the events and makes no lead."""
    held = event("ceremony.held", "09:00", "ceremony:review", ceremony="review", attendees={"marketing": 3, "sales": 4})
    bench.feed([held], "09:00")
    assert bench.views.lead("ceremony:review") is None
    assert counter(bench, "baton_events_total", type="ceremony.held", outcome="used") == 1


def test_a_second_worker_on_the_partition_writes_nothing(bench: Bench) -> None:
    """A batch that does not begin at the stored position is refused whole."""
    record = LogRecord(EVENTS, 0, 5, "k", to_json(event("lead.handed_off", "09:00")), {}, at("09:00"))
    with pytest.raises(PositionLost):
        bench.tracker.apply([record], at("09:00"))
    assert bench.clocks() == []


def test_feedback_and_outcomes_are_counted_by_reason_and_source(bench: Bench) -> None:
    """A rejection counts as feedback and as an outcome; a reason or source that the charter lacks counts as other."""
    bench.feed(
        [
            event("lead.handed_off", "09:00", attributes={"source": "webinar"}),
            event("lead.rejected", "09:10", reason="wrong_fit"),
            event("lead.handed_off", "09:00", "crm:lead:2", attributes={"source": "hostile\nname"}),
            event("lead.rejected", "09:10", "crm:lead:2", reason="made up"),
        ],
        "09:10",
    )
    assert counter(bench, "baton_feedback_total", kind="rejected", reason="wrong_fit", source="webinar") == 1
    assert counter(bench, "baton_feedback_total", kind="rejected", reason="other", source="other") == 1
    assert counter(bench, "baton_handoff_outcomes_total", outcome="rejected", source="webinar") == 1
    assert counter(bench, "baton_handoff_outcomes_total", outcome="rejected", source="other") == 1


def test_a_stalled_lead_wakes_the_tracker(bench: Bench) -> None:
    """A lead stalls when its sales clock is overdue, and the store knows from when."""
    bench.feed([event("lead.handed_off", "09:00")], "09:00")
    file = bench.views.lead("crm:lead:1")
    assert file is not None
    assert file.row.stalls_at == at("10:00") + 1
    assert [view.row.key for view in bench.views.stalled(at("10:01"), 10)] == ["crm:lead:1"]
    assert list(bench.views.stalled(at("09:59"), 10)) == []


@pytest.mark.parametrize("seed", range(25))
def test_any_order_batches_ticks_and_restarts_end_in_the_same_clocks(seed: int) -> None:
    """Histories of leads that share deals and are merged, shuffled and doubled, cut into batches with ticks and
    restarts between: the clocks and what stands of the told are those of a tracker that learned all at once.
    """
    rng = random.Random(seed)
    bench = Bench()
    leads = [f"crm:lead:{number}" for number in range(6)]
    events = [each for lead in leads for each in _random_life(rng, lead, leads)]
    mixed = shuffled_with_duplicates(events, rng, 0.2)
    now = at("20:00")
    while mixed:
        size = rng.randint(1, 12)
        bench.feed(mixed[:size], now)
        del mixed[:size]
        now += rng.randint(0, 600) * SECOND
        if rng.random() < 0.3:
            bench.tick(now)
        if rng.random() < 0.2:
            bench.restart()
    bench.tick(now)
    calm = Bench()
    calm.feed(events, now)
    calm.tick(now)
    expected = expected_clocks(events, bench.charters, now)
    for lead in leads:
        assert bench.clocks(lead) == expected.get(lead, [])
        assert calm.clocks(lead) == expected.get(lead, [])
        assert [name for name in bench.told(lead) if "/corrected" not in name] == calm.told(lead)


def _random_life(rng: random.Random, lead: str, leads: list[str]) -> list[Event]:
    deal = {"deal": f"d{rng.randint(1, 4)}"}
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("lead.handed_off", {"attributes": {"priority": rng.choice(["hot", "cold"])}}),
        ("lead.touched", TOUCH),
        ("lead.assigned", {"owner": "o"}),
        ("lead.paused", {"reason": "holiday"}),
        ("lead.resumed", {}),
        ("lead.rejected", {"reason": "wrong_fit"}),
        ("feedback.answered", {"answer": "agreed"}),
        ("deal.opened", deal),
        ("deal.won", deal),
        ("lead.withdrawn", {}),
        ("lead.merged", {"into": rng.choice(leads)}),
        ("lead.erased", {}),
    )
    weights = (5, 4, 2, 2, 2, 2, 2, 1, 1, 1, 1, 0.2)
    return [
        event(
            kind,
            at("08:00") + rng.randint(0, 300) * MINUTE,
            "" if kind == "deal.won" and rng.random() < 0.5 else lead,
            id=f"{lead}/{number}",
            **data,
        )
        for number, (kind, data) in enumerate(rng.choices(kinds, weights, k=rng.randint(2, 14)))
    ]
