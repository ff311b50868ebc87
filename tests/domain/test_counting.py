"""The facts that a lead amounts to: which there are, when they happened, what they show, which filters they meet."""

from random import Random
from typing import Any

import orjson
import pytest

from services.charters.files import parse_charter
from services.domain.charter import Charters
from services.domain.counting import facts_of
from services.domain.events import IS_DEAL, Event, EventType
from services.domain.facts import Fact, FactKind, filter_name
from services.domain.fold import Lead, apply, fold, fold_together
from services.domain.instants import DAY, Instant, parse_instant
from services.domain.occurrences import MOST_AMOUNT
from services.domain.snapshot import freeze, thaw
from services.replay.judge import HandoffTally
from tests.domain import build
from tests.tracker.counted import COUNTING_CHARTER, by_key
from tests.tracker.support import at, charters_of, event
from tests.tracker.test_partitions import some_events

K = FactKind
LEAD, OTHER = "crm:lead:1", "crm:lead:2"
BY = charters_of(COUNTING_CHARTER.replace("timezone: UTC", "timezone: Europe/Warsaw"))
NEW, HOT, COMPLETE = "new_customer is true", 'priority is "hot"', "source is known and account is known"
OUTBOUND: dict[str, Any] = {"kind": "email", "direction": "outbound", "connected": False}
CALL: dict[str, Any] = {"kind": "call", "direction": "inbound", "connected": True}


def facts(*events: Event, by: Charters = BY) -> list[Fact]:
    """The facts of the lead after the events, in the order of their instants and kinds."""
    return sorted(by_key(facts_of(fold(LEAD, events, by), by)).values(), key=lambda fact: (fact.at, fact.kind))


def kinds(*events: Event) -> list[str]:
    """Kind, number and hour of each fact."""
    hour = at("01:00") - at("00:00")
    return [f"{fact.kind}/{fact.number} {(fact.at - at('00:00')) // hour}" for fact in facts(*events)]


def handed_off(when: str = "09:00", **attributes: Any) -> Event:
    """The lead is handed off."""
    return event("lead.handed_off", when, attributes=attributes)


def together(**histories: list[Event]) -> dict[str, list[Fact]]:
    """The facts of leads that were merged: `one` and `two` are the two leads."""
    named = {LEAD: histories.get("one", []), OTHER: histories.get("two", [])}
    return {key: list(facts_of(lead, BY)) for key, lead in fold_together(named, BY).items()}


def test_a_handoff_from_the_first_touch_to_its_end() -> None:
    """Each step is a fact once, at its first event; that it was reached counts at the handoff."""
    assert kinds(
        handed_off("09:00"),
        handed_off("10:00"),
        event("lead.accepted", "11:00"),
        event("lead.touched", "12:00", **OUTBOUND),
        event("lead.touched", "13:00", **OUTBOUND),
        event("lead.qualified", "14:00"),
        event("deal.opened", "15:00", deal="d"),
        event("feedback.given", "16:00", verdict="good"),
        event("deal.won", "17:00", deal="d"),
    ) == [
        "handed_off/1 9",
        "reached/1 9",
        "accepted/1 11",
        "touched/1 12",
        "qualified/1 14",
        "opportunity/1 15",
        "closed/1 17",
        "deal_won/d 17",
        "judged/1 17",
        "won/1 17",
    ]


@pytest.mark.parametrize(
    ("end", "ends"),
    [
        (event("lead.rejected", "10:00", reason="wrong_fit"), ["closed", "judged", "rejected"]),
        (event("lead.recycled", "10:00", reason="nurture"), ["closed", "recycled"]),
        (event("lead.withdrawn", "10:00", reason="spam"), ["closed"]),
        (event("lead.merged", "10:00", into=OTHER), ["closed"]),
        (event("deal.lost", "10:00", deal="d", reason="price"), ["closed", "lost"]),
    ],
)
def test_how_a_handoff_closes(end: Event, ends: list[str]) -> None:
    """Only a rejection's reason speaks of the lead's quality; a merge or a withdrawal is no outcome of sales."""
    closing = facts(handed_off(), end)[1:]
    assert [str(fact.kind) for fact in closing] == ends
    assert all(fact.attributes.get("reason") == end.data.get("reason") for fact in closing)


