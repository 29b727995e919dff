"""From what a client calls a camera to the camera, and from a camera's troubles to the errors of the wire."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from webcam_rpc.cameras.device import DeviceGone, DeviceTrouble
from webcam_rpc.cameras.models import Status
from webcam_rpc.cameras.registry import AmbiguousDevice
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.cameras.registry import CameraRegistry


def find_camera(registry: CameraRegistry, text: str, param: str = "device", *, or_none: bool = False) -> Camera | None:
    """Find the camera that ``text`` means.

    Raises NotFound (None is given instead with ``or_none``) and, for a link that two cameras share, InvalidParams.
    """
    try:
        found = registry.find(text)
    except AmbiguousDevice as ambiguous:
        hint = "two cameras share this link; use one of " + ", ".join(ambiguous.camera_ids)
        raise InvalidParams(param, "ambiguous", hint) from None
    if found is None and not or_none:
        raise NotFound("camera", text)
    return found


def camera_of(registry: CameraRegistry, text: str) -> Camera:
    """Find the camera that ``text`` means, there or not. Raises NotFound and InvalidParams."""
    found = find_camera(registry, text)
    assert found is not None  # noqa: S101 - or NotFound was raised
    return found


def present_camera(registry: CameraRegistry, text: str) -> Camera:
    """Find a camera to do something with. Raises InvalidState where it is unplugged, else as :func:`camera_of`."""
    found = camera_of(registry, text)
    if found.status is Status.DISCONNECTED:
        raise InvalidState("CAMERA_DISCONNECTED", camera_id=found.camera_id)
    return found


@contextmanager
def troubles_told() -> Iterator[None]:
    """Tell a camera's trouble as a failed dependency, with what to do about it, and its end as a state."""
    try:
        yield
    except DeviceTrouble as error:
        trouble = error.trouble
        raise DependencyFailed(trouble.code, trouble.detail, trouble.remedy) from error
    except DeviceGone as error:
        raise InvalidState("CAMERA_DISCONNECTED", camera_id=str(error)) from error
