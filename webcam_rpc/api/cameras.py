"""The methods about cameras: which there are, how each stands, what it can do, its mode, its alias, its diagnosis.

Their controls have a module of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import camera_of, find_camera, present_camera, troubles_told
from webcam_rpc.api.wire import CameraInfo, Capabilities, DeviceName, ModeInForce, Number, camera_info, capabilities
from webcam_rpc.cameras.aliases import AliasRefused
from webcam_rpc.cameras.device import DeviceBusy
from webcam_rpc.cameras.diagnosis import Check
from webcam_rpc.cameras.holder import Holder, Holders
from webcam_rpc.cameras.models import PATTERN_DRIVER, CurrentMode, Status
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.aliases import Aliases
    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.diagnosis import Diagnosis
    from webcam_rpc.cameras.memory import CameraMemory
    from webcam_rpc.cameras.models import Camera, NodeReport
    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.feeds import Feeds

_Pixels = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class NoParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing."""


class DeviceParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera."""

    device: DeviceName


class CapabilitiesParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera, and whether it is to be asked again."""

    device: DeviceName
    refresh: bool = False


class FormatParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mode that is wanted; what is left out stays as it is."""

    device: DeviceName
    pixel_format: Annotated[str, msgspec.Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    width: _Pixels | UnsetType = UNSET
    height: _Pixels | UnsetType = UNSET
    fps: Annotated[float, msgspec.Meta(gt=0, le=1000)] | UnsetType = UNSET


class AliasParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name of your own for a camera; the empty one takes it away."""

    device: DeviceName
    name: Annotated[str, msgspec.Meta(max_length=64)]


class CameraList(msgspec.Struct, frozen=True):
    """The cameras that were seen since the start; ``connected`` counts those that work now."""

    cameras: tuple[CameraInfo, ...]
    total: int
    connected: int


class CameraStatus(CameraInfo, frozen=True, kw_only=True):
    """A camera with who uses it: ``consumers`` counts our own by kind, ``holder`` is a foreign program that has it.

    ``holder_reason`` says why nobody is named although somebody may be there. Frame age and rate are null while nobody
    wants frames; ``recording`` is the id of the recording that goes on. ``frames``, ``broken_frames`` and ``restarts``
    count since the service began.
    """

    last_frame_age_ms: Number | None
    measured_fps: Number | None
    consumers: dict[str, int]
    recording: str | None
    frames: int
    broken_frames: int
    restarts: int
    holder: Holder | None
    holder_reason: str | None


class CameraDiagnosis(msgspec.Struct, frozen=True):
    """The checks, from the outside in; ``camera_id`` is null where the node is not a camera."""

    device: str
    camera_id: str | None
    checks: tuple[Check, ...]


