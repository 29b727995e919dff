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
from twisted.logger import Logger, LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime


class SystemdNotifier(Service):
    """Says READY once it is started, which must be last, WATCHDOG in time while it runs, and STOPPING at the end.

    :param clock: the reactor, whose time is CLOCK_MONOTONIC.
    :param status: gives the line that ``systemctl status`` shows.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, environ: Mapping[str, str], status: Callable[[], str]) -> None:
        self._wanted = bool(environ.get("NOTIFY_SOCKET"))
        self._notifier: sdnotify.SystemdNotifier | None = None
        self._status = status
        self._clock = clock
        self._loop = LoopingCall(self._alive)
        self._loop.clock = clock
        self._interval = _watchdog_interval(environ)
        self._is_ready = False

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
        self._is_ready = False
        self._say("STOPPING=1")
        if self._notifier is not None:
            self._notifier.socket.close()
            self._notifier = None

    def reloading(self) -> None:
        """Say that the configuration is being read again; systemd then waits for :meth:`reloaded`."""
        if self._is_ready:
            # By its time systemd tells a reload that it asked for from one that was under way already.
            self._say(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.seconds() * 1e6)}")

    def reloaded(self) -> None:
        """Say that all is as before, whatever came of it, and how it is now."""
        if self._is_ready:
            self._say("READY=1")
            self._alive()

    def _ready(self) -> None:
        if self.running:
            self._is_ready = True
            self._say("READY=1")
            self._loop.start(self._interval, now=True)

    def _alive(self) -> None:
        try:
            status = f"\nSTATUS={' '.join(self._status().split())}"
        except Exception:  # noqa: BLE001 - a line for people must not cost the sign of life
            self._log.failure("Cannot tell how the service is", level=LogLevel.error)
            status = ""
        self._say(f"WATCHDOG=1{status}")

    def _say(self, state: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(state)


def _watchdog_interval(environ: Mapping[str, str]) -> float:
    """Give the seconds between two signs of life: a third of the time that systemd waits, 10 s where it does not."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 10.0
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 3e6 if microseconds.isdecimal() and int(microseconds) else 10.0
