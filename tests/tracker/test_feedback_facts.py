"""What feedback comes to in the store: disputes, agreements and their reasons, in whatever order events arrive."""

import itertools

import pytest

from services.adapters.sql.feedback import SqlFeedback
from services.domain.events import Event
from services.domain.periods import day_of
from services.views import FactView, VerdictQuery
from tests.tracker.support import Bench, at, event

DAY = day_of(at("09:00"), Bench().charters.latest.zone)
TODAY = VerdictQuery(DAY, DAY + 1)
HANDED = event("lead.handed_off", "09:00", attributes={"source": "webinar", "campaign": "autumn"}, team="inbound")
REJECTED = event("lead.rejected", "10:00", reason="wrong_fit", by="jan.nowak", comment="far")
DISPUTED = event("feedback.answered", "10:30", answer="disputed", by="ewa", comment="near")
SETTLED = event("feedback.settled", "11:00", outcome="upheld", by="ewa")
AGREED = event("feedback.answered", "10:30", answer="agreed", action="Ask for the size")


def fed(events: list[Event]) -> Bench:
    """A store that got the events one after the other."""
    bench = Bench()
    for each in events:
        bench.feed([each], "12:00")
    return bench


def seen(found: list[FactView]) -> list[tuple[str, str, dict[str, str]]]:
    """What is listed of facts."""
    return [(each.lead, each.fact.source, dict(each.fact.attributes)) for each in found]


KNOWN = {"campaign": "autumn", "team": "inbound", "reason": "wrong_fit"}


@pytest.mark.parametrize("events", [*itertools.permutations([HANDED, REJECTED, DISPUTED])])
def test_a_dispute_is_open_in_any_order(events: tuple[Event, ...]) -> None:
    """With the reason of what is disputed, once a settlement ends it it is open no more."""
    bench = fed(list(events))
    assert seen(list(SqlFeedback(bench.database).open_disputes(None, 10))) == [("crm:lead:1", "webinar", KNOWN)]
    bench.feed([SETTLED], "12:01")
    assert SqlFeedback(bench.database).open_disputes(None, 10) == []


@pytest.mark.parametrize("events", [*itertools.permutations([HANDED, REJECTED, DISPUTED, SETTLED])])
def test_a_settled_dispute_is_settled_in_any_order(events: tuple[Event, ...]) -> None:
    """Even if the settlement was heard of first."""
    assert SqlFeedback(fed(list(events)).database).open_disputes(None, 10) == []


@pytest.mark.parametrize("events", [*itertools.permutations([HANDED, REJECTED, AGREED])])
def test_a_promise_is_listed_in_any_order(events: tuple[Event, ...]) -> None:
    """With its action and the reason it answers; said twice it is one."""
    feedback = SqlFeedback(fed([*events, AGREED]).database)
    expected = [("crm:lead:1", "webinar", {**KNOWN, "action": "Ask for the size"})]
    assert seen(list(feedback.agreements(TODAY, None, 10))) == expected
    assert [each.count for each in feedback.verdicts(TODAY)] == [1]


def test_a_settlement_after_the_quarter_ends_the_dispute_all_the_same() -> None:
    """It does not count as settled in time, but it is open no more."""
    late = event("feedback.settled", at("11:00") + 200 * 86_400 * 1_000_000, outcome="withdrawn")
    bench = fed([HANDED, REJECTED, DISPUTED])
    bench.feed([late], late.time)
    assert SqlFeedback(bench.database).open_disputes(None, 10) == []


def test_a_merge_takes_a_dispute_along() -> None:
    """It is listed under the lead on which it began, and ends when it is settled on the one that goes on."""
    bench = fed([HANDED, REJECTED, DISPUTED, event("lead.handed_off", "09:00", "crm:lead:2", attributes={})])
    bench.feed([event("lead.merged", "11:00", into="crm:lead:2")], "12:00")
    feedback = SqlFeedback(bench.database)
    assert [each.lead for each in feedback.open_disputes(None, 10)] == ["crm:lead:1"]
    assert feedback.has_carried_dispute("crm:lead:2")
    assert not feedback.has_carried_dispute("crm:lead:1")
    bench.feed([event("lead.merged", "11:15", "crm:lead:2", into="crm:lead:3")], "12:00")
    assert feedback.has_carried_dispute("crm:lead:3")
    bench.feed([event("feedback.settled", "11:30", "crm:lead:3", outcome="upheld")], "12:00")
    assert feedback.open_disputes(None, 10) == []
    assert not feedback.has_carried_dispute("crm:lead:3")


def test_of_a_forgotten_lead_no_words_are_kept() -> None:
    """An action is free text: it goes with the person; the count stays."""
    bench = fed([HANDED, REJECTED, AGREED, event("lead.erased", "11:00")])
    (agreed,) = SqlFeedback(bench.database).agreements(TODAY, None, 10)
    assert "action" not in agreed.fact.attributes
