"""A server as a process of its own: started on its core, asked what it has used, told to publish, ended.

Owns the child processes of the suite. A server says where it listens by a line with its address, or is found by its
port; what it writes goes to a file, whose end is shown when it does not start.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.wire import BenchmarkFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
#: Seconds for a server to start, and to end.
_START, _END = 30.0, 10.0
_LISTENS = re.compile(rb"ws://127\.0\.0\.1:(\d+)/")
#: The kind of a process's CPU clock that counts nanoseconds (clock_getcpuclockid(3)).
_SCHEDULED = 2
_TICKS = os.sysconf("SC_CLK_TCK")


ALL_CORES = os.sched_getaffinity(0)


def cores() -> tuple[int | None, int | None]:
    """Give the core of the generator and that of the servers; None where there is but one for all."""
    here = sorted(ALL_CORES)
    return (here[0], here[-1]) if len(here) > 1 else (None, None)


@contextmanager
def on_all_cores() -> Iterator[None]:
    """Be, with all that is started meanwhile, wherever the kernel likes."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL_CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def own_time() -> float:
    """Give this process's CPU seconds."""
    return time.process_time()


def machine_time() -> float:
    """Give the CPU seconds that all cores together have been at work since the machine started."""
    fields = [int(field) for field in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    idle, waiting = 3, 4
    return (sum(fields) - fields[idle] - fields[waiting]) / _TICKS


class Server:
    """A running server.

    :param argv: the command.
    :param port: where it will listen, if it does not say so.
    :param core: the core that it has.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        path: str = "/",
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
        core: int | None = None,
    ) -> None:
        self.path = path
        self.started = time.monotonic()
        self.directory = tempfile.TemporaryDirectory(prefix="bench-")
        self._log = Path(self.directory.name) / "log"
        before = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {core})  # the child inherits it, with all its threads
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603 - ours
                    [argument.replace("{directory}", self.directory.name) for argument in argv],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
                    start_new_session=True,
                )
        finally:
            os.sched_setaffinity(0, before)
        try:
            self.port = self._listening(port)
        except BaseException:
            self.end()
            raise
        #: Seconds from the command to its listening.
        self.took = time.monotonic() - self.started

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def used(self) -> float:
        """Give the CPU seconds, user and system, that it has used with all its threads."""
        try:
            return time.clock_gettime((~self.pid << 3) | _SCHEDULED)
        except OSError:
            raise BenchmarkFailed(f"the server has ended: {self._printed()}") from None

    def memory(self, *fields: str) -> int:
        """Give the sum of these fields of ``/proc/PID/smaps_rollup`` in KiB."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii")
        return sum(int(line.split()[1]) for line in text.splitlines() if line.split(":")[0] in fields)

    def publish(self, events: int) -> None:
        """Have it send so many events to all its clients, in one turn."""
        assert self._process.stdin is not None  # noqa: S101 - for mypy
        os.write(self._process.stdin.fileno(), b"publish %d\n" % events)

    def hang_up(self) -> None:
        """Have nothing to say to it any more: one of :mod:`benchmarks.servers` ends then."""
        assert self._process.stdin is not None  # noqa: S101 - for mypy
        self._process.stdin.close()

    def wait(self) -> int:
        """Wait for its end; gives the exit status. Raises subprocess.TimeoutExpired."""
        return self._process.wait(_START)

    def end(self) -> None:
        """End it, and what it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_END)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.directory.cleanup()

    def _listening(self, port: int | None) -> int:
        deadline = self.started + _START
        while time.monotonic() < deadline and self._process.poll() is None:
            if port is None:
                found = _LISTENS.findall(self._log.read_bytes())
                if found:
                    return int(found[-1])
            else:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    return port
            time.sleep(0.005)
        raise BenchmarkFailed(f"did not start: {self._printed()}")

    def _printed(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
