"""Signals: SIGTERM and SIGINT stop the service and give exit status 0, SIGHUP does not kill it.

Owns the process's handlers while the service runs. Twisted's own let ``twistd`` raise the signal again after the stop
(status 143 and 130), and SIGHUP it leaves to the system, which ends the process at once without ``stopService``.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Callable


class Signals(Service):
    """Installs the handlers once the reactor runs, which installs its own at that moment.

    :param reactor: is stopped, once however often it is asked.
    :param hung_up: is called in the reactor's thread for each SIGHUP.
    """

    _log = Logger()

    def __init__(self, reactor: Any, hung_up: Callable[[], object]) -> None:  # noqa: ANN401 - several of its interfaces
        self._reactor = reactor
        self._hung_up = hung_up
        self._stopping = False

    def startService(self) -> None:
        """Install the handlers as soon as the reactor has installed its own."""
        super().startService()
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGHUP, self._asked_to_reload)

    def _asked_to_stop(self, number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._stop, signal.Signals(number).name)

    def _asked_to_reload(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._hung_up)

    def _stop(self, name: str) -> None:
        if not self._stopping and self._reactor.running:
            self._stopping = True
            self._log.info("{name}: stopping", name=name)
            self._reactor.stop()
