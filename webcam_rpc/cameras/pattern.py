"""The built-in test-pattern camera: there when no webcam is, so that everything can be tried.

Owns the cameras of kind ``test_pattern`` in ``cameras.sources`` (``--demo`` adds one): it puts them into the registry
and offers the operations that every camera has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from webcam_rpc.cameras.models import PATTERN_DRIVER, Camera, CurrentMode, Mode, NodeReport, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webcam_rpc.cameras.models import ControlValue
    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.config import Source

_FORMAT = "MJPG"
_SIZES = ((640, 480), (320, 240), (1280, 720), (1920, 1080))
_RATES = (30, 25, 20, 15, 10, 5)


class TestPatterns(Service):
    """The test-pattern cameras, present for as long as the service runs.

    They have no controls: there is no sensor behind them.
    """

    def __init__(self, sources: Sequence[Source], registry: CameraRegistry) -> None:
        self._log = Logger(namespace="webcam_rpc.cameras")
        self._sources = sources
        self._registry = registry

    def startService(self) -> None:
        """Put the cameras into the registry."""
        super().startService()
        for source in self._sources:
            camera = _camera(source)
            if self._registry.put(camera):
                self._log.info(
                    "Initial camera status: {device} - {status}", device=camera.device, status=camera.status.value
                )

    def owns(self, camera: Camera) -> bool:
        """Tell whether ``camera`` is one of these."""
        return any(source.id == camera.camera_id for source in self._sources)

    def read(self, camera: Camera) -> Deferred[NodeReport]:
        """Give what the camera is set to; there is nothing to ask."""
        return succeed(_report_of(self._registry.get(camera.camera_id) or camera))

    def write_controls(self, camera: Camera, values: Mapping[str, ControlValue]) -> Deferred[None]:  # noqa: ARG002
        """Set nothing: there are no controls, so none is ever accepted."""
        return succeed(None)

    def set_mode(self, camera: Camera, wanted: CurrentMode) -> Deferred[NodeReport]:
        """Take the nearest size and rate that the pattern is drawn in, as a driver would."""
        before = _report_of(self._registry.get(camera.camera_id) or camera)
        source = next(source for source in self._sources if source.id == camera.camera_id)
        asked = wanted.width * wanted.height
        width, height = min(_sizes(source), key=lambda size: abs(size[0] * size[1] - asked))
        fps = min(_rates(source), key=lambda rate: abs(rate - (wanted.fps or source.fps)))
        report = msgspec.structs.replace(before, mode=CurrentMode(_FORMAT, width, height, fps))
        self._registry.put(msgspec.structs.replace(camera, report=report))
        return succeed(report)


def _report_of(camera: Camera) -> NodeReport:
    assert camera.report is not None  # noqa: S101 - _camera gave it one
    return camera.report


def _sizes(source: Source) -> tuple[tuple[int, int], ...]:
    return tuple(dict.fromkeys(((source.width, source.height), *_SIZES)))


def _rates(source: Source) -> tuple[int, ...]:
    return tuple(sorted({source.fps, *_RATES}, reverse=True))


def _camera(source: Source) -> Camera:
    report = NodeReport(
        driver=PATTERN_DRIVER,
        card=source.name,
        bus_info=f"{PATTERN_DRIVER}:{source.id}",
        serial="",
        device_caps=frozenset({"Video Capture", "Streaming"}),
        mode=CurrentMode(_FORMAT, source.width, source.height, source.fps),
        modes=tuple(Mode(_FORMAT, width, height, _rates(source)) for width, height in _sizes(source)),
        controls=(),
    )
    return Camera(
        camera_id=source.id,
        device=f"/dev/video-{source.id}",
        name=source.name,
        status=Status.CONNECTED,
        driver=PATTERN_DRIVER,
        report=report,
    )
