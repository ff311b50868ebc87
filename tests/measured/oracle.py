"""The measures of the contract, counted straight from events in one walk over each lead's, by its words alone.

It shares nothing with the domain but the events themselves. Merges are left out: who carries on what is for
`baton replay` to say.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from services.domain.events import Event

Labels = tuple[str, str, date]
"""A measure, a source and a day."""


@dataclass
class Counts:
    """How often each measure counted something, and the amounts that were won by currency."""

    numbers: Counter[Labels] = field(default_factory=Counter)
    amounts: Counter[tuple[str, str, date]] = field(default_factory=Counter)
    """In millionths, by measure, currency and day."""


@dataclass
class Rules:
    """What of a charter bears on measures."""

    zone: ZoneInfo
    sources: frozenset[str]
    complete: Sequence[str] = ()
    """Fields of the commitment to completeness."""
    hot: str = ""
    """The priority of the handoffs that a goal counts apart."""


def count(events: Collection[Event], rules: Rules) -> Counts:
    """Count all measures on all days."""
    counts = Counts()
    for history in _histories(events).values():
        _Walk(rules, counts).over(history)
    return counts


def _histories(events: Collection[Event]) -> dict[str, list[Event]]:
    """Each lead's events in order. A deal is of the lead that the first event names which names both."""
    distinct = {(event.source, event.id): event for event in events}
    ordered = sorted(distinct.values(), key=lambda event: event[:4])
    of_deal: dict[Any, str] = {}
    for event in ordered:
        if event.lead and "deal" in event.data:
            of_deal.setdefault(event.data["deal"], event.lead)
    histories: dict[str, list[Event]] = defaultdict(list)
    for event in ordered:
        lead = of_deal.get(event.data["deal"]) if event.type.wire.startswith("deal.") else event.lead
        if lead:
            histories[lead].append(event)
    return histories


class _Walk:
    def __init__(self, rules: Rules, counts: Counts) -> None:
        self._rules = rules
        self._counts = counts
        self._known: dict[str, Any] = {}
        self._handoff: dict[str, Any] | None = None
        self._disputes: list[tuple[datetime, str]] = []

    def over(self, events: Sequence[Event]) -> None:
        """One lead's events from the first to the last."""
        for event in events:
            self._learn(event)
            if event.type.wire == "lead.handed_off" and self._handoff is None:
                self._hand_off(event)
            else:
                self._anywhere(event)
                if self._handoff is not None:
                    self._in_handoff(event, self._handoff)
        self._deals(events)

    def _learn(self, event: Event) -> None:
        if event.type.wire in ("lead.captured", "lead.updated", "lead.handed_off", "lead.assigned"):
            self._known.update(event.data.get("attributes", {}))  # type: ignore[call-overload]
            self._known.update({name: event.data[name] for name in ("owner", "team") if name in event.data})

    def _hand_off(self, event: Event) -> None:
        self._handoff = {"event": event, "source": self._source(), "deals": set(), "seen": set(), "verdict": False}
        self._add("handoffs", self._source(), event.time)
        if self._rules.complete and all(self._known.get(name) is not None for name in self._rules.complete):
            self._add("complete", self._source(), event.time)
        if self._rules.hot and self._known.get("priority") == self._rules.hot:
            self._add("hot handoffs", self._source(), event.time)

    def _in_handoff(self, event: Event, handoff: dict[str, Any]) -> None:
        wire, data = event.type.wire, event.data
        first = {"lead.accepted": "accepted", "lead.qualified": "qualified", "deal.opened": "opportunities"}.get(wire)
        if wire == "lead.touched" and data["direction"] == "outbound":
            first = "touched"
        if first and first not in handoff["seen"]:
            handoff["seen"].add(first)
            self._add(first, handoff["source"], event.time)
            if first == "touched":
                self._add("contacted", handoff["source"], handoff["event"].time)
        handoff["verdict"] |= wire == "feedback.given"
        if wire in ("deal.opened", "deal.moved"):
            handoff["deals"].add(data["deal"])
        if wire == "deal.lost":
            handoff["deals"].discard(data["deal"])
        outcome = {
            "lead.rejected": "rejected",
            "lead.recycled": "recycled",
            "lead.withdrawn": "withdrawn",
            "deal.won": "won",
            "deal.lost": None if handoff["deals"] else "lost",
        }.get(wire)
        if outcome is None:
            return
        self._add(outcome, handoff["source"], event.time)
        self._add("closed", handoff["source"], event.time)
        if handoff["verdict"] or (outcome == "rejected" and data.get("reason")):
            self._add("with feedback", handoff["source"], event.time)
        self._handoff = None

    def _anywhere(self, event: Event) -> None:
        wire, data = event.type.wire, event.data
        if wire == "lead.touched" and data["connected"] and data["kind"] in ("call", "meeting", "visit"):
            self._add("conversations", self._source(), event.time)
        if wire == "feedback.answered" and data["answer"] == "disputed":
            self._add("disputed", self._source(), event.time)
            self._disputes.append((self._local(event.time), self._source()))
        if wire == "feedback.answered" and data["answer"] == "agreed":
            self._add("agreed", self._source(), event.time)
        if wire == "feedback.settled":
            end = self._local(event.time)
            for begun, source in self._disputes:
                self._counts.numbers["resolved", source, end.date()] += 1
                if (begun.year, (begun.month - 1) // 3) == (end.year, (end.month - 1) // 3):
                    self._counts.numbers["settled", source, begun.date()] += 1
            self._disputes = []

    def _deals(self, events: Iterable[Event]) -> None:
        """A deal's first win, at the last that was said of it, before the win or after."""
        said: dict[Any, dict[str, Any]] = defaultdict(dict)
        won: dict[Any, int] = {}
        for event in events:
            if event.type.wire.startswith("deal."):
                deal = event.data["deal"]
                said[deal].update({name: value for name, value in event.data.items() if value is not None})
                if event.type.wire == "deal.won":
                    won.setdefault(deal, event.time)
        for deal, time in won.items():
            amount = Fraction(str(said[deal].get("amount", 0))) * 1_000_000
            currency, day = said[deal].get("currency", ""), self._local(time).date()
            for measure in ("won_amount", *(["new won_amount"] if said[deal].get("new_customer") else [])):
                self._counts.amounts[measure, currency, day] += round(amount)
                self._counts.numbers[measure, "", day] += 1

    def _source(self) -> str:
        source = self._known.get("source")
        return source if source in self._rules.sources else "other"

    def _local(self, time: int) -> datetime:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)).astimezone(self._rules.zone)

    def _add(self, measure: str, source: str, time: int) -> None:
        self._counts.numbers[measure, source, self._local(time).date()] += 1
