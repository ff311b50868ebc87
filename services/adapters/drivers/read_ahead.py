"""Records of one partition that were fetched and are still to be applied: contiguous from the position on, and bounded.

It decides what of that which is fetched counts. What lies below is dropped, it is applied already; what lies above
shows a hole; and what was read before the last seek is stale, whatever it holds.
"""

from collections import deque

from aiokafka import ConsumerRecord

from services.adapters.drivers.reader import Fetched


class ReadAhead:
    """Counts nothing until `begin` has said from where, and with which ticket."""

    def __init__(self, *, records: int, size: int) -> None:
        """It wants more while it holds fewer than `records`, of less than `size` bytes."""
        self._most_records = records
        self._most_bytes = size
        self._held: deque[ConsumerRecord[bytes, bytes]] = deque()
        self._bytes = 0
        self._ticket: int | None = None
        self._early: list[Fetched] = []
        """What came while it was not known yet what counts: a fetch may answer sooner than the seek before it."""
        self.next = 0
        """The offset of the record that is to come next."""
        self.has_hole = False
        """Whether something else came, or is said not to be there."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_begun(self) -> bool:
        """Whether anything counts."""
        return self._ticket is not None

    @property
    def has_room(self) -> bool:
        """Whether more is wanted."""
        return (
            self._ticket is not None
            and not self.has_hole
            and len(self._held) < self._most_records
            and self._bytes < self._most_bytes
        )

    def begin(self, offset: int, ticket: int) -> bool:
        """From now on what was read with this ticket counts, from the offset on; whether any has come already."""
        self.next, self.has_hole, self._ticket = offset, False, ticket
        early, self._early = self._early, []
        return sum(self.add(fetched) for fetched in early) > 0

    def end(self) -> None:
        """Let nothing count any more."""
        self._ticket = None

    def add(self, fetched: Fetched) -> bool:
        """Take what counts; whether any record does."""
        if self._ticket is None:
            self._early.append(fetched)
        if fetched.ticket != self._ticket or self.has_hole:
            return False
        before = self.next
        self.has_hole = not fetched.records
        for record in fetched.records:
            if record.offset > self.next:
                self.has_hole = True
                break
            if record.offset == self.next:
                self._held.append(record)
                self._bytes += _size(record)
                self.next += 1
        return self.next > before

    def take(self) -> "list[ConsumerRecord[bytes, bytes]]":
        """The first batch of what is held, which is not held any more."""
        batch = [self._held.popleft() for _ in range(min(len(self._held), self._most_records))]
        self._bytes -= sum(map(_size, batch))
        return batch


def _size(record: "ConsumerRecord[bytes, bytes]") -> int:
    return len(record.value or b"")
