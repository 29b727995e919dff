"""systemd: tells the service manager that we are ready, alive, reloading or stopping (sd_notify(3)).

Owns the datagrams to ``$NOTIFY_SOCKET``; without it, all of this does nothing. The watchdog's sign of life comes from
the reactor that does the work, so a reactor that hangs is restarted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import sdnotify
from twisted.application.service import Service
from twisted.internet.task import LoopingCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime


class SystemdNotifier(Service):
    """Says READY once it is started, which must be last, WATCHDOG in time while it runs, and STOPPING at the end.

    :param status: gives the line that ``systemctl status`` shows.
    """

    def __init__(self, clock: IReactorTime, environ: Mapping[str, str], status: Callable[[], str]) -> None:
        self._wanted = bool(environ.get("NOTIFY_SOCKET"))
        self._notifier: sdnotify.SystemdNotifier | None = None
        self._status = status
        self._clock = clock
        self._loop = LoopingCall(self._alive)
        self._loop.clock = clock
        self._interval = _watchdog_interval(environ)

    def startService(self) -> None:
        """Say that clients can connect."""
        super().startService()
        if self._wanted:
            self._notifier = sdnotify.SystemdNotifier()
            # After whatever else starts in this turn of the reactor: a port that is busy is not ready.
            self._clock.callLater(0, self._ready)

    def stopService(self) -> None:
        """Say that the end has begun."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        self._say("STOPPING=1")
        if self._notifier is not None:
            self._notifier.socket.close()
            self._notifier = None

    def _ready(self) -> None:
        if self.running:
            self._say("READY=1")
            self._loop.start(self._interval, now=True)

    def _alive(self) -> None:
        self._say(f"WATCHDOG=1\nSTATUS={self._status()}")

    def _say(self, state: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(state)


def _watchdog_interval(environ: Mapping[str, str]) -> float:
    """Give the seconds between two signs of life: a third of the time that systemd waits, 10 s where it does not."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 10.0
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 3e6 if microseconds.isdecimal() and int(microseconds) else 10.0
