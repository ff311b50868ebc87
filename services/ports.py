"""What the services need of the world outside, as Protocols; `wiring` chooses who fulfils them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.domain.instants import Instant

EVENTS = "baton.events"
"""Topic of canonical events, keyed by lead."""
DEALS = "baton.deals"
"""Topic of deal events whose lead is not yet known, keyed by deal."""
DEAD_LETTERS = "baton.dead-letters"
"""Topic of what could not be used, keyed by its id."""
READ_TOPICS = (EVENTS, DEALS, DEAD_LETTERS)
"""The topics that the tracker reads."""
LEADS = "baton.leads"
"""Compacted topic of each lead's latest view, keyed by lead."""
TRANSITIONS = "baton.transitions"
"""Topic of what was told, keyed by lead."""


class WallClock(Protocol):
    """The time of day. `speed` is how many seconds pass on it in a real one (1, but for a time-lapse)."""

    speed: float

    def now(self) -> Instant:
        """The present instant."""

    def real_seconds(self, duration: int) -> float:
        """How many real seconds it takes until `duration` microseconds have passed on it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is appended to the log. Records with one key keep their order."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """`crm`: through which door it came."""
    ordered_by: str | None = None
    """What it keeps its order with, where that is not its key."""
    is_tombstone: bool = False
    """In a compacted topic: there is nothing under this key any more. The value says nothing."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record read back: where it stands and when it was appended. Offsets of a partition have no holes."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    appended_at: Instant


class EventLog(Protocol):
    """The log into which the gateway writes before it acknowledges anything."""

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all records are durable.

        Raises Unavailable; then none of them is, or (in a log of several partitions) some are all the same: sent
        again, they are duplicates, which change nothing.
        """


class LogReader(Protocol):
    """The log as a driver of the tracker reads it. `read` raises Unavailable."""

    def read(self, topic: str, offset: int, limit: int) -> Sequence[LogRecord]:
        """At most `limit` records of the topic from `offset` on, in order; empty where there are none yet."""


class Processor(Protocol):
    """What a driver hands the records of its partitions to.

    Calls for one partition never overlap; calls for different partitions may, each in a thread of its own. All raise
    Unavailable when the database is away (the driver waits and calls again, with the same records), and PositionLost
    when somebody else has written to the partition (the driver lets go of it, or ends the process).
    """

    def position(self, topic: str, partition: int) -> int:
        """The offset of the first record that is not yet applied: where to read on."""

    def apply(self, records: Sequence[LogRecord], read_at: Instant) -> None:
        """Apply records that follow each other in one partition without a hole, the first at its position.

        `read_at` is the instant up to which the partition is read by then: the time of day where these are the last
        records there are, else the time at which the last of them was appended.
        """

    def idle(self, topic: str, partition: int, read_at: Instant) -> bool:
        """The partition is read up to `read_at`, with nothing to apply: wake what is due; whether more is due."""


class Driver(Protocol):
    """Reads the partitions that are assigned to this process, and hands them to a `Processor` in batches."""

    async def run(self, stop: asyncio.Event) -> None:
        """Drive until `stop` is set, then finish what is in work.

        An outage of the database or of the broker is waited out with back-off. Anything unexpected is raised, LogGap
        for records that are missing among it; whoever runs the driver ends the process then.
        """

    @property
    def trouble(self) -> str | None:
        """Why nothing can be applied at present, such as what is away; None where all is well.

        A spare member of the group, to which nothing is left to assign, is well.
        """

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Of each assigned partition (topic, number), how many of its records are not yet applied."""


@dataclass(frozen=True, slots=True)
class HeldRequest:
    """A request whose signature was refused, kept as it came: our secret may be what is wrong."""

    id: str
    crm: str
    method: str
    target: str
    """Path and query, as the sender called it."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    received_at: Instant
    why: str


class Quarantine(Protocol):
    """A bounded store of refused requests; the oldest make room for new ones."""

    def keep(self, request: HeldRequest) -> None:
        """Keep a request; one with the same id replaces it."""

    def held(self) -> Sequence[HeldRequest]:
        """All that are kept, oldest first."""

    def drop(self, request_id: str) -> None:
        """Forget one, because it was verified after all or an operator said so."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that a CRM's API shall be asked for."""

    object: str
    """What the CRM calls such objects: `contact`, `Opportunity`."""
    id: str
    """Empty where the CRM did not say which: all that were modified since `since`."""
    since: Instant | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a CRM's API says: a change as a webhook tells it (`object` is empty), or what one object is now."""

    object: str
    content: Mapping[str, Any]


class CrmApi(Protocol):
    """A CRM's API, of which Baton only reads.

    It waits for the CRM's limits and tries again by itself. Raises Unavailable when that does not help, and
    UsageError when the CRM does not take our credentials.
    """

    crm: str

    def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        """Everything that changed since then, page by page."""

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        """What these objects are now; those that are gone are left out."""

    async def close(self) -> None:
        """Let go of its connections."""


