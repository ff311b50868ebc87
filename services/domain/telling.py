"""What is told of an instance or a handoff: each transition once, and a correction when what was told turns out wrong.

`passages` says what has happened to an instance as its events are known now, `stalls_of` what to a handoff. What was
told stands while it is among those. A verdict that no longer is, or that is again after it was not, is told as
`corrected`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.domain.clocks import Instance, Kind, Passage, passages
from services.domain.instants import Instant

# From the weakest to the strongest: the last of these that was told is the verdict people believe.
_VERDICTS = (Kind.STARTED, Kind.AT_RISK, Kind.OVERDUE, Kind.CANCELLED, Kind.MET, Kind.MISSED)
_CORRECTABLE = frozenset(
    {Kind.AT_RISK, Kind.OVERDUE, Kind.ESCALATED, Kind.MET, Kind.MISSED, Kind.CANCELLED, Kind.STALLED}
)
NO_VERDICT = "none"
"""The verdict on an instance or a handoff that, as it turns out, never was."""
OPEN, CLOSED = "open", "closed"
"""The verdicts on a handoff that does not lie still."""


@dataclass(slots=True)
class Told:
    """The names of the transitions of an instance that were ever told, and of those that still stand."""

    ever: set[str] = field(default_factory=set)
    standing: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Telling:
    """A transition to tell now. A correction says which verdict people believed and which one holds."""

    passage: Passage
    before: str | None = None
    after: str | None = None


def tell(instance: Instance | None, told: Told, as_of: Instant) -> list[Telling]:
    """What is to be told of an instance at `as_of`; `told` is changed to what has then been told.

    `instance` is None where late events took away an instance that was told of.
    """
    happened = passages(instance, as_of) if instance is not None else []
    names = {passage.name for passage in happened}
    if names == told.standing:
        return []
    return _news(happened, names, told, as_of, before=verdict(told.standing), after=verdict(names))


def tell_stalls(stalls: Sequence[Passage], told: Told, as_of: Instant, *, now: str) -> list[Telling]:
    """What is to be told of a handoff that went through these stalls; `told` is changed to what has then been told.

    `now` is what a correction says of the handoff: stalled, open, closed, or none where it never was.
    """
    names = {stall.name for stall in stalls}
    if names == told.standing:
        return []
    before = str(Kind.STALLED) if told.standing - names else OPEN
    is_back = bool((names - told.standing) & told.ever)
    return _news(stalls, names, told, as_of, before=before, after=str(Kind.STALLED) if is_back else now)


def _news(
    happened: Sequence[Passage], names: set[str], told: Told, as_of: Instant, *, before: str, after: str
) -> list[Telling]:
    gone = told.standing - names
    back = (names - told.standing) & told.ever
    tellings: list[Telling] = []
    if any(_kind(name) in _CORRECTABLE for name in gone | back):
        count = sum(1 for name in told.ever if _kind(name) is Kind.CORRECTED) + 1
        corrected = Passage(Kind.CORRECTED, count if count > 1 else 0, as_of)
        tellings.append(Telling(corrected, before=before, after=after))
    tellings += [Telling(passage) for passage in happened if passage.name not in told.ever]
    told.ever.update(telling.passage.name for telling in tellings)
    told.standing = names
    return tellings


def verdict(names: Iterable[str]) -> str:
    """The verdict that a set of told transitions amounts to."""
    kinds = {_kind(name) for name in names}
    believed = [kind for kind in _VERDICTS if kind in kinds]
    if not believed:
        return NO_VERDICT
    return "running" if believed[-1] is Kind.STARTED else str(believed[-1])


def _kind(name: str) -> Kind:
    return Kind(name.partition("/")[0])