def test_what_comes_after_the_close_is_of_no_handoff() -> None:
    """A later verdict judges nothing, and a later touch reaches nobody; the second handoff is the second."""
    end = event("lead.recycled", "10:00")
    late = [event("feedback.given", "11:00", verdict="poor"), event("lead.touched", "12:00", **OUTBOUND)]
    assert kinds(handed_off(), end, *late, handed_off("13:00")) == [
        "handed_off/1 9",
        "closed/1 10",
        "recycled/1 10",
        "handed_off/2 13",
    ]


@pytest.mark.parametrize(
    ("touch", "is_one"),
    [
        (CALL, True),
        ({**CALL, "kind": "meeting"}, True),
        ({**CALL, "kind": "visit"}, True),
        ({**CALL, "kind": "email"}, False),
        ({**CALL, "connected": False}, False),
    ],
)
def test_a_conversation_is_a_connected_call_meeting_or_visit(touch: dict[str, Any], is_one: bool) -> None:
    """In a handoff or not, by the attributes that were known then."""
    known = event("lead.captured", "08:00", attributes={"source": "webinar", "priority": "hot"})
    held = facts(known, event("lead.touched", "09:00", **touch), event("lead.touched", "10:00", **touch))
    assert [(fact.kind, fact.number, fact.source, fact.meets) for fact in held] == [
        (K.CONVERSATION, number, "webinar", frozenset({HOT})) for number in ("1", "2") if is_one
    ]


def test_a_deal_is_worth_the_last_that_was_said_of_it() -> None:
    """Before the win, by it or after it: then that corrects what was counted, at the instant of the first win."""
    opened = event("deal.opened", "09:00", deal="d", amount=100, currency="PLN", new_customer=True)
    moved = event("deal.moved", "10:00", deal="d", stage="offer", amount=150.5)
    won = event("deal.won", "11:00", deal="d")
    cheaper = event("deal.won", "12:00", deal="d", amount=120, currency="EUR", new_customer=False)

    def of(*events: Event) -> list[tuple[str, int, str]]:
        deals = [fact for fact in facts(*events) if fact.kind in (K.DEAL_WON, K.NEW_CUSTOMER_WON)]
        assert {(fact.number, fact.at) for fact in deals} == {("d", at("11:00"))}
        return [(str(fact.kind), fact.amount, fact.currency) for fact in deals]

    both = [("deal_won", 150_500_000, "PLN"), ("new_customer_won", 150_500_000, "PLN")]
    assert of(opened, moved, won) == both
    assert of(opened, won, moved._replace(time=at("13:00"))) == both
    assert of(opened, moved, won, cheaper) == [("deal_won", 120_000_000, "EUR")]
    assert of(won) == [("deal_won", 0, "")]


@pytest.mark.parametrize(
    ("amount", "millionths"),
    [
        (0.1, 100_000),
        (1e-6, 1),
        (1234567.891, 1_234_567_891_000),
        (0.1234567, 123_457),
        (MOST_AMOUNT, MOST_AMOUNT * 1_000_000),
        (MOST_AMOUNT + 1, 0),
        (1e300, 0),
        (-1, 0),
        (True, 0),
        ("100", 0),
        (float("nan"), 0),
    ],
)
def test_amounts_are_exact(amount: object, millionths: int) -> None:
    """To a millionth, as they were written; what is none, or more than any deal is worth, was not told."""
    (fact,) = facts(event("deal.won", "09:00", deal="d", amount=amount))
    assert fact.amount == millionths