class Subscription(Protocol):
    """A CRM's sending of webhooks to us, which ends unless it is renewed, or where none is delivered for some days.

    Its methods raise Unavailable, UsageError where the CRM does not take our credentials or settings, and BadEvent
    where it refuses what is asked.
    """

    crm: str
    lifetime: int
    """Microseconds from a renewal, or from the last delivery, to the end."""
    is_ours_to_make: bool
    """Whether Baton makes it, so that none is there at first. Else somebody made it, and none means that it ended."""

    async def ends_at(self) -> Instant | None:
        """When it ends if no delivery succeeds from now on; None where there is none, or none that is as it must be."""

    async def renew(self, until: Instant) -> Instant:
        """Make it, or have it last until then; when it ends now. Done twice it changes nothing."""

    async def close(self) -> None:
        """Let go of its connections."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reference that waits for its turn."""

    number: int
    crm: str
    reference: Reference


class FetchQueue(Protocol):
    """What a gateway still has to ask CRMs for; kept on disk, each reference once. Methods raise Unavailable."""

    def put(self, crm: str, references: Sequence[Reference]) -> None:
        """Return once they are durable. One that is there already goes to the end: it has changed again."""

    def waiting(self, crm: str, limit: int) -> Sequence[Wanted]:
        """The oldest."""

    def done(self, numbers: Sequence[int]) -> None:
        """Forget them: they were asked for. What was put again since then has another number, and stays."""


class Bookmarks(Protocol):
    """How far files are read, kept on disk."""

    def at(self, name: str) -> int:
        """How many rows of it are done; 0 where it was never read."""

    def put(self, name: str, rows: int) -> None:
        """So many are done."""


class Applied(Protocol):
    """How far the store is with the log."""

    def mark(self) -> Callable[[], bool]:
        """What tells from then on whether the store has all that the log has now. It raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What the stream of a CRM's changes gives at a time, in its order."""

    items: Sequence[Mapping[str, Any] | bytes] = ()
    """Changes in the CRM's form; bytes: what may be the JSON of one."""
    places: Sequence[str] = ()
    """Where each of them stands, in words for people; empty where that helps nobody."""
    lost_since: Instant | None = None
    """Changes are missing: whatever was modified since then has to be asked for."""
    mark: object = None
    """Where it goes on after this; the stream alone knows what that is."""


class ChangeStream(Protocol):
    """Where a CRM's changes are pulled from."""

    def pulled(self) -> AsyncGenerator[Pulled, None]:
        """Changes from where the last `keep` left it, as they come; it ends where no more can come.

        Raises Unavailable (ask again later: it begins anew after what was kept), and UsageError.
        """

    async def keep(self, pulled: Pulled) -> None:
        """The log has all of this: go on after it, also after a restart. Raises Unavailable."""

    async def close(self) -> None:
        """Let go of its connections."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a stream of changes goes on."""

    replay_id: bytes | None
    """After which change, in the CRM's words; None: at the oldest that it keeps."""
    seen_until: Instant
    """What happened before is in the log."""


class Positions(Protocol):
    """Where streams go on, kept on disk. Methods raise Unavailable."""

    def read(self, stream: str) -> Position | None:
        """The position of a stream; None where it was never read."""

    def write(self, stream: str, position: Position) -> None:
        """Return once it is durable."""


class Tally(Protocol):
    """Counts and times of this process that no transaction keeps, such as webhooks refused.

    Metrics are those of `services.metric_table`, by name.
    """

    def expect(self, metric: str, **labels: Iterable[str]) -> None:
        """Have every combination of these values there from now on, at 0: one that begins at 1 shows no increase."""

    def count(self, metric: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Add to a counter."""

    def observe(self, metric: str, labels: Mapping[str, str], seconds: float) -> None:
        """Add an observation to a histogram."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell people. `id` stays the same when it is told again."""

    id: str
    kind: str
    """at_risk, overdue, escalated or corrected."""
    title: str
    body: str
    lead: str
    clock: str
    number: int
    """Of the clock's instance on the lead."""
    at: Instant
    """When what it tells came to be."""
    url: str
    """The lead's page."""
    facts: Mapping[str, str]
    """Those that are known of promised_by, owner, team, account, source, client_team, to, before and after."""


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """What a board of alerts shows. Its labels are who it is: posted again with the same ones it is the same alert."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    url: str
    starts_at: Instant
    ends_at: Instant
    """From then on it is over. Both are of the real time of day."""


class AlertBoard(Protocol):
    """Shows which alerts hold at present, and forgets one at its end unless it is posted again."""

    def post(self, alerts: Sequence[ShownAlert]) -> None:
        """Show them until their ends. Raises Unavailable, after which it may have some of them: post them again."""


class AlertSink(Protocol):
    """Somewhere that people read."""

    name: str
    """Stays the same over restarts, and holds no secret."""

    def send(self, message: Message) -> None:
        """Deliver it, or raise Unavailable."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a try to deliver a webhook."""

    is_taken: bool
    error: str = ""
    """Why it was not taken; without any secret."""
    is_gone: bool = False
    """The receiver wants nothing more, ever."""
    is_busy: bool = False
    """It is not about this message: the receiver is away, or asks to be left alone."""
    retry_after: float | None = None
    """Seconds that it asks to wait for."""


class WebhookReceiver(Protocol):
    """Somewhere that takes webhooks."""

    def deliver(self, message_id: str, body: bytes) -> Receipt:
        """Try once. `message_id` is the same at every try."""


class Turn(Protocol):
    """The right to do a piece of work, which one process of many has at a time."""

    def holds(self) -> bool:
        """Whether this process has it; takes it where nobody has. Raises Unavailable where that cannot be known."""

    def give_up(self) -> None:
        """Let others have it."""
