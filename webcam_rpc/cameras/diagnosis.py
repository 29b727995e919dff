"""What may be wrong with a camera, checked from the outside in: node, permission, holder, formats, USB, programs.

Owns the checks and their remedies in words. Works on a device path as well as on a camera, so that one can ask why a
node is *not* listed.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.holder import find_holders
from webcam_rpc.cameras.models import NodeReport
from webcam_rpc.cameras.watch import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.holder import Holders
    from webcam_rpc.cameras.inventory import Facts, Inventory, Node
    from webcam_rpc.cameras.models import Trouble
    from webcam_rpc.cameras.probe import Output, V4L2Ctl

_RUN_TIMEOUT = 6.0
#: What USB leaves for payload, in Mbit/s: high speed carries at most 24 MB/s isochronous (USB 2.0, section 5.6.4).
_PAYLOAD = {12.0: 8.0, 480.0: 192.0, 5000.0: 3200.0}
_BITS_A_PIXEL = {"YUYV": 16, "UYVY": 16, "NV12": 12, "YU12": 12, "GREY": 8, "RGB3": 24, "BGR3": 24}


class Check(msgspec.Struct, frozen=True):
    """One check: what was looked at, whether it is well (None: could not be told), what was seen, what to do."""

    check: str
    ok: bool | None
    detail: str
    remedy: str | None = None


def _well(check: str, detail: str, remedy: str | None = None) -> Check:
    return Check(check, ok=True, detail=detail, remedy=remedy)


def _bad(check: str, detail: str, remedy: str) -> Check:
    return Check(check, ok=False, detail=detail, remedy=remedy)


def _untold(check: str, detail: str, remedy: str | None = None) -> Check:
    return Check(check, ok=None, detail=detail, remedy=remedy)


class Diagnosis:
    """Looks at one node.

    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    :param environment: where ``ffmpeg`` and ``v4l2-ctl`` are looked for.
    """

    def __init__(
        self,
        inventory: Inventory,
        v4l2ctl: V4L2Ctl,
        in_thread: Callable[..., Deferred[Any]],
        environment: dict[str, str],
    ) -> None:
        self._inventory = inventory
        self._v4l2ctl = v4l2ctl
        self._in_thread = in_thread
        self._path = environment.get("PATH")

    def holders(self, device: str) -> Deferred[Holders]:
        """Find who else has ``device`` open."""
        return self._in_thread(find_holders, device, os.getpid())

    @inlineCallbacks
    def examine(self, device: str) -> Generator[Deferred[Any], Any, tuple[Check, ...]]:
        """Check the node at ``device``, from the outside in; later checks are left out where an earlier one rules."""
        tools = self.tools()
        node = self._inventory.node(device)
        if node is None:
            found = _bad("node", f"{device} is not a V4L2 device node", "plug the camera in; see dmesg")
            return (found, *tools)
        checks = [_well("node", f"{device} is a V4L2 device node"), _permission(node)]
        holders: Holders = yield self.holders(device)
        checks.append(_holder(holders))
        facts = self._inventory.facts(node)
        if node.accessible and tools[0].ok:
            output: Output = yield self._v4l2ctl.run(device, v4l2.probe_argv(device), _RUN_TIMEOUT)
            verdict = judge(output, device)
            checks.extend(_of_verdict(verdict))
            checks.append(_usb(facts, verdict if isinstance(verdict, NodeReport) else None))
        else:
            checks.append(_usb(facts, None))
        return (*checks, *tools)

    def tools(self) -> tuple[Check, ...]:
        """Check that the programs are there that the service runs."""
        return (self._tool("v4l2-ctl", "v4l-utils"), self._tool("ffmpeg", "ffmpeg"))

    def _tool(self, name: str, package: str) -> Check:
        found = shutil.which(name, path=self._path)
        if found is None:
            return _bad(name, f"{name} is not in PATH", f"apt-get install {package}")
        return _well(name, found)


def _permission(node: Node) -> Check:
    if node.accessible:
        return _well("permission", "this service may open it")
    return _bad(
        "permission",
        "this service may not open it",
        "add its user to the group video (SupplementaryGroups=video in the unit)",
    )


def _holder(holders: Holders) -> Check:
    if holders.found:
        who = ", ".join(f"{holder.comm} (pid {holder.pid})" for holder in holders.found)
        return _bad("holder", f"open in {who}", "only one program can stream: end it, or let it use this service")
    if holders.reason is not None:
        return _untold("holder", holders.reason, "run the service as root to see them")
    return _well("holder", "no other program has it open")


def _of_verdict(verdict: NodeReport | Trouble) -> list[Check]:
    if not isinstance(verdict, NodeReport):
        return [_bad("formats", verdict.detail, verdict.remedy)]
    caps = ", ".join(sorted(verdict.device_caps))
    if not verdict.captures:
        detail = f"no video capture node: {caps}" if verdict.modes or "Video Capture" not in caps else "no formats"
        return [_bad("node_type", detail, "a camera's other node is the one that captures: see get_camera_list")]
    kind = "infrared sensor" if verdict.infrared else "video capture"
    remedy = "listed only with cameras.infrared: true" if verdict.infrared else None
    formats = sorted({mode.pixel_format for mode in verdict.modes})
    return [
        _well("node_type", f"{kind}: {caps}", remedy),
        _well("formats", f"{len(verdict.modes)} modes in {', '.join(formats)}"),
    ]


def _usb(facts: Facts | None, report: NodeReport | None) -> Check:
    if facts is None or facts.usb_path is None:
        return _untold("usb", "not a USB device, or sysfs does not say")
    if facts.usb_speed is None:
        return _untold("usb", f"port {facts.usb_path}, speed not told")
    detail = f"port {facts.usb_path} at {facts.usb_speed:g} Mbit/s"
    room = _PAYLOAD.get(facts.usb_speed)
    need = _raw_megabits(report)
    if room is None or need is None:
        return _well("usb", detail)
    detail += f"; the present mode needs {need:.0f} of about {room:.0f} Mbit/s"
    if need > room:
        return _bad("usb", detail, "use MJPG, a smaller size, a lower rate or a faster port")
    return _well("usb", detail)


def _raw_megabits(report: NodeReport | None) -> float | None:
    mode = report.mode if report is not None else None
    bits = _BITS_A_PIXEL.get(mode.pixel_format) if mode is not None else None
    if mode is None or bits is None or not mode.fps:
        return None
    return mode.width * mode.height * mode.fps * bits / 1e6
