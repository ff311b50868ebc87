"""What happened that measures count: each fact once, with its instant, what it is about, and which promises it meets.

Measures (`services/measures`) are sums of facts over days; a fact is what a number on a page is made of.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.domain.conditions import AnyOf, Compared, NoneOf, When
from services.domain.events import Scalar
from services.domain.instants import Instant

MICROS = 1_000_000
"""Amounts are kept in millionths of their currency, so that sums stay exact."""


class FactKind(StrEnum):
    """What a fact says. Each but the last seven is of one handoff, at most once.

    A handoff that is carried on by the lead into which its own was merged is a handoff of that lead as well, with
    all that had happened in it; `baton replay` counts so too.
    """

    HANDED_OFF = "handed_off"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TOUCHED = "touched"
    """The handoff's first outbound touch, at the touch."""
    REACHED = "reached"
    """The same, at the instant of the handoff: of the handoffs of a period, those that were touched ever."""
    QUALIFIED = "qualified"
    OPPORTUNITY = "opportunity"
    WON = "won"
    LOST = "lost"
    RECYCLED = "recycled"
    CLOSED = "closed"
    """However it closed."""
    JUDGED = "judged"
    """It closed with a verdict on its quality or a reason of its rejection, at the close."""
    CONVERSATION = "conversation"
    """A connected call, meeting or visit."""
    DEAL_WON = "deal_won"
    """A deal's first win, with its amount."""
    NEW_CUSTOMER_WON = "new_customer_won"
    """The same, where it is a new customer's."""
    DISPUTED = "disputed"
    """Marketing disputed a rejection or a verdict."""
    SETTLED = "settled"
    """A dispute was settled within the quarter in which it began, at the instant at which it began."""
    RESOLVED = "resolved"
    """A dispute was settled, whenever it began, at the instant of that; it has the number of the dispute."""
    AGREED = "agreed"
    """Marketing agreed with a rejection or a verdict, and may have promised an action."""


FactKey = tuple[FactKind, str]
"""Kind and number: what tells the facts of a lead apart."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, told apart from others of its lead by `kind` and `number`."""

    kind: FactKind
    number: str
    """Of the handoff (`1`), or which conversation, deal or dispute of the lead it is; the same for the same events."""
    at: Instant
    day: int
    """The date of `at` in the zone of the charter's first calendar, as days since 1970-01-01."""
    source: str
    """As a label of the charter."""
    meets: frozenset[str]
    """The filters of goals and commitments (see `Charter.filters`) that hold for it."""
    attributes: Mapping[str, str]
    """What lists and tables show of it, where known: campaign, segment, region, team, account, reason, action."""
    amount: int = 0
    """Of won deals, in millionths of `currency`."""
    currency: str = ""

    @property
    def key(self) -> FactKey:
        """Which fact of its lead it is."""
        return self.kind, self.number


def filter_name(when: When) -> str:
    """The name of a filter: the condition in words, the same in every version of the charter; empty for none.

    Texts stand in quotes, so that no two conditions have one name (`size is 1`, `size is "1"`).
    """
    return " and ".join(f"{_quoted(name)} {_in_words(test)}" for name, test in when.tests)


def _in_words(test: object) -> str:
    match test:
        case AnyOf(values):
            return "is " + _listed(values)
        case NoneOf(values):
            return "is not " + _listed(values)
        case Compared(comparison, bound):
            return f"{comparison} {bound!r}"
        case _:
            return str(test)


def _listed(values: Iterable[Scalar]) -> str:
    return " or ".join(map(json.dumps, values))


def _quoted(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)
