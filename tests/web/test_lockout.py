"""Addresses that show wrong tokens."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.web.lockout import FAILURES, LOCKED, WITHIN, Lockout


class LockoutTests(SynchronousTestCase):
    """Ten failures a minute lock an address out for a minute."""

    def setUp(self) -> None:
        """Begin with nobody."""
        self.lockout = Lockout()

    def fail(self, *times: float, address: str = "a") -> list[bool]:  # type: ignore[override]
        """Fail at these times."""
        return [self.lockout.failed(address, at) for at in times]

    def test_ten(self) -> None:
        """The tenth within the minute locks, and only this address."""
        self.assertEqual(self.fail(*range(FAILURES)), [False] * (FAILURES - 1) + [True])
        self.assertEqual(self.lockout.wait("a", 9.0), LOCKED)
        self.assertEqual(self.lockout.wait("a", 9.0 + LOCKED - 1), 1.0)
        self.assertEqual(self.lockout.wait("b", 9.0), 0.0)

    def test_over(self) -> None:
        """After the minute everything is as at first."""
        self.fail(*[0.0] * FAILURES)
        self.assertEqual(self.lockout.wait("a", LOCKED), 0.0)
        self.assertEqual(len(self.lockout), 0)
        self.assertEqual(self.fail(*[LOCKED] * (FAILURES - 1)), [False] * (FAILURES - 1))

    def test_now_and_then(self) -> None:
        """Failures that are a minute old do not count: nine a minute go on for ever."""
        pause = WITHIN // (FAILURES - 1) + 1
        self.assertFalse(any(self.fail(*(number * pause for number in range(200)))))

    def test_bounded(self) -> None:
        """An attacker with a million addresses costs no more memory than one with ten thousand."""
        for number in range(12_000):
            self.fail(0.0, address=f"f{number}")
        for number in range(12_000):
            self.fail(*[0.0] * FAILURES, address=f"l{number}")
        self.assertLessEqual(len(self.lockout._failures), 10_000)
        self.assertLessEqual(len(self.lockout), 10_000)
        self.assertEqual(self.lockout.wait("l11999", 0.0), LOCKED)
