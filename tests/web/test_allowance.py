"""How much may be asked for."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc import config
from webcam_rpc.rpc.errors import RateLimited
from webcam_rpc.web.allowance import Rates
from webcam_rpc.web.peers import Peer


def peer(host: str = "192.0.2.1") -> Peer:
    """Give a peer there."""
    kind: Any = IPv6Address if ":" in host else IPv4Address
    return Peer.of(kind("TCP", host, 5))


class RatesTests(SynchronousTestCase):
    """Buckets that fill up with time."""

    def setUp(self) -> None:
        """Begin at some time."""
        self.clock = Clock()
        self.clock.advance(1000.0)

    def rates(self, **rate: Any) -> Rates:
        """Make rates."""
        return Rates(config.Rate(**rate), self.clock.seconds)

    def count(self, allowance: Any, cost: float = 1.0) -> int:
        """Count how often it can be spent now; see that more is refused with the time to wait."""
        self.waits = 0
        for count in range(1000):
            try:
                allowance.spend(cost)
            except RateLimited as limited:
                data: Any = limited.data
                self.waits = data["retry_after_ms"]
                return count
        raise AssertionError("nothing is refused")

    def test_a_connection(self) -> None:
        """At first there is what comes in two seconds, then what comes in the time."""
        allowance = self.rates(connection=10, address=0).of(peer())
        self.assertEqual(self.count(allowance), 20)
        self.assertEqual(self.waits, 100)
        self.clock.advance(0.5)
        self.assertEqual(self.count(allowance), 5)
        self.clock.advance(1000)
        self.assertEqual(self.count(allowance), 20)

    def test_waiting_is_enough(self) -> None:
        """Whoever waits as long as it was told is served, and whoever does not is not."""
        allowance: Any = self.rates(connection=3, address=0).of(peer())
        self.count(allowance, 2.0)
        self.clock.advance(self.waits / 1000 - 0.01)
        self.assertRaises(RateLimited, allowance.spend, 2.0)
        self.clock.advance(0.011)
        allowance.spend(2.0)

    def test_a_refusal_costs_nothing(self) -> None:
        """What was refused for one bucket is not taken out of the other."""
        rates = self.rates(connection=1, address=10)
        first, second = rates.of(peer()), rates.of(peer())
        self.assertEqual(self.count(first), 2)
        for _ in range(100):
            self.assertEqual(self.count(first), 0)
        self.assertEqual(self.count(second), 2)

    def test_an_address(self) -> None:
        """The connections of an address share what it has; an IPv6 subscriber has a whole network."""
        rates = self.rates(connection=0, address=10)
        self.assertEqual(self.count(rates.of(peer())), 20)
        self.assertEqual(self.count(rates.of(peer())), 0)
        self.assertEqual(self.count(rates.of(peer("192.0.2.2"))), 20)
        self.assertEqual(self.count(rates.of(peer("2001:db8::1"))), 20)
        self.assertEqual(self.count(rates.of(peer("2001:db8::ffff:2"))), 0)
        self.assertEqual(self.count(rates.of(peer("2001:db8:0:1::1"))), 20)

    def test_dear(self) -> None:
        """What costs more than ever comes together can be had all the same, and then nothing for a long time."""
        allowance: Any = self.rates(connection=1, address=0).of(peer())
        allowance.spend(100.0)
        self.clock.advance(90)
        self.assertRaises(RateLimited, allowance.spend, 1.0)
        self.clock.advance(9)
        allowance.spend(1.0)

    def test_nothing_is_counted(self) -> None:
        """On this machine, unless that is wanted, and where the rates are 0."""
        self.assertIsNone(self.rates().of(peer("127.0.0.1")))
        self.assertIsNotNone(self.rates(loopback=True).of(peer("127.0.0.1")))
        self.assertIsNone(self.rates(connection=0, address=0).of(peer()))

    def test_bounded(self) -> None:
        """Addresses that have not been heard of for a while are forgotten."""
        rates = self.rates(connection=0, address=10)
        for number in range(5000):
            allowance: Any = rates.of(peer(f"10.0.{number // 250}.{number % 250}"))
            allowance.spend(1.0)
            self.clock.advance(0.01)
        self.assertLessEqual(len(rates._addresses), 1100)

    def test_configured_anew(self) -> None:
        """New connections go by the new rates."""
        rates = self.rates(connection=10)
        rates.configure(config.Rate(connection=1, address=0))
        self.assertEqual(self.count(rates.of(peer())), 2)
