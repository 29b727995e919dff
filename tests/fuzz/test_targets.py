"""Every target, with changes of its seeds that are the same in each run, and for a moment with atheris."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.fuzz.targets import TARGETS
from tests.service import ROOT

#: How often each target is run here: the sites take a hundred times as long as the parsers.
_RUNS = {"websocket": 100, "differential": 150, "handshake": 100, "jsonrpc": 2000, "v4l2-ctl": 120}


def changed(seeds: tuple[bytes, ...], chance: random.Random) -> bytes:
    """Change one of the seeds in a few places."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data) + 1)
        end = min(len(data), place + chance.randint(1, 16))
        what = chance.randrange(5)
        if what == 0:
            del data[place:end]
        elif what == 1:
            data[place:place] = chance.randbytes(chance.randint(1, 8))
        elif what == 2 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif what == 3:
            data[place:place] = data[place:end] * chance.randint(1, 40)
        else:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[place:end] = other[start : start + chance.randint(1, 64)]
    return bytes(data)


class FuzzTests(SynchronousTestCase):
    """Each target keeps its promises."""

    def run_target(self, name: str) -> None:
        """Run a target on its seeds, and on changes of them."""
        target, chance = TARGETS[name], random.Random(f"{name} 1")  # noqa: S311 - the same in each run
        for data in (b"", *target.seeds, *(changed(target.seeds, chance) for _ in range(_RUNS[name]))):
            try:
                target.run(data)
            except Exception as error:
                raise AssertionError(f"{name} with {data!r}: {error!r}") from error

    def test_websocket(self) -> None:
        """Frames of any kind on a WebSocket."""
        self.run_target("websocket")

    def test_differential(self) -> None:
        """Frames of any kind, with the fast path and without."""
        self.run_target("differential")

    def test_handshake(self) -> None:
        """Bytes of any kind on a new connection."""
        self.run_target("handshake")

    def test_jsonrpc(self) -> None:
        """Messages of any kind."""
        self.run_target("jsonrpc")

    def test_v4l2_ctl(self) -> None:
        """Whatever v4l2-ctl may print."""
        self.run_target("v4l2-ctl")

    def test_atheris(self) -> None:
        """The fuzzer that looks where it gets to finds nothing in a moment either, and would tell."""
        if importlib.util.find_spec("atheris") is None:
            raise SkipTest("no atheris here (it has no wheel for every Python)")
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        for target in ("jsonrpc", "v4l2-ctl", "websocket"):
            runs = "50" if target == "websocket" else "500"
            ran = subprocess.run(
                [sys.executable, str(ROOT / "scripts" / "fuzz.py"), target, "--runs", runs],
                env=environ,
                cwd=self.mktemp_directory(),
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            self.assertEqual(ran.returncode, 0, ran.stderr[-3000:])
            done = re.search(r"^Done (\d+) runs", ran.stderr, re.MULTILINE)
            # A few more than were asked for: it goes on to the end of what it has begun to change.
            self.assertTrue(done and int(done[1]) >= int(runs), ran.stderr[-3000:])

    def mktemp_directory(self) -> Path:
        """Make a directory for what a fuzzer leaves."""
        path = Path(self.mktemp())
        path.mkdir()
        return path
