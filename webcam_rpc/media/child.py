"""The programs that media runs: ffmpeg, by argv list, each in a session of its own, each with an end.

Owns every ffmpeg child of the service. A child leads a process group, which is killed when the child has ended and when
its time is up, so that nothing that it started stays behind; it gets SIGKILL from the kernel when the service dies
(PR_SET_PDEATHSIG, prctl(2)). One in uninterruptible sleep is killed and not waited for. The exit status says little:
ffmpeg exits 0 when its camera is unplugged, so callers judge by what came out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.application.service import Service
from twisted.internet import main
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from webcam_rpc.media.pipes import Input, Output, make_pipe
from webcam_rpc.media.troubles import ProgramFailed, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from twisted.internet.interfaces import IDelayedCall

#: The head of every ffmpeg command: it neither greets nor reads keys, and says what went wrong.
FFMPEG = ("ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error")

#: How much is kept of what a child says on standard error: the last words matter.
_STDERR = 8192
#: A child that says more than this in so many seconds has gone wrong and is ended.
_FLOOD, _FLOOD_SECONDS = 1 << 20, 10.0
#: How long pipes may stay open after their child has ended: a process that left the group may hold them.
_LINGER = 0.5
#: How long a killed child is waited for.
_DEATH = 1.0
#: How long children may take to end when the service stops; what they do by then is whole.
_STOP = 1.7
#: FFREPORT makes ffmpeg write a file for each run; the others are meant for this process alone (sd_notify(3)).
_REFUSED = frozenset({"FFREPORT", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"})
_PACKAGES = {"ffmpeg": "ffmpeg", "setsid": "util-linux", "setpriv": "util-linux"}


class Exit(msgspec.Struct, frozen=True):
    """How a child ended: its status or its signal (None, None: it could not be waited for), and its last words."""

    status: int | None
    signal: int | None
    stderr: str


class Child(ProcessProtocol):
    """One program while it runs; made by :meth:`Children.start`.

    :ivar pid: also the id of its session and its process group.
    """

    def __init__(self, reactor: Any) -> None:  # noqa: ANN401 - of several interfaces
        self.pid = 0
        self._reactor = reactor
        self._input: Input | None = None
        self._output: Output | None = None
        self._exit: Exit | None = None
        self._waiting: list[Deferred[Exit]] = []
        self._timers: list[IDelayedCall] = []
        self._stderr = bytearray()
        self._said = 0
        self._said_since = reactor.seconds()
        self._status: tuple[int | None, int | None] | None = None
        self._pipes_open = 1  # standard error

    def when_ended(self) -> Deferred[Exit]:
        """Fire when the child has ended and all that it printed was passed on."""
        waiter: Deferred[Exit] = Deferred()
        if self._exit is not None:
            waiter.callback(self._exit)
        else:
            self._waiting.append(waiter)
        return waiter

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._exit is None

    @property
    def pending(self) -> int:
        """The bytes written to it that it has not taken yet."""
        return self._input.pending if self._input is not None else 0

    def write(self, data: bytes) -> None:
        """Write to its standard input; all waits here that the pipe does not take, so look at :attr:`pending`."""
        if self._input is not None:
            self._input.write(data)

    def end_input(self) -> None:
        """Close its standard input once it has taken all."""
        if self._input is not None:
            self._input.loseConnection()

    def finish(self, deadline: float) -> Deferred[Exit]:
        """Let it end by itself for want of input; killed after ``deadline`` seconds."""
        self.end_input()
        self._later(deadline, self.kill)
        return self.when_ended()

    def stop(self, grace: float) -> Deferred[Exit]:
        """Ask it to end (SIGTERM); killed after ``grace`` seconds."""
        self._signal(signal.SIGTERM)
        self._later(grace, self.kill)
        return self.when_ended()

    def kill(self) -> Deferred[Exit]:
        """End it, and all in its group, now."""
        self._signal(signal.SIGKILL)
        self._later(_DEATH, self._all_told)
        return self.when_ended()

    # From Twisted.

    def connectionMade(self) -> None:
        """Learn the number: a child that ends at once is reaped before spawnProcess() has returned."""
        assert self.transport is not None  # noqa: S101 - it was just made
        self.pid = self.transport.pid

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: ARG002, N803 - Twisted's names
        """Keep the last words."""
        self._stderr += data
        del self._stderr[:-_STDERR]
        now = self._reactor.seconds()
        if now - self._said_since > _FLOOD_SECONDS:
            self._said, self._said_since = 0, now
        self._said += len(data)
        if self._said > _FLOOD:
            self.kill()

    def processExited(self, reason: Failure) -> None:
        """Kill what it leaves behind, at once: soon its number may be another's."""
        value: Any = reason.value
        self._status = (value.exitCode, value.signal)
        self._kill_group()
        self._later(_LINGER, self._waited_enough)
        self._perhaps_ended()

    def processEnded(self, reason: Failure) -> None:  # noqa: ARG002 - told by processExited
        """Hear that standard error is closed as well."""
        self._pipe_closed()

    # Ours.

    def _pipe_closed(self) -> None:
        self._pipes_open -= 1
        self._perhaps_ended()

    def _perhaps_ended(self) -> None:
        if self._status is not None and not self._pipes_open:
            self._all_told()

    def _all_told(self) -> None:
        if self._exit is None:
            status, by_signal = self._status or (None, None)
            self._exit = Exit(status, by_signal, self._stderr.decode("utf-8", "replace"))
            for timer in self._timers:
                if timer.active():
                    timer.cancel()
            for pipe in (self._input, self._output):
                if pipe is not None:
                    pipe.connectionLost(Failure(main.CONNECTION_DONE))
            if self.transport is not None:
                self.transport.loseConnection()
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                waiter.callback(self._exit)

    def _waited_enough(self) -> None:
        # A reactor that was busy for so long has not read yet what is there.
        if self._output is not None:
            self._output.drain()
        self._all_told()

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        if self._exit is None:
            self._timers.append(self._reactor.callLater(seconds, what))

    def _signal(self, number: int) -> None:
        if self.pid and self._status is None and self._exit is None:
            # The group, which is not there yet in the moment before setsid(1) has run.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def _kill_group(self) -> None:
        assert self.pid > 1  # noqa: S101 - 0 is our own group, and 1 everybody
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class Children(Service):
    """Starts programs, and sees that none outlives the service.

    :param environment: of the children; ``PATH`` is where programs are looked for.
    """

    _log = Logger()

    def __init__(self, reactor: Any, environment: Mapping[str, str]) -> None:  # noqa: ANN401 - of several interfaces
        self._reactor = reactor
        # What ffmpeg says is read: it must not be translated, coloured or written to a report.
        self._environment = {name: value for name, value in environment.items() if name not in _REFUSED} | {
            "LC_ALL": "C",
            "AV_LOG_FORCE_NOCOLOR": "1",
        }
        self._running: set[Child] = set()
        self._stopped = False

    def __len__(self) -> int:
        """Count the children that run."""
        return len(self._running)

    def start(
        self, argv: Sequence[str], *, stdout: Callable[[bytes], None] | None = None, stdin: bool = False
    ) -> Child:
        """Start a program.

        :param stdout: gets what it prints.
        :param stdin: whether it is fed by :meth:`Child.write`.
        :raises ProgramFailed: if it is not to be found or cannot be started.
        :raises Stopping: once the service stops.
        """
        if self._stopped:
            raise Stopping
        path = self._environment.get("PATH")
        command = [self._find("setpriv", path), "--pdeathsig", "KILL", "--", self._find("setsid", path)]
        command += [self._find(argv[0], path), *argv[1:]]
        child = Child(self._reactor)
        theirs: list[int] = []
        try:
            theirs.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
            descriptors: dict[int, int | str] = {0: theirs[0], 1: theirs[0], 2: "r"}
            if stdin:
                ours, end = make_pipe(child_reads=True)
                theirs.append(end)
                descriptors[0] = end
                child._input = Input(self._reactor, ours)  # noqa: SLF001 - made here
            if stdout is not None:
                ours, end = make_pipe(child_reads=False)
                theirs.append(end)
                descriptors[1] = end
                child._pipes_open += 1  # noqa: SLF001
                child._output = Output(self._reactor, ours, stdout, child._pipe_closed)  # noqa: SLF001
            self._reactor.spawnProcess(child, command[0], command, env=self._environment, childFDs=descriptors)
        except OSError as error:
            child._all_told()  # noqa: SLF001 - closes our ends
            raise ProgramFailed(
                f"{argv[0]} cannot be started: {error.strerror}", "see the limits of this machine"
            ) from None
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._running.add(child)
        child.when_ended().addCallback(lambda _: self._running.discard(child))
        return child

    @inlineCallbacks
    def run(
        self,
        argv: Sequence[str],
        *,
        deadline: float,
        cap: int,
        input: bytes = b"",  # noqa: A002 - as in subprocess.run
    ) -> Generator[Deferred[Any], Any, tuple[Exit, bytes]]:
        """Run a program to its end and give what it printed, at most ``cap`` bytes; cancelling kills it.

        Fails with ProgramFailed where it is not there, takes longer than ``deadline`` seconds, or prints more.
        """
        pieces: list[bytes] = []
        size = 0
        why = ""

        def take(data: bytes) -> None:
            nonlocal size, why
            size += len(data)
            if size <= cap:
                pieces.append(data)
            elif not why:
                why = "printed too much"
                child.kill()

        def late() -> None:
            nonlocal why
            why = why or f"did not end within {deadline:g} s"
            child.kill()

        child = self.start(argv, stdout=take, stdin=True)
        timer = self._reactor.callLater(deadline, late)
        child.write(input)
        child.end_input()
        try:
            ended: Exit = yield child.when_ended()
        finally:
            if timer.active():
                timer.cancel()
            child.kill()
        if why:
            raise ProgramFailed(f"{argv[0]} {why}", "see the log; try it by hand")
        return ended, b"".join(pieces)

    def startService(self) -> None:
        """Start; a service that was stopped starts anew."""
        super().startService()
        self._stopped = False

    @inlineCallbacks
    def stopService(self) -> Generator[Deferred[Any], Any, None]:
        """Wait for the children to end, kill those that do not, and start no more."""
        super().stopService()
        self._stopped = True
        timer = self._reactor.callLater(_STOP, self._kill_all)
        while self._running:
            yield DeferredList([child.when_ended() for child in self._running])
        if timer.active():
            timer.cancel()

    def _kill_all(self) -> None:
        for child in tuple(self._running):
            self._log.warn("A child (pid {pid}) is killed: it did not end in time", pid=child.pid)
            child.kill()

    @staticmethod
    def _find(name: str, path: str | None) -> str:
        found = shutil.which(name, path=path)
        if found is None:
            raise ProgramFailed(f"{name} is not in PATH", f"apt-get install {_PACKAGES.get(name, name)}")
        return found
