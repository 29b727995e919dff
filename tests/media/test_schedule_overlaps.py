"""Schedules that meet other recordings, and recorders that fail."""

from __future__ import annotations

from tests.media.scheduling import SchedulerCase
from webcam_rpc.media.recording_state import RecordingWanted
from webcam_rpc.media.troubles import CameraAway, StorageLow


class OverlapTests(SchedulerCase):
    """One camera, one recording: the longest end wins and all are told."""

    def by_hand(self, seconds: float | None) -> None:
        """Begin a recording as a client does."""
        self.successResultOf(self.recorder.start(RecordingWanted(camera_id="usb-1", duration=seconds)))

    def test_manual_goes_on(self) -> None:
        """A schedule joins what was begun by hand, and prolongs it."""
        self.add(start_time="2026-01-01T13:00:00Z")
        self.by_hand(4000)
        self.run_until("2026-01-01T15:00")
        self.assertEqual(self.recorded(), [3600.0 + 2700.0])
        self.assertEqual(self.statuses(), ["CREATED", "JOINED", "FINISHED", "EXPIRED"])
        self.assertEqual(self.told[1].recording_id, "r1")
        (run,) = self.scheduler.entry("s1").runs
        self.assertEqual((run.joined, run.recording_id, run.files), (True, "r1", ("r1.mp4",)))

    def test_manual_outlasts(self) -> None:
        """One that goes on for ever by hand is not ended for a schedule whose time is over."""
        self.add(start_time="2026-01-01T13:00:00Z")
        self.by_hand(None)
        self.run_until("2026-01-01T15:00")
        self.assertEqual(self.recorded(), [])
        self.assertEqual(self.statuses(), ["CREATED", "JOINED", "FINISHED", "EXPIRED"])
        self.recorder.end("usb-1", "stopped")

    def test_two_schedules(self) -> None:
        """The second joins the first, both are told, and it lasts until the later end."""
        self.add()
        self.add("s2", cron="45 22 * * *", duration=3600.0)
        self.run_until("2026-01-02T01:00")
        self.assertEqual(self.recorded(), [4500.0])
        self.assertEqual(self.statuses(), ["CREATED", "STARTED", "JOINED", "FINISHED"])
        self.assertEqual(self.statuses("s2"), ["CREATED", "JOINED", "FINISHED"])
        self.assertEqual({event.recording_id for event in self.told if event.status == "JOINED"}, {"r1"})

    def test_of_two_cameras(self) -> None:
        """Different cameras have nothing to do with one another."""
        self.add()
        self.add("s2", camera_id="usb-2")
        self.run_until("2026-01-02T01:00")
        self.assertEqual(self.recorded(), [2700.0, 2700.0])

    def test_prolonged(self) -> None:
        """Occurrences that overlap are one recording: one run, however many there were."""
        self.add(cron="*/5 13 * * *", duration=600.0)
        self.run_until("2026-01-01T15:00")
        self.assertEqual(self.recorded(), [3900.0])
        (run,) = self.scheduler.entry("s1").runs
        self.assertEqual((run.last - run.start, run.ends - run.last, run.outcome), (3300, 600.0, "FINISHED"))
        self.assertEqual(self.scheduler.entry("s1").recorded, ((run.start, run.last),))

    def test_one_after_the_other(self) -> None:
        """Occurrences that touch are recordings of their own."""
        self.add(cron="*/10 13 * * *", duration=600.0)
        self.run_until("2026-01-01T15:00")
        self.assertEqual(self.recorded(), [600.0] * 6)
        self.assertEqual(self.outcomes(), ["FINISHED"] * 6)

    def test_cancelled(self) -> None:
        """A recording that only the schedule wanted ends with it."""
        self.add()
        self.run_until("2026-01-01T22:40")
        _, left = self.successResultOf(self.scheduler.cancel("s1"))
        self.assertEqual((left, self.recorded()), (None, [600.0]))
        self.assertEqual(self.statuses(), ["CREATED", "STARTED", "CANCELLED"])

    def test_cancelled_wanted_by_hand(self) -> None:
        """One that was begun by hand, or that somebody joined for longer, goes on."""
        self.add(start_time="2026-01-01T13:00:00Z")
        self.by_hand(7200)
        self.run_until("2026-01-01T13:10")
        _, left = self.successResultOf(self.scheduler.cancel("s1"))
        self.assertEqual(left, "r1")
        self.run_until("2026-01-01T22:00")
        self.add("s2")
        self.run_until("2026-01-01T22:40")
        self.recorder.join("usb-1", 7200)
        _, left = self.successResultOf(self.scheduler.cancel("s2"))
        self.assertEqual(left, "r2")

    def test_cancelled_begun_by_hand(self) -> None:
        """One that was begun by hand goes on also where the schedule would have had it go on for longer."""
        self.by_hand(4000)
        self.add(start_time="2026-01-01T13:00:00Z")
        self.run_until("2026-01-01T13:01")
        self.assertEqual(self.successResultOf(self.scheduler.cancel("s1"))[1], "r1")

    def test_cancelled_wanted_by_another(self) -> None:
        """What another schedule has a part in goes on for it, and ends when its time is over."""
        self.add()
        self.add("s2", cron="35 22 * * *", duration=7200.0)
        self.run_until("2026-01-01T22:40")
        _, left = self.successResultOf(self.scheduler.cancel("s2"))
        self.assertEqual(left, "r1")
        self.run_until("2026-01-02T01:00")
        (seconds,) = self.recorded()
        self.assertTrue(2700.0 <= seconds < 2710.0, seconds)
        self.assertEqual(self.statuses()[-1], "FINISHED")

    def test_stopped_by_hand(self) -> None:
        """A stop means stop: the run is over, and does not begin again within its window."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.recorder.end("usb-1", "stopped")
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.recorded(), [600.0])
        self.assertEqual(self.scheduler.entry("s1").runs[0].reason, "stopped")


class FailureTests(SchedulerCase):
    """What keeps a scheduled recording from being made, and what of it passes."""

    def test_tried_again(self) -> None:
        """It is tried again while the window is open, and told when it fails and when it begins, once each."""
        self.add()
        self.recorder.trouble = StorageLow(1, 2)
        self.run_until("2026-01-01T22:35")
        self.assertEqual(self.statuses(), ["CREATED", "FAILED"])
        self.assertEqual(self.told[1].reason, "1 bytes available, 2 required")
        self.recorder.trouble = None
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.statuses(), ["CREATED", "FAILED", "STARTED", "FINISHED"])
        (seconds,) = self.recorded()
        self.assertTrue(2370.0 <= seconds <= 2400.0, seconds)
        self.assertIn("cannot record: 1 bytes", self.errors())

    def test_given_up(self) -> None:
        """When the window is over it has failed, with the reason."""
        self.add()
        self.recorder.trouble = CameraAway("usb-1")
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.statuses(), ["CREATED", "FAILED", "FAILED"])
        (run,) = self.scheduler.entry("s1").runs
        self.assertEqual((run.outcome, run.reason), ("FAILED", "usb-1 is not plugged in; its time is over"))

    def test_broke_in_the_middle(self) -> None:
        """A recording that fails on its way is begun again for the rest."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.recorder.end("usb-1", "encoder_failed", "ERROR")
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.recorded(), [600.0, 2099.0])
        self.assertEqual(self.scheduler.entry("s1").runs[0].files, ("r1.mp4", "r2.mp4"))
        self.assertEqual(self.statuses(), ["CREATED", "STARTED", "FAILED", "STARTED", "FINISHED"])

    def test_no_frames(self) -> None:
        """A recording whose camera never gave a frame has failed when its time is over, and is not tried again."""
        self.add()
        self.run_until("2026-01-01T23:14:59")
        self.recorder.end("usb-1", "duration", "ERROR", whole=False)
        self.run_until("2026-01-02T00:00")
        (run,) = self.scheduler.entry("s1").runs
        self.assertEqual((run.outcome, run.reason), ("FAILED", "the camera gave no frames"))
        self.assertEqual(len(self.recorder.wanted), 1)

    def test_broke_after_the_clock_was_put_back(self) -> None:
        """What is begun again is for the rest of what was asked for, not for what the wall says."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.set_wall("2026-01-01T21:40")
        self.recorder.end("usb-1", "encoder_failed", "ERROR")
        self.run_for(7200)
        self.assertEqual(self.recorded(), [600.0, 2099.0])

    def test_defect(self) -> None:
        """A defect of the recorder is logged, and costs the scheduler nothing."""
        self.add()
        self.recorder.trouble = ValueError("a defect")
        self.run_until("2026-01-01T22:31")
        self.recorder.trouble = None
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.outcomes(), ["FINISHED"])
        self.assertTrue(self.flushLoggedErrors(ValueError))

    def test_cancelled_while_failing(self) -> None:
        """A schedule that is cancelled is not tried again."""
        self.add()
        self.recorder.trouble = CameraAway("usb-1")
        self.run_until("2026-01-01T22:35")
        self.successResultOf(self.scheduler.cancel("s1"))
        self.recorder.trouble = None
        self.run_until("2026-01-03T00:00")
        self.assertEqual(self.recorder.wanted, [])
