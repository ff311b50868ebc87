"""What each side gives to a goal, read from the charter's words: `600 handoffs`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.charter import COUNTS
from services.domain.charter import Side

_GIVEN = re.compile(r"(?P<number>\d{1,3}(?:[ ,_]\d{3})+|\d{1,12}) +(?P<measure>[a-z]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Contribution:
    """A number of something that one side gives to a goal, within the goal's period."""

    side: Side
    measure: str
    """One of `schemas.charter.COUNTS`."""
    target: int


def parse(side: str, words: str) -> Contribution | None:
    """A contribution that can be counted; None where it is words, or another department's."""
    found = _GIVEN.fullmatch(words.strip())
    if found is None or found["measure"] not in COUNTS or side not in tuple(Side):
        return None
    number = int(re.sub(r"\D", "", found["number"]))
    return Contribution(Side(side), found["measure"], number) if number else None


def counted(contributes: Mapping[str, str]) -> list[Contribution]:
    """The contributions that can be counted, those of marketing first."""
    found = [parse(side, contributes[side]) for side in Side if side in contributes]
    return [each for each in found if each is not None]
