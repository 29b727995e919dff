"""The watch over the media directory: whether it is there, whether there is room, and a sweep now and then.

Owns the two loops, and the news of them (:class:`~webcam_rpc.media.events.StorageChanged`). A directory that vanished
is made again as soon as that is possible.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from webcam_rpc.media.events import StorageChanged
from webcam_rpc.media.troubles import Stopping, StorageBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.bus import Bus
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.room import Level, Room, Space

#: Seconds between two looks at the room that is left, and between two sweeps.
LOOK_EVERY, SWEEP_EVERY = 5.0, 600.0


class Caretaker(Service):
    """Looks after a library while it runs.

    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    """

    _log = Logger()

    def __init__(
        self, library: MediaLibrary, bus: Bus, in_thread: Callable[..., Deferred[Any]], clock: IReactorTime
    ) -> None:
        self._library = library
        self._bus = bus
        self._in_thread = in_thread
        self._broken = False
        # What goes on, each once: a disk that hangs holds one thread, not all.
        self._under_way: dict[Callable[[], Deferred[None]], Deferred[None]] = {}
        self._loops: list[tuple[LoopingCall, float]] = []
        for task, every in ((self._look, LOOK_EVERY), (self._sweep, SWEEP_EVERY)):
            loop = LoopingCall(self._begin, task)
            loop.clock = clock
            self._loops.append((loop, every))

    def startService(self) -> None:
        """Look at once, and from now on."""
        super().startService()
        self._library.begin()
        for loop, every in self._loops:
            # _begin() never raises, so a loop ends by stop() alone; were it ever to end otherwise, that is said.
            loop.start(every).addErrback(
                lambda failure: self._log.failure("The watch over the media ended", failure, LogLevel.error)
            )

    def stopService(self) -> Deferred[Any]:
        """Look no longer; fires when nothing goes on any more."""
        super().stopService()
        for loop, _ in self._loops:
            if loop.running:
                loop.stop()
        self._library.end()
        return DeferredList([_end_of(under_way) for under_way in self._under_way.values()])

    def _begin(self, task: Callable[[], Deferred[None]]) -> None:
        if task in self._under_way:
            return

        def over(_: None) -> None:
            del self._under_way[task]

        # It may be over before it is known to have begun.
        done = self._under_way[task] = Deferred()
        done.addBoth(over)
        maybeDeferred(task).addErrback(self._failed).chainDeferred(done)

    def _failed(self, failure: Failure) -> None:
        # Of a directory that broke the next look tells.
        if failure.check(Stopping, StorageBroken) is None:
            self._log.failure("Looking after the media failed", failure, LogLevel.error)

    @inlineCallbacks
    def _look(self) -> Generator[Deferred[Any], Any, None]:
        problem, mended, space = yield self._in_thread(see, self._library.room)
        if problem is not None and not self._broken:
            self._broken = True
            self._log.error("The media directory cannot be used: {problem}", problem=problem)
            self._publish("BROKEN", space, problem)
        if not mended or space is None:
            return
        level = self._library.room.level(space, self._library.level)
        if level == self._library.level and not self._broken:
            return
        if self._broken:
            self._broken = False
            self._log.info("The media directory can be used again: {path}", path=self._library.directory)
        self._library.level = level
        self._log.info("Room for media is {room}: {available} bytes", room=level, available=space.available)
        self._publish(level, space)
        if level != "OK":
            yield self._library.relieve()

    @inlineCallbacks
    def _sweep(self) -> Generator[Deferred[Any], Any, None]:
        yield self._library.sweep()
        if self._library.level != "OK":
            yield self._library.relieve()

    def _publish(self, status: Level | Literal["BROKEN"], space: Space | None, reason: str | None = None) -> None:
        available = space.available if space is not None else None
        self._bus.publish(StorageChanged(status=status, available_space=available, reason=reason))


def _end_of(under_way: Deferred[None]) -> Deferred[None]:
    over: Deferred[None] = Deferred()

    def fire(result: None) -> None:
        over.callback(None)
        return result

    under_way.addBoth(fire)
    return over


def see(room: Room) -> tuple[str | None, bool, Space | None]:
    """Tell what is in the way, whether it is mended now, and what room there is. Blocks."""
    problem = room.problem()
    mended = problem is None
    if not mended:
        with suppress(OSError):
            room.make()
        mended = room.problem() is None
    try:
        return problem, mended, room.space()
    except OSError:
        return problem, mended, None
