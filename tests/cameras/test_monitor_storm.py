"""However wildly cameras come and go and probes answer, in the end the registry says what is there."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture
from tests.cameras.case import HD, METADATA, MonitorCase, usb
from webcam_rpc.cameras.models import CameraStatusChanged, Status
from webcam_rpc.cameras.probe import Outcome, Output

#: Ports, each with a webcam's two nodes: 2N captures, 2N + 1 is for metadata.
PORTS = 4
#: What a probe may say besides the truth, for reasons of its own.
WRONG = (
    Output(Outcome.TIMEOUT, capture("uvc-hd")),
    Output(Outcome.FLOOD),
    Output(Outcome.CANCELLED),
    Output(Outcome.MISSING, stderr="v4l2-ctl: No such file or directory"),
    Output(Outcome.DONE, capture("gone-midway")),
    Output(Outcome.DONE, "", capture("no-permission.stderr"), 1),
    Output(Outcome.DONE, "", capture("no-node.stderr"), 1),
    Output(Outcome.DONE),
)

Event = tuple[str, int, int]
EVENTS = st.tuples(
    st.sampled_from(("plug", "plug", "unplug", "permit", "udev", "right", "right", "wrong", "tick", "tick", "wait")),
    st.integers(0, 2 * PORTS - 1),
    st.integers(0, 7),
)


class Storm(MonitorCase):
    """A machine, and what is really the case on it. One is made for each storm."""

    def setUp(self) -> None:
        """Start on an empty machine."""
        super().setUp()
        self.serials: dict[int, str] = {}
        self.open: dict[int, bool] = {}
        self.start()

    def happen(self, event: Event) -> None:
        """Let one thing happen."""
        kind, number, choice = event
        if kind == "plug":
            self.plug(number, choice)
        elif kind in {"unplug", "permit", "udev"} and number in self.open:
            self.change(kind, number, choice)
        elif kind in {"right", "wrong"} and self.v4l2ctl.running:
            device = self.v4l2ctl.running[number % len(self.v4l2ctl.running)].device
            self.v4l2ctl.answer(device, self.truth(device) if kind == "right" else WRONG[choice])
        elif kind in {"tick", "wait"}:
            self.clock.advance(0.1 if kind == "tick" else choice)

    def plug(self, number: int, choice: int) -> None:
        """Plug a node in, in the place of the one that may be there; its camera has one of four serials, or none."""
        serial = ("", "a", "b", "c")[choice % 4] and f"{number // 2}{'abcd'[choice % 4]}"
        if number ^ 1 in self.serials:
            serial = self.serials[number ^ 1]
        self.serials[number], self.open[number] = serial, choice < 6
        self.inventory.plug(number, usb(f"1-{number // 2}", number % 2, serial), accessible=choice < 6)

    def change(self, kind: str, number: int, choice: int) -> None:
        """Change what is plugged."""
        if kind == "unplug":
            self.inventory.unplug(number)
            del self.open[number], self.serials[number]
        elif kind == "permit":
            self.open[number] = not self.open[number]
            self.inventory.permit(number, accessible=self.open[number])
        else:
            self.inventory.udev_says(number, captures=(number % 2 == 0) if choice else None)

    def truth(self, device: str) -> Output | str:
        """Give what v4l2-ctl would say of a node."""
        number = int(device.removeprefix("/dev/video"))
        if not self.open.get(number, False):
            return WRONG[5 if number in self.open else 6]
        return METADATA if number % 2 else HD

    def settle(self) -> None:
        """Let every probe tell the truth from now on, for longer than the longest pause."""
        for _ in range(80):
            self.clock.advance(1)
            while self.v4l2ctl.running:
                device = self.v4l2ctl.running[0].device
                self.v4l2ctl.answer(device, self.truth(device))

    def check(self) -> None:
        """Demand that the registry and what clients were told is what is the case."""
        self.settle()
        expected = {
            f"/dev/video{number}": (
                f"usb-0bda-5634-{serial or f'at-1-{number // 2}'}",
                Status.CONNECTED if self.open[number] else Status.ERROR,
            )
            for number, serial in self.serials.items()
            if number % 2 == 0
        }
        present = self.registry.present()
        self.assertEqual({camera.device: (camera.camera_id, camera.status) for camera in present}, expected)
        told: dict[str, object] = {}
        for stamped in self.published:
            assert isinstance(stamped.event, CameraStatusChanged)
            camera = stamped.event.camera
            self.assertEqual(int(camera.device[-1]) % 2, 0, "a metadata node was spoken of")
            before = told.get(camera.camera_id)
            self.assertFalse(camera.status is Status.DISCONNECTED and before in (None, Status.DISCONNECTED))
            told[camera.camera_id] = camera.status
        self.assertEqual(told, {camera.camera_id: camera.status for camera in self.registry.all()})
        for camera in present:
            if camera.status is Status.CONNECTED:
                assert camera.report is not None
                self.assertEqual(camera.report.card, "Testbed Camera")

    def perform(self, events: list[Event]) -> None:
        """Let all of it happen, and look at the end; the end of the monitor is looked at in any case."""
        self.setUp()
        try:
            for event in events:
                self.happen(event)
            self.check()
            self.end()
        finally:
            self.doCleanups()


class StormTests(SynchronousTestCase):
    """Storms."""

    @settings(max_examples=60, derandomize=True, deadline=None)
    @given(st.lists(EVENTS, max_size=40))
    def test_short(self, events: list[Event]) -> None:
        """Any few events end in the true state, with nothing left on the clock."""
        Storm().perform(events)

    def test_long(self) -> None:
        """A thousand events do too, and ask for no more probes than there were reasons to."""
        chance = random.Random(2025)  # noqa: S311 - no secret, only the same storm each time
        kinds = ("plug", "unplug", "permit", "udev", "right", "right", "wrong", "tick", "tick", "tick", "wait")
        for _ in range(3):
            storm = Storm()
            storm.perform(
                [(chance.choice(kinds), chance.randrange(2 * PORTS), chance.randrange(8)) for _ in range(1000)]
            )
            self.assertLess(len(storm.v4l2ctl.runs), 2000)

    def test_200_cycles(self) -> None:
        """200 plugs and unplugs, each announced, each once."""
        storm = Storm()
        events: list[Event] = []
        for _ in range(200):
            events += [("plug", 0, 0), ("plug", 1, 0), ("tick", 0, 0), ("right", 0, 0)]
            events += [("unplug", 0, 0), ("unplug", 1, 0), ("tick", 0, 0)]
        storm.perform(events)
        statuses = [
            stamped.event.camera.status for stamped in storm.published if isinstance(stamped.event, CameraStatusChanged)
        ]
        self.assertEqual(statuses, [Status.CONNECTED, Status.DISCONNECTED] * 200)
        self.assertEqual(len(storm.v4l2ctl.runs), 200)


class OutcomeTests(SynchronousTestCase):
    """The storms know every way in which a probe can fail."""

    def test_all(self) -> None:
        """A new outcome is to be added to the storms."""
        self.assertEqual({output.outcome for output in WRONG}, set(Outcome))
        self.assertEqual(len(set(map(msgspec.json.encode, WRONG))), len(WRONG))
