"""One answer for all who ask the same at the same time: pages look again together whenever something has changed."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
MOST = 64
"""So many different questions are kept apart; what was asked longest ago goes."""


class _Slot(Generic[Answer]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked_at = float("-inf")
        self.answer: Answer | None = None


class Latest(Generic[Answer]):
    """Answers of at most an age. Whoever asks while one is made waits for it; what fails fails for each who asks."""

    def __init__(self, *, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """An answer is used for so many real seconds from when it was begun."""
        self._seconds = seconds
        self._now = now
        self._slots: OrderedDict[Hashable, _Slot[Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer to the question, made by `make` where there is none that is young enough."""
        slot = self._slot(question)
        with slot.lock:
            if slot.answer is None or self._now() - slot.asked_at >= self._seconds:
                begun = self._now()
                slot.answer = make()
                slot.asked_at = begun
            return slot.answer

    def _slot(self, question: Hashable) -> _Slot[Answer]:
        with self._lock:
            slot = self._slots.pop(question, None) or _Slot()
            self._slots[question] = slot
            while len(self._slots) > MOST:
                self._slots.popitem(last=False)
            return slot
