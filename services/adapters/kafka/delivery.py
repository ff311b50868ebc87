"""What became of records that were sent to Kafka, and what that says of the producer that sent them."""

from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from services.adapters.kafka.outages import STALE, TOO_LARGE, reason
from services.errors import Unavailable


class Outcome(Enum):
    """What became of a record."""

    LEFT = "left"
    """Not acknowledged. It may be in the log all the same."""
    DELIVERED = "delivered"
    REFUSED = "refused"
    """Too large for its topic."""


class Health(IntEnum):
    """What a failure says of its producer; the worst counts."""

    WELL = 0
    SPENT = 1
    """A record failed. The numbers by which brokers know a producer's records do not fit any more."""
    STUCK = 2
    """There was no answer."""


@dataclass(slots=True)
class Delivery:
    """What became of each of some records, in their order."""

    outcomes: list[Outcome]
    why: str = ""
    """What kept the first of those that are left."""
    is_stale: bool = False
    """Whether another producer may deliver what is left, at once."""
    health: Health = Health.WELL

    def note(self, error: BaseException, health: Health) -> None:
        """A record was not delivered."""
        self.health = max(self.health, health)
        if isinstance(error, TOO_LARGE):
            self.outcomes.append(Outcome.REFUSED)
            return
        self.outcomes.append(Outcome.LEFT)
        self.why = self.why or (str(error) if isinstance(error, Unavailable) else reason(error))
        self.is_stale = self.is_stale or isinstance(error, STALE)

    def numbers(self, outcome: Outcome) -> list[int]:
        """Which records it is that."""
        return [number for number, each in enumerate(self.outcomes) if each is outcome]

    def then(self, again: "Delivery") -> "Delivery":
        """What became of the records, once those that were left had been sent again."""
        outcomes = list(self.outcomes)
        for number, outcome in zip(self.numbers(Outcome.LEFT), again.outcomes, strict=True):
            outcomes[number] = outcome
        return replace(again, outcomes=outcomes)
