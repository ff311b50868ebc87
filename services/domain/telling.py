"""What is told of an instance: each transition once, and a correction when what was told turns out wrong.

`passages` says what has happened to an instance as its events are known now. What was told stands while it is
among those. A verdict that no longer is, or that is again after it was not, is told as `corrected`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.domain.clocks import Instance, Kind, Passage, passages
from services.domain.instants import Instant

# From the weakest to the strongest: the last of these that was told is the verdict people believe.
_VERDICTS = (Kind.STARTED, Kind.AT_RISK, Kind.OVERDUE, Kind.CANCELLED, Kind.MET, Kind.MISSED)
_CORRECTABLE = frozenset({Kind.AT_RISK, Kind.OVERDUE, Kind.ESCALATED, Kind.MET, Kind.MISSED, Kind.CANCELLED})
NO_VERDICT = "none"
"""The verdict on an instance that, as it turns out, never was."""


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
    names = {passage.name: passage for passage in happened}
    if names.keys() == told.standing:
        return []
    gone = told.standing - names.keys()
    back = (names.keys() - told.standing) & told.ever
    tellings: list[Telling] = []
    if any(_kind(name) in _CORRECTABLE for name in gone | back):
        count = sum(1 for name in told.ever if _kind(name) is Kind.CORRECTED) + 1
        corrected = Passage(Kind.CORRECTED, count if count > 1 else 0, as_of)
        tellings.append(Telling(corrected, before=verdict(told.standing), after=verdict(names)))
    tellings += [Telling(passage) for passage in happened if passage.name not in told.ever]
    told.ever.update(telling.passage.name for telling in tellings)
    told.standing = set(names)
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
