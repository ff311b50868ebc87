"""The facts that a lead's state amounts to: what measures count of it. A pure function, so that late events, merges
and corrections need no rules of their own.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from services.domain.charter import Charters
from services.domain.events import Attributes, EventType
from services.domain.facts import MICROS, Fact, FactKey, FactKind
from services.domain.fold import Lead
from services.domain.handoffs import Handoff
from services.domain.instants import EPOCH, Instant, to_datetime
from services.domain.occurrences import Agreement, Deal, Dispute
from services.domain.periods import quarter_of

_SHOWN = ("campaign", "segment", "region", "team", "account")
_NAMES_SOMEBODY = frozenset({"account", "action"})
"""Of the attributes that are shown, those that may; of an erased lead they are not. An action is free text."""
_MOST_SHOWN = 200
"""Characters of an attribute in a list."""
_EPOCH_DAY = EPOCH.toordinal()

_OUTCOMES: Mapping[EventType, FactKind] = {
    EventType.LEAD_REJECTED: FactKind.REJECTED,
    EventType.DEAL_WON: FactKind.WON,
    EventType.DEAL_LOST: FactKind.LOST,
    EventType.LEAD_RECYCLED: FactKind.RECYCLED,
}
_ENDS = frozenset({*_OUTCOMES.values(), FactKind.CLOSED, FactKind.JUDGED})
"""The facts of a handoff that show why it closed."""


def facts_of(lead: Lead, charters: Charters, known: Collection[FactKey] = frozenset()) -> Iterator[Fact]:
    """The facts of all that the state holds: of a state that was folded from all events, every fact of the lead.

    Those of `known` are left out. An attribute that names somebody is left out of the facts of an erased lead.
    """
    make = _Maker(charters, hidden=_NAMES_SOMEBODY if lead.erased_at is not None else frozenset())
    for handoff in lead.handoffs:
        yield from make.of_handoff(handoff, known)
    occurred = lead.occurrences
    for held in occurred.conversations:
        yield make.fact(FactKind.CONVERSATION, str(held.number), held.at, held.attributes)
    for dispute in occurred.disputes:
        yield make.fact(FactKind.DISPUTED, _number(dispute, lead.key), dispute.at, dispute.attributes, dispute.reason)
    for agreed in occurred.agreements:
        yield make.of_agreement(agreed)
    for dispute, settled_at in occurred.settled:
        number = _number(dispute, lead.key)
        yield make.fact(FactKind.RESOLVED, number, settled_at, dispute.attributes, dispute.reason)
        if settled_at < quarter_of(dispute.at, charters.labelling(dispute.at).zone).until:
            yield make.fact(FactKind.SETTLED, number, dispute.at, dispute.attributes, dispute.reason)
    for name, deal in occurred.won.items():
        yield from make.of_deal(name, deal)


def keys_of(lead: Lead) -> frozenset[FactKey]:
    """The keys of the facts of the lead's handoffs."""
    return frozenset((kind, str(handoff.number)) for handoff in lead.handoffs for kind, _ in _happened(handoff))


