"""What a share of a sample says of the whole, with an interval of 95 %: of one share, and of the change between two."""

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054
"""The normal quantile that leaves 2.5 % on each side."""


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """As a number from 0 to 1; None where that is 0/0."""
        return self.part / self.whole if self.whole else None

    def __add__(self, other: "Share") -> "Share":
        return Share(self.part + other.part, self.whole + other.whole)


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


def wilson(share: Share, z: float = Z_95) -> Interval:
    """Wilson's score interval, without correction for continuity (J. Am. Stat. Assoc. 22, 1927). Of 0/0 it is all."""
    if not share.whole:
        return Interval(0.0, 1.0)
    count, rate = share.whole, share.part / share.whole
    scale = 1 + z * z / count
    middle = (rate + z * z / (2 * count)) / scale
    half = z / scale * sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    # Rounding must not take from an end what is exactly there.
    low = 0.0 if share.part == 0 else max(0.0, middle - half)
    high = 1.0 if share.part == count else min(1.0, middle + half)
    return Interval(low, high)


def change(before: Share, after: Share, z: float = Z_95) -> Interval:
    """The interval of `after - before`, from -1 to 1: Newcombe's hybrid of two scores (Stat. Med. 17, 1998, method 10).

    Where one of them is 0/0 nothing is known: all of it.
    """
    if not before.whole or not after.whole:
        return Interval(-1.0, 1.0)
    old, new = before.part / before.whole, after.part / after.whole
    was, now = wilson(before, z), wilson(after, z)
    return Interval(
        new - old - sqrt((new - now.low) ** 2 + (was.high - old) ** 2),
        new - old + sqrt((now.high - new) ** 2 + (old - was.low) ** 2),
    )
