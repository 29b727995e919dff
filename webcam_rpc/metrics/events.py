"""What has happened since the service began, counted as the bus tells of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args, get_type_hints

from webcam_rpc.cameras.models import CameraStatusChanged, Status
from webcam_rpc.media.events import FeedChanged, RecordingChanged, ScheduleChanged, SnapshotTaken, StorageChanged

if TYPE_CHECKING:
    from webcam_rpc.bus import Stamped


def _none_of(event: type) -> dict[str, int]:
    """Give each status that an event may tell of, as none yet."""
    return {status.lower(): 0 for status in get_args(get_type_hints(event)["status"])}


class EventTally:
    """Counts events.

    :ivar cameras: by the status that they came into.
    :ivar recordings: by what became of them.
    :ivar schedules: by what became of them.
    :ivar snapshots: pictures that were kept, and
    :ivar snapshot_bytes: their sizes.
    :ivar captures: ``started`` and ``failed``.
    :ivar files_deleted: to make room.
    """

    def __init__(self) -> None:
        # All are there from the start: of what was not there before, no rate can be told.
        self.cameras = Counter({status.value.lower(): 0 for status in Status})
        self.recordings = Counter(_none_of(RecordingChanged))
        self.schedules = Counter(_none_of(ScheduleChanged))
        self.captures = Counter({"started": 0, "failed": 0})
        self.snapshots = self.snapshot_bytes = self.files_deleted = 0

    def published(self, stamped: Stamped) -> None:
        """Count an event."""
        event = stamped.event
        if isinstance(event, CameraStatusChanged):
            self.cameras[event.camera.status.value.lower()] += 1
        elif isinstance(event, RecordingChanged):
            # Each further file of a recording is STARTED again.
            if event.status != "STARTED" or event.segment == 1:
                self.recordings[event.status.lower()] += 1
        elif isinstance(event, ScheduleChanged):
            self.schedules[event.status.lower()] += 1
        elif isinstance(event, SnapshotTaken):
            self.snapshots += 1
            self.snapshot_bytes += event.file_size
        elif isinstance(event, FeedChanged):
            if event.delivering or event.reason is not None:
                self.captures["started" if event.delivering else "failed"] += 1
        elif isinstance(event, StorageChanged):
            self.files_deleted += event.files_deleted
