"""The cameras that this process has seen: by id, with what each is now.

Owns the true state and announces each change of it on the bus, once. Pure: it does not look for cameras and does not
wait for anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.cameras.models import Camera, CameraStatusChanged, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.bus import Bus, Stamped

#: Cameras that are gone are listed until so many are known: ids that only a storm of ports made must not pile up.
_KNOWN_AT_MOST = 256
_NUMBER = re.compile(r"(?:video|camera)([0-9]{1,5})\Z")


class AmbiguousDevice(Exception):  # noqa: N818 - it is what the text was, not a failure of ours
    """A ``/dev/v4l/by-id`` link that two cameras of one model share: it leads to either."""

    def __init__(self, text: str, camera_ids: tuple[str, ...]) -> None:
        super().__init__(text)
        self.camera_ids = camera_ids


class CameraRegistry:
    """Cameras by id.

    :param bus: is told of each change as :class:`CameraStatusChanged`.
    :param resolve_link: follows a path's links to a node.
    :param directory: the device directory, for ``videoN``.
    :param by_alias: gives the id of the camera that has this name.
    :param node_at: gives what is at a path of the device directory now, None where nothing is.
    """

    def __init__(
        self,
        bus: Bus,
        resolve_link: Callable[[str], str],
        directory: str,
        by_alias: Callable[[str], str | None],
        node_at: Callable[[str], object | None],
    ) -> None:
        self._bus = bus
        self._resolve_link = resolve_link
        self._directory = directory
        self._by_alias = by_alias
        self._node_at = node_at
        self._cameras: dict[str, Camera] = {}
        self._last: dict[str, Stamped] = {}
        #: The cameras as they were put here, and what those are blamed for that deliver nothing.
        self._given: dict[str, Camera] = {}
        self._faults: dict[str, str] = {}

    def put(self, camera: Camera) -> bool:
        """Let ``camera`` be so from now on; announced, and True, where clients can see a difference."""
        fault = self._faults.get(camera.camera_id)
        if fault is not None and camera.status is Status.ERROR and camera.reason == fault:
            # It was taken from here and changed: what it is blamed for is not part of it.
            camera = msgspec.structs.replace(camera, status=Status.CONNECTED, reason=None)
        if camera.status is Status.DISCONNECTED:
            self._faults.pop(camera.camera_id, None)
        self._given[camera.camera_id] = camera
        return self._show(camera)

    def blame(self, camera_id: str, reason: str | None) -> None:
        """Let a camera that is there be in ERROR because it delivers nothing, and why; None when that is over."""
        if reason is None:
            self._faults.pop(camera_id, None)
        else:
            self._faults[camera_id] = reason
        if camera_id in self._given:
            self._show(self._given[camera_id])

    def is_there(self, camera: Camera) -> bool:
        """Tell whether ``camera`` still has the node that it had: its number may be another's by now."""
        now = self._cameras.get(camera.camera_id)
        return now is not None and now.status is not Status.DISCONNECTED and now.device == camera.device

    def get(self, camera_id: str) -> Camera | None:
        """Give the camera of this id."""
        return self._cameras.get(camera_id)

    def last(self, camera_id: str) -> Stamped:
        """Give the last announcement of a camera that is known. Raises KeyError for one that is not."""
        return self._last[camera_id]

    def all(self) -> list[Camera]:
        """List the cameras, those present first, each group by node number and id."""
        return sorted(self._cameras.values(), key=_order)

    def present(self) -> list[Camera]:
        """List the cameras that are there, in error or not."""
        return [camera for camera in self.all() if camera.status is not Status.DISCONNECTED]

    def find(self, text: str) -> Camera | None:
        """Find the camera that ``text`` means: id, path or link, ``videoN``, ``cameraN``, alias, tried in this order.

        Raises :class:`AmbiguousDevice` for a link that two cameras share.
        """
        found = self._cameras.get(text)
        if found is not None:
            return found
        if text.startswith("/"):
            return self._by_path(text)
        number = _NUMBER.match(text)
        if number is not None:
            return self._by_node(self._path(number))
        return self._cameras.get(self._by_alias(text) or "")

    def node_path(self, text: str) -> str | None:
        """Give the node that a path, a link or ``videoN`` names, camera or not; None for a name of another kind."""
        if text.startswith("/"):
            return self._resolve_link(text)
        number = _NUMBER.match(text)
        return self._path(number) if number is not None else None

    def _path(self, number: re.Match[str]) -> str:
        return f"{self._directory.rstrip('/')}/video{int(number[1])}"

    def _by_path(self, text: str) -> Camera | None:
        found = self._by_node(text) or self._by_node(self._resolve_link(text))
        if found is not None and "/by-id/" in text:
            alike = tuple(camera.camera_id for camera in self.present() if _model(camera) == _model(found))
            if len(alike) > 1:
                raise AmbiguousDevice(text, alike)
        return found

    def _by_node(self, path: str) -> Camera | None:
        for camera in self.all():
            if camera.device == path:
                # A camera that is gone answers to its last number only until something else has it.
                return camera if camera.status is not Status.DISCONNECTED or self._node_at(path) is None else None
        return None

    def _show(self, camera: Camera) -> bool:
        fault = self._faults.get(camera.camera_id)
        # What cannot even be asked has the more telling reason.
        if fault is not None and camera.status is Status.CONNECTED:
            camera = msgspec.structs.replace(camera, status=Status.ERROR, reason=fault)
        # Put last, so that what is forgotten is what changed longest ago.
        before = self._cameras.pop(camera.camera_id, None)
        self._cameras[camera.camera_id] = camera
        if before is not None and _visible(before) == _visible(camera):
            return False
        self._last[camera.camera_id] = self._bus.publish(CameraStatusChanged(camera))
        self._forget_some()
        return True

    def _forget_some(self) -> None:
        gone = [camera for camera in self._cameras.values() if camera.status is Status.DISCONNECTED]
        for camera in gone[: max(0, len(self._cameras) - _KNOWN_AT_MOST)]:
            del self._cameras[camera.camera_id]
            del self._last[camera.camera_id]
            del self._given[camera.camera_id]


def _visible(camera: Camera) -> tuple[object, ...]:
    mode = camera.report.mode if camera.report is not None else None
    return (camera.status, camera.device, camera.name, camera.reason, mode)


def _model(camera: Camera) -> tuple[str | None, str | None, str | None]:
    return (camera.vendor_id, camera.product_id, camera.serial)


def _order(camera: Camera) -> tuple[bool, int, str]:
    match = re.search(r"([0-9]+)\Z", camera.device)
    return (camera.status is Status.DISCONNECTED, int(match[1]) if match else -1, camera.camera_id)