def test_a_deal_meets_filters_by_its_handoff_and_its_own_words() -> None:
    """The handoff's attributes, and those of the deal: new customer, currency, stage, amount."""
    text = COUNTING_CHARTER + (
        "  - {name: b, measure: won, where: {amount: {gte: 150.5}, stage: offer, currency: PLN}, per: year, target: 1}"
    )
    big = 'amount gte 150.5 and stage is "offer" and currency is "PLN"'
    by = charters_of(text)
    (fact,) = (
        fact
        for fact in facts(
            handed_off(priority="hot"),
            event("lead.updated", "09:30", attributes={"priority": "cold"}),
            event("deal.moved", "10:00", deal="d", stage="offer", amount=150.5),
            event("deal.won", "11:00", deal="d", currency="PLN", new_customer=False),
            by=by,
        )
        if fact.kind == K.DEAL_WON
    )
    assert fact.meets == {HOT, big}


def test_filters_of_every_version_are_asked_of_every_fact() -> None:
    """Of one that is not in force yet too, and of those before the first: a goal looks back over the year."""
    later = COUNTING_CHARTER.replace("2020-01-01T00", "2027-01-01T00").replace("version: test", "version: later")
    charters = Charters([*charters_of().versions, parse_charter(later, "later").charter])
    (fact,) = facts(handed_off(priority="hot", account="ACME", source="x"), by=charters)
    assert fact.meets == {HOT, COMPLETE}
    assert charters.filters.keys() == {NEW, HOT, COMPLETE}


def test_a_fact_lies_on_a_day_of_the_first_calendar() -> None:
    """Its labels are those of the charter in force then; before there was one, of the first."""
    late = parse_instant("2026-10-05T22:30:00Z")
    before = parse_instant("2019-12-31T22:30:00Z")
    for instant, day in ((late, "2026-10-06"), (before, "2019-12-31")):
        (fact,) = facts(event("lead.handed_off", instant, attributes={"source": "webinar"}))
        assert fact.day == parse_instant(f"{day}T00:00:00Z") // DAY
        assert fact.source == "webinar"
    (fact,) = facts(handed_off(source="fair"))
    assert fact.source == "other"


def test_a_fact_shows_what_is_known() -> None:
    """As texts, each of a bearable length."""
    (fact,) = facts(handed_off(account="ACME", region=None, segment=7, campaign="x" * 300, score=80))
    assert fact.attributes == {"account": "ACME", "segment": "7", "campaign": "x" * 200}


def test_disputes_and_their_settlement() -> None:
    """A settlement ends all disputes that are open; as settled in time count those that began in the same quarter."""
    end = parse_instant("2026-12-31T22:59:59Z")  # midnight in Warsaw is an hour before that of UTC

    def settled(when: int) -> set[tuple[FactKind, str, Instant]]:
        disputes = [event("feedback.answered", hour, answer="disputed") for hour in ("09:00", "10:00")]
        others = [event("feedback.answered", "11:00", answer="agreed"), event("feedback.settled", "08:00")]
        found = facts(*disputes, *others, event("feedback.settled", when, outcome="upheld"))
        return {(fact.kind, fact.number, fact.at) for fact in found}

    def expected(when: int, *, in_time: bool) -> set[tuple[FactKind, str, Instant]]:
        begun = [("1", at("09:00")), ("2", at("10:00"))]
        happened = {(K.AGREED, "1", at("11:00"))}
        happened |= {(K.DISPUTED, *each) for each in begun} | {(K.RESOLVED, number, when) for number, _ in begun}
        return happened | ({(K.SETTLED, *each) for each in begun} if in_time else set())

    assert settled(at("12:00")) == expected(at("12:00"), in_time=True)
    assert settled(end) == expected(end, in_time=True)
    assert settled(end + 1_000_000) == expected(end + 1_000_000, in_time=False)


