"""What the tests of children share: real ones, and looks at what the system knows of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from webcam_rpc.media.child import Children

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.media.child import Child

reactor: Any = global_reactor
#: More than any of these takes, on a machine however busy.
LONG = 60.0


def ended(pid: int) -> bool:
    """Tell whether a process is no more, or only waits for its parent to notice."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


async def eventually(condition: Callable[[], bool], seconds: float = LONG) -> None:
    """Wait until a condition of the system holds."""
    until = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < until, "it never came"
        await deferLater(reactor, 0.01)


def descriptors() -> set[str]:
    """List our own open descriptors."""
    return set(os.listdir("/proc/self/fd"))


class ChildCase(TestCase):
    """Children on the real reactor, which are all gone at the end."""

    def setUp(self) -> None:
        """Make them, and a directory in which they leave notes."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir(parents=True)
        self.note = self.directory / "note"
        environment = {**os.environ, "NOTE": str(self.note), "FFREPORT": "file=x", "NOTIFY_SOCKET": "/x"}
        self.children = Children(reactor, environment)
        self.children.startService()
        self.addCleanup(self.end)

    async def end(self) -> None:
        """Stop; nothing is left."""
        for child in tuple(self.children._running):
            child.kill()
        await self.children.stopService()
        self.assertEqual(len(self.children), 0)

    def shell(self, script: str, take: Callable[[bytes], None] | None = None, *, stdin: bool = False) -> Child:
        """Start a script."""
        return self.children.start(["sh", "-c", script], stdout=take, stdin=stdin)

    async def noted(self, lines: int = 1) -> list[int]:
        """Give the numbers that the script noted, once there are so many."""
        await eventually(lambda: self.note.exists() and self.note.read_text().count("\n") >= lines)
        return [int(line) for line in self.note.read_text().split()]


def drop(data: bytes) -> None:
    """Take no notice."""
