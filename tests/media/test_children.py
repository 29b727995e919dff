"""Programs run to their end, and the end of the service: no child outlives either."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError

from tests.media.childcase import LONG, ChildCase, ended, eventually, reactor
from webcam_rpc.media.child import Children
from webcam_rpc.media.troubles import ProgramFailed, Stopping

if TYPE_CHECKING:
    from webcam_rpc.media.child import Child


class RunTests(ChildCase):
    """Programs that are run to their end."""

    async def test_run(self) -> None:
        """Fed with megabytes, it gives back what it printed."""
        data = os.urandom(2_000_000)
        told, printed = await self.children.run(["cat"], input=data, deadline=LONG, cap=len(data))
        self.assertEqual((told.status, printed), (0, data))

    async def test_too_long(self) -> None:
        """One that takes too long is killed and named, with what it started."""
        script = "sleep 1000 & echo $! > $NOTE; wait"
        running = self.children.run(["sh", "-c", script], deadline=0.3, cap=10)
        error: Any = await self.assertFailure(running, ProgramFailed)
        self.assertEqual(error.detail, "sh did not end within 0.3 s")
        if self.note.exists():
            pids = [int(line) for line in self.note.read_text().split()]
            await eventually(lambda: all(ended(pid) for pid in pids))

    async def test_prints_too_much(self) -> None:
        """One that prints more than it may is killed at once."""
        error: Any = await self.assertFailure(self.children.run(["yes"], deadline=LONG, cap=1000), ProgramFailed)
        self.assertEqual(error.detail, "yes printed too much")

    async def test_cancelled(self) -> None:
        """Who does not want it any more ends it."""
        running = self.children.run(["sh", "-c", "echo $$ > $NOTE; exec sleep 1000"], deadline=LONG, cap=10)
        (pid,) = await self.noted()
        running.cancel()
        await self.assertFailure(running, CancelledError)
        await eventually(lambda: ended(pid) and not len(self.children))

    async def test_missing(self) -> None:
        """One that is not there fails, and does not raise."""
        await self.assertFailure(self.children.run(["no-such"], deadline=LONG, cap=10), ProgramFailed)


class StopTests(ChildCase):
    """The end of the service, and of its process."""

    async def test_waits(self) -> None:
        """Children that end by themselves are waited for, and those that are begun then are refused."""
        child = self.shell("read line; echo $$ > $NOTE", stdin=True)
        stopping = self.children.stopService()
        refused = self.children.run(["true"], deadline=LONG, cap=1)
        await self.assertFailure(refused, Stopping)
        self.assertRaises(Stopping, self.children.start, ["true"])
        child.write(b"go\n")
        await stopping
        self.assertEqual(await self.noted(), [child.pid])
        self.assertEqual(child.running, False)

    async def test_kills(self) -> None:
        """Those that do not end in time are killed; the service stops soon in any case."""
        child = self.shell("trap '' TERM; echo $$ > $NOTE; while :; do sleep 1; done")
        await self.noted()
        await self.children.stopService()
        self.assertEqual((await child.when_ended()).signal, signal.SIGKILL)

    async def test_starts_again(self) -> None:
        """A service that was stopped starts anew."""
        await self.children.stopService()
        self.children.startService()
        self.assertEqual((await self.shell(":").when_ended()).status, 0)

    async def test_killed_service(self) -> None:
        """When the process that started children is killed with -9, no child of it stays."""
        program = (
            "import os, sys; from twisted.internet import reactor; from webcam_rpc.media.child import Children\n"
            "def start():\n"
            "    children = Children(reactor, os.environ)\n"
            "    made = [children.start(['sleep', '1000'], stdin=flag) for flag in (True, False)]\n"
            "    print(*(child.pid for child in made), flush=True)\n"
            "reactor.callWhenRunning(start); reactor.run()\n"
        )
        root = str(Path(__file__).parents[2])
        got = bytearray()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        outer = Children(reactor, environment)
        python = outer.start([sys.executable, "-c", program], stdout=got.extend)
        await eventually(lambda: got.endswith(b"\n") or not python.running)
        pids = [int(word) for word in got.split()]
        self.assertEqual(len(pids), 2, await _last_words(python))
        for pid in pids:
            await eventually(lambda pid=pid: _comm(pid) == "sleep")  # type: ignore[misc]
        os.kill(python.pid, signal.SIGKILL)
        await eventually(lambda: all(ended(pid) for pid in pids))
        await python.when_ended()


def _comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()


async def _last_words(child: Child) -> str:
    return "" if child.running else (await child.when_ended()).stderr
