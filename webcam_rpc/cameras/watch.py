"""What is known of one node while it is there, and which node of a video function is the camera.

Owns the decision, as pure functions over :class:`Watch`; the monitor owns the looking, the probing and the time.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.identity import place
from webcam_rpc.cameras.models import Camera, Status, Trouble
from webcam_rpc.cameras.probe import Outcome, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IDelayedCall

    from webcam_rpc.cameras.identity import Place
    from webcam_rpc.cameras.inventory import Facts, Node
    from webcam_rpc.cameras.models import NodeReport

#: uvcvideo waits 5 s for each answer (UVC_CTRL_CONTROL_TIMEOUT); a report that took about that long and is without
#: controls comes from a camera that answers nothing.
_MUTE_AFTER = 4.0


class Phase(enum.Enum):
    """Where a node stands."""

    #: Not looked at: an earlier node of its function may be the camera, or is.
    IDLE = enum.auto()
    #: It is there, and we may not open it yet: udev sets the permissions a moment after the node appears.
    WAITING = enum.auto()
    #: v4l2-ctl runs, or has yet to.
    PROBING = enum.auto()
    #: It is known what the node is.
    KNOWN = enum.auto()
    #: The last probe failed; another will follow.
    FAILED = enum.auto()


@dataclass(eq=False)
class Watch:
    """A node from its appearance to its end. ``since`` is when its present wait began, in the clock's seconds.

    ``seen`` is when it appeared; None once it is announced.
    """

    node: Node
    facts: Facts | None
    since: float
    initial: bool
    seen: float | None = None
    phase: Phase = Phase.IDLE
    report: NodeReport | None = None
    trouble: Trouble | None = None
    attempts: int = 0
    #: The node is known to capture, and its probe takes too long for the news to wait.
    early: bool = False
    camera_id: str | None = None
    #: The claim by which it has the id, and whether that was made before a report told all that matters to it.
    claim: Place | None = None
    unprobed_claim: bool = False
    run: Deferred[Any] | None = None
    timers: list[IDelayedCall] = field(default_factory=list)

    @property
    def function(self) -> str:
        """Names what the node is a part of; by itself where the system does not say."""
        return self.facts.function if self.facts is not None else self.node.path

    def is_in(self, found: Mapping[str, Node]) -> bool:
        """Tell whether the node is among those found, and no other has taken its place."""
        node = found.get(self.node.path)
        return node is not None and node.same_device(self.node)

    @property
    def index(self) -> int:
        """The node's place in its function."""
        return self.facts.index if self.facts is not None else 0

    @property
    def may_capture(self) -> bool:
        """Whether a node that cannot be probed is to be spoken of: metadata nodes are not, whatever fails on them."""
        if self.report is not None:
            return self.report.captures
        if self.facts is None:
            return True
        return self.facts.index == 0 if self.facts.captures is None else self.facts.captures


def judge(output: Output, device: str) -> NodeReport | Trouble:
    """Tell from what ``v4l2-ctl`` printed what the node is, or what stands in the way: its exit status lies."""
    if output.outcome is not Outcome.DONE:
        return _BY_OUTCOME[output.outcome](output, device)
    try:
        report = v4l2.parse_report(output.stdout)
    except v4l2.ParseError:
        return _by_text(output, device)
    if not report.captures and "\nPriority:" not in output.stdout:
        # Each node has a priority: this one went away between the first question and the second.
        return Trouble("V4L2_FAILED", f"{device} went away while it was asked", "ask again", lasting=False)
    if report.captures and not report.controls and output.seconds > _MUTE_AFTER:
        return Trouble(
            "V4L2_FAILED",
            f"the camera behind {device} does not answer control requests",
            "plug it in again",
            lasting=True,
        )
    return report


_BY_OUTCOME: dict[Outcome, Callable[[Output, str], Trouble]] = {
    Outcome.MISSING: lambda output, _: Trouble(
        "V4L2_FAILED", output.stderr, "install v4l-utils (apt-get install v4l-utils)", lasting=True
    ),
    Outcome.TIMEOUT: lambda _, device: Trouble(
        "V4L2_FAILED", f"v4l2-ctl does not come to an end on {device}", "plug the camera in again", lasting=True
    ),
    Outcome.FLOOD: lambda _, device: Trouble(
        "V4L2_FAILED", f"v4l2-ctl prints without end on {device}", "see which v4l2-ctl is first in PATH", lasting=True
    ),
    Outcome.CANCELLED: lambda _, device: Trouble(
        "V4L2_FAILED", f"v4l2-ctl was stopped on {device}", "ask again", lasting=False
    ),
}


def permission(device: str) -> Trouble:
    """Give the trouble of a node that we may not open."""
    return Trouble(
        "V4L2_PERMISSION",
        f"no permission to open {device}",
        "add the service's user to the group video (SupplementaryGroups=video in the unit)",
        lasting=False,
    )


def _by_text(output: Output, device: str) -> Trouble:
    failure = v4l2.failure(output.stdout, output.stderr, output.status)
    if failure is v4l2.Failure.PERMISSION:
        return permission(device)
    if failure is v4l2.Failure.BUSY:
        return Trouble("V4L2_FAILED", f"{device} is busy", "close the program that has it open", lasting=False)
    if failure is v4l2.Failure.GONE:
        return Trouble("V4L2_FAILED", f"{device} has no device behind it", "plug the camera in again", lasting=False)
    said = " ".join((output.stderr or output.stdout).split())[:200] or "nothing"
    return Trouble(
        "V4L2_FAILED",
        f"v4l2-ctl cannot tell what {device} is, it said: {said}",
        "try v4l2-ctl --all on it",
        lasting=False,
    )


def claim(watch: Watch) -> Place:
    """Derive the id that the node may claim from what is known of it now."""
    infrared = watch.report is not None and watch.report.infrared
    return place(watch.facts, watch.report, watch.node.path.rpartition("/")[2], infrared=infrared)


def describe(watch: Watch, camera_id: str) -> Camera:
    """Give the camera that the node is, as it stands now."""
    facts, report, trouble = watch.facts, watch.report, watch.trouble
    return Camera(
        camera_id=camera_id,
        device=watch.node.path,
        name=(report.card if report is not None else "")
        or (facts.name if facts is not None else "")
        or watch.node.path,
        status=Status.CONNECTED if trouble is None else Status.ERROR,
        vendor_id=facts.vendor_id if facts is not None else None,
        product_id=facts.product_id if facts is not None else None,
        serial=(facts.serial if facts is not None else report.serial if report is not None else None) or None,
        usb_path=facts.usb_path if facts is not None else None,
        driver=report.driver if report is not None else None,
        reason=trouble.reason if trouble is not None else None,
        report=report,
    )


def in_order(watches: Iterable[Watch]) -> list[Watch]:
    """Sort the nodes of one function as the driver made them."""
    return sorted(watches, key=lambda watch: (watch.index, watch.node.number))


def choose(watches: Iterable[Watch]) -> Watch | None:
    """Pick the node of one video function that is its camera: the first that captures and is not an infrared sensor.

    None while an earlier node may yet turn out to be it, or where there is none.
    """
    for watch in in_order(watches):
        if watch.report is not None and watch.trouble is None:
            if watch.report.captures and not watch.report.infrared:
                return watch
        elif watch.trouble is not None or watch.early:
            if watch.may_capture:
                return watch
        elif watch.may_capture:
            return None
    return None