class _Maker:
    """Makes facts, as charters see them."""

    def __init__(self, charters: Charters, *, hidden: frozenset[str]) -> None:
        self._charters = charters
        self._hidden = hidden
        self._subject: Attributes | None = None
        self._meets: frozenset[str] = frozenset()
        self._shown: Mapping[str, str] = {}
        self._at: Instant | None = None
        self._charter = charters.versions[0]
        self._day = 0

    def of_handoff(self, handoff: Handoff, known: Collection[FactKey]) -> Iterator[Fact]:
        """What has happened in a handoff."""
        number = str(handoff.number)
        for kind, at in _happened(handoff):
            if (kind, number) not in known:
                yield self.fact(kind, number, at, handoff.attributes, handoff.reason if kind in _ENDS else None)

    def of_deal(self, name: str, deal: Deal) -> Iterator[Fact]:
        """A win, by the last that was said of the deal."""
        if deal.won_at is None:
            return
        said = {
            "amount": deal.amount / MICROS if deal.amount is not None else None,
            "currency": deal.currency,
            "new_customer": deal.new_customer,
            "stage": deal.stage,
        }
        attributes = {**deal.attributes, **{key: value for key, value in said.items() if value is not None}}
        amount, currency = deal.amount or 0, deal.currency or ""
        yield self.fact(FactKind.DEAL_WON, name, deal.won_at, attributes, None, amount, currency)
        if deal.new_customer:
            yield self.fact(FactKind.NEW_CUSTOMER_WON, name, deal.won_at, attributes, None, amount, currency)

    def of_agreement(self, agreed: Agreement) -> Fact:
        """An answer that agreed, with the action that was promised."""
        fact = self.fact(FactKind.AGREED, str(agreed.number), agreed.at, agreed.attributes, agreed.reason)
        if agreed.action is None or "action" in self._hidden:
            return fact
        return replace(fact, attributes={**fact.attributes, "action": agreed.action[:_MOST_SHOWN]})

    def fact(
        self,
        kind: FactKind,
        number: str,
        at: Instant,
        attributes: Attributes,
        reason: str | None = None,
        amount: int = 0,
        currency: str = "",
    ) -> Fact:
        """One fact."""
        if attributes is not self._subject:
            self._look_at(attributes)
        if at != self._at:
            self._look_up(at)
        return Fact(
            kind=kind,
            number=number,
            at=at,
            day=self._day,
            source=self._charter.label("source", attributes.get("source")),
            meets=self._meets,
            attributes=self._shown if reason is None else {**self._shown, "reason": reason[:_MOST_SHOWN]},
            amount=amount,
            currency=currency,
        )

    def _look_up(self, at: Instant) -> None:
        """Note what facts of the same instant share: a close makes up to four."""
        self._at, self._charter = at, self._charters.labelling(at)
        self._day = to_datetime(at).astimezone(self._charter.zone).toordinal() - _EPOCH_DAY

    def _look_at(self, attributes: Attributes) -> None:
        """Note what facts about the same attributes share: those of a handoff are up to nine."""
        shown = ((name, attributes.get(name)) for name in _SHOWN if name not in self._hidden)
        self._subject = attributes
        self._meets = frozenset(name for name, when in self._charters.filters.items() if when.holds(attributes))
        self._shown = {name: str(value)[:_MOST_SHOWN] for name, value in shown if value is not None}


def _happened(handoff: Handoff) -> Iterator[tuple[FactKind, Instant]]:
    """What has happened in a handoff, and when; nothing of it changes by what comes later."""
    yield FactKind.HANDED_OFF, handoff.opened_at
    if handoff.accepted_at is not None:
        yield FactKind.ACCEPTED, handoff.accepted_at
    if handoff.touched_at is not None:
        yield FactKind.TOUCHED, handoff.touched_at
        yield FactKind.REACHED, handoff.opened_at
    if handoff.qualified_at is not None:
        yield FactKind.QUALIFIED, handoff.qualified_at
    if handoff.opportunity_at is not None:
        yield FactKind.OPPORTUNITY, handoff.opportunity_at
    if handoff.closed_at is None or handoff.outcome is None:
        return
    yield FactKind.CLOSED, handoff.closed_at
    if handoff.outcome in _OUTCOMES:
        yield _OUTCOMES[handoff.outcome], handoff.closed_at
    is_rejected = handoff.outcome == EventType.LEAD_REJECTED
    if handoff.verdict is not None or (is_rejected and handoff.reason is not None):
        yield FactKind.JUDGED, handoff.closed_at


def _number(dispute: Dispute, lead: str) -> str:
    """A dispute that a merge brought along keeps its number, behind the lead on which it began."""
    return str(dispute.number) if dispute.lead == lead else f"{dispute.lead}/{dispute.number}"
