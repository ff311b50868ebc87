"""How a goal or a commitment stands in one period: what is reached, what was to be by now, and where it will end."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from schemas.charter import SHARES
from services.domain.charter import Commitment, Goal
from services.domain.instants import Instant
from services.domain.periods import Period
from services.measures.contributions import Contribution
from services.measures.figures import Asked, Figure
from services.measures.forecast import Forecast, TooEarly
from services.measures.gap import Gap
from services.measures.ledger import Days
from services.measures.pace import Pace, in_a_word
from services.measures.plans import Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """What is asked against its target at `at`, which lies in the period or at its end."""

    asked: Asked
    period: Period
    at: Instant
    days: Days
    """The period's days up to that of `at`."""
    target: Fraction
    figure: Figure
    passed: Fraction | None
    """The share of the period's counted time that has passed."""
    expected: Fraction | None
    """What was to be reached by now; of a share, the target itself."""
    pace: Fraction | None
    """What is reached over what was expected; None where either is not known, or nothing is expected yet."""

    @property
    def progress(self) -> Fraction | None:
        """The share of the target that is reached; None where there is no figure."""
        return None if self.figure.value is None else self.figure.value / self.target

    @property
    def due(self) -> Fraction | None:
        """The share of the target that was to be reached by now; 1 where the target is a share."""
        return None if self.expected is None else self.expected / self.target

    @property
    def word(self) -> Pace | None:
        """The pace in a word."""
        return in_a_word(self.pace)

    @property
    def is_share(self) -> bool:
        """Whether the measure is a share, in which time has no part."""
        return self.asked.measure in SHARES

    @property
    def is_over(self) -> bool:
        """Whether the period has ended."""
        return self.at >= self.period.until


@dataclass(frozen=True, slots=True)
class CommitmentStanding:
    """A commitment, and how it stands."""

    commitment: Commitment
    standing: Standing


@dataclass(frozen=True, slots=True)
class ContributionStanding:
    """What a side gives to a goal, and how that stands."""

    side: str
    """One of the two, or another department, whose words are shown as they are."""
    contribution: Contribution | None
    """None where it is words alone."""
    words: str
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class GoalStanding:
    """A goal, how it stands, and why."""

    goal: Goal
    standing: Standing
    contributions: Sequence[ContributionStanding]
    forecast: Forecast | TooEarly | None
    """None where the measure has none: of shares, and when the period is over."""
    gap: Gap | None
    """None where it is no goal of wins or revenue, nothing is expected yet, or no stage before it is known."""
    plan: Plan | None
    """What the gap is split by."""
