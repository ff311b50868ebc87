"""The funnel of handoffs: of those opened in a period, how many came how far, and how the others ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.board.languages import Language, marked
from services.views import Funnel


class Step(StrEnum):
    """How far a handoff came, in the usual order; then how it may have ended without a deal won."""

    OPENED = "opened"
    ACCEPTED = "accepted"
    TOUCHED = "touched"
    QUALIFIED = "qualified"
    OPPORTUNITIES = "opportunities"
    WON = "won"
    LOST = "lost"
    REJECTED = "rejected"
    RECYCLED = "recycled"
    WITHDRAWN = "withdrawn"


_WORDS: Mapping[Step, str] = {
    Step.OPENED: marked("handed off"),
    Step.ACCEPTED: marked("accepted"),
    Step.TOUCHED: marked("touched"),
    Step.QUALIFIED: marked("qualified"),
    Step.OPPORTUNITIES: marked("deal opened"),
    Step.WON: marked("deal won"),
    Step.LOST: marked("deal lost"),
    Step.REJECTED: marked("rejected"),
    Step.RECYCLED: marked("recycled"),
    Step.WITHDRAWN: marked("withdrawn or merged"),
}
_WAY = (Step.OPENED, Step.ACCEPTED, Step.TOUCHED, Step.QUALIFIED, Step.OPPORTUNITIES, Step.WON)
_ENDS = (Step.REJECTED, Step.RECYCLED, Step.LOST, Step.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Came:
    """How many came to a step, and what share of all that is."""

    step: Step
    count: int
    share: float | None
    """None where none was opened."""


def way(funnel: Funnel) -> Sequence[Came]:
    """The steps on the way to a deal won."""
    return _came(funnel, _WAY)


def ends(funnel: Funnel) -> Sequence[Came]:
    """The other ends."""
    return _came(funnel, _ENDS)


def step_words(language: Language) -> dict[Step, str]:
    """What each step is called."""
    return {step: language.gettext(words) for step, words in _WORDS.items()}


def _came(funnel: Funnel, steps: Sequence[Step]) -> list[Came]:
    counts = [int(getattr(funnel, step.value)) for step in steps]
    return [
        Came(step, count, count / funnel.opened if funnel.opened else None)
        for step, count in zip(steps, counts, strict=True)
    ]
