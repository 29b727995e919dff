"""The soak: a short one, and what it counts as not having come back."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

_SOAK = Path(__file__).parents[2] / "scripts" / "soak.py"
SOAK: dict[str, Any] = runpy.run_path(str(_SOAK))


class FaultsTests(SynchronousTestCase):
    """What is compared."""

    def faults(self, **after: float) -> list[str]:
        """Compare with what there was before."""
        before = SOAK["Figures"](rss=70.0, descriptors=16, threads=12, children=0)
        found: list[str] = SOAK["faults"](before, before._replace(**after))
        return found

    def test_as_before(self) -> None:
        """Nothing that is where it was is a fault: nor a little memory, nor the threads that the pool may have."""
        self.assertEqual(self.faults(), [])
        self.assertEqual(self.faults(rss=70.0 + SOAK["TOLERANCE"], threads=SOAK["THREADS"]), [])

    def test_left_behind(self) -> None:
        """Each that is not is one."""
        more = {"rss": 70.1 + SOAK["TOLERANCE"], "descriptors": 17, "threads": SOAK["THREADS"] + 1, "children": 1}
        for name, value in more.items():
            self.assertEqual(len(self.faults(**{name: value})), 1, name)
        self.assertEqual(len(self.faults(**more)), len(more))


class SoakTests(TestCase):
    """A real service."""

    timeout = 300

    async def soaked(self, *options: str) -> tuple[int, str]:
        """Run a short one; give its exit status and what it printed."""
        # Only root can make device nodes.
        plugs = "200" if os.geteuid() == 0 else "0"
        argv = [str(_SOAK), "--plugs", plugs, "--connections", "400", "--snapshots", "64", *options]
        environ = {**os.environ, "PYTHONPATH": str(_SOAK.parents[1])}
        out, err, status = await getProcessOutputAndValue(sys.executable, argv, environ)
        return status, (out + err).decode()

    async def test_short(self) -> None:
        """A few hundred of each leave the service as it was, and the figures are printed."""
        # A short run is still filling what a long one has filled at its first look.
        status, printed = await self.soaked("--tolerance", "24")
        self.assertEqual(status, 0, printed)
        self.assertEqual([line.split()[0] for line in printed.splitlines()[1:]], ["warm-up", "middle", "end"])

    async def test_not_as_before(self) -> None:
        """It fails where the figures are not what they should be."""
        status, printed = await self.soaked("--tolerance", "-1000", "--connections", "10", "--snapshots", "0")
        self.assertEqual(status, 1, printed)
        self.assertIn("FAILED: memory", printed)
