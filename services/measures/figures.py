"""Every measure of a charter as an exact figure, with the facts that it is made of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from services.domain.charter import Commitment, Goal
from services.domain.conditions import When
from services.domain.facts import MICROS, FactKind, filter_name
from services.measures.ledger import Days, Ledger
from services.views import Verdicts


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured: one of `schemas.charter.MEASURES`, of what."""

    measure: str
    filter: str = ""
    """The name of a filter (see `Charter.filters`): what counts, or for completeness what is complete."""
    clock: str | None = None
    currency: str | None = None
    """Of amounts; None: the only one that there is."""
    source: str | None = None
    """A label of the charter; None: all. Attainment knows no sources."""
    of_deals: bool = False
    """The filter asks what only a deal tells: won are then the won deals that meet it, for a handoff cannot."""


class Counted(NamedTuple):
    """A number of facts that a figure is made of."""

    kind: FactKind
    filter: str
    number: int
    source: str | None = None
    currency: str | None = None
    """Of won deals, where they are those in one currency."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure over days. Of shares, `bottom` is what it is a share of; 0 there makes the value None."""

    top: Fraction
    bottom: Fraction | None = None
    made_of: Sequence[Counted] = ()
    number: int = 0
    """How many handoffs, deals or promises it is a figure of: of shares, those that it is a share of."""
    currency: str = ""
    """Of amounts."""
    mixed: Sequence[str] = ()
    """Amounts are in several currencies, and none was chosen: the value is None."""

    @property
    def value(self) -> Fraction | None:
        """The figure: a number, an amount in whole units of its currency, or a share."""
        if self.mixed:
            return None
        if self.bottom is None:
            return self.top
        return self.top / self.bottom if self.bottom else None


OF_DEALS = frozenset({"deal", "amount", "currency", "new_customer", "stage"})
"""What is known of deals alone, and so of no handoff."""


def asks_deals(where: When) -> bool:
    """Whether a condition asks what only a deal tells."""
    return any(name in OF_DEALS for name, _ in where.tests)


def of_goal(goal: Goal) -> Asked:
    """What a goal measures."""
    of_deals = asks_deals(goal.where)
    return Asked(goal.measure, filter_name(goal.where), goal.clock, goal.currency, of_deals=of_deals)


def of_commitment(commitment: Commitment) -> Asked:
    """What a commitment measures."""
    return Asked(commitment.measure, filter_name(commitment.where), commitment.clock)


class _Count(NamedTuple):
    """Facts of a kind, less those of another."""

    kind: FactKind
    less: FactKind | None = None


_COUNTS: Mapping[str, _Count] = {
    "handoffs": _Count(FactKind.HANDED_OFF),
    "accepted": _Count(FactKind.ACCEPTED),
    "rejected": _Count(FactKind.REJECTED),
    "touched": _Count(FactKind.TOUCHED),
    "untouched": _Count(FactKind.HANDED_OFF, FactKind.REACHED),
    "qualified": _Count(FactKind.QUALIFIED),
    "opportunities": _Count(FactKind.OPPORTUNITY),
    "won": _Count(FactKind.WON),
    "lost": _Count(FactKind.LOST),
    "recycled": _Count(FactKind.RECYCLED),
    "conversations": _Count(FactKind.CONVERSATION),
}
_SHARES: Mapping[str, tuple[FactKind, Sequence[FactKind]]] = {
    "accept_rate": (FactKind.ACCEPTED, (FactKind.ACCEPTED, FactKind.REJECTED)),
    "contact_rate": (FactKind.REACHED, (FactKind.HANDED_OFF,)),
    "win_rate": (FactKind.WON, (FactKind.WON, FactKind.LOST)),
    "close_rate": (FactKind.WON, (FactKind.CONVERSATION,)),
    "feedback_rate": (FactKind.JUDGED, (FactKind.CLOSED,)),
}
FORECAST_COUNTS = frozenset(_COUNTS) - {"untouched"}
"""Counts that only grow; a handoff is untouched until it is touched."""


def kind_of(measure: str) -> FactKind | None:
    """The facts that a count counts; None of other measures."""
    found = _COUNTS.get(measure)
    return found.kind if found is not None else None


def figure(asked: Asked, ledger: Ledger, days: Days, verdicts: Callable[[], Iterable[Verdicts]] = tuple) -> Figure:
    """The figure over these days. `verdicts` are those whose due_at lies in the period, asked for attainment alone."""
    match asked.measure:
        case "attainment":
            return _attainment([each for each in verdicts() if each.clock == asked.clock])
        case "won_amount" | "new_customer_share":
            return _amount(asked, ledger, days)
        case "completeness":
            complete = _counted(asked, ledger, FactKind.HANDED_OFF, days)
            handoffs = _counted(replace(asked, filter=""), ledger, FactKind.HANDED_OFF, days)
            return _share(complete.number, handoffs.number, (complete, handoffs))
        case measure if measure in _COUNTS:
            return _number(asked, ledger, days)
        case measure if measure in _SHARES:
            return _rate(asked, ledger, days)
        case unknown:
            raise ValueError(f"there is no measure {unknown!r}")


def _number(asked: Asked, ledger: Ledger, days: Days) -> Figure:
    kinds = [kind for kind in _COUNTS[asked.measure] if kind is not None]
    if asked.of_deals and kinds == [FactKind.WON]:
        kinds = [FactKind.DEAL_WON]
    counted = [_counted(asked, ledger, kind, days) for kind in kinds]
    total = counted[0].number - sum(each.number for each in counted[1:])
    return Figure(Fraction(total), made_of=tuple(counted), number=total)


def _rate(asked: Asked, ledger: Ledger, days: Days) -> Figure:
    top_kind, bottom_kinds = _SHARES[asked.measure]
    top = _counted(asked, ledger, top_kind, days)
    bottom = [_counted(asked, ledger, kind, days) for kind in bottom_kinds]
    return _share(top.number, sum(each.number for each in bottom), tuple(dict.fromkeys((top, *bottom))))


def _amount(asked: Asked, ledger: Ledger, days: Days) -> Figure:
    is_share = asked.measure == "new_customer_share"
    kinds = (FactKind.NEW_CUSTOMER_WON, FactKind.DEAL_WON) if is_share else (FactKind.DEAL_WON,)
    found = ledger.currencies(days)
    if asked.currency is None and len(found) > 1:
        counted = tuple(_counted(asked, ledger, kind, days) for kind in kinds)
        return Figure(Fraction(0), made_of=counted, number=counted[-1].number, mixed=tuple(found))
    currency = asked.currency or (found[0] if found else "")
    counted = tuple(_counted(asked, ledger, kind, days, currency) for kind in kinds)
    amounts = [Fraction(ledger.amount(kind, days, currency, asked.filter, asked.source), MICROS) for kind in kinds]
    return Figure(amounts[0], amounts[1] if is_share else None, counted, counted[-1].number, currency)


def _attainment(verdicts: Sequence[Verdicts]) -> Figure:
    met = sum(each.met for each in verdicts)
    due = met + sum(each.missed + each.overdue for each in verdicts)
    return Figure(Fraction(met), Fraction(due), number=due)


def _counted(asked: Asked, ledger: Ledger, kind: FactKind, days: Days, currency: str | None = None) -> Counted:
    number = ledger.count(kind, days, asked.filter, asked.source, currency)
    return Counted(kind, asked.filter, number, asked.source, currency)


def _share(top: int, bottom: int, made_of: Sequence[Counted]) -> Figure:
    return Figure(Fraction(top), Fraction(bottom), made_of, bottom)
