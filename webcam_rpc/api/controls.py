"""The methods about a camera's controls: brightness, exposure, focus and what else its driver offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import present_camera, troubles_told
from webcam_rpc.api.wire import DeviceName
from webcam_rpc.cameras.models import Control, ControlValue
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.controls import Applied, CameraControls
    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.models import Camera, NodeReport
    from webcam_rpc.cameras.registry import CameraRegistry

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class ControlsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera."""

    device: DeviceName


class SetControlsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values by control name: numbers, booleans, a menu's number or words. ``persist`` sets them again on return."""

    device: DeviceName
    controls: Annotated[dict[_Name, ControlValue], msgspec.Meta(min_length=1, max_length=100)]
    persist: bool = False


class ResetControlsParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which controls go back to the driver's defaults; all where none is named."""

    device: DeviceName
    names: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=100)] | UnsetType = UNSET


class ControlList(msgspec.Struct, frozen=True):
    """The controls, with their values as the driver has them now."""

    device: str
    camera_id: str
    controls: tuple[Control, ...]


class ControlsSet(msgspec.Struct, frozen=True):
    """What the driver really has now, and why the other values were not taken."""

    device: str
    camera_id: str
    applied: dict[str, ControlValue]
    rejected: dict[str, str]


_ERRORS = (InvalidParams, NotFound, InvalidState, DependencyFailed)


class ControlMethods:
    """What clients can do with controls."""

    def __init__(
        self, registry: CameraRegistry, controls: CameraControls, device_of: Callable[[Camera], Device]
    ) -> None:
        self._registry = registry
        self._controls = controls
        self._device_of = device_of

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "get_camera_controls",
                Role.STATUS,
                ControlsParams,
                ControlList,
                self.get_camera_controls,
                "List a camera's controls with their values and ranges.",
                _ERRORS,
            ),
            Method(
                "set_camera_controls",
                Role.OPERATOR,
                SetControlsParams,
                ControlsSet,
                self.set_camera_controls,
                "Set controls and tell what the driver made of it.",
                _ERRORS,
                cost=5.0,
            ),
            Method(
                "reset_camera_controls",
                Role.OPERATOR,
                ResetControlsParams,
                ControlsSet,
                self.reset_camera_controls,
                "Set controls back to the driver's defaults.",
                _ERRORS,
                cost=5.0,
            ),
        )

    @inlineCallbacks
    def get_camera_controls(
        self,
        params: ControlsParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ControlList]:
        """Ask the driver for the controls as they are now: automatic ones move by themselves."""
        camera = present_camera(self._registry, params.device)
        with troubles_told():
            report: NodeReport = yield self._device_of(camera).read(camera)
        return ControlList(camera.device, camera.camera_id, report.controls)

    @inlineCallbacks
    def set_camera_controls(
        self,
        params: SetControlsParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ControlsSet]:
        """Set values, automatic controls first; each that is not taken is answered with its reason."""
        camera = present_camera(self._registry, params.device)
        with troubles_told():
            applied: Applied = yield self._controls.set(camera, params.controls, persist=params.persist)
        return _answer(camera, applied)

    @inlineCallbacks
    def reset_camera_controls(
        self,
        params: ResetControlsParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ControlsSet]:
        """Set defaults, and forget what was to be set again on return."""
        camera = present_camera(self._registry, params.device)
        names = None if params.names is UNSET else params.names
        with troubles_told():
            applied: Applied = yield self._controls.reset(camera, names)
        return _answer(camera, applied)


def _answer(camera: Camera, applied: Applied) -> ControlsSet:
    return ControlsSet(camera.device, camera.camera_id, applied.applied, applied.rejected)
