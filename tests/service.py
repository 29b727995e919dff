"""The real service as a child process: started as people start it, waited for by its log, stopped by a signal.

Owns the command line, the child's environment, its state directory and its log. The log goes to a file and not through
a pipe, so that the child may outlive the test that started it: trial takes every open pipe at a test's end for a leak.
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from twisted.python.failure import Failure

ROOT = Path(__file__).resolve().parent.parent
#: What the ``twistd`` script does; no script, so that the interpreter which runs the tests runs the service too.
_TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
_STARTED = re.compile(r"Server started successfully at (wss?://\S+)")
#: Seconds for a start or a stop: an emulated machine needs ten for its imports alone.
PATIENCE = 90.0
_LOOK = 0.02


class ServiceFailed(AssertionError):  # noqa: N818 - a failed test, not an error of it
    """The service did not start or did not stop; the text ends with what it logged."""


async def eventually(clock: Any, condition: Callable[[], Any], deadline: float, what: str) -> Any:
    """Look again and again until ``condition`` gives something true, and give that."""
    end = clock.seconds() + deadline
    while True:
        found = condition()
        if found:
            return found
        if clock.seconds() >= end:
            text = f"after {deadline:g} s still not: {what}"
            raise AssertionError(text)
        await deferLater(clock, _LOOK)


class _Child(ProcessProtocol):
    def __init__(self) -> None:
        self.status: int | None = None
        self.ended: Deferred[None] = Deferred()

    def processEnded(self, reason: Failure) -> None:
        """Keep the exit status: negative for a signal, as subprocess has it."""
        value: Any = reason.value
        self.status = value.exitCode if value.signal is None else -value.signal
        self.ended.callback(None)


class Service:
    """One child that runs ``twistd -n --pidfile= webcam``.

    :param directory: a directory of its own; becomes its working directory and holds its state and its log.
    :param options: further options of ``webcam``.
    :param listen: endpoint strings; an ephemeral port on loopback unless said otherwise.
    :param prefix: argv to put in front, for example ``setpriv``.
    :param environ: further environment variables.
    :param sockets: listening sockets that the child inherits from descriptor 3 on.
    """

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        *,
        options: Sequence[str] = (),
        listen: Sequence[str] = ("tcp:0:interface=127.0.0.1",),
        prefix: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self._reactor = reactor
        self.directory = directory
        self.state = directory / "state"
        self._log = directory / "log"
        listening = [text for endpoint in listen for text in ("--listen", endpoint)]
        service = ["-n", "--pidfile=", "webcam", "--state-dir", str(self.state), *listening, *options]
        self.argv = [*prefix, sys.executable, "-c", _TWISTD, *service]
        self.environ = {key: value for key, value in os.environ.items() if not key.startswith("WEBCAM_")}
        paths = [str(ROOT), *filter(None, [self.environ.get("PYTHONPATH")])]
        self.environ.update({"PYTHONPATH": os.pathsep.join(paths), "LC_ALL": "C.UTF-8", **(environ or {})})
        self._sockets = sockets
        self._child = _Child()
        self._process: Any = None
        self._logged_before = 0
        self.url = ""
        self._spawned = self._took = 0.0

    @property
    def pid(self) -> int:
        """The child's process id."""
        return int(self._process.pid)

    @property
    def status(self) -> int | None:
        """Its exit status: negative for a signal, None while it runs."""
        return self._child.status

    @property
    def log(self) -> str:
        """All that it has written so far, standard output and error together."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    @property
    def http_url(self) -> str:
        """The address of the same port for HTTP, without a slash at its end."""
        return "http://" + self.url.removeprefix("ws://").partition("/")[0]

    async def start(self, deadline: float = PATIENCE) -> Service:
        """Spawn it and wait until it says that it serves."""
        self.spawn()
        try:
            await eventually(self._reactor, lambda: self._serves() or self.status is not None, deadline, "serving")
        except AssertionError:
            self.kill()
            raise ServiceFailed(self._with_log(f"not serving after {deadline:g} s")) from None
        if not self._serves():
            raise ServiceFailed(self._with_log(f"ended at its start with status {self.status}"))
        self._took = self._reactor.seconds() - self._spawned
        return self

    def promised(self, seconds: float) -> float:
        """Give the time that a promise allows here: where the start takes long, everything else does too."""
        return max(seconds, 3 * self._took)

    def spawn(self) -> None:
        """Start the child and wait for nothing."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(exist_ok=True)
        self._logged_before = len(self.log)
        self._spawned = self._reactor.seconds()
        with self._log.open("ab") as log, open(os.devnull, "rb") as null:
            files = {0: null.fileno(), 1: log.fileno(), 2: log.fileno()}
            files.update({3 + place: listener.fileno() for place, listener in enumerate(self._sockets)})
            self._process = self._reactor.spawnProcess(
                self._child, self.argv[0], self.argv, env=self.environ, path=str(self.directory), childFDs=files
            )
        # A run that is broken off must leave no service behind.
        atexit.register(self.kill)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.signalProcess(number)

    async def stop(self, deadline: float = PATIENCE, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and give its exit status."""
        if self.status is None:
            self.send_signal(number)
        return await self.ended(deadline)

    async def ended(self, deadline: float = PATIENCE) -> int:
        """Wait for its end and give its exit status; one that goes on is killed, and that is a failure."""
        try:
            await eventually(self._reactor, lambda: self.status is not None, deadline, "ended")
        except AssertionError:
            self.kill()
            raise ServiceFailed(self._with_log(f"still running {deadline:g} s after it was told to stop")) from None
        atexit.unregister(self.kill)
        assert self.status is not None
        return self.status

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except (ProcessLookupError, TypeError):
                return  # ended, and perhaps reaped, a moment ago

    def _serves(self) -> bool:
        # A service before this one may have left its words in the same file.
        found = _STARTED.search(self.log[self._logged_before :])
        self.url = found[1] if found else ""
        return found is not None

    def _with_log(self, what: str) -> str:
        return f"the service is {what}; the end of its log:\n{self.log[-4000:]}"