class CameraMethods:
    """What clients can do with cameras.

    :param device_of: gives the operations on a camera.
    :param recording_of: gives the id of the recording of a camera that goes on.
    """

    def __init__(
        self,
        registry: CameraRegistry,
        memory: CameraMemory,
        device_of: Callable[[Camera], Device],
        diagnosis: Diagnosis,
        aliases: Aliases,
        feeds: Feeds,
        recording_of: Callable[[str], str | None],
    ) -> None:
        self._registry = registry
        self._memory = memory
        self._device_of = device_of
        self._diagnosis = diagnosis
        self._aliases = aliases
        self._feeds = feeds
        self._recording_of = recording_of

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        s, o = Role.STATUS, Role.OPERATOR
        one = (InvalidParams, NotFound)
        doing = (*one, InvalidState, DependencyFailed)
        return (
            Method("get_camera_list", s, NoParams, CameraList, self.get_camera_list, "List the cameras."),
            Method(
                "get_camera_status",
                s,
                DeviceParams,
                CameraStatus,
                self.get_camera_status,
                "Tell how a camera stands.",
                one,
            ),
            Method(
                "get_camera_capabilities",
                s,
                CapabilitiesParams,
                Capabilities,
                self.get_camera_capabilities,
                "Tell all that a camera can do.",
                doing,
                cost=2.0,
            ),
            Method(
                "set_camera_format",
                o,
                FormatParams,
                ModeInForce,
                self.set_camera_format,
                "Set a camera's mode and tell which one the driver really gave.",
                doing,
                cost=20.0,
            ),
            Method("set_camera_alias", o, AliasParams, CameraInfo, self.set_camera_alias, "Name a camera.", one),
            Method(
                "diagnose_camera",
                s,
                DeviceParams,
                CameraDiagnosis,
                self.diagnose_camera,
                "Check what may be wrong with a camera or a device node.",
                one,
                cost=20.0,
            ),
        )

    def get_camera_list(self, params: NoParams, caller: Caller) -> CameraList:  # noqa: ARG002
        """List the cameras, those that are there first."""
        cameras = self._registry.all()
        connected = sum(camera.status is Status.CONNECTED for camera in cameras)
        return CameraList(tuple(self._info(camera) for camera in cameras), len(cameras), connected)

    @inlineCallbacks
    def get_camera_status(
        self,
        params: DeviceParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, CameraStatus]:
        """Tell how a camera stands and who has it open."""
        camera = camera_of(self._registry, params.device)
        holders: Holders = yield self._diagnosis.holders(camera.device)
        info = self._info(self._registry.get(camera.camera_id) or camera)
        feed = self._feeds.find(camera.camera_id)
        return CameraStatus(
            **msgspec.structs.asdict(info),
            last_frame_age_ms=_rounded(feed.last_frame_age, 1000) if feed is not None else None,
            measured_fps=_rounded(feed.measured_fps, 1) if feed is not None else None,
            consumers=feed.consumers() if feed is not None else {},
            recording=self._recording_of(camera.camera_id),
            frames=feed.frames if feed is not None else 0,
            broken_frames=feed.broken if feed is not None else 0,
            restarts=feed.restarts if feed is not None else 0,
            holder=holders.found[0] if holders.found else None,
            holder_reason=holders.reason,
        )

    @inlineCallbacks
    def get_camera_capabilities(
        self,
        params: CapabilitiesParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, Capabilities]:
        """Tell what a camera can do, as last seen, or as it says now with ``refresh``."""
        camera = camera_of(self._registry, params.device)
        if params.refresh:
            camera = present_camera(self._registry, params.device)
            with troubles_told():
                yield self._device_of(camera).read(camera)
        return capabilities(self._registry.get(camera.camera_id) or camera)

    @inlineCallbacks
    def set_camera_format(
        self,
        params: FormatParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ModeInForce]:
        """Set the mode. A driver takes what is nearest to what it was asked for: the answer is what it took.

        A mode cannot change while frames come: those who live on the camera wait, and go on in the new one.
        """
        camera = present_camera(self._registry, params.device)
        recording_id = self._recording_of(camera.camera_id)
        if recording_id is not None:
            raise InvalidState("RECORDING", recording_id=recording_id)
        device = self._device_of(camera)
        feed = self._feeds.of(camera.camera_id)
        mode: CurrentMode | None = None
        with troubles_told():
            before: NodeReport = camera.report or (yield device.read(camera))
            wanted = _wanted(params, before)
            try:
                yield feed.hold()
                report: NodeReport = yield device.set_mode(camera, wanted)
                mode = report.mode
            except DeviceBusy:
                holders: Holders = yield self._diagnosis.holders(camera.device)
                holder = msgspec.to_builtins(holders.found[0]) if holders.found else None
                raise InvalidState("DEVICE_BUSY", holder=holder) from None
            finally:
                feed.release(mode)
        if mode is None:
            raise DependencyFailed("V4L2_FAILED", "the driver tells no mode", "plug the camera in again")
        return ModeInForce(
            device=camera.device,
            camera_id=camera.camera_id,
            pixel_format=mode.pixel_format,
            width=mode.width,
            height=mode.height,
            resolution=mode.resolution,
            fps=mode.fps,
        )

    @inlineCallbacks
    def set_camera_alias(
        self,
        params: AliasParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, CameraInfo]:
        """Give a camera a name of its own, in place of the one that it had from here."""
        camera = camera_of(self._registry, params.device)
        try:
            self._aliases.name(camera.camera_id, params.name)
        except AliasRefused as refused:
            raise InvalidParams("name", refused.rule, f"this name {refused}") from None
        yield self._memory.save()
        return self._info(camera)

    @inlineCallbacks
    def diagnose_camera(
        self,
        params: DeviceParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, CameraDiagnosis]:
        """Check a camera, or a node that is not listed as one."""
        path = self._registry.node_path(params.device)
        camera = find_camera(self._registry, params.device, or_none=path is not None)
        if camera is not None and camera.driver == PATTERN_DRIVER:
            built_in = Check("node", ok=True, detail="a built-in source, not a device")
            return CameraDiagnosis(camera.device, camera.camera_id, (built_in, *self._diagnosis.tools()))
        device = camera.device if camera is not None else path or params.device
        checks: tuple[Check, ...] = yield self._diagnosis.examine(device)
        return CameraDiagnosis(device, camera.camera_id if camera is not None else None, checks)

    def _info(self, camera: Camera) -> CameraInfo:
        feed = self._feeds.find(camera.camera_id)
        captured = feed.mode if feed is not None and feed.delivering else None
        return camera_info(camera, self._aliases.of(camera.camera_id), captured)


def _wanted(params: FormatParams, report: NodeReport) -> CurrentMode:
    formats = tuple(dict.fromkeys(mode.pixel_format for mode in report.modes))
    now = report.mode or CurrentMode(formats[0] if formats else "MJPG", 640, 480, None)
    pixel_format = now.pixel_format if params.pixel_format is UNSET else params.pixel_format
    if pixel_format not in formats:
        raise InvalidParams("pixel_format", "choice", "this camera has " + ", ".join(formats))
    if (params.width is UNSET) != (params.height is UNSET):
        missing = "width" if params.width is UNSET else "height"
        raise InvalidParams(missing, "missing", "width and height go together")
    return CurrentMode(
        pixel_format,
        now.width if params.width is UNSET else params.width,
        now.height if params.height is UNSET else params.height,
        now.fps if params.fps is UNSET else params.fps,
    )


def _rounded(value: float | None, factor: int) -> float | None:
    return round(value * factor, 1) if value is not None else None
