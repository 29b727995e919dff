"""When the figures are there, and who waits for what writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.metrics.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.metrics.figures import Sources


class FiguresTests(SynchronousTestCase):
    """Figures of nothing: what is looked at is who waits."""

    def setUp(self) -> None:
        """Make them, with threads that run when they are told to."""
        self.threads: list[tuple[Deferred[Any], Callable[..., Any], tuple[object, ...]]] = []
        self.figures = Figures(cast("Sources", None), self.in_thread)

    def in_thread(self, function: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Take a function."""
        done: Deferred[Any] = Deferred()
        self.threads.append((done, function, args))
        return done

    def run_threads(self) -> None:
        """Do what waits."""
        threads, self.threads = self.threads, []
        for done, function, args in threads:
            done.callback(function(*args))

    def test_loaded_once(self) -> None:
        """What writes them is loaded in a thread, for all that have asked meanwhile, and never again."""
        first, second = self.figures.metrics(), self.figures.metrics()
        self.assertNoResult(first)
        self.run_threads()
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.figures.metrics())
        self.assertEqual(self.threads, [])

    def test_failure_is_told(self) -> None:
        """What goes wrong while they are put together is told to whoever asked, and the next one asks anew."""
        for _ in range(2):
            text = self.figures.text()
            self.run_threads()
            self.failureResultOf(text, AttributeError)
