"""The tally of calls, and the lag of the reactor."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.composition.health import loop, rpc
from webcam_rpc.histogram import BOUNDS, Histogram
from webcam_rpc.metrics.calls import CallTally
from webcam_rpc.metrics.lag import LoopLag


class HistogramTests(SynchronousTestCase):
    """Buckets."""

    def test_buckets(self) -> None:
        """Each bucket has what is no larger than its bound, the last has everything."""
        histogram = Histogram()
        for seconds in (0.0, 0.001, 0.0011, 0.5, 31.0):
            histogram.observe(seconds)
        buckets = dict(histogram.buckets())
        self.assertEqual((buckets["0.001"], buckets["0.0025"], buckets["0.5"]), (2, 3, 4))
        self.assertEqual((buckets["30.0"], buckets["+Inf"], histogram.count), (4, 5, 5))
        self.assertApproximates(histogram.sum, 31.5021, 1e-9)
        self.assertEqual(len(buckets), len(BOUNDS) + 1)


class CallTallyTests(SynchronousTestCase):
    """What is said of methods that fail."""

    def setUp(self) -> None:
        """Begin with none."""
        self.clock = Clock()
        self.tally = CallTally(self.clock.seconds)

    def fail_often(self, times: int, pause: float, method: str = "take_snapshot") -> None:
        """Fail so often."""
        for _ in range(times):
            self.clock.advance(pause)
            self.tally.observed(method, "internal_error", 0.1)

    def test_persistent(self) -> None:
        """Five internal errors of one method in a minute are told, until there was none for a minute."""
        self.fail_often(4, 10)
        self.assertEqual(rpc(self.tally).status, "HEALTHY")
        self.fail_often(1, 10)
        self.assertEqual(self.tally.failing(), ("take_snapshot",))
        self.assertEqual(rpc(self.tally).status, "DEGRADED")
        self.assertIn("take_snapshot", rpc(self.tally).detail)
        self.clock.advance(59)
        self.assertEqual(rpc(self.tally).status, "DEGRADED")
        self.clock.advance(1)
        self.assertEqual(rpc(self.tally).status, "HEALTHY")

    def test_goes_on(self) -> None:
        """It is told until there was none for a minute, not only while there are five in one."""
        self.fail_often(5, 1)
        for _ in range(10):
            self.clock.advance(59)
            self.assertEqual(rpc(self.tally).status, "DEGRADED")
            self.fail_often(1, 0)
            self.assertEqual(rpc(self.tally).status, "DEGRADED")
        self.clock.advance(60)
        self.assertEqual(rpc(self.tally).status, "HEALTHY")
        self.fail_often(4, 10)
        self.assertEqual(rpc(self.tally).status, "HEALTHY")
        self.fail_often(1, 10)
        self.assertEqual(rpc(self.tally).status, "DEGRADED")

    def test_expected(self) -> None:
        """A method that was never called is in the figures with none, and one that was keeps its count."""
        self.tally.observed("ping", "ok", 0.002)
        self.tally.expect(["ping", "take_snapshot"])
        self.assertEqual(
            self.tally.outcomes,
            {
                ("ping", "ok"): 1,
                ("ping", "internal_error"): 0,
                ("take_snapshot", "ok"): 0,
                ("take_snapshot", "internal_error"): 0,
            },
        )

    def test_rare(self) -> None:
        """Failures that are further apart are not told, nor those of many methods, nor errors of the caller's."""
        self.fail_often(20, 16)
        for name in ("one", "two", "three", "four", "five"):
            self.fail_often(1, 0, name)
        for _ in range(50):
            self.tally.observed("ping", "invalid_params", 0.1)
        self.assertEqual(self.tally.failing(), ())

    def test_counted(self) -> None:
        """Each outcome of each method is counted, with its time."""
        self.tally.observed("ping", "ok", 0.002)
        self.tally.observed("ping", "ok", 0.002)
        self.tally.observed("ping", "rate_limited", 0.002)
        self.assertEqual(self.tally.outcomes, {("ping", "ok"): 2, ("ping", "rate_limited"): 1})
        self.assertEqual(self.tally.times["ping"].count, 3)


class LagTests(SynchronousTestCase):
    """How late the reactor is."""

    def setUp(self) -> None:
        """Begin to look."""
        self.clock = Clock()
        self.lag = LoopLag(self.clock)
        self.lag.startService()
        self.addCleanup(self.lag.stopService)

    def test_in_time(self) -> None:
        """A reactor that turns is not late."""
        self.clock.pump([0.1] * 100)
        self.assertApproximates(self.lag.worst, 0.0, 0.11)
        self.assertIn(self.lag.times.count, (19, 20))  # ten seconds, but for what a float lacks
        self.assertEqual(loop(self.lag).status, "HEALTHY")

    def test_held(self) -> None:
        """One that was held is, for ten seconds, and then no more."""
        self.clock.pump([0.5] * 4)
        self.clock.advance(3.25)
        self.assertApproximates(self.lag.worst, 2.75, 1e-6)
        self.assertEqual(loop(self.lag).status, "DEGRADED")
        self.clock.pump([0.25] * 60)
        self.assertApproximates(self.lag.worst, 0.0, 0.01)
        self.assertEqual(loop(self.lag).status, "HEALTHY")

    def test_stopped(self) -> None:
        """Nothing goes on once it is stopped."""
        self.lag.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.lag.startService()
