"""The threads for what would block the reactor: runs of v4l2-ctl, looks through /proc, writes to the disk.

Owns the pool: a pool of our own, because ``reactor.stop`` waits for the threads of the reactor's without ending what
they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.threads import deferToThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.python.threadpool import ThreadPool

_Result = TypeVar("_Result")


class Threads(Service):
    """A pool of threads that runs while the service does.

    :param reactor: where the results come back.
    """

    def __init__(self, reactor: Any, pool: ThreadPool) -> None:  # noqa: ANN401 - several of its interfaces
        self._reactor = reactor
        self._pool = pool
        self._endings: list[Callable[[], Deferred[None] | None]] = []

    def run(self, function: Callable[..., _Result], *args: object) -> Deferred[_Result]:
        """Run ``function`` in a thread; fires with its result."""
        return deferToThreadPool(self._reactor, self._pool, function, *args)

    def before_stop(self, ending: Callable[[], Deferred[None] | None]) -> None:
        """Have ``ending`` called, and waited for, before the threads end."""
        self._endings.append(ending)

    def startService(self) -> None:
        """Start the pool."""
        super().startService()
        self._pool.start()

    @inlineCallbacks
    def stopService(self) -> Generator[Any, Any, None]:
        """End what runs in the threads, then the threads."""
        super().stopService()
        for ending in self._endings:
            yield ending()
        self._pool.stop()
