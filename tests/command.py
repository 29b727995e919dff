"""A command as it is typed: a process of its own, with its output in a file or on a terminal, and signals.

The output does not come through pipes, which trial would take for leaks where a test ends before its command.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import ProcessProtocol

from tests.service import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from twisted.python.failure import Failure


class _Child(ProcessProtocol):
    def __init__(self) -> None:
        self.status: int | None = None
        self.shown = b""

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep what the terminal shows."""
        self.shown += data

    def processEnded(self, reason: Failure) -> None:
        """Keep the exit status: negative for a signal."""
        value: Any = reason.value
        self.status = value.exitCode if value.signal is None else -value.signal


class Command:
    """One ``webcamctl`` with these arguments, which runs.

    :param directory: its working directory, which also holds its output.
    :param terminal: whether it has a terminal, of 80 columns, and not files.
    """

    _count = 0

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        *,
        terminal: bool = False,
    ) -> None:
        Command._count += 1
        self._reactor = reactor
        self._files = [directory / f"{kind}-{Command._count}" for kind in ("out", "err")]
        self._terminal = terminal
        self._child = _Child()
        argv = [sys.executable, "-m", "webcam_rpc", *arguments]
        own = {**environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "80", "TERM": "xterm"}
        if terminal:
            self._process = reactor.spawnProcess(self._child, argv[0], argv, env=own, path=str(directory), usePTY=True)
        else:
            with contextlib.ExitStack() as stack:
                null = stack.enter_context(open(os.devnull, "rb"))
                out, err = (stack.enter_context(file.open("wb")) for file in self._files)
                files = {0: null.fileno(), 1: out.fileno(), 2: err.fileno()}
                self._process = reactor.spawnProcess(
                    self._child, argv[0], argv, env=own, path=str(directory), childFDs=files
                )
        atexit.register(self.kill)

    @property
    def out(self) -> str:
        """What it has written to standard output so far, or to its terminal."""
        return self._child.shown.decode() if self._terminal else self._files[0].read_text("utf-8")

    @property
    def err(self) -> str:
        """What it has written to standard error so far."""
        return self._files[1].read_text("utf-8")

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._child.status

    def type(self, keys: bytes) -> None:
        """Press keys on its terminal."""
        self._process.write(keys)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.signalProcess(number)

    async def says(self, text: str, deadline: float) -> None:
        """Wait until this is in its output."""
        try:
            await eventually(self._reactor, lambda: text in self.out or self.status is not None, deadline, repr(text))
        finally:
            if text not in self.out:
                # For whoever reads why the test failed.
                print(f"webcamctl said {self.out!r}, status {self.status}")  # noqa: T201
        if text not in self.out:
            raise AssertionError(f"it ended without {text!r}")

    async def ended(self, deadline: float) -> int:
        """Wait for its end and give its exit status."""
        await eventually(self._reactor, lambda: self.status is not None, deadline, "the end of webcamctl")
        atexit.unregister(self.kill)
        assert self.status is not None
        return self.status

    def kill(self) -> None:
        """End it at once."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(self._process.pid, 9)