def test_a_dispute_is_settled_once() -> None:
    """Whatever is settled later is another."""
    first = [event("feedback.answered", "09:00", answer="disputed"), event("feedback.settled", "10:00")]
    assert kinds(*first, event("feedback.settled", "11:00")) == ["disputed/1 9", "settled/1 9", "resolved/1 10"]


def test_figures_outlive_the_person() -> None:
    """An erased lead's facts stay, before and after, without what names somebody."""
    history = [handed_off(account="ACME", source="webinar", segment="retail"), event("lead.accepted", "10:00")]
    whole, erased = facts(*history), facts(*history, event("lead.erased", "11:00"))
    assert [(fact.kind, fact.at, fact.source, fact.meets) for fact in erased] == [
        (fact.kind, fact.at, fact.source, fact.meets) for fact in whole
    ]
    assert all(fact.attributes == {"account": "ACME", "segment": "retail"} for fact in whole)
    assert all(fact.attributes == {"segment": "retail"} for fact in erased)


def test_a_handoff_that_is_carried_on_is_the_survivors_too() -> None:
    """With all that had happened in it, under the survivor's number; the deal is won once, on the survivor."""
    found = together(
        one=[
            handed_off("09:00", source="webinar"),
            event("lead.accepted", "09:30"),
            event("deal.opened", "10:00", deal="d", amount=100),
            event("lead.merged", "11:00", into=OTHER),
            event("deal.won", "12:00", "", deal="d"),
            event("deal.moved", "13:00", "", deal="d", stage="closed", amount=90),
        ]
    )
    assert sorted(str(fact.kind) for fact in found[LEAD]) == ["accepted", "closed", "handed_off", "opportunity"]
    won = [fact for fact in found[OTHER] if fact.kind == K.DEAL_WON]
    assert sorted(str(fact.kind) for fact in found[OTHER]) == [
        "accepted", "closed", "deal_won", "handed_off", "opportunity", "won",
    ]  # fmt: skip
    assert [(fact.number, fact.amount, fact.source) for fact in won] == [("d", 90_000_000, "webinar")]


def test_a_win_before_a_merge_stays_where_it_was_and_is_still_corrected() -> None:
    """A second win of the deal after the merge is none, on neither."""
    found = together(
        one=[
            event("deal.won", "09:00", LEAD, deal="d", amount=100),
            event("lead.merged", "10:00", into=OTHER),
            event("deal.won", "11:00", "", deal="d", amount=70),
        ]
    )
    assert [(fact.kind, fact.at, fact.amount) for fact in found[LEAD]] == [(K.DEAL_WON, at("09:00"), 70_000_000)]
    assert found[OTHER] == []


def test_a_dispute_goes_along_with_a_merge() -> None:
    """The survivor's settlement ends it; what still comes for the lead that went does not count it twice."""
    disputed = event("feedback.answered", "09:00", answer="disputed")
    merged = event("lead.merged", "10:00", into=OTHER)
    found = together(
        one=[disputed, merged, event("feedback.settled", "12:00")],
        two=[event("feedback.answered", "09:30", OTHER, answer="disputed"), event("feedback.settled", "11:00", OTHER)],
    )
    assert [(fact.kind, fact.number) for fact in found[LEAD]] == [(K.DISPUTED, "1")]
    assert [(fact.kind, fact.number) for fact in found[OTHER]] == [
        (K.DISPUTED, "1"),
        (K.RESOLVED, "1"),
        (K.SETTLED, "1"),
        (K.RESOLVED, f"{LEAD}/1"),
        (K.SETTLED, f"{LEAD}/1"),
    ]


