"""Rejections counted: by reason, source, campaign and segment, by month, and before and after what was promised.

Pure: from what the views counted to figures. Nothing here counts people.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.domain.facts import FactKind
from services.domain.proportions import Interval, Share, change, wilson
from services.views import VerdictCount, VerdictDay

MOST_LINES = 100
"""Of one breakdown. A campaign for each lead would make a page that nobody reads."""
SMALL = 400
"""Decisions: below, the interval is wider than five points to each side, and is shown beside the rate."""
WINDOW = 90
"""Days before and after a promise that are compared: about a quarter, over which a source stays what it is."""
FEWEST = 20
"""Decisions on each side of a comparison: with fewer, even a rate that halves is within what chance does."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How sales decided on some handoffs."""

    accepted: int = 0
    rejected: int = 0

    @property
    def share(self) -> Share:
        """Those that were rejected, of all that were decided on."""
        return Share(self.rejected, self.accepted + self.rejected)

    @property
    def interval(self) -> Interval:
        """Where the true rate lies with 95 % confidence."""
        return wilson(self.share)

    @property
    def is_small(self) -> bool:
        """Whether the rate alone would say more than is known."""
        return 0 < self.share.whole < SMALL

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.accepted + other.accepted, self.rejected + other.rejected)


@dataclass(frozen=True, slots=True)
class Line:
    """One value of an attribute; None where it is not known."""

    value: str | None
    rate: Rate
    reasons: Mapping[str | None, int]
    """The most frequent first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """By one attribute, the most rejections first."""

    shown: Sequence[Line]
    left_out: int


@dataclass(frozen=True, slots=True)
class Breakdowns:
    """A period's rejections, counted in every way."""

    total: Rate
    reasons: Mapping[str | None, int]
    sources: Lines
    campaigns: Lines
    segments: Lines


class Change(StrEnum):
    """Whether a rejection rate changed."""

    TOO_EARLY = "too_early"
    FELL = "fell"
    ROSE = "rose"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Compared:
    """The rejection rate of a source before and after a promise."""

    before: Rate
    after: Rate

    @property
    def change(self) -> Change:
        """What can be said of it with 95 % confidence."""
        if min(self.before.share.whole, self.after.share.whole) < FEWEST:
            return Change.TOO_EARLY
        interval = change(self.before.share, self.after.share)
        if interval.high < 0:
            return Change.FELL
        return Change.ROSE if interval.low > 0 else Change.UNCLEAR


def breakdowns(counts: Sequence[VerdictCount]) -> Breakdowns:
    """All of a period's breakdowns."""
    return Breakdowns(
        total=_rate(counts),
        reasons=_reasons(counts),
        sources=_lines((each.source, each) for each in counts),
        campaigns=_lines((each.campaign, each) for each in counts),
        segments=_lines((each.segment, each) for each in counts),
    )


def compared(days: Iterable[VerdictDay], source: str, promised: int, today: int) -> Compared:
    """A source before and after the day on which something was promised; that day itself counts for neither."""
    before = after = Rate()
    for each in days:
        if each.source != source or each.day > today:
            continue
        if promised - WINDOW <= each.day < promised:
            before += Rate(each.accepted, each.rejected)
        elif promised < each.day <= promised + WINDOW:
            after += Rate(each.accepted, each.rejected)
    return Compared(before, after)


def over(days: Iterable[VerdictDay], first: int, end: int) -> Rate:
    """All sources together on the days `[first, end)`."""
    return sum((Rate(each.accepted, each.rejected) for each in days if first <= each.day < end), Rate())


def _lines(valued: Iterable[tuple[str | None, VerdictCount]]) -> Lines:
    groups: dict[str | None, list[VerdictCount]] = {}
    for value, count in valued:
        groups.setdefault(value, []).append(count)
    lines = [Line(value, _rate(counts), _reasons(counts)) for value, counts in groups.items()]
    lines.sort(key=lambda line: (-line.rate.rejected, -line.rate.accepted, line.value is None, line.value or ""))
    return Lines(lines[:MOST_LINES], max(len(lines) - MOST_LINES, 0))


def _rate(counts: Iterable[VerdictCount]) -> Rate:
    totals: Counter[FactKind] = Counter()
    for each in counts:
        totals[each.kind] += each.count
    return Rate(totals[FactKind.ACCEPTED], totals[FactKind.REJECTED])


def _reasons(counts: Iterable[VerdictCount]) -> Mapping[str | None, int]:
    totals: Counter[str | None] = Counter()
    for each in counts:
        if each.kind is FactKind.REJECTED:
            totals[each.reason] += each.count
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0] is None, item[0] or "")))
