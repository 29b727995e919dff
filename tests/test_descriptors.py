"""How many connections the system's limit of open files allows."""

from __future__ import annotations

import resource

from twisted.logger import LogLevel

from tests.cameras.case import LogCase
from webcam_rpc.descriptors import RESERVED, connections_possible


class DescriptorTests(LogCase):
    """The real limit of this process, put back afterwards; only the soft one is ever changed."""

    def setUp(self) -> None:
        """Lower the soft limit."""
        super().setUp()
        soft, self.hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, self.hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, self.hard))

    def test_enough(self) -> None:
        """What fits is left as it is."""
        self.assertEqual(connections_possible(512 - RESERVED), 512 - RESERVED)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (512, self.hard))

    def test_raised(self) -> None:
        """The soft limit is raised by as much as is needed."""
        self.assertEqual(connections_possible(600), 600)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (600 + RESERVED, self.hard))

    def test_too_many(self) -> None:
        """Beyond the hard limit there are fewer connections, and the log says how many."""
        if self.hard == resource.RLIM_INFINITY:
            self.skipTest("this process may open as many files as it likes")
        self.assertEqual(connections_possible(self.hard), self.hard - RESERVED)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (self.hard, self.hard))
        (line,) = self.lines(LogLevel.warn)
        self.assertEqual(
            line,
            f"At most {self.hard - RESERVED} connections instead of {self.hard}: "
            f"this process may open {self.hard} files",
        )
