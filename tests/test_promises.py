"""The table of promises: each names tests that are there."""

from __future__ import annotations

import re

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from tests.service import ROOT


class PromiseTests(SynchronousTestCase):
    """docs/operations.md against the tests."""

    def test_named_tests_exist(self) -> None:
        """Each row names at least one test, or script, which is there."""
        page = (ROOT / "docs" / "operations.md").read_text("utf-8")
        table = page.partition("## What is promised")[2]
        rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
        self.assertGreater(len(rows), 50)
        for row in rows:
            named = re.findall(r"`((?:tests\.|scripts/)[\w./]+)`", row[1])
            self.assertTrue(named, row)
            for name in named:
                if name.startswith("scripts/"):
                    self.assertTrue((ROOT / name).is_file(), name)
                else:
                    self.assertIsNotNone(namedAny(name))
