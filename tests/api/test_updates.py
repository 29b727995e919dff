"""Each event of the bus as the notification that clients read."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.case import a_camera
from webcam_rpc.api.health import HealthChanged
from webcam_rpc.api.updates import update_of
from webcam_rpc.bus import Stamped
from webcam_rpc.cameras.models import CameraControlsChanged, CameraStatusChanged
from webcam_rpc.media import events

PLACE = {"seq": 7, "epoch": "epoch", "timestamp": "2025-07-30T10:00:00Z"}
RECORDING: dict[str, Any] = {
    "camera_id": "usb-1",
    "device": "/dev/video0",
    "recording_id": "rec-1",
    "filename": "a.mp4",
    "duration": 1.23456,
}


class UpdateTests(SynchronousTestCase):
    """Names, params and cameras."""

    def shown(self, event: object) -> tuple[str, dict[str, Any], str | None]:
        """Give what a client reads of an event, without its place in the sequence."""
        made = update_of(Stamped(PLACE["seq"], PLACE["timestamp"], event), "epoch")  # type: ignore[arg-type]
        assert made is not None
        name, params, camera_id = made
        read = msgspec.json.decode(msgspec.json.encode(params))
        self.assertEqual({key: read.pop(key) for key in PLACE}, PLACE)
        return name, read, camera_id

    def test_recording(self) -> None:
        """A recording has both of its names, and its duration to the millisecond."""
        name, params, camera_id = self.shown(events.RecordingChanged(status="STARTED", **RECORDING))
        self.assertEqual((name, camera_id), ("recording_status_update", "usb-1"))
        expected = {
            "device": "/dev/video0",
            "camera_id": "usb-1",
            "session_id": "rec-1",
            "recording_id": "rec-1",
            "status": "STARTED",
            "continues": False,
            "filename": "a.mp4",
            "segment": 1,
            "duration": 1.235,
            "reason": None,
            "schedule_id": None,
        }
        self.assertEqual(params, expected)

    def test_recording_interrupted(self) -> None:
        """A file that ends while the recording goes on is STOPPED to clients, and says that it goes on and why."""
        for status, shown, continues in (
            ("INTERRUPTED", "STOPPED", True),
            ("STOPPED", "STOPPED", False),
            ("ERROR", "ERROR", False),
            ("FINALIZED", "FINALIZED", False),
        ):
            event = events.RecordingChanged(status=status, reason="why", segment=3, schedule_id="s", **RECORDING)  # type: ignore[arg-type]
            _, params, _ = self.shown(event)
            self.assertEqual((params["status"], params["continues"]), (shown, continues))
            self.assertEqual((params["reason"], params["segment"], params["schedule_id"]), ("why", 3, "s"))

    def test_snapshot(self) -> None:
        """A snapshot is told with where it can be had."""
        event = events.SnapshotTaken(
            camera_id="usb-1", device="/dev/video0", filename="a.jpg", file_size=9, timestamp="2025-07-30T09:00:00Z"
        )
        expected = {
            "device": "/dev/video0",
            "camera_id": "usb-1",
            "status": "COMPLETED",
            "filename": "a.jpg",
            "file_size": 9,
            "taken": "2025-07-30T09:00:00Z",
            "download_url": "/files/snapshots/a.jpg",
        }
        self.assertEqual(self.shown(event), ("snapshot_status_update", expected, "usb-1"))

    def test_schedule(self) -> None:
        """A schedule is told with its next run; it belongs to its camera."""
        event = events.ScheduleChanged(schedule_id="s", camera_id="usb-1", status="MISSED", reason="away")
        expected = {
            "schedule_id": "s",
            "camera_id": "usb-1",
            "status": "MISSED",
            "name": None,
            "next_run": None,
            "recording_id": None,
            "reason": "away",
        }
        self.assertEqual(self.shown(event), ("schedule_status_update", expected, "usb-1"))

    def test_storage(self) -> None:
        """Storage belongs to no camera; the warning is on while there is little room."""
        for status, warning in (("OK", False), ("LOW", True), ("FULL", True), ("BROKEN", False), ("CLEANED", False)):
            event = events.StorageChanged(status=status, available_space=5, files_deleted=2)  # type: ignore[arg-type]
            name, params, camera_id = self.shown(event)
            self.assertEqual((name, camera_id), ("storage_status_update", None))
            self.assertEqual((params["status"], params["low_space_warning"]), (status, warning))
            self.assertEqual((params["available_space"], params["files_deleted"], params["space_freed"]), (5, 2, 0))

    def test_health(self) -> None:
        """A part of the service belongs to no camera."""
        expected = {"component": "storage", "status": "DEGRADED", "detail": "little room"}
        event = HealthChanged("storage", "DEGRADED", "little room")
        self.assertEqual(self.shown(event), ("system_health_update", expected, None))

    def test_cameras(self) -> None:
        """A camera's status and its controls."""
        camera = a_camera()
        name, params, camera_id = self.shown(CameraStatusChanged(camera))
        self.assertEqual((name, params["status"], camera_id), ("camera_status_update", "CONNECTED", "usb-1"))
        name, params, camera_id = self.shown(CameraControlsChanged(camera, {"brightness": 3}))
        self.assertEqual((name, params["controls"], camera_id), ("camera_control_update", {"brightness": 3}, "usb-1"))

    def test_inside(self) -> None:
        """What a feed does, and what nobody has heard of, stays inside."""
        for event in (events.FeedChanged(camera_id="usb-1", delivering=True), object()):
            self.assertIsNone(update_of(Stamped(1, "", event), "epoch"))

    def test_none_forgotten(self) -> None:
        """Every event of media's is told, the feeds' excepted."""
        kinds = {kind for _, kind in inspect.getmembers(events, inspect.isclass) if kind.__module__ == events.__name__}
        shown = {
            events.RecordingChanged,
            events.SnapshotTaken,
            events.ScheduleChanged,
            events.StorageChanged,
        }
        self.assertEqual(kinds - shown, {events.FeedChanged})
