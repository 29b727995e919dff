"""How long something takes, counted in buckets. Pure, and cheap enough for every call."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

#: The upper bounds of the buckets, in seconds; the last has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LEAST = BOUNDS[0]


class Histogram:
    """Counts observations by size, as Prometheus wants them.

    :ivar sum: of all that was observed.
    """

    __slots__ = ("_counts", "sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        # Most are.
        self._counts[0 if seconds <= _LEAST else bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def buckets(self) -> list[tuple[str, float]]:
        """Give for each bound how many were no larger; the last is ``+Inf``."""
        bounds = [*map(str, BOUNDS), "+Inf"]
        return [(bound, float(total)) for bound, total in zip(bounds, accumulate(self._counts), strict=True)]
