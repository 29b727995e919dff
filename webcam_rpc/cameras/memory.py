"""What the service remembers of cameras from one run to the next: who owns which serial, aliases, kept controls.

Owns the file ``cameras.json`` in the state directory. It is written whole (a temporary name, fsync, rename), off the
reactor thread, one write at a time; changes that come meanwhile go into one further write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from webcam_rpc.cameras.identity import Owner
from webcam_rpc.cameras.models import ControlValue
from webcam_rpc.durable import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Remembered(msgspec.Struct, forbid_unknown_fields=False):
    """The file's content: owners by serial id, camera ids by alias, control values by camera id and name."""

    owners: dict[str, Owner] = {}
    aliases: dict[str, str] = {}
    controls: dict[str, dict[str, ControlValue]] = {}


class CameraMemory:
    """Keeps :class:`Remembered` and its file in step.

    :param path: the file; its directory is made when it is missing.
    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    """

    _log = Logger()

    def __init__(self, path: Path, in_thread: Callable[..., Deferred[None]]) -> None:
        self.path = path
        self.content = Remembered()
        self.problem: str | None = None
        self._in_thread = in_thread
        self._writing: Deferred[None] | None = None
        self._written = b""
        self._waiters: list[Deferred[None]] = []

    def load(self) -> None:
        """Read the file. One that cannot be understood is put aside as ``cameras.json.broken`` and said so."""
        try:
            self._written = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self._failed(str(error))
            return
        try:
            self.content = msgspec.json.decode(self._written, type=Remembered)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            aside = self.path.with_suffix(".json.broken")
            self._log.error(
                "{path} is not readable as the cameras' memory: put aside as {aside}", path=self.path, aside=aside
            )
            self._written = b""
            try:
                self.path.replace(aside)
            except OSError as error:
                self._failed(str(error))

    def save(self) -> Deferred[None]:
        """Write what changed; fires when it is on disk, or could not be put there (see :attr:`problem`)."""
        data = msgspec.json.format(msgspec.json.encode(self.content, order="sorted"))
        if self._writing is None and data == self._written:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        if self._writing is None:
            self._write(data)
        return waiter

    def settled(self) -> Deferred[None]:
        """Fire when nothing is being written any more."""
        return self.save() if self._writing is not None else succeed(None)

    def _write(self, data: bytes) -> None:
        waiters, self._waiters = self._waiters, []
        self._writing = self._in_thread(write_whole, self.path, data)

        def done(result: Any) -> None:  # noqa: ANN401 - None, or a Failure
            self._writing = None
            if result is None:
                self._written = data
                self.problem = None
            else:
                self._failed(result.getErrorMessage())
            for waiter in waiters:
                waiter.callback(None)
            # A waiter may have begun the next write already.
            if self._waiters and self._writing is None:
                self._write(msgspec.json.format(msgspec.json.encode(self.content, order="sorted")))

        self._writing.addBoth(done)

    def _failed(self, detail: str) -> None:
        self.problem = f"{self.path}: {detail}"
        self._log.error("What is remembered of cameras is not kept: {problem}", problem=self.problem)
