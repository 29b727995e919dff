"""One sequence for everything that happened, told in order, with a short memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.bus import DEFAULT_TOPICS, Bus, Subscription

if TYPE_CHECKING:
    from webcam_rpc.bus import Stamped


def make_bus(ring: int = 1000) -> Bus:
    """Make a bus whose clock stands still."""
    return Bus("epoch", lambda: "2025-07-30T10:00:00Z", ring)


def events(stamped: list[Stamped] | None) -> list[object] | None:
    """Give the events without their stamps."""
    return None if stamped is None else [one.event for one in stamped]


class PublishTests(SynchronousTestCase):
    """Who is told, and in which order."""

    def test_stamped(self) -> None:
        """Events are numbered from 1, carry the time, and what is returned is what subscribers get."""
        bus = make_bus()
        heard: list[Stamped] = []
        bus.subscribe(heard.append)
        returned = [bus.publish("a"), bus.publish("b")]
        self.assertEqual(heard, returned)
        self.assertEqual([(one.seq, one.timestamp, one.event) for one in heard][1], (2, "2025-07-30T10:00:00Z", "b"))
        self.assertEqual(bus.seq, 2)

    def test_subscriber_that_raises(self) -> None:
        """One that raises is logged and costs the others nothing."""
        bus = make_bus()
        heard: list[Stamped] = []

        def broken(_: Stamped) -> None:
            raise ValueError("a defect")

        bus.subscribe(broken)
        bus.subscribe(heard.append)
        bus.publish("a")
        bus.publish("b")
        self.assertEqual(events(heard), ["a", "b"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_unsubscribe(self) -> None:
        """Who unsubscribed, even from within the event, is told no more."""
        bus = make_bus()
        heard: list[Stamped] = []

        def once(stamped: Stamped) -> None:
            heard.append(stamped)
            end()

        end = bus.subscribe(once)
        bus.publish("a")
        bus.publish("b")
        self.assertEqual(events(heard), ["a"])

    def test_published_from_within(self) -> None:
        """An event that a subscriber publishes never overtakes the one that it was told: all hear them in order."""
        bus = make_bus()
        heard: list[Stamped] = []

        def reacts(stamped: Stamped) -> None:
            if stamped.event == "a":
                bus.publish("because of a")

        bus.subscribe(reacts)
        bus.subscribe(heard.append)
        bus.publish("a")
        bus.publish("b")
        self.assertEqual([one.seq for one in heard], [1, 2, 3])
        self.assertEqual(events(heard), ["a", "because of a", "b"])


class ReplayTests(SynchronousTestCase):
    """What a client that was away may still get."""

    def test_since(self) -> None:
        """Everything after a number, nothing after the last."""
        bus = make_bus()
        for event in "abc":
            bus.publish(event)
        self.assertEqual(events(bus.since(0, "epoch")), ["a", "b", "c"])
        self.assertEqual(events(bus.since(2, None)), ["c"])
        self.assertEqual(events(bus.since(3, "epoch")), [])

    def test_cannot_be_given(self) -> None:
        """Another epoch, the future, the impossible and what has left the ring: None, never a part."""
        bus = make_bus(ring=2)
        for event in "abc":
            bus.publish(event)
        self.assertIsNone(bus.since(1, "another"))
        self.assertIsNone(bus.since(4, "epoch"))
        self.assertIsNone(bus.since(-1, "epoch"))
        self.assertIsNone(bus.since(0, "epoch"))
        self.assertEqual(events(bus.since(1, "epoch")), ["b", "c"])

    @settings(max_examples=60, derandomize=True, deadline=None)
    @given(st.integers(1, 8), st.integers(0, 20), st.integers(-2, 22))
    def test_no_gap(self, ring: int, count: int, seq: int) -> None:
        """What is given is every event after the number without a gap, or None."""
        bus = make_bus(ring)
        for event in range(1, count + 1):
            bus.publish(event)
        given_back = events(bus.since(seq, None))
        if 0 <= seq <= count <= seq + ring:
            self.assertEqual(given_back, list(range(seq + 1, count + 1)))
        else:
            self.assertIsNone(given_back)


class SubscriptionTests(SynchronousTestCase):
    """What one client wants."""

    def test_default(self) -> None:
        """Who never asked gets what clients have always got, of every camera, and nothing else."""
        subscription = Subscription()
        self.assertEqual(subscription.topics, DEFAULT_TOPICS)
        self.assertTrue(subscription.wants("camera_status_update", "usb-1"))
        self.assertTrue(subscription.wants("recording_status_update", None))
        self.assertFalse(subscription.wants("system_status", None))

    def test_first_choice_narrows(self) -> None:
        """The first choice replaces the default, later ones add to it."""
        subscription = Subscription()
        subscription.add(["system_status"], None)
        self.assertEqual(subscription.topics, {"system_status"})
        subscription.add(["camera_status_update"], None)
        self.assertEqual(subscription.topics, {"system_status", "camera_status_update"})

    def test_cameras(self) -> None:
        """Cameras narrow only events that belong to a camera; the last word on them counts."""
        subscription = Subscription()
        subscription.add(["camera_status_update", "system_status"], frozenset({"a"}))
        self.assertEqual(subscription.cameras, {"a"})
        self.assertTrue(subscription.wants("camera_status_update", "a"))
        self.assertFalse(subscription.wants("camera_status_update", "b"))
        self.assertTrue(subscription.wants("system_status", None))
        subscription.add(["camera_status_update"], None)
        self.assertTrue(subscription.wants("camera_status_update", "b"))

    def test_remove(self) -> None:
        """What is removed is wanted no more; None removes all, and a later choice begins from nothing."""
        subscription = Subscription()
        subscription.remove(["camera_status_update"])
        self.assertFalse(subscription.wants("camera_status_update", "a"))
        self.assertTrue(subscription.wants("camera_control_update", "a"))
        subscription.remove(None)
        self.assertEqual(subscription.topics, frozenset())
        subscription.add(["system_status"], None)
        self.assertEqual(subscription.topics, {"system_status"})
