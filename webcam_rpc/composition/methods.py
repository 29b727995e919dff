"""The methods of the nouns that the service is about: cameras and what is made of their frames."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from webcam_rpc.api.cameras import CameraMethods
from webcam_rpc.api.controls import ControlMethods
from webcam_rpc.api.files import FileMethods
from webcam_rpc.api.recordings import RecordingMethods
from webcam_rpc.api.schedules import ScheduleMethods
from webcam_rpc.api.snapshots import SnapshotMethods
from webcam_rpc.media.zones import machine_zone

if TYPE_CHECKING:
    from webcam_rpc.composition.base import Base
    from webcam_rpc.composition.cameras import Cameras
    from webcam_rpc.composition.media import Media
    from webcam_rpc.rpc.methods import Method


def make_methods(base: Base, cameras: Cameras, media: Media) -> tuple[Method, ...]:
    """List the methods."""
    registry, feeds = cameras.registry, media.feeds

    def recording_of(camera_id: str) -> str | None:
        state = media.recorder.of_camera(camera_id)
        return state.recording_id if state is not None else None

    nouns = (
        CameraMethods(
            registry,
            cameras.memory,
            cameras.device_of,
            cameras.diagnosis,
            cameras.aliases,
            feeds,
            recording_of,
        ),
        ControlMethods(registry, cameras.controls, cameras.device_of),
        SnapshotMethods(registry, feeds, media.snapshots),
        FileMethods(registry, media.library),
        RecordingMethods(registry, media.recorder),
        ScheduleMethods(registry, media.scheduler, time.time, base.threads.run, _zone(), lambda: secrets.token_hex(8)),
    )
    return tuple(method for noun in nouns for method in noun.methods())


def _zone() -> str:
    return machine_zone(os.environ, Path("/etc/localtime"), Path("/etc/timezone"))
