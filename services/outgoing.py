"""What the notifier keeps of alerts on their way out: the outbox, what is shown while it holds, webhooks that wait.

Instants and durations are microseconds. The trackers put alerts into the outbox (`services.storage.AlertRow`), in the
transaction that judges; the notifier alone does the rest.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.domain.instants import Instant
from services.storage import AlertRow


@dataclass(frozen=True, slots=True)
class PendingAlert:
    """An alert that is not yet settled, with what has become of it so far."""

    id: int
    row: AlertRow
    holds: bool
    """Whether it still is as the alert says: its transition stands, and its instance is open, or the lead lies still
    by that very silence (a correction always holds)."""
    delivered_to: frozenset[str]
    """The sinks that have it."""
    warned: frozenset[str]
    """The sinks that have an earlier alert of the same instance, to whom a correction is owed."""
    attempts: int


class Outbox(Protocol):
    """The alerts that wait to be delivered. Every method raises Unavailable when the database is away."""

    def due(self, now: Instant, limit: int) -> Sequence[PendingAlert]:
        """Unsettled alerts whose time (and next try) has come, in the order in which they were told."""

    def delivered(self, alert: int, sink: str, at: Instant) -> None:
        """A sink has the alert."""

    def postpone(self, alert: int, until: Instant, error: str) -> None:
        """A sink did not take it; it is due again at `until`."""

    def settle(self, alert: int, outcome: str, at: Instant) -> None:
        """Nothing more is to be done: `sent`, or `moot` where it no longer holds."""

    def unsettled(self) -> int:
        """How many alerts wait."""


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """An alert that is shown somewhere for as long as it holds."""

    transition: str
    shown: bytes
    """JSON of what is shown."""
    is_firing: bool
    """Whether it holds: its transition stands, and its instance is open and not paused before it is due; or the lead
    lies still by that very silence."""
    resolved_at: Instant | None
    """Since when it is shown as over; None where that was never told, or it holds again. Of the real time of day."""


class HeldAlerts(Protocol):
    """What is shown in one place for as long as it holds. Every method raises Unavailable."""

    def hold(self, transition: str, lead: str, clock: str, number: int, shown: bytes) -> None:
        """Show this of an instance's transition from now on. Held already, it stays as it is."""

    def look_again(self, lead: str, clock: str, number: int) -> None:
        """A verdict changed: alerts of the instance that were settled may hold again."""

    def held(self) -> Sequence[HeldAlert]:
        """All that are not settled."""

    def resolve(self, transitions: Collection[str], at: Instant | None) -> None:
        """They are shown as over since `at`; None: they are shown as holding again."""

    def settle(self, transitions: Collection[str], at: Instant) -> None:
        """They are over, and whoever had to hear of it has heard."""


@dataclass(frozen=True, slots=True)
class QueuedWebhook:
    """A webhook that waits for its next try. `attempts` were made before."""

    transition: str
    body: bytes
    holds: bool
    """As of `PendingAlert`."""
    attempts: int


class WebhookQueue(Protocol):
    """The webhooks that one receiver has yet to get. Every method raises Unavailable. Instants are of real time."""

    def put(
        self, transition: str, lead: str, clock: str, number: int, *, always_holds: bool, body: bytes, at: Instant
    ) -> None:
        """Have it delivered. Put already, it stays as it is, delivered or not."""

    def due(self, now: Instant, limit: int) -> Sequence[QueuedWebhook]:
        """Those whose next try has come, the longest due first."""

    def postpone(self, transition: str, until: Instant, error: str) -> None:
        """It was not taken; it is due again at `until`."""

    def settle(self, transition: str, outcome: str, at: Instant) -> None:
        """Nothing more is to be done: `sent`, `moot`, `given_up` or `disabled`."""

    def disable(self, at: Instant) -> None:
        """The receiver wants nothing more: what waits for it, and what comes later, is never sent."""

    def is_disabled(self) -> bool:
        """Whether it said so."""

    def waiting(self) -> int:
        """How many wait."""

    def count_from_zero(self) -> None:
        """Begin to count what becomes of them where that is not counted yet: an increase needs a beginning."""
