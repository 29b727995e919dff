"""Who has a device open is found, and what cannot be seen is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from webcam_rpc.cameras.holder import Holder, Holders, find_holders


class ProcTests(SynchronousTestCase):
    """A /proc of our own making."""

    def setUp(self) -> None:
        """Make it, and a device that is a file: its path is enough."""
        root = Path(self.mktemp())
        self.proc = root / "proc"
        self.proc.mkdir(parents=True)
        self.device = str(root / "video0")
        Path(self.device).write_text("")

    def process(self, pid: int, *targets: str, comm: str = "ffmpeg", parent: int = 1) -> Path:
        """Make a process with descriptors."""
        process = self.proc / str(pid)
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text(comm + "\n")
        (process / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")
        for number, target in enumerate(targets):
            (process / "fd" / str(number)).symlink_to(target)
        return process

    def found(self, own_pid: int = 1) -> Holders:
        """Look."""
        return find_holders(self.device, own_pid, str(self.proc))

    def test_found(self) -> None:
        """Who has it among other descriptors is found, in the order of the numbers; others are not."""
        self.process(30, "/dev/null", self.device, parent=7)
        self.process(4, self.device, comm="obs", parent=7)
        self.process(5, "/dev/null", "/dev/video999999", "socket:[1]")
        self.assertEqual(self.found(), Holders((Holder(4, "obs"), Holder(30, "ffmpeg")), 0))

    def test_ourselves(self) -> None:
        """We and our children are not named, whatever brackets are in the name."""
        self.process(50, self.device, parent=7)
        self.process(51, self.device, parent=50)
        self.process(52, self.device, parent=51)
        self.assertEqual([holder.pid for holder in self.found(own_pid=50).found], [52])

    def test_vanishing(self) -> None:
        """Processes that end meanwhile, and what is no process, are passed over."""
        (self.proc / "meminfo").write_text("")
        (self.proc / "77").write_text("no directory")
        (self.proc / "78").mkdir()
        process = self.process(79, self.device)
        (process / "comm").unlink()
        (process / "stat").unlink()
        self.assertEqual(self.found(), Holders((Holder(79, "?"),), 0))

    def test_name_that_forges(self) -> None:
        """A program's name cannot carry control characters to a terminal."""
        self.process(5, self.device, comm="a\x1b[2J\nb", parent=7)
        self.assertEqual(self.found().found, (Holder(5, "a?[2J?b"),))

    def test_no_device(self) -> None:
        """Nobody holds what is not there."""
        self.process(5, self.device, parent=7)
        os.unlink(self.device)
        self.assertEqual(self.found(), Holders((), 0))


class HoldersTests(SynchronousTestCase):
    """When nobody is named."""

    def test_reason(self) -> None:
        """That some could not be looked into is a reason only where nobody was found."""
        self.assertIsNone(Holders((), 0).reason)
        self.assertIsNone(Holders((Holder(1, "a"),), 3).reason)
        self.assertIn("3 processes", Holders((), 3).reason or "")

    def test_real(self) -> None:
        """A real process with a real file is found in the real /proc, as a stranger and not as our child."""
        path = Path(self.mktemp()).resolve()
        path.write_text("")
        script = f"f = open({str(path)!r}); print(flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-S", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            as_stranger = find_holders(str(path), -1)
            as_parent = find_holders(str(path), os.getpid())
            child.communicate(b"\n", timeout=30)
        self.assertEqual([holder.pid for holder in as_stranger.found], [child.pid])
        self.assertEqual(as_parent.found, ())

    def test_hidden(self) -> None:
        """Processes of others that we may not look into are counted."""
        if os.geteuid() and os.stat("/proc/1").st_uid == os.geteuid():
            raise SkipTest("no process here belongs to another user")
        user = os.geteuid()
        if not user:
            os.seteuid(65534)
        try:
            found = find_holders("/dev/null", os.getpid())
        finally:
            if not user:
                os.seteuid(user)
        self.assertGreater(found.hidden, 0)
