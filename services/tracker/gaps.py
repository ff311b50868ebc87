"""Steps over records that the log has lost, because an operator says so; the loss stays on record and is counted."""

from services import metric_table as metrics
from services import samples
from services.domain.charter import OTHER
from services.domain.instants import Instant
from services.errors import UsageError
from services.ports import READ_TOPICS
from services.storage import Changes, DeadLetterRow, Store


def accept_gap(store: Store, topic: str, partition: int, first: int, following: int, now: Instant) -> int:
    """Go on at `following` in a partition that stands at `first`, without the records between; returns how many.

    Raises UsageError where the partition is not there, or stands elsewhere.
    """
    if topic not in READ_TOPICS:
        raise UsageError(f"{topic}: the tracker reads {', '.join(READ_TOPICS)}")
    if (topic, partition) not in store.read_until():
        raise UsageError(f"{topic} has no partition {partition}")
    position = store.position(topic, partition)
    if position != first:
        raise UsageError(f"{topic}, partition {partition} is judged up to offset {position}, not {first}")
    lost = following - first
    if lost <= 0:
        raise UsageError(f"the offset to go on at must be above {first}, not {following}")
    changes = Changes(topic, partition, position=first, next_position=following, charters=store.charter_generation())
    changes.dead_letters.append(
        DeadLetterRow(
            id=f"{topic}/{partition}/{first}-{following}",
            crm=OTHER,
            reason="lost",
            detail=f"the log had lost {lost} records from offset {first} on; an operator went on at {following}",
            received_at=now,
            body=b"",
        )
    )
    samples.add(changes.counters, samples.sample(metrics.DEAD_LETTERS_TOTAL, reason="lost"), lost)
    store.commit(changes)
    return lost
