"""A charter with goals, and facts in memory as a store would give them; counted anew for each question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from services.charters import parse_charter
from services.domain.charter import Charter, Charters
from services.domain.facts import Fact, FactKind
from services.domain.instants import Instant, from_datetime
from services.domain.periods import day_of
from services.views import CeremonyHeld, FactQuery, FactView, Tally, Verdicts

WARSAW = ZoneInfo("Europe/Warsaw")
NEW = "new_customer is true"
"""The name of the filter of the charter's goals."""

TEXT = """\
charter: 1
version: 2026-Q4
effective_from: 2026-01-01T00:00:00+01:00
agreed:
  - {side: marketing, by: Head of Marketing, on: 2025-12-21}
  - {side: sales, by: Head of Sales, on: 2025-12-22}
calendars:
  office:
    timezone: Europe/Warsaw
    hours: {mon-fri: "09:00-17:00"}
    day: 8h
labels:
  source: [webinar, referral]
clocks:
  accept:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.accepted, lead.rejected]
    calendar: office
    targets: [{within: 4h}]
  answer:
    promised_by: marketing
    starts_on: [lead.rejected]
    stops_on: [feedback.answered]
    calendar: office
    targets: [{within: 2d}]
commitments:
  volume: {promised_by: marketing, measure: handoffs, per: month, at_least: 400}
  quality: {promised_by: marketing, measure: accept_rate, per: month, at_least: 70%}
  complete: {promised_by: marketing, measure: completeness, per: month, at_least: 95%, fields: [source, account]}
  effort: {promised_by: sales, measure: contact_rate, per: month, at_least: 90%}
  punctual: {promised_by: sales, attainment: accept, per: month, at_least: 90%}
goals:
  - {name: new-revenue, says: Revenue from new customers, measure: won_amount, where: {new_customer: true},
     currency: PLN, per: quarter, target: 1200000,
     contributes: {marketing: 600 handoffs, sales: 90 won, service: a good start}}
ceremonies:
  quarterly-review: {every: quarter}
  huddle: {every: week}
"""


def charter(*replaced: tuple[str, str]) -> Charter:
    """The charter, with parts of its text replaced."""
    text = TEXT
    for old, new in replaced:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_charter(text, "charter.yaml").charter


def charters(*replaced: tuple[str, str]) -> Charters:
    """The charter as the only version."""
    return Charters([charter(*replaced)])


def at(text: str) -> Instant:
    """The instant of a wall-clock time in Warsaw, of midnight where only a date is given."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=WARSAW))


def fact(
    kind: FactKind,
    when: str | Instant,
    *,
    lead: str = "crm:1",
    number: str = "1",
    source: str = "other",
    meets: Iterable[str] = (),
    amount: int = 0,
    currency: str = "",
    attributes: Mapping[str, str] | None = None,
) -> FactView:
    """A fact of a lead; `amount` in millionths."""
    instant = at(when) if isinstance(when, str) else when
    made = Fact(
        kind=kind,
        number=number,
        at=instant,
        day=day_of(instant, WARSAW),
        source=source,
        meets=frozenset(meets),
        attributes=attributes or {},
        amount=amount,
        currency=currency,
    )
    return FactView(lead, made)


def many(kind: FactKind, when: str, count: int, *, meets: Iterable[str] = ()) -> list[FactView]:
    """So many facts of one kind at one instant, each of a lead of its own."""
    return [fact(kind, when, lead=f"crm:{kind}:{when}:{place}", meets=meets) for place in range(count)]


def deal(when: str, amount: int, *, name: str = "d", new: bool = True, currency: str = "PLN") -> list[FactView]:
    """A won deal of so many whole units of its currency: the facts of it, and of its handoff."""
    meets = [NEW] if new else []
    kinds = [FactKind.DEAL_WON, FactKind.NEW_CUSTOMER_WON] if new else [FactKind.DEAL_WON]
    lead = f"crm:{name}:{when}"
    won = [
        fact(kind, when, lead=lead, number=name, meets=meets, amount=amount * 1_000_000, currency=currency)
        for kind in kinds
    ]
    return [*won, fact(FactKind.WON, when, lead=lead)]


@dataclass
class MemoryFacts:
    """Implements FactViews over a list."""

    views: Sequence[FactView] = ()
    held: Sequence[CeremonyHeld] = ()

    def tallies(self, since: int, until: int) -> Sequence[Tally]:
        """Counted one by one."""
        found: dict[tuple[FactKind, str, str, str, int], list[int]] = {}
        for view in self.views:
            each = view.fact
            if since <= each.day < until:
                for name in ("", *sorted(each.meets)):
                    total = found.setdefault((each.kind, name, each.source, each.currency, each.day), [0, 0])
                    total[0] += 1
                    total[1] += each.amount
        return [Tally(*key, *total) for key, total in found.items()]

    def facts(self, query: FactQuery) -> Sequence[FactView]:
        """Those asked for."""
        found = [
            view
            for view in self.views
            if view.fact.kind is query.kind
            and query.since <= view.fact.day < query.until
            and (not query.filter or query.filter in view.fact.meets)
            and query.source in (None, view.fact.source)
        ]
        found.sort(key=_place)
        return [view for view in found if query.after is None or _place(view) > query.after][: query.limit]

    def ceremonies(self, since: Instant, until: Instant) -> Sequence[CeremonyHeld]:
        """Those held in the time."""
        return sorted((each for each in self.held if since <= each.at < until), key=lambda each: each.at)


@dataclass
class MemoryVerdicts:
    """Implements VerdictViews: verdicts by the instant at which their period begins."""

    found: dict[Instant, list[Verdicts]] = field(default_factory=dict)

    def verdicts(self, since: Instant, until: Instant, now: Instant) -> Sequence[Verdicts]:
        """Those of the period."""
        assert since < now <= until
        return self.found.get(since, [])


def _place(view: FactView) -> tuple[Instant, str, str]:
    return view.fact.at, view.lead, view.fact.number
