"""What measures count of a lead beside its handoffs: conversations, disputes, and deals that are won."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from services.domain.deals import deal_of
from services.domain.events import Attributes, Data, Event, EventType, flags
from services.domain.facts import MICROS
from services.domain.feedback import DISPUTED, GOOD
from services.domain.instants import Instant

CONVERSATIONS = frozenset({"call", "meeting", "visit"})
"""The kinds of touches that are one where they connected."""
MOST_AMOUNT = 9_000_000_000_000
"""In whole units of a currency: what fits into 64 bits in millionths. A greater one is taken for a slip, and as if it
were not told."""
_MOST_STAGE = 200
"""Characters of a stage's name that are kept: a charter names none that is longer."""

IS_COUNTED = flags(
    EventType.LEAD_TOUCHED,
    EventType.DEAL_OPENED,
    EventType.DEAL_MOVED,
    EventType.DEAL_WON,
    EventType.DEAL_LOST,
    EventType.FEEDBACK_GIVEN,
    EventType.LEAD_REJECTED,
    EventType.FEEDBACK_ANSWERED,
    EventType.FEEDBACK_SETTLED,
)
"""By the number of a type: whether `Occurrences.note` has anything to do with it."""

_OF_FEEDBACK = frozenset(
    {
        EventType.FEEDBACK_GIVEN,
        EventType.LEAD_REJECTED,
        EventType.FEEDBACK_ANSWERED,
        EventType.FEEDBACK_SETTLED,
    }
)


class Conversation(NamedTuple):
    """One conversation; those of a lead are numbered from 1."""

    number: int
    at: Instant
    attributes: Attributes
    """What was known of the lead."""


class Dispute(NamedTuple):
    """Marketing's answer that a verdict is wrong; those of a lead are numbered from 1."""

    lead: str
    """On which it began: a merge takes it along."""
    number: int
    at: Instant
    reason: str | None
    """Of the verdict."""
    attributes: Attributes
    """What was known of the lead."""


class Agreement(NamedTuple):
    """Marketing's answer that a verdict is right; those of a lead are numbered from 1."""

    number: int
    at: Instant
    reason: str | None
    """Of the verdict."""
    action: str | None
    """What marketing promised to do."""
    attributes: Attributes
    """What was known of the lead."""


@dataclass(slots=True, eq=False)
class Deal:
    """What was said of a deal last: None where nothing was. What is said after the win corrects it."""

    amount: int | None = None
    """In millionths of the currency."""
    currency: str | None = None
    new_customer: bool | None = None
    stage: str | None = None
    won_at: Instant | None = None
    """When it was won first."""
    attributes: Attributes = field(default_factory=dict)
    """What was known at the handoff in which it was won, or of the lead where it was won in none; empty in a deal
    that was won before the state was read back."""

    def hear(self, data: Data) -> None:
        """Take in what an event says of it."""
        amount = _millionths(data.get("amount"))
        if amount is not None:
            self.amount = amount
        currency, stage, new_customer = data.get("currency"), data.get("stage"), data.get("new_customer")
        if isinstance(currency, str):
            self.currency = currency
        if isinstance(stage, str):
            self.stage = stage[:_MOST_STAGE]
        if isinstance(new_customer, bool):
            self.new_customer = new_customer


@dataclass(slots=True, eq=False)
class Occurrences:
    """What has happened to one lead. The first six are its state; the rest is what came since that was read back."""

    conversations_held: int = 0
    disputes_begun: int = 0
    open_disputes: list[Dispute] = field(default_factory=list)
    agreements_made: int = 0
    complained: str | None = None
    """The reason of the last rejection or poor verdict."""
    deals: dict[str, Deal] = field(default_factory=dict)
    """The lead's own, wherever a merge has taken them."""
    conversations: list[Conversation] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    settled: list[tuple[Dispute, Instant]] = field(default_factory=list)
    """Disputes, and when they were settled."""
    won: dict[str, Deal] = field(default_factory=dict)
    """Deals whose first win was on this lead, its own or those of a lead that was merged into it."""

    def note(
        self, event: Event, lead: str, attributes: Attributes, handed_off: Attributes, deals: "Occurrences"
    ) -> None:
        """Take in an event of the lead of which `attributes` are known, and were at its handoff `handed_off`.

        `deals` is where the event's deal is kept: its own lead, which may have been merged into this one.
        """
        kind = event.type
        if kind == EventType.LEAD_TOUCHED:
            if event.data.get("connected") is True and event.data.get("kind") in CONVERSATIONS:
                self.conversations_held += 1
                self.conversations.append(Conversation(self.conversations_held, event.time, attributes))
        elif kind in _OF_FEEDBACK:
            self._hear_feedback(event, lead, attributes)
        else:
            self._hear_of_deal(event, handed_off, deals.deals)

    def has_won(self, deal: str | None) -> bool:
        """Whether a deal of the lead was won before: what is said of it changes what was counted."""
        known = self.deals.get(deal) if deal is not None else None
        return known is not None and known.won_at is not None

    def carry_on(self, gone: "Occurrences") -> None:
        """Take over the disputes that are open on a lead that was merged into this one."""
        self.open_disputes += gone.open_disputes
        gone.open_disputes = []

    def _hear_feedback(self, event: Event, lead: str, attributes: Attributes) -> None:
        if event.type == EventType.FEEDBACK_SETTLED:
            self.settled += [(dispute, event.time) for dispute in self.open_disputes]
            self.open_disputes = []
        elif event.type != EventType.FEEDBACK_ANSWERED:
            if event.data.get("verdict") != GOOD:
                self.complained = _text(event.data.get("reason"))
        elif event.data.get("answer") == DISPUTED:
            self.disputes_begun += 1
            dispute = Dispute(lead, self.disputes_begun, event.time, self.complained, attributes)
            self.disputes.append(dispute)
            self.open_disputes.append(dispute)
        else:
            self.agreements_made += 1
            action = _text(event.data.get("action"))
            self.agreements.append(Agreement(self.agreements_made, event.time, self.complained, action, attributes))

    def _hear_of_deal(self, event: Event, handed_off: Attributes, deals: dict[str, Deal]) -> None:
        name = deal_of(event)
        if name is None:
            return
        deal = deals.setdefault(name, Deal())
        deal.hear(event.data)
        if event.type == EventType.DEAL_WON and deal.won_at is None:
            deal.won_at, deal.attributes = event.time, handed_off
            self.won[name] = deal


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _millionths(amount: object) -> int | None:
    """An amount in millionths; None where it is none."""
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount <= MOST_AMOUNT:
        return None
    return amount * MICROS if isinstance(amount, int) else round(Decimal(repr(amount)) * MICROS)
