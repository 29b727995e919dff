"""The calls that were made: how many of which method, what became of them, how long they took.

Owns the judgement on methods that fail again and again, too: each failure is hidden from its caller, and a persistent
one must not be hidden from everybody.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from webcam_rpc.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: So many internal errors of one method within so many seconds, and something is wrong with it.
FAILURES, WITHIN = 5, 60.0
_OK, _DEFECT = "ok", "internal_error"


class CallTally:
    """Counts calls.

    :param seconds: the monotonic time.
    :ivar times: by method. Methods that there are not are one.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures: dict[str, deque[float]] = {}
        #: Methods that have failed again and again, until they have not for as long; a dict for its order.
        self._persistent: dict[str, None] = {}
        #: What did not go well: the rest of what the times count did.
        self._errors: Counter[tuple[str, str]] = Counter()
        self._expected: set[tuple[str, str]] = set()
        self.times: dict[str, Histogram] = {}

    def observed(self, method: str, outcome: str, seconds: float) -> None:
        """Count a call that is over."""
        times = self.times.get(method)
        if times is None:
            times = self.times[method] = Histogram()
        times.observe(seconds)
        if outcome != _OK:
            self._errors[method, outcome] += 1
            if outcome == _DEFECT:
                self._failed(method, self._seconds())

    @property
    def outcomes(self) -> dict[tuple[str, str], int]:
        """How many calls there were, by method and outcome."""
        found = dict.fromkeys(self._expected, 0) | self._errors
        for method, times in self.times.items():
            well = times.count - sum(count for (which, _), count in self._errors.items() if which == method)
            if well:
                found[method, _OK] = well
        return found

    def expect(self, methods: Iterable[str]) -> None:
        """Have these methods in the figures before they are called: of what was not there, no increase can be told."""
        self._expected.update((method, outcome) for method in methods for outcome in (_OK, _DEFECT))

    def failing(self) -> tuple[str, ...]:
        """Name the methods that have failed again and again, until they have not for as long."""
        now = self._seconds()
        return tuple(method for method in self._persistent if now - self._failures[method][-1] < WITHIN)

    def _failed(self, method: str, now: float) -> None:
        times = self._failures.setdefault(method, deque(maxlen=FAILURES))
        if times and now - times[-1] >= WITHIN:
            self._persistent.pop(method, None)
        times.append(now)
        if len(times) == FAILURES and now - times[0] <= WITHIN:
            self._persistent[method] = None
