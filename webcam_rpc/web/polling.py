"""One turn of the epoll reactor without the context of Twisted's old log.

For each event of each socket Twisted makes a context that says to whom a line of log belongs (``system``), which takes
longer than to read the socket, and which :mod:`twisted.logger` does not look at. Owns the turn without it. What it
leans on in :mod:`twisted.internet.epollreactor`, which a test in tests/web/test_polling.py holds against the original:

- ``mainLoop`` calls ``doIteration`` of the reactor, with the seconds to wait or None.
- ``_poller`` is the epoll object and ``_selectables`` what is watched, by descriptor.
- ``_doReadOrWrite`` does what an event asks for; what is raised by whoever has the socket, it logs itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger, LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable

_log = Logger(namespace="webcam_rpc.web")


def poll_without_context(reactor: Any) -> None:  # noqa: ANN401 - of the reactors only one kind is meant
    """Have ``reactor`` turn so, if it is the epoll reactor itself and nobody has changed how it turns."""
    if type(reactor) is EPollReactor and "doIteration" not in vars(reactor):
        reactor.doIteration = turn_of(reactor)  # type: ignore[method-assign]


def turn_of(reactor: Any) -> Callable[[float | None], None]:  # noqa: ANN401 - the same
    """Give what makes one turn of an epoll reactor: waits for so many seconds at most, then does what there is."""
    poll, selectables, do = reactor._poller.poll, reactor._selectables, reactor._doReadOrWrite  # noqa: SLF001

    def turn(timeout: float | None) -> None:
        # A signal does not end the wait with an error (PEP 475).
        for descriptor, event in poll(-1 if timeout is None else timeout, len(selectables)):
            # It may have gone by what was done before in this turn.
            selectable = selectables.get(descriptor)
            if selectable is None:
                continue
            try:
                do(selectable, descriptor, event)
            except Exception:  # noqa: BLE001 - as Twisted does: one socket's defect is not the others'
                _log.failure("The event of a socket failed", level=LogLevel.error)

    return turn
