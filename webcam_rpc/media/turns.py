"""Turns: what blocks is done in a thread, one thing after another, and again where the index was lost meanwhile."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

from webcam_rpc.media.index import IndexLost

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")

#: How often something is asked of an index that gets lost: of the file, of a new one, of one in memory.
_TRIES = 3


class Turns:
    """Takes one thread at most, so that a slow disk leaves the others to others.

    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    """

    def __init__(self, in_thread: Callable[..., Deferred[Any]]) -> None:
        self._in_thread = in_thread
        self._free = DeferredLock()
        self._lock = Lock()

    def run(self, function: Callable[..., _Result], *args: object) -> Deferred[_Result]:
        """Call ``function`` when it is its turn; gives up its place when it is cancelled."""
        done: Deferred[_Result] = self._free.run(self._in_thread, self._alone, function, args)
        return done

    def _alone(self, function: Callable[..., _Result], args: tuple[object, ...]) -> _Result:
        # A call that was cancelled goes on in its thread when the next one's turn has come.
        with self._lock:
            for _ in range(_TRIES - 1):
                with suppress(IndexLost):
                    return function(*args)
            return function(*args)
