"""What the notifier's tests share: a clock that is set by hand, sinks in memory, and a notifier on a real store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from services.domain.instants import SECOND, Instant
from services.errors import Unavailable
from services.notifier.notifier import Notifier
from services.outgoing import Outbox, PendingAlert
from services.ports import Message
from tests.tracker.support import Bench, at, charters_of

BOARD = "https://baton.example.com"


class HandClock:
    """A clock that stands still until it is set."""

    speed = 1.0

    def __init__(self, now: str) -> None:
        self.set(now)

    def set(self, now: str) -> None:
        """Show this time."""
        self._now = at(now)

    def pass_by(self, seconds: float) -> None:
        """Show a later time."""
        self._now += int(seconds * SECOND)

    def now(self) -> Instant:
        """The time that was set."""
        return self._now

    def real_seconds(self, duration: int) -> float:
        """As on any other clock."""
        return duration / SECOND


class MemorySink:
    """Keeps what it takes; takes nothing while it is away, and never what it refuses."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken: list[Message] = []
        self.refused: set[str] = set()
        self.is_away = False
        self.fault: Exception | None = None
        self.on_taken: Callable[[], object] = bool
        self.tries = 0

    def send(self, message: Message) -> None:
        """Take it, or say that it cannot."""
        self.tries += 1
        if self.fault is not None:
            raise self.fault
        if self.is_away or message.id in self.refused:
            raise Unavailable("no answer")
        self.taken.append(message)
        self.on_taken()

    @property
    def ids(self) -> list[str]:
        """What it has, by the end of the id: `touch/1/overdue`."""
        return [message.id.partition("crm:lead:")[2].partition("/")[2] for message in self.taken]


class Crash(BaseException):
    """The process ends here and now."""


class Tripwire:
    """Sinks and an outbox that count their calls, and crash before or after the one with a certain number."""

    def __init__(self, crash_at: int | None, *, is_before: bool) -> None:
        self.steps: list[str] = []
        self._crash_at = crash_at
        self._is_before = is_before

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One call."""
        is_due = len(self.steps) == self._crash_at
        self.steps.append(name)
        if is_due and self._is_before:
            raise Crash
        yield
        if is_due:
            raise Crash


class WiredSink:
    """A sink on a tripwire."""

    def __init__(self, sink: MemorySink, wire: Tripwire) -> None:
        self.name = sink.name
        self._sink = sink
        self._wire = wire

    def send(self, message: Message) -> None:
        """Pass it on."""
        with self._wire.step(f"send {self.name}"):
            self._sink.send(message)


class WiredOutbox:
    """An outbox on a tripwire."""

    def __init__(self, outbox: Outbox, wire: Tripwire) -> None:
        self._outbox = outbox
        self._wire = wire

    def due(self, now: Instant, limit: int) -> Sequence[PendingAlert]:
        """Pass it on."""
        with self._wire.step("due"):
            return self._outbox.due(now, limit)

    def delivered(self, alert: int, sink: str, at: Instant) -> None:
        """Pass it on."""
        with self._wire.step(f"note {sink}"):
            self._outbox.delivered(alert, sink, at)

    def postpone(self, alert: int, until: Instant, error: str) -> None:
        """Pass it on."""
        with self._wire.step("postpone"):
            self._outbox.postpone(alert, until, error)

    def settle(self, alert: int, outcome: str, at: Instant) -> None:
        """Pass it on."""
        with self._wire.step("settle"):
            self._outbox.settle(alert, outcome, at)

    def unsettled(self) -> int:
        """Pass it on."""
        return self._outbox.unsettled()


class Desk:
    """A tracker, its store, and a notifier with two sinks, `mail` and `chat`."""

    def __init__(self, charter: str | None = None) -> None:
        self.bench = Bench(charters_of(charter) if charter is not None else None)
        self.clock = HandClock("09:00")
        self.mail, self.chat = MemorySink("mail"), MemorySink("chat")
        self.notifier = self.new_notifier()

    def new_notifier(self) -> Notifier:
        """Another process on the same store."""
        return Notifier(outbox=self.bench.outbox(), sinks=[self.mail, self.chat], clock=self.clock, board_url=BOARD)

    def tell(self, now: str) -> None:
        """Judge and deliver at that time."""
        self.clock.set(now)
        self.bench.tick(now)
        self.notifier.deliver_due()

    def wait(self, seconds: float) -> None:
        """Let time pass for the notifier alone, and deliver."""
        self.clock.pass_by(seconds)
        self.notifier.deliver_due()
