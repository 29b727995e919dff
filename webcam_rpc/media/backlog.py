"""How much may wait for an encoder before frames are let pass.

Pure but for the clock. An encoder that keeps up has next to nothing waiting. One that does not must neither fill the
memory nor get so far behind that a crash costs more than a moment; but one that has only just begun, or was given the
past to begin with, gets the time to catch up.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

#: Bytes that may wait, beside those of the past.
BYTES = 8 * 1024 * 1024
#: Seconds by which an encoder may be behind.
BEHIND = 1.5
#: Seconds in which it has to catch up at first, and what each second of the past adds to that.
CATCH_UP, FOR_THE_PAST = 10.0, 2.0


class Backlog:
    """What waits for one encoder."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._excused = 0
        #: Until then it may be catching up.
        self._patience = clock.seconds() + CATCH_UP
        self._recent: deque[tuple[float, int]] = deque()
        self._recent_size = 0

    def note(self, size: int) -> None:
        """Note that so many bytes are written."""
        self._recent.append((self._clock.seconds(), size))
        self._recent_size += size

    def excuse(self, size: int, seconds: float) -> None:
        """Let so many bytes wait beside the rest: they are of the past, which was so many seconds."""
        self._excused = size
        self._patience += seconds * FOR_THE_PAST

    def takes(self, waiting: int, *, begun: bool) -> bool:
        """Tell whether another frame is to be written while so many bytes wait.

        :param begun: whether the encoder gave something already.
        """
        now = self._clock.seconds()
        while self._recent and self._recent[0][0] < now - BEHIND:
            self._recent_size -= self._recent.popleft()[1]
        if begun and not waiting:
            self._patience = now
        if now < self._patience:
            return waiting <= BYTES + self._excused
        # What waits beside the bytes of the last moments is older than these.
        return waiting <= min(BYTES, self._recent_size)
