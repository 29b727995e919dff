"""A slower stream out of a faster one: which frames to take, so that they come evenly and at the rate asked for.

Pure. The times wanted are a grid that does not move, and of the frames around each of them the nearest is taken: so
neither a source that jitters nor one that is a little off makes the rate drift.
"""

from __future__ import annotations

from math import floor

#: How far one gap between two frames moves what is thought to be the usual one.
_SMOOTHING = 1 / 8


class Pace:
    """Takes ``fps`` frames a second at most."""

    def __init__(self, fps: float) -> None:
        self._interval = 1 / fps
        self._next: float | None = None
        self._last = 0.0
        self._gap: float | None = None

    def takes(self, at: float) -> bool:
        """Tell whether the frame that came ``at`` (seconds, growing) is one of those."""
        if self._next is None:
            self._next, self._last = at + self._interval, at
            return True
        gap, self._last = at - self._last, at
        self._gap = gap if self._gap is None else self._gap + (gap - self._gap) * _SMOOTHING
        # Nearer to the next time wanted than the next frame will be.
        if self._next - at >= self._gap / 2:
            return False
        self._next += self._interval * (1 + max(0, floor((at - self._next) / self._interval)))
        return True
