"""Every measure, exact: by hand, and against a reading of the contract's words fact by fact."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.charter import MEASURES
from services.domain.facts import FactKind
from services.domain.instants import DAY
from services.domain.periods import day_of
from services.measures.figures import Asked, Counted, figure, of_commitment, of_goal
from services.measures.ledger import Days, Ledger
from services.views import FactView, Verdicts
from tests.measures.made import NEW, WARSAW, MemoryFacts, at, charter, deal, fact, many

OCTOBER = Days(day_of(at("2026-10-01"), WARSAW), day_of(at("2026-11-01"), WARSAW))
ALWAYS = Days(0, 100_000)


def read(asked: Asked, views: Sequence[FactView], days: Days = OCTOBER) -> Fraction | None:
    """The value of a measure over facts."""
    return figure(asked, Ledger(MemoryFacts(views).tallies(*ALWAYS)), days).value


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("handoffs", Fraction(10)),
        ("accepted", Fraction(6)),
        ("rejected", Fraction(2)),
        ("touched", Fraction(8)),
        ("untouched", Fraction(1)),
        ("qualified", Fraction(4)),
        ("opportunities", Fraction(3)),
        ("won", Fraction(2)),
        ("lost", Fraction(1)),
        ("recycled", Fraction(1)),
        ("conversations", Fraction(5)),
        ("accept_rate", Fraction(6, 8)),
        ("contact_rate", Fraction(9, 10)),
        ("win_rate", Fraction(2, 3)),
        ("close_rate", Fraction(2, 5)),
        ("feedback_rate", Fraction(3, 4)),
    ],
)
def test_a_month_by_hand(measure: str, value: Fraction) -> None:
    """Counts are of the event's own month, contact of the month's handoffs whenever they were touched."""
    kinds = {
        FactKind.HANDED_OFF: 10,
        FactKind.ACCEPTED: 6,
        FactKind.REJECTED: 2,
        FactKind.TOUCHED: 8,
        FactKind.REACHED: 9,
        FactKind.QUALIFIED: 4,
        FactKind.OPPORTUNITY: 3,
        FactKind.WON: 2,
        FactKind.LOST: 1,
        FactKind.RECYCLED: 1,
        FactKind.CONVERSATION: 5,
        FactKind.CLOSED: 4,
        FactKind.JUDGED: 3,
    }
    inside = [view for kind, count in kinds.items() for view in many(kind, "2026-10-31 23:59", count)]
    outside = [view for kind in kinds for when in ("2026-09-30 23:59", "2026-11-01") for view in many(kind, when, 7)]
    assert read(Asked(measure), inside + outside) == value


@pytest.mark.parametrize("measure", [each for each in MEASURES if each.endswith(("_rate", "_share", "ness", "ment"))])
def test_a_share_of_nothing_is_no_number(measure: str) -> None:
    """Where there is nothing to be a share of, the value is null and not 0."""
    assert read(Asked(measure, clock="accept"), []) is None


def test_a_rate_of_none_is_zero() -> None:
    """Rejections alone are an acceptance of 0, which is a number."""
    assert read(Asked("accept_rate"), many(FactKind.REJECTED, "2026-10-05", 3)) == 0


def test_amounts_are_exact_and_of_one_currency() -> None:
    """A goal in PLN counts PLN alone, to the millionth, and only what meets its condition."""
    goal = charter().goals[0]
    views = [
        *deal("2026-10-05", 1000),
        *deal("2026-10-06", 500, new=False),
        *deal("2026-10-07", 9000, currency="EUR"),
        fact(FactKind.DEAL_WON, "2026-10-08", lead="x", meets=[NEW], amount=1, currency="PLN"),
    ]
    assert read(of_goal(goal), views) == 1000 + Fraction(1, 1_000_000)


def test_amounts_in_several_currencies_are_not_added() -> None:
    """Without a currency the only one is meant; where there are two, there is no number, and both are named."""
    views = [*deal("2026-10-05", 1000), *deal("2026-10-06", 10, currency="EUR")]
    assert read(Asked("won_amount"), views[:3]) == 1000
    mixed = figure(Asked("won_amount"), Ledger(MemoryFacts(views).tallies(*ALWAYS)), OCTOBER)
    assert (mixed.value, mixed.mixed) == (None, ("EUR", "PLN"))
    assert read(Asked("won_amount", currency="EUR"), views) == 10
    assert read(Asked("won_amount"), []) == 0


def test_the_share_of_new_customers_is_one_of_amounts() -> None:
    """One large deal of an old customer weighs as much as it is worth."""
    views = [*deal("2026-10-05", 300), *deal("2026-10-06", 900, new=False)]
    assert read(Asked("new_customer_share"), views) == Fraction(1, 4)


def test_wins_of_a_goal_that_asks_deals_are_won_deals() -> None:
    """Whether a customer is new only the deal tells, so that its facts are counted and not those of handoffs."""
    goal = charter(("measure: won_amount", "measure: won"), ("currency: PLN, ", "")).goals[0]
    views = [*deal("2026-10-05", 300), *deal("2026-10-06", 900, new=False)]
    assert read(of_goal(goal), views) == 1


def test_completeness_is_of_the_fields_at_the_handoff() -> None:
    """The commitment's fields make a filter; handoffs that meet it over all handoffs."""
    complete = charter().commitments["complete"]
    asked = of_commitment(complete)
    name = "source is known and account is known"
    assert asked.filter == name
    views = many(FactKind.HANDED_OFF, "2026-10-05", 3, meets=[name]) + many(FactKind.HANDED_OFF, "2026-10-06", 1)
    assert read(asked, views) == Fraction(3, 4)


