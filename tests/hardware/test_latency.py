"""From the plug to the client, beside what the machine itself needs for the two steps that are not ours."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from tests.hardware.bench import Bench, plug_at_once, plugged_at, reactor, run, unplug

ROUNDS = 5


@implementer(IReadDescriptor)
class _Udev:
    """Notes when udev announces the capture node, as any program would that listens to it."""

    def __init__(self) -> None:
        import pyudev  # noqa: PLC0415 - there is no libudev where this is skipped

        self._monitor: Any = pyudev.Monitor.from_netlink(pyudev.Context())
        self._monitor.filter_by("video4linux")
        self._monitor.start()
        self.seen: list[tuple[float, str]] = []

    def fileno(self) -> int:
        """Give the netlink socket's descriptor."""
        return int(self._monitor.fileno())

    def doRead(self) -> None:
        """Take what there is."""
        at = time.monotonic()
        while (device := self._monitor.poll(timeout=0)) is not None:
            if device.action == "add" and device.properties.get("ID_V4L_CAPABILITIES") == ":capture:":
                self.seen.append((at, device.device_node))

    def connectionLost(self, reason: object) -> None:
        """Nothing ends this but the test."""

    def logPrefix(self) -> str:
        """Name this reader."""
        return "udev"


class LatencyTests(Bench):
    """How soon."""

    async def test_soon_after_udev(self) -> None:
        """The client knows resolution and fps within 1.5 times udev's own announcement and one v4l2-ctl run.

        The two are measured with the service held still, plug by plug beside the measurement of the service, so that
        neither slows the other and both have udev's other work beside them.
        """
        udev = _Udev()
        reactor.addReader(udev)
        self.addCleanup(reactor.removeReader, udev)
        figures: dict[str, list[float]] = {"udev": [], "v4l2-ctl": [], "connected": [], "complete": [], "told": []}
        for _ in range(ROUNDS):
            os.kill(self.service.pid, signal.SIGSTOP)
            try:
                await self._alone(udev, figures)
            finally:
                os.kill(self.service.pid, signal.SIGCONT)
            await self._with_the_service(udev, figures)
        median = {name: statistics.median(times) for name, times in figures.items()}
        alone = statistics.median(map(sum, zip(figures["udev"], figures["v4l2-ctl"], strict=True)))
        report = (
            f"plug to udev's announcement {median['udev']:.3f} s, one v4l2-ctl run then {median['v4l2-ctl']:.3f} s; "
            f"plug to CONNECTED {median['connected']:.3f} s, with resolution and fps {median['complete']:.3f} s: "
            f"{median['complete'] / alone:.2f} times the first two; udev's announcement to CONNECTED "
            f"{median['told']:.3f} s (medians of {ROUNDS})"
        )
        print(report, file=sys.stderr, flush=True)  # noqa: T201 - the figure is the result
        self.assertLessEqual(median["complete"], 1.5 * alone, report)

    async def _alone(self, udev: _Udev, figures: dict[str, list[float]]) -> None:
        """Do as a program would that waits for udev and then asks v4l2-ctl, without the service."""
        udev.seen.clear()
        await plug_at_once(0)
        at, node = await self.eventually(lambda: udev.seen and udev.seen[0], "udev's announcement")
        began = time.monotonic()
        await run("v4l2-ctl", "-d", node, "--all", "--list-formats-ext")
        figures["v4l2-ctl"].append(time.monotonic() - began)
        figures["udev"].append(at - plugged_at(0))
        await unplug(0)

    async def _with_the_service(self, udev: _Udev, figures: dict[str, list[float]]) -> None:
        await self.settle()
        udev.seen.clear()
        mark = self.client.mark()
        await plug_at_once(0)
        told = await self.announced("usb-1d6b-0102-tb0000", "CONNECTED", since=mark)
        first = next(one for one in self.client.notifications[mark:] if one.params.get("status") == "CONNECTED")
        announced = (await self.eventually(lambda: udev.seen, "udev's announcement"))[0][0]
        figures["connected"].append(first.at - plugged_at(0))
        figures["told"].append(first.at - announced)
        figures["complete"].append(told.at - plugged_at(0))
        await unplug(0)
        await self.announced("usb-1d6b-0102-tb0000", "DISCONNECTED", since=mark)