@pytest.mark.parametrize("seed", range(100))
def test_handoffs_are_counted_as_replay_counts_them(seed: int) -> None:
    """On histories with merges, of leads that were merged to and fro."""
    random = Random(seed)
    histories: dict[str, list[Event]] = {f"crm:lead:{number}": [] for number in range(1, 5)}
    for each in some_events(random, 60):
        if each.lead in histories and not IS_DEAL[each.type]:
            histories[each.lead].append(each)
        elif IS_DEAL[each.type]:
            histories[f"crm:lead:{str(each.data['deal'])[-1]}"].append(each)
    leads = fold_together(histories, BY).values()
    tally = HandoffTally()
    for lead in leads:
        for handoff in lead.handoffs:
            tally.add(handoff)
    count = dict.fromkeys(FactKind, 0)
    for lead in leads:
        for fact in by_key(facts_of(lead, BY)).values():
            count[fact.kind] += 1
    assert count[K.HANDED_OFF] == tally.opened
    assert count[K.HANDED_OFF] - count[K.CLOSED] == tally.open
    for kind, counted in (
        (K.ACCEPTED, tally.accepted),
        (K.REJECTED, tally.rejected),
        (K.TOUCHED, tally.touched),
        (K.REACHED, tally.touched),
        (K.QUALIFIED, tally.qualified),
        (K.OPPORTUNITY, tally.opportunities),
        (K.WON, tally.won),
        (K.LOST, tally.lost),
        (K.RECYCLED, tally.recycled),
    ):
        assert count[kind] == counted, kind


def test_deals_disputes_and_numbers_survive_being_stored() -> None:
    """What was said of a deal, that it was won, open disputes with what was known, and how far was counted."""
    history = [
        event("lead.captured", "08:00", attributes={"source": "webinar"}),
        event("feedback.answered", "09:00", answer="disputed"),
        event("lead.touched", "09:30", **CALL),
        event("deal.opened", "10:00", deal="open", amount=5.5, currency="PLN", new_customer=False, stage="offer"),
        event("deal.won", "11:00", deal="won"),
    ]
    back = through_json(fold(LEAD, history, BY))
    assert list(facts_of(back, BY)) == []
    assert (back.occurrences.has_won("won"), back.occurrences.has_won("open"), back.occurrences.has_won(None)) == (
        True,
        False,
        False,
    )
    rest = [
        event("lead.touched", "12:00", **CALL),
        event("feedback.settled", "13:00"),
        event("deal.won", "14:00", deal="open"),
    ]
    whole = by_key(facts_of(fold(LEAD, [*history, *rest], BY), BY))
    for each in rest:
        apply(back, each, BY)
    added = by_key(facts_of(back, BY))
    assert added.keys() == {
        (K.CONVERSATION, "2"),
        (K.RESOLVED, "1"),
        (K.SETTLED, "1"),
        (K.DEAL_WON, "open"),
    }
    assert added == {key: whole[key] for key in added}


def through_json(lead: Lead) -> Lead:
    """The state as it comes back from where it was stored."""
    return thaw(lead.key, orjson.loads(orjson.dumps(freeze(lead, {}))), BY)[0]


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ({}, ""),
        ({"new_customer": True}, "new_customer is true"),
        ({"size": 1}, "size is 1"),
        ({"size": "1"}, 'size is "1"'),
        ({"segment": ["a", "b"]}, 'segment is "a" or "b"'),
        ({"segment": 'a" or "b'}, r'segment is "a\" or \"b"'),
        ({"segment": {"not": "a\n"}}, r'segment is not "a\n"'),
        ({"score": {"gte": 1234567.5}}, "score gte 1234567.5"),
        ({"source": {"known": True}, "my field": {"known": False}}, 'source is known and "my field" is not known'),
    ],
)
def test_a_filter_is_named_by_its_condition(when: dict[str, Any], name: str) -> None:
    """In words that no other condition has."""
    assert filter_name(build.when(when)) == name


def test_events_of_no_deal_say_nothing_of_one() -> None:
    """What names its deal by no text is nobody's win."""
    assert facts(Event(at("09:00"), EventType.DEAL_WON, "/crm", "1", LEAD, {"deal": 7, "amount": 5})) == []
