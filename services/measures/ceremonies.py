"""Which ceremonies were due, and which of them were held."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.domain.charter import Charters, Per
from services.domain.instants import Instant
from services.domain.periods import Period, period_of, within
from services.views import CeremonyHeld


@dataclass(frozen=True, slots=True)
class Due:
    """One ceremony in one of its periods."""

    ceremony: str
    per: Per
    period: Period
    held: Sequence[CeremonyHeld]
    """Those in this period: one is enough."""
    is_over: bool
    """Whether its period has ended: until then there is time."""
    ends_here: bool
    """Whether its period ends within the one asked for, where it counts; a later one has it otherwise."""

    @property
    def counts(self) -> bool:
        """Whether it is due: its period has ended, or it was held already."""
        return self.ends_here and (self.is_over or bool(self.held))


def ceremonies(charters: Charters, period: Period, at: Instant, held: Iterable[CeremonyHeld]) -> list[Due]:
    """The ceremonies whose own periods end within `period`, and those whose periods run at `at`, where it lies in it.

    Each by the charter in force at the end of its own period, or at `at` where that is earlier. `held` are all of
    them since the start of the year in which `period` begins.
    """
    zone = charters.labelling(min(at, period.until - 1)).zone
    listed = list(held)
    found = []
    for per in Per:
        inner = within(per, period.first, period.end, zone)
        for own in inner:
            ends_here = own.until <= period.until
            runs_now = own.since <= at < own.until and at < period.until
            if own.since > at or not (ends_here or runs_now):
                continue
            charter = charters.in_force(min(at, own.until - 1))
            for name, every in (charter.ceremonies if charter is not None else {}).items():
                if every is per:
                    times = [each for each in listed if each.ceremony == name and own.since <= each.at < own.until]
                    seen = [each for each in times if each.at <= at]
                    found.append(Due(name, per, own, seen, at >= own.until, ends_here))
    return found


def since_when(period: Period, charters: Charters) -> Instant:
    """From when on ceremonies must be known to tell those of a period: the start of its year, or of its first week."""
    zone = charters.labelling(period.since).zone
    return min(period_of(per, period.since, zone).since for per in Per)