def test_attainment_is_of_one_clock() -> None:
    """Met over met, missed and overdue, of all who promised the clock; paused and cancelled ones are not there."""
    verdicts = [Verdicts("accept", "sales", 6, 1, 1), Verdicts("answer", "marketing", 1, 5, 0)]
    found = figure(Asked("attainment", clock="accept"), Ledger([]), OCTOBER, lambda: verdicts)
    assert found.value == Fraction(6, 8)


def test_a_figure_says_what_it_is_made_of() -> None:
    """Each number leads to its facts: by kind and filter, with how many there are."""
    views = many(FactKind.ACCEPTED, "2026-10-05", 2) + many(FactKind.REJECTED, "2026-10-05", 1)
    made = figure(Asked("accept_rate"), Ledger(MemoryFacts(views).tallies(*ALWAYS)), OCTOBER).made_of
    assert made == (Counted(FactKind.ACCEPTED, "", 2), Counted(FactKind.REJECTED, "", 1))


def test_a_measure_that_there_is_not_is_an_error() -> None:
    """A charter has been checked; who asks for another measure has made a mistake."""
    with pytest.raises(ValueError, match="no measure 'happiness'"):
        read(Asked("happiness"), [])


_KINDS = st.sampled_from(FactKind)
_VIEWS = st.lists(
    st.builds(
        lambda kind, when, place, source, meets, amount, currency: fact(
            kind,
            at("2026-09-29") + when,
            lead=f"crm:{place}",
            number=str(place),
            source=source,
            meets=meets,
            amount=amount,
            currency=currency,
        ),
        _KINDS,
        st.integers(0, 36 * DAY),
        st.integers(0, 99),
        st.sampled_from(["webinar", "referral", "other"]),
        st.sets(st.sampled_from([NEW, "team is a"])),
        st.integers(0, 10**15),
        st.sampled_from(["PLN", "EUR"]),
    ),
    max_size=60,
)

K = FactKind
_TOPS: Mapping[str, Callable[[Callable[[FactKind], int]], tuple[int, int | None]]] = {
    "handoffs": lambda n: (n(K.HANDED_OFF), None),
    "accepted": lambda n: (n(K.ACCEPTED), None),
    "rejected": lambda n: (n(K.REJECTED), None),
    "touched": lambda n: (n(K.TOUCHED), None),
    "untouched": lambda n: (n(K.HANDED_OFF) - n(K.REACHED), None),
    "qualified": lambda n: (n(K.QUALIFIED), None),
    "opportunities": lambda n: (n(K.OPPORTUNITY), None),
    "won": lambda n: (n(K.WON), None),
    "lost": lambda n: (n(K.LOST), None),
    "recycled": lambda n: (n(K.RECYCLED), None),
    "conversations": lambda n: (n(K.CONVERSATION), None),
    "accept_rate": lambda n: (n(K.ACCEPTED), n(K.ACCEPTED) + n(K.REJECTED)),
    "contact_rate": lambda n: (n(K.REACHED), n(K.HANDED_OFF)),
    "win_rate": lambda n: (n(K.WON), n(K.WON) + n(K.LOST)),
    "close_rate": lambda n: (n(K.WON), n(K.CONVERSATION)),
    "feedback_rate": lambda n: (n(K.JUDGED), n(K.CLOSED)),
}


@settings(deadline=None)
@given(_VIEWS, st.sampled_from(sorted(_TOPS)), st.sampled_from(["", NEW]), st.sampled_from([None, "webinar"]))
def test_counts_and_rates_are_what_their_facts_say(
    views: Sequence[FactView], measure: str, name: str, source: str | None
) -> None:
    """Whatever happened when: the same as looking at every fact by itself."""

    def number(kind: FactKind) -> int:
        return sum(
            1
            for view in views
            if view.fact.kind is kind
            and at("2026-10-01") <= view.fact.at < at("2026-11-01")
            and (not name or name in view.fact.meets)
            and (source is None or view.fact.source == source)
        )

    top, bottom = _TOPS[measure](number)
    wanted = Fraction(top) if bottom is None else (Fraction(top, bottom) if bottom else None)
    assert read(Asked(measure, name, source=source), views) == wanted


@settings(deadline=None)
@given(_VIEWS, st.sampled_from(["", NEW]), st.sampled_from(["PLN", "EUR"]))
def test_amounts_are_what_their_facts_say(views: Sequence[FactView], name: str, currency: str) -> None:
    """To the millionth, however large: no floating point comes near them."""

    def amount(kind: FactKind) -> Fraction:
        return sum(
            (
                Fraction(view.fact.amount, 1_000_000)
                for view in views
                if view.fact.kind is kind
                and view.fact.currency == currency
                and at("2026-10-01") <= view.fact.at < at("2026-11-01")
                and (not name or name in view.fact.meets)
            ),
            Fraction(0),
        )

    assert read(Asked("won_amount", name, currency=currency), views) == amount(K.DEAL_WON)
    whole = amount(K.DEAL_WON)
    share = amount(K.NEW_CUSTOMER_WON) / whole if whole else None
    assert read(Asked("new_customer_share", name, currency=currency), views) == share
