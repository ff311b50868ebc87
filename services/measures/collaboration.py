"""The collaboration index, 0 to 100: five parts of the same weight, each of what both sides owe each other.

A figure of the team: no person is in it, and a part of which nothing is known is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from services.domain.charter import Charter, Side
from services.domain.events import EventType
from services.domain.facts import FactKind
from services.domain.periods import Period
from services.measures.ceremonies import Due
from services.measures.ledger import Days, Ledger
from services.views import Verdicts

_WHOLE = 100
_ASKED = (EventType.LEAD_REJECTED, EventType.FEEDBACK_GIVEN)
"""What a clock starts on that asks marketing for an answer."""


class Element(StrEnum):
    """What the index is made of."""

    ATTAINMENT = "two_way_attainment"
    GIVEN = "feedback_given"
    ANSWERED = "feedback_answered"
    SETTLED = "disputes_settled"
    CEREMONIES = "ceremonies_held"


@dataclass(frozen=True, slots=True)
class IndexPart:
    """One part: `top` of `bottom`; of nothing where that is 0."""

    element: Element
    top: int
    bottom: int
    side: Side | None = None
    """Whose attainment it is: the weaker side's."""

    @property
    def share(self) -> Fraction | None:
        """Between 0 and 1; None where there was nothing to do."""
        return Fraction(self.top, self.bottom) if self.bottom else None


@dataclass(frozen=True, slots=True)
class Index:
    """The index of one period."""

    period: Period
    parts: Sequence[IndexPart]
    """All five, in their order."""

    @property
    def value(self) -> Fraction | None:
        """The mean of the parts of which something is known, from 0 to 100; None where nothing is."""
        shares = [part.share for part in self.parts if part.share is not None]
        return sum(shares, Fraction(0)) / len(shares) * _WHOLE if shares else None


@dataclass(frozen=True, slots=True)
class Moved:
    """What changed the index from one period to the next. The points of all parts add up to the change."""

    element: Element
    points: Fraction
    before: Fraction | None
    after: Fraction | None


def index(
    charter: Charter, period: Period, ledger: Ledger, days: Days, verdicts: Iterable[Verdicts], due: Iterable[Due]
) -> Index:
    """The index of a period: facts of `days`, verdicts that fell due in it, ceremonies that were due in it."""
    found = list(verdicts)
    answers = answer_clocks(charter)
    answered = [each for each in found if each.clock in answers and each.promised_by == Side.MARKETING]
    counting = [each for each in due if each.counts]

    def facts(element: Element, top: FactKind, bottom: FactKind) -> IndexPart:
        return IndexPart(element, ledger.count(top, days), ledger.count(bottom, days))

    return Index(
        period,
        (
            _weaker(found),
            facts(Element.GIVEN, FactKind.JUDGED, FactKind.CLOSED),
            _kept(Element.ANSWERED, answered),
            facts(Element.SETTLED, FactKind.SETTLED, FactKind.DISPUTED),
            IndexPart(Element.CEREMONIES, sum(bool(each.held) for each in counting), len(counting)),
        ),
    )


def answer_clocks(charter: Charter) -> frozenset[str]:
    """The clocks by which marketing answers what sales said of a lead."""
    return frozenset(
        clock.name
        for clock in charter.clocks.values()
        if clock.promised_by is Side.MARKETING
        and any(trigger.type in _ASKED for trigger in clock.starts_on)
        and any(trigger.type is EventType.FEEDBACK_ANSWERED for trigger in clock.stops_on)
    )


def moved(before: Index, after: Index) -> list[Moved]:
    """What each part did to the index, the largest first; none where one of the two has no value.

    A part's points are what it gave to the index in the later period, less what it gave in the earlier one. Where a
    part comes or goes the others weigh less or more, so that their points are told against the index itself: what
    they lie above or below the mean of the earlier one.
    """
    if before.value is None or after.value is None:
        return []
    mean = before.value / _WHOLE
    counts = [sum(part.share is not None for part in each.parts) for each in (before, after)]
    found = []
    for was, is_ in zip(before.parts, after.parts, strict=True):
        shares = (was.share, is_.share)
        gave = [
            (share - mean) / count if share is not None else Fraction(0)
            for share, count in zip(shares, counts, strict=True)
        ]
        points = (gave[1] - gave[0]) * _WHOLE
        if points:
            found.append(Moved(is_.element, points, *shares))
    return sorted(found, key=lambda each: -abs(each.points))


def _weaker(verdicts: Iterable[Verdicts]) -> IndexPart:
    """The attainment of the side that kept less of what it promised; of the only one where one had nothing due."""
    listed = list(verdicts)
    sides = [_kept(Element.ATTAINMENT, [each for each in listed if each.promised_by == side], side) for side in Side]
    told = [(part.share, part) for part in sides if part.share is not None]
    return min(told, key=lambda each: each[0])[1] if told else IndexPart(Element.ATTAINMENT, 0, 0)


def _kept(element: Element, verdicts: Sequence[Verdicts], side: Side | None = None) -> IndexPart:
    met = sum(each.met for each in verdicts)
    return IndexPart(element, met, met + sum(each.missed + each.overdue for each in verdicts), side)
