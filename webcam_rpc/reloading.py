"""The reading of the configuration while the service runs, for SIGHUP and for clients.

Owns that it is read in a thread, never twice at a time, and that whoever asks is told of a reading that began after the
question. What the new configuration does is :mod:`webcam_rpc.config.live`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, inlineCallbacks
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from webcam_rpc.config import ConfigError, Reloaded, ReloadStopped, shown_text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from webcam_rpc.config import LiveConfig, Loaded


class Reloading(Service):
    """Reads the configuration anew when it is asked to.

    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    :param began: is called before each reading, and
    :param ended: after it, whatever came of it.
    """

    def __init__(
        self,
        live: LiveConfig,
        in_thread: Callable[..., Deferred[Any]],
        began: Callable[[], object],
        ended: Callable[[], object],
    ) -> None:
        self._log = Logger(namespace="webcam_rpc.config")
        self._live = live
        self._in_thread = in_thread
        self._began = began
        self._ended = ended
        self._too: list[Callable[[], object]] = []
        self._reading = False
        self._waiting: list[Deferred[Reloaded]] = []

    def also(self, reread: Callable[[], object]) -> None:
        """Have ``reread`` called each time: files that belong to the configuration, such as certificates.

        It is called when what is right of the configuration is in force, and when nothing of it is. It says itself what
        goes wrong, and is not waited for.
        """
        self._too.append(reread)

    def reload(self) -> Deferred[Reloaded]:
        """Read the configuration; fires when it is in force. Fails with ConfigError and ReloadStopped."""
        if not self.running:
            return fail(ReloadStopped())
        waiter: Deferred[Reloaded] = Deferred()
        self._waiting.append(waiter)
        if not self._reading:
            self._read_on().addErrback(self._defect)
        return waiter

    def hung_up(self) -> None:
        """Do it for nobody in particular: the log tells how it went."""
        self.reload().addErrback(lambda failure: failure.trap(ConfigError, ReloadStopped)).addErrback(self._defect)

    def stopService(self) -> None:
        """Read no more; what a reading that goes on finds is not taken over."""
        super().stopService()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.errback(ReloadStopped())

    @inlineCallbacks
    def _read_on(self) -> Generator[Deferred[Any], Any, None]:
        self._reading = True
        try:
            while self._waiting and self.running:
                # Who asks from here on may have changed the file since.
                waiting, self._waiting = self._waiting, []
                try:
                    self._began()
                    try:
                        result: Reloaded | Failure = yield self._read()
                    finally:
                        self._ended()
                except Exception:  # noqa: BLE001 - told to who waits, whatever it is
                    result = Failure()
                for waiter in waiting:
                    waiter.callback(result)
        finally:
            self._reading = False

    @inlineCallbacks
    def _read(self) -> Generator[Deferred[Any], Any, Reloaded]:
        try:
            loaded: Loaded = yield self._in_thread(self._live.read)
            if not self.running:
                raise ReloadStopped
            reloaded = self._live.take(loaded)
        except ConfigError as error:
            self._live.problem = error
            self._log.error(
                "Cannot take over the configuration, all stays as it is: {error}", error=shown_text(str(error))
            )
            raise
        finally:
            if self.running:
                self._reread_others()
        if reloaded.changed:
            self._log.info("Configuration changed: {changed}", changed=", ".join(reloaded.changed))
        else:
            self._log.info("Configuration read again: nothing changed")
        if self._live.failed:
            failed = ", ".join(sorted(self._live.failed))
            self._log.error("Configuration: not applied wholly: {failed}", failed=failed)
        if reloaded.restart_required:
            waiting = ", ".join(reloaded.restart_required)
            self._log.warn("Configuration: a restart is needed for {waiting}", waiting=waiting)
        return reloaded

    def _reread_others(self) -> None:
        for reread in self._too:
            try:
                reread()
            except Exception:  # noqa: BLE001 - one that fails must not keep the others from it
                self._log.failure("What belongs to the configuration cannot be read again", level=LogLevel.error)

    def _defect(self, failure: Failure) -> None:
        self._log.failure("Reading the configuration failed", failure, LogLevel.error)
