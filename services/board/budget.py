"""The error budget of a promise: how many misses its objective allows, and how many of them are used."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Budget:
    """Of what fell due in a period."""

    allowed: int
    """Whole misses that the objective leaves room for."""
    used: int
    """Missed, or overdue still."""

    @property
    def left(self) -> int:
        """Misses that can still happen; 0 once they are used up."""
        return max(self.allowed - self.used, 0)

    @property
    def over(self) -> int:
        """Misses beyond those allowed."""
        return max(self.used - self.allowed, 0)

    @property
    def share(self) -> float:
        """What of it is used, from 0 to 1; a budget of none is used up by the first miss."""
        if self.used >= self.allowed:
            return 1.0 if self.used else 0.0
        return self.used / self.allowed


def budget_of(objective: Fraction | None, due: int, used: int) -> Budget | None:
    """The budget, of which `used` of `due` instances made use; None without an objective."""
    if objective is None:
        return None
    return Budget(allowed=int((1 - objective) * due), used=used)
