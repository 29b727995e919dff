"""The watch on the service's parts: worse is told at once, better when it has lasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.task import Clock
from twisted.logger import LogLevel

from tests.cameras.case import LogCase, make_bus
from webcam_rpc.api.health import INTERVAL, ROUNDS, HealthChanged, HealthWatch
from webcam_rpc.api.server import Component

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.api.server import Health


class HealthWatchTests(LogCase):
    """Two parts that are well at first."""

    def setUp(self) -> None:
        """Watch them."""
        super().setUp()
        self.clock = Clock()
        self.told: list[tuple[str, str, str]] = []
        bus = make_bus()
        bus.subscribe(lambda stamped: self.keep(stamped.event))
        self.now: dict[str, Health] = {"storage": "HEALTHY", "cameras": "HEALTHY"}
        components: dict[str, Callable[[], Component]] = {
            name: lambda name=name: Component(self.now[name], f"{name} {self.now[name].lower()}")  # type: ignore[misc]
            for name in self.now
        }
        self.watch = HealthWatch(self.clock, bus, components)
        self.watch.startService()
        self.addCleanup(self.end)

    def keep(self, event: object) -> None:
        """Keep what is told."""
        assert isinstance(event, HealthChanged)
        self.told.append((event.component, event.status, event.detail))

    def end(self) -> None:
        """Stop; nothing is left on the clock."""
        self.watch.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def rounds(self, *states: Health, times: int = 1) -> list[str]:
        """Let the storage be so for a round each, so many times over; gives what was told of it."""
        for state in states * times:
            self.now["storage"] = state
            self.clock.advance(INTERVAL)
        told = [status for name, status, _ in self.told if name == "storage"]
        self.told.clear()
        return told

    def test_well(self) -> None:
        """Of parts that are well nothing is told."""
        self.assertEqual(self.rounds("HEALTHY", times=9), [])

    def test_worse(self) -> None:
        """Worse is told once, in the next round, with why; worse still is told again."""
        self.now["storage"] = "DEGRADED"
        self.clock.advance(INTERVAL)
        self.assertEqual(self.told, [("storage", "DEGRADED", "storage degraded")])
        self.assertEqual(self.lines(LogLevel.error), ["storage is DEGRADED: storage degraded"])
        self.told.clear()
        self.assertEqual(self.rounds("DEGRADED", "UNHEALTHY", "UNHEALTHY"), ["UNHEALTHY"])

    def test_better(self) -> None:
        """Better is told when it has lasted for some rounds."""
        self.rounds("UNHEALTHY")
        self.assertEqual(self.rounds("HEALTHY", times=ROUNDS - 1), [])
        self.lines()
        self.assertEqual(self.rounds("HEALTHY"), ["HEALTHY"])
        self.assertEqual(self.lines(), ["storage is well again"])
        self.assertEqual(self.rounds("HEALTHY"), [])

    def test_comes_and_goes(self) -> None:
        """A part that is well only now and then is not told each time; the rounds are counted anew."""
        self.rounds("DEGRADED")
        for _ in range(5):
            self.assertEqual(self.rounds("HEALTHY", "HEALTHY", "DEGRADED"), [])
        self.assertEqual(self.rounds("HEALTHY", "HEALTHY", "HEALTHY"), ["HEALTHY"])

    def test_partly_better(self) -> None:
        """What is told then is how it is by then."""
        self.rounds("UNHEALTHY")
        self.assertEqual(self.rounds("HEALTHY", "HEALTHY", "DEGRADED"), ["DEGRADED"])

    def test_each_by_itself(self) -> None:
        """One part's state is not another's."""
        self.now.update(cameras="UNHEALTHY", storage="DEGRADED")
        self.clock.advance(INTERVAL)
        self.assertEqual({name: status for name, status, _ in self.told}, self.now)

    def test_look_that_fails(self) -> None:
        """A part that cannot be looked at is not well, which is logged once, and hides no other."""
        del self.now["storage"]
        self.clock.advance(INTERVAL)
        self.now["cameras"] = "DEGRADED"
        self.clock.advance(INTERVAL)
        self.assertEqual([told[:2] for told in self.told], [("storage", "DEGRADED"), ("cameras", "DEGRADED")])
        self.assertEqual(self.lines(LogLevel.error)[0], "Cannot tell how storage is")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.told.clear()
        self.assertEqual(self.rounds("HEALTHY", times=ROUNDS), ["HEALTHY"])
        del self.now["storage"]
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_again(self) -> None:
        """Stopped it tells nothing; started anew it goes on."""
        self.watch.stopService()
        self.assertEqual(self.rounds("DEGRADED"), [])
        self.watch.startService()
        self.assertEqual(self.rounds("DEGRADED"), ["DEGRADED"])
