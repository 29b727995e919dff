"""Notifications as an asynchronous iterator: a queue between the connection and whoever reads.

Knows neither loop: how to wait comes from outside.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from webcam_rpc.client.errors import Overrun
from webcam_rpc.client.following import Missed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    #: What can be awaited once, and what ends that.
    Waiter = tuple[Awaitable[None], Callable[[], object]]


class Events:
    """An asynchronous iterator of notifications, of these kinds and no others; ends when the client is closed.

    :param kinds: Structs of :mod:`.models`; every one where none is named. :class:`.Missed` always comes.
    :param limit: how many may wait to be read.
    :param wait: makes a waiter.
    :param left: called once, when nobody will read any more.
    """

    def __init__(
        self, kinds: tuple[type, ...], limit: int, wait: Callable[[], Waiter], left: Callable[[Events], object]
    ) -> None:
        self._kinds = (*kinds, Missed) if kinds else ()
        self._limit = limit
        self._wait = wait
        self._left = left
        self._waiting: deque[Any] = deque()
        self._reason: Exception | None = None
        self._ended = False
        self._wake: Callable[[], object] | None = None

    def put(self, event: Any) -> None:  # noqa: ANN401 - one of the Structs
        """Take an event from the connection."""
        if self._ended or (self._kinds and not isinstance(event, self._kinds)):
            return
        if len(self._waiting) >= self._limit:
            self.end(Overrun(f"{self._limit} notifications wait to be read"))
            return
        self._waiting.append(event)
        self._woken()

    def end(self, reason: Exception | None = None) -> None:
        """Let it end, with ``reason`` where that is a failure, once what waits has been read."""
        if not self._ended:
            self._ended = True
            self._reason = reason
            self._left(self)
            self._woken()

    def close(self) -> None:
        """Read no more."""
        self._waiting.clear()
        self.end()

    def __aiter__(self) -> Events:
        """Be the iterator."""
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401 - one of the Structs
        """Give the next event."""
        while not self._waiting:
            if self._ended:
                reason, self._reason = self._reason, None
                raise reason or StopAsyncIteration
            waiter, self._wake = self._wait()
            await waiter
        return self._waiting.popleft()

    def _woken(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()
