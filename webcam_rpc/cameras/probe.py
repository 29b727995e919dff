"""Runs of ``v4l2-ctl``: one at a time a device, each in a thread, each with a deadline and an end.

Owns every ``v4l2-ctl`` child. A camera that does not answer makes ``v4l2-ctl`` sleep in the kernel for 5 s a request,
a broken tool may hang, flood or fork: none of it reaches the reactor, and nothing of it is left behind. Each child
leads a process group of its own, which is killed when the child has ended, when its time is up, when its output passes
the cap and when the service stops. The exit status is passed on for the log only: v4l2-ctl exits 0 on many failures, so
callers judge by what was printed.

``reactor.stop`` waits for threads, and ``subprocess.run`` hides its child; hence Popen and a selector of our own.
"""

from __future__ import annotations

import contextlib
import enum
import os
import selectors
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger, LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

#: Three times what the most talkative driver known prints (vivid, 173 kB); a tool that floods is ended there.
OUTPUT_CAP = 512 * 1024
#: Runs at once. Eight children started together hold the reactor for 13 ms, two for 3 ms.
_AT_ONCE = 2
#: A run gives its turn to the next after so many seconds: it sleeps in the kernel and costs nothing any more.
_TURN = 0.5
#: How often a thread looks whether its child has ended while something else holds the pipes open.
_LOOK = 0.05
#: Children that were killed in uninterruptible sleep and whose death is still to come.
_UNREAPED: list[subprocess.Popen[bytes]] = []


class Outcome(enum.Enum):
    """How a run ended."""

    DONE = "ended by itself"
    TIMEOUT = "did not end in time"
    FLOOD = "printed too much"
    MISSING = "cannot be started"
    CANCELLED = "was stopped"


class Output(msgspec.Struct, frozen=True):
    """What a run printed, how it ended, its exit status (None where it was killed or never began) and its seconds."""

    outcome: Outcome
    stdout: str = ""
    stderr: str = ""
    status: int | None = None
    seconds: float = 0.0


class _Run:
    """One child from its turn to its end; everything but :meth:`kill` belongs to the thread."""

    def __init__(self, argv: Sequence[str], timeout: float, environment: dict[str, str]) -> None:
        self._argv = list(argv)
        self._timeout = timeout
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def kill(self) -> None:
        """End the child now, or keep it from starting; safe from any thread, at any time."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                _kill_group(self._process.pid)

    def __call__(self) -> Output:
        """Run the child to its end; blocks for at most the timeout and a second."""
        began = time.monotonic()
        _UNREAPED[:] = [process for process in _UNREAPED if process.poll() is None]
        with self._lock:
            if self._cancelled:
                return Output(Outcome.CANCELLED)
            try:
                process = subprocess.Popen(  # noqa: S603 - an argv list, never a shell
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                return Output(Outcome.MISSING, stderr=f"{self._argv[0]}: {error.strerror}")
            self._process = process
        try:
            outcome, texts = self._read(process, began + self._timeout)
        finally:
            status = self._end(process)
        if self._cancelled:
            outcome = Outcome.CANCELLED
        stdout, stderr = (text.decode("utf-8", "replace") for text in texts)
        return Output(outcome, stdout, stderr, status, time.monotonic() - began)

    @staticmethod
    def _read(process: subprocess.Popen[bytes], deadline: float) -> tuple[Outcome, tuple[bytearray, bytearray]]:
        texts = (bytearray(), bytearray())
        with selectors.DefaultSelector() as selector:
            for pipe, text in zip((process.stdout, process.stderr), texts, strict=True):
                assert pipe is not None  # noqa: S101 - both were asked for
                selector.register(pipe, selectors.EVENT_READ, text)
            ended = False
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    return Outcome.TIMEOUT, texts
                ready = selector.select(0 if ended else min(left, _LOOK))
                if not ready:
                    if ended:
                        break  # a child of the child still holds the pipes
                    # Its last words may have come since the look at the pipes: they are looked at once more.
                    ended = _has_ended(process.pid)
                for key, _ in ready:
                    part = os.read(key.fd, 65536)
                    if part:
                        key.data.extend(part)
                    else:
                        selector.unregister(key.fileobj)
                if sum(map(len, texts)) > OUTPUT_CAP:
                    return Outcome.FLOOD, texts
        return Outcome.DONE if _ends_by(deadline, process.pid) else Outcome.TIMEOUT, texts

    def _end(self, process: subprocess.Popen[bytes]) -> int | None:
        # The child is not reaped before its group is killed: until then its number belongs to nobody else.
        with self._lock:
            _kill_group(process.pid)
            self._process = None
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        try:
            status = process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            # In uninterruptible sleep: it dies when the driver lets go of it, and is reaped then.
            _UNREAPED.append(process)
            return None
        return status if status >= 0 else None


class V4L2Ctl:
    """Gives ``v4l2-ctl`` its turns.

    :param in_thread: runs a function in a thread and gives a Deferred of its result (``deferToThreadPool``).
    :param environment: of the children.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, in_thread: Callable[..., Deferred[Output]], environment: dict[str, str]
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        # The output is parsed: it must not be translated.
        self._environment = {**environment, "LC_ALL": "C"}
        self._queue: list[tuple[str, _Run, Deferred[Output]]] = []
        self._running: dict[str, _Run] = {}
        self._turns = 0
        self._stopped = False

    def run(self, device: str, argv: Sequence[str], timeout: float) -> Deferred[Output]:
        """Run ``argv`` for ``device`` when no other run for it goes on; cancelling kills it.

        Fires with an :class:`Output`, whatever happens; its errback is CancelledError only.
        """
        run = _Run(argv, timeout, self._environment)

        def cancel(result: Deferred[Output]) -> None:
            self._queue = [entry for entry in self._queue if entry[1] is not run]
            run.kill()
            result.errback(CancelledError())

        result: Deferred[Output] = Deferred(cancel)
        if self._stopped:
            result.callback(Output(Outcome.CANCELLED))
            return result
        self._queue.append((device, run, result))
        self._start_next()
        return result

    def stop(self) -> None:
        """Kill every child and start no more; the threads end within a second."""
        self._stopped = True
        queue, self._queue = self._queue, []
        for _, _, result in queue:
            result.callback(Output(Outcome.CANCELLED))
        for run in self._running.values():
            run.kill()

    def _start_next(self) -> None:
        for entry in tuple(self._queue):
            if self._turns >= _AT_ONCE:
                return
            if entry[0] not in self._running:
                self._queue.remove(entry)
                self._start(*entry)

    def _start(self, device: str, run: _Run, result: Deferred[Output]) -> None:
        self._running[device] = run
        self._turns += 1
        turn = self._clock.callLater(_TURN, self._give_turn)

        def ended(output: Output | Failure) -> None:
            del self._running[device]
            if turn.active():
                turn.cancel()
                self._turns -= 1
            if not isinstance(output, Output):
                self._log.failure(
                    "A run of v4l2-ctl for {device} failed", level=LogLevel.error, failure=output, device=device
                )
                output = Output(Outcome.CANCELLED, stderr=output.getErrorMessage())
            if not result.called:
                result.callback(output)
            if not self._stopped:
                self._start_next()

        self._in_thread(run).addBoth(ended)

    def _give_turn(self) -> None:
        self._turns -= 1
        self._start_next()


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _ends_by(deadline: float, pid: int) -> bool:
    while not _has_ended(pid):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK / 10)
    return True


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
