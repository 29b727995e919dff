"""The calls that were made: how many of which method, what became of them, how long they took.

Owns the judgement on methods that fail again and again, too: each failure is hidden from its caller, and a persistent
one must not be hidden from everybody.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from webcam_rpc.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many internal errors of one method within so many seconds, and something is wrong with it.
FAILURES, WITHIN = 5, 60.0
_DEFECT = "internal_error"


class CallTally:
    """Counts calls.

    :param seconds: the monotonic time.
    :ivar outcomes: how many, by method and outcome. Methods that there are not are one.
    :ivar times: by method.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: dict[str, deque[float]] = {}
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.times: dict[str, Histogram] = {}

    def observed(self, method: str, outcome: str, seconds: float) -> None:
        """Count a call that is over."""
        self.outcomes[method, outcome] += 1
        times = self.times.get(method)
        if times is None:
            times = self.times[method] = Histogram()
        times.observe(seconds)
        if outcome == _DEFECT:
            self._failures.setdefault(method, deque(maxlen=FAILURES)).append(self._seconds())

    def failing(self) -> tuple[str, ...]:
        """Name the methods that have failed again and again, until they have not for as long."""
        now = self._seconds()
        return tuple(
            method
            for method, times in self._failures.items()
            if len(times) == FAILURES and times[-1] - times[0] <= WITHIN and now - times[-1] < WITHIN
        )
