"""The pool of threads: results come back to the reactor, and the end waits for what runs."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from webcam_rpc.threads import Threads

reactor: Any = global_reactor


class ThreadsTests(TestCase):
    """A pool that runs while the service does."""

    timeout = 30

    def setUp(self) -> None:
        """Start one."""
        self.pool = ThreadPool(0, 2, "test")
        self.threads = Threads(reactor, self.pool)
        self.threads.startService()

    async def test_run(self) -> None:
        """The function runs in another thread, the result arrives in this one."""
        self.assertIsNot(await self.threads.run(threading.current_thread), threading.current_thread())
        self.assertEqual(await self.threads.run(divmod, 7, 2), (3, 1))
        await self.threads.stopService()

    async def test_failure(self) -> None:
        """What the function raises is what the Deferred fails with."""
        await self.assertFailure(self.threads.run(int, "x"), ValueError)
        await self.threads.stopService()

    async def test_endings(self) -> None:
        """The endings run one after the other, each waited for, before the threads end; then none is left."""
        order: list[str] = []
        first: Deferred[None] = Deferred()

        def begin() -> Deferred[None]:
            order.append("first")
            return first

        self.threads.before_stop(begin)
        self.threads.before_stop(lambda: order.append("second"))
        await self.threads.run(int)
        stopped = self.threads.stopService()
        self.assertEqual((order, self.pool.joined), (["first"], False))
        first.callback(None)
        await stopped
        self.assertEqual((order, self.pool.joined), (["first", "second"], True))
        self.assertEqual([thread for thread in self.pool.threads if thread.is_alive()], [])
