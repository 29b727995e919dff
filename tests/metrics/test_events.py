"""The tally of what happened."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.bus import Bus
from webcam_rpc.media.events import FeedChanged, RecordingChanged, SnapshotTaken, StorageChanged
from webcam_rpc.metrics.events import EventTally


class EventTallyTests(SynchronousTestCase):
    """Counted as the bus tells of it."""

    def test_counted(self) -> None:
        """A recording of three segments began once; captures, pictures and deleted files are counted."""
        tally, bus = EventTally(), Bus("epoch", lambda: "now")
        bus.subscribe(tally.published)
        for segment in (1, 2, 3):
            bus.publish(
                RecordingChanged(
                    camera_id="demo",
                    device="/dev/video0",
                    recording_id="x",
                    status="STARTED",
                    filename="x.mp4",
                    duration=0.0,
                    segment=segment,
                )
            )
        bus.publish(FeedChanged(camera_id="demo", delivering=True))
        bus.publish(FeedChanged(camera_id="demo", delivering=False, reason="V4L2_FAILED"))
        bus.publish(FeedChanged(camera_id="demo", delivering=False))
        for size in (10, 20):
            bus.publish(SnapshotTaken(camera_id="demo", device="d", filename="f", file_size=size, timestamp="t"))
        bus.publish(StorageChanged(status="CLEANED", available_space=1, files_deleted=7))
        bus.publish(object())
        self.assertEqual(+tally.recordings, {"started": 1})
        self.assertEqual(tally.recordings["error"], 0)
        self.assertIn("error", tally.recordings)
        self.assertEqual(tally.captures, {"started": 1, "failed": 1})
        self.assertEqual((tally.snapshots, tally.snapshot_bytes, tally.files_deleted), (2, 30, 7))
