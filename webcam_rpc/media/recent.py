"""The last moments of a feed: its newest frame, the rate at which frames came, and the past that a recording may want.

Pure: times are seconds of the monotonic clock, passed in.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webcam_rpc.media.frames import Frame

#: The seconds over which the rate is measured.
_WINDOW = 3.0


class Recent:
    """What is kept of the frames that came.

    :param seconds: how much of the past is kept, and
    :param size: how many bytes of it.
    :ivar latest: the newest frame.
    """

    def __init__(self, seconds: float, size: int) -> None:
        self.latest: Frame | None = None
        self.configure(seconds, size)
        self._arrivals: deque[float] = deque()
        self._past: deque[Frame] = deque()
        self._size = 0

    def configure(self, seconds: float, size: int) -> None:
        """Keep so much from the next frame on."""
        self._seconds = seconds
        self._most = size

    def arrived(self, now: float) -> None:
        """Count a frame, one of the warm-up too."""
        self._arrivals.append(now)
        self._forget(now)

    def add(self, frame: Frame) -> None:
        """Keep a frame, for as long as there is room."""
        self.latest = frame
        self._past.append(frame)
        self._size += len(frame.jpeg)
        while self._past and (self._size > self._most or self._past[0].at < frame.at - self._seconds):
            self._size -= len(self._past.popleft().jpeg)

    def rate(self, now: float) -> float | None:
        """Give the frames a second of the last seconds; None while there were too few to tell."""
        self._forget(now)
        if len(self._arrivals) < 2 or self._arrivals[-1] == self._arrivals[0]:  # noqa: PLR2004 - a rate takes two
            return None
        return (len(self._arrivals) - 1) / (self._arrivals[-1] - self._arrivals[0])

    def since(self, moment: float) -> tuple[Frame, ...]:
        """Give the frames from a moment on, oldest first."""
        return tuple(frame for frame in self._past if frame.at >= moment)

    def clear(self) -> None:
        """Forget all: what comes next is another stream."""
        self.latest = None
        self._arrivals.clear()
        self._past.clear()
        self._size = 0

    def _forget(self, now: float) -> None:
        while self._arrivals and self._arrivals[0] < now - _WINDOW:
            self._arrivals.popleft()
