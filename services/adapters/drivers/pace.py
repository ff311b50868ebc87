"""How a driver goes about it: sizes and times that both drivers share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times are real seconds."""

    batch: int = 1000
    """Records in a transaction, at most: at this size the cost of a commit is spread thin."""
    held_bytes: int = 4 * 1024 * 1024
    """What one partition holds ready beside the batch in work, before it is read no further."""
    idle: float = 1.0
    """Between two looks at what is due in a partition that is read to its end."""
    on_their_way: float = 1.0
    """How long before a response of the broker its end is trusted: a record has its time before others can read it.

    That is as long as copying it to the other brokers takes. While one of those has just failed it may be longer, up
    to `broker.session.timeout.ms` or `replica.lag.time.max.ms`; what is told by the time of day is corrected then.
    """
    back_off: tuple[float, float] = (0.5, 30.0)
    """The first and the longest wait while something is away."""
    threads: int = 4
    """Partitions in work at a time; each holds a connection to the database meanwhile."""
    beat: float = 0.5
    """Between two looks at how the consumer stands."""
    commit: float = 3.0
    """Between two commits to the broker. Nothing is read from there: they are for tools that show lag."""
    revoke: float = 25.0
    """For batches in work when partitions are taken away: less than the group waits (`Membership.rebalance`)."""
    finish: float = 10.0
    """For batches in work when the driver is stopped. With all that follows, it then ends within 20 s."""
    leave: float = 4.0
    """For leaving the group after that."""
