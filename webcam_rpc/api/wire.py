"""The shapes that clients read: a camera, a mode, a control, as Structs that the schemas are made from.

Owns the wire's names of what several methods and notifications share. Absent and null differ: ``UNSET`` is left out.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from webcam_rpc.cameras.models import Camera, ControlValue, CurrentMode, Mode, Status

Number = int | float
#: A camera, as a client may name it: its id, a path or link, ``videoN``, ``cameraN`` or an alias.
DeviceName = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=1024, description="Camera id, /dev path or link, videoN, cameraN or an alias."
    ),
]


class CameraInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A camera. ``resolution`` and ``fps`` are the mode in which frames come, else the one that the driver told last.

    Both are null unless CONNECTED and known.
    """

    camera_id: str
    device: str
    name: str
    status: Literal["CONNECTED", "DISCONNECTED", "ERROR"]
    resolution: str | None
    fps: Number | None
    alias: str | None
    vendor_id: str | None
    product_id: str | None
    serial: str | None
    usb_path: str | None
    driver: str | None
    snapshot_url: str
    stream_url: str
    reason: str | None


class CameraStatusUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``camera_status_update``, flat and in the order that every existing client reads."""

    status: Literal["CONNECTED", "DISCONNECTED", "ERROR"]
    device: str
    resolution: str | UnsetType = UNSET
    fps: Number | UnsetType = UNSET
    camera_id: str
    name: str
    reason: str | None
    seq: int
    epoch: str
    timestamp: str
    initial: bool | UnsetType = UNSET


class CameraControlUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``camera_control_update``: values that were just set, as the driver has them."""

    device: str
    camera_id: str
    controls: dict[str, ControlValue]
    seq: int
    epoch: str
    timestamp: str


class ModeInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The mode that a camera is set to, as the driver gave it."""

    device: str
    camera_id: str
    pixel_format: str
    width: int
    height: int
    resolution: str
    fps: Number | None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """All that a camera can do. ``modes`` is exact; the three lists before it are what people choose from.

    ``validation_status``: confirmed (v4l2-ctl told it of this camera), provisional (there is a camera, it has not told
    yet), none (it could not be asked).
    """

    device: str
    camera_id: str
    formats: tuple[str, ...]
    resolutions: tuple[str, ...]
    fps_options: tuple[Number, ...]
    validation_status: Literal["confirmed", "provisional", "none"]
    modes: tuple[Mode, ...]


def camera_info(camera: Camera, alias: str | None, captured: CurrentMode | None = None) -> CameraInfo:
    """Show ``camera`` to a client.

    :param captured: the mode in which frames come from it at the moment.
    """
    mode = mode_in_force(camera)
    if mode is not None and captured is not None:
        # The driver was asked before the capture set another one.
        mode = captured
    return CameraInfo(
        camera_id=camera.camera_id,
        device=camera.device,
        name=camera.name,
        status=camera.status.value,
        resolution=mode.resolution if mode is not None else None,
        fps=mode.fps if mode is not None else None,
        alias=alias,
        vendor_id=camera.vendor_id,
        product_id=camera.product_id,
        serial=camera.serial,
        usb_path=camera.usb_path,
        driver=camera.driver,
        snapshot_url=f"/cameras/{camera.camera_id}/snapshot.jpg",
        stream_url=f"/cameras/{camera.camera_id}/stream.mjpg",
        reason=camera.reason,
    )


def mode_in_force(camera: Camera) -> CurrentMode | None:
    """Give the mode of a camera that is there and has told it."""
    if camera.status is not Status.CONNECTED or camera.report is None:
        return None
    return camera.report.mode


def camera_status_update(
    camera: Camera, *, seq: int, epoch: str, timestamp: str, initial: bool = False
) -> CameraStatusUpdate:
    """Announce what ``camera`` is now."""
    mode = mode_in_force(camera)
    return CameraStatusUpdate(
        status=camera.status.value,
        device=camera.device,
        resolution=mode.resolution if mode is not None else UNSET,
        fps=mode.fps if mode is not None and mode.fps is not None else UNSET,
        camera_id=camera.camera_id,
        name=camera.name,
        reason=camera.reason,
        seq=seq,
        epoch=epoch,
        timestamp=timestamp,
        initial=True if initial else UNSET,
    )


def capabilities(camera: Camera) -> Capabilities:
    """Show what ``camera`` can do."""
    modes = camera.report.modes if camera.report is not None else ()
    rates: set[Number] = set()
    for mode in modes:
        rates.update(mode.fps if isinstance(mode.fps, tuple) else (mode.fps.min, mode.fps.max))
    sizes = {
        (mode.width, mode.height) for mode in modes if isinstance(mode.width, int) and isinstance(mode.height, int)
    }
    validation: Literal["confirmed", "provisional", "none"] = "confirmed"
    if camera.report is None:
        validation = "provisional" if camera.status is Status.CONNECTED else "none"
    return Capabilities(
        device=camera.device,
        camera_id=camera.camera_id,
        formats=tuple(dict.fromkeys(mode.pixel_format for mode in modes)),
        resolutions=tuple(f"{width}x{height}" for width, height in sorted(sizes, key=_area)),
        fps_options=tuple(sorted(_whole(rate) for rate in rates)),
        validation_status=validation,
        modes=modes,
    )


def _area(size: tuple[object, object]) -> tuple[int, int]:
    width, height = size
    assert isinstance(width, int)  # noqa: S101 - ranges were left out
    assert isinstance(height, int)  # noqa: S101
    return (width * height, width)


def _whole(rate: Number) -> Number:
    return int(rate) if rate == int(rate) else rate
