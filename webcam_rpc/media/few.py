"""A few at a time: what many wait for at once goes on for some of them in each turn of the reactor.

One frame may answer hundreds of calls of several clients. What each then does takes the reactor a millisecond, and all
of them together would keep everybody else waiting for as many.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: How many go on in one turn.
PER_TURN = 8


class Few:
    """Lets a few through in each turn, in the order in which they come.

    :param clock: gives the next turn.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._left = PER_TURN
        self._waiting: deque[Deferred[None]] = deque()
        self._next: IDelayedCall | None = None

    def through(self) -> Deferred[None]:
        """Fire at once for the first few of a turn, else when it is one's turn."""
        if self._next is None:
            self._left = PER_TURN
            self._next = self._clock.callLater(0, self._turn)
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        return waiter

    def _turn(self) -> None:
        self._next = self._clock.callLater(0, self._turn) if self._waiting else None
        self._left = PER_TURN
        while self._waiting and self._left > 0:
            self._left -= 1
            self._waiting.popleft().callback(None)
