"""What can be done with a camera, whatever it is made of: read it again, set its controls, set its mode.

Owns the operations on V4L2 nodes; :class:`Device` is what every kind of camera offers to the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import inlineCallbacks

from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.models import Trouble
from webcam_rpc.cameras.probe import Outcome
from webcam_rpc.cameras.watch import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import Any

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.models import Camera, ControlValue, CurrentMode, NodeReport
    from webcam_rpc.cameras.probe import Output, V4L2Ctl

#: Seconds that one run for a client's request may take: two of them end within the 15 s that every call is promised.
_RUN_TIMEOUT = 6.0


class DeviceTrouble(Exception):  # noqa: N818 - carries a Trouble
    """An operation failed, and why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble


class DeviceBusy(Exception):  # noqa: N818 - it is the device's state
    """Another program streams from the device; its mode cannot be changed meanwhile."""


class DeviceGone(Exception):  # noqa: N818 - it is the device's state
    """The camera was unplugged before it was done."""


class Device(Protocol):
    """The operations on a camera.

    Each Deferred fails with :class:`DeviceTrouble` when the camera does not do it,
    with :class:`DeviceGone` when it is not there any more.
    """

    def read(self, camera: Camera) -> Deferred[NodeReport]:
        """Ask the camera again what it is, can do and is set to."""

    def write_controls(self, camera: Camera, values: Mapping[str, ControlValue]) -> Deferred[None]:
        """Ask the driver to set controls; what came of it must be read."""

    def set_mode(self, camera: Camera, wanted: CurrentMode) -> Deferred[NodeReport]:
        """Set the mode and read what the driver made of it. Fails with :class:`DeviceBusy` while another streams."""


class V4L2Device:
    """The operations on V4L2 nodes, done by ``v4l2-ctl``.

    :param is_there: tells whether a camera still has its node.
    :param updated: is told of every report, by device path.
    """

    def __init__(
        self, v4l2ctl: V4L2Ctl, is_there: Callable[[Camera], bool], updated: Callable[[str, NodeReport], None]
    ) -> None:
        self._v4l2ctl = v4l2ctl
        self._is_there = is_there
        self._updated = updated

    @inlineCallbacks
    def read(self, camera: Camera) -> Generator[Deferred[Any], Any, NodeReport]:
        """Ask the camera again."""
        output: Output = yield self._run(camera, v4l2.probe_argv(camera.device))
        verdict = judge(output, camera.device)
        if isinstance(verdict, Trouble):
            raise DeviceTrouble(verdict)
        self._updated(camera.device, verdict)
        return verdict

    @inlineCallbacks
    def write_controls(self, camera: Camera, values: Mapping[str, ControlValue]) -> Generator[Deferred[Any], Any, None]:
        """Set controls in one run, in the order given."""
        argv = v4l2.set_controls_argv(camera.device, values)
        output: Output = yield self._run(camera, argv)
        _demand_end(output, camera.device)

    @inlineCallbacks
    def set_mode(self, camera: Camera, wanted: CurrentMode) -> Generator[Deferred[Any], Any, NodeReport]:
        """Set format and rate in one run, and read back."""
        argv = v4l2.set_format_argv(camera.device, wanted.pixel_format, wanted.width, wanted.height, wanted.fps)
        output: Output = yield self._run(camera, argv)
        _demand_end(output, camera.device)
        if v4l2.failure(output.stdout, output.stderr, output.status) is v4l2.Failure.BUSY:
            raise DeviceBusy(camera.device)
        report: NodeReport = yield self.read(camera)
        return report

    @inlineCallbacks
    def _run(self, camera: Camera, argv: Sequence[str]) -> Generator[Deferred[Any], Any, Output]:
        # Looked at before and after: what one camera was asked for must not be done to the next with its number.
        if not self._is_there(camera):
            raise DeviceGone(camera.camera_id)
        output: Output = yield self._v4l2ctl.run(camera.device, argv, _RUN_TIMEOUT)
        if not self._is_there(camera):
            raise DeviceGone(camera.camera_id)
        return output


def _demand_end(output: Output, device: str) -> None:
    if output.outcome is not Outcome.DONE:
        verdict = judge(output, device)
        assert isinstance(verdict, Trouble)  # noqa: S101 - a run that did not end gives no report
        raise DeviceTrouble(verdict)
