"""How each part of the service is, in the words of ``get_status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webcam_rpc.api.server import Component
from webcam_rpc.cameras.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.cameras.diagnosis import Diagnosis
    from webcam_rpc.cameras.memory import CameraMemory
    from webcam_rpc.cameras.monitor import CameraMonitor
    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.schedules import Schedules


def components(  # noqa: C901 - one small look for each part
    monitor: CameraMonitor,
    registry: CameraRegistry,
    memory: CameraMemory,
    library: MediaLibrary,
    diagnosis: Diagnosis,
    schedules: Schedules,
    feeds: Feeds,
) -> dict[str, Callable[[], Component]]:
    """Give the look at each part, by its name."""

    def monitoring() -> Component:
        if monitor.problem is not None:
            return Component("UNHEALTHY", f"cannot look for cameras: {monitor.problem}")
        return Component("HEALTHY", "udev and polling" if monitor.hears_udev else "polling alone: udev is not heard")

    def cameras() -> Component:
        present = registry.present()
        failing = [camera for camera in present if camera.status is Status.ERROR]
        if failing:
            return Component("DEGRADED", "; ".join(f"{camera.device}: {camera.reason}" for camera in failing))
        return Component("HEALTHY", f"{len(present)} present")

    def probes() -> Component:
        failing = monitor.failing()
        if failing:
            return Component("DEGRADED", "; ".join(f"{device}: {trouble.reason}" for device, trouble in failing))
        return Component("HEALTHY", "every node has told what it is")

    def feeding() -> Component:
        failing = [feed for feed in feeds.all() if feed.trouble is not None]
        if failing:
            return Component("DEGRADED", "; ".join(f"{feed.camera_id}: {feed.trouble}" for feed in failing))
        return Component("HEALTHY", f"{sum(feed.delivering for feed in feeds.all())} deliver")

    def tools() -> Component:
        missing = [check for check in diagnosis.tools() if not check.ok]
        if missing:
            return Component("DEGRADED", "; ".join(f"{check.detail}: {check.remedy}" for check in missing))
        return Component("HEALTHY", "v4l2-ctl and ffmpeg are there")

    def state() -> Component:
        if memory.problem is not None:
            return Component("DEGRADED", f"aliases and controls are not kept: {memory.problem}")
        return Component("HEALTHY", str(memory.path))

    def schedule() -> Component:
        if schedules.problem is not None:
            return Component("DEGRADED", f"schedules are not kept: {schedules.problem}")
        return Component("HEALTHY", f"{len(schedules.all())} schedules")

    def storage() -> Component:
        problem = library.problem()
        if problem is not None:
            return Component("DEGRADED", problem)
        try:
            available, floor = library.available(), library.floor()
        except OSError as error:
            return Component("DEGRADED", f"{library.directory}: {error.strerror}")
        detail = f"{available} bytes available in {library.directory}"
        if available < floor:
            return Component("DEGRADED", f"{detail}, {floor} have to stay free")
        return Component("HEALTHY", detail)

    return {
        "monitoring": monitoring,
        "cameras": cameras,
        "probes": probes,
        "feeds": feeding,
        "tools": tools,
        "state": state,
        "schedules": schedule,
        "storage": storage,
    }
