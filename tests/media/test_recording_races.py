"""Recordings where two things happen at once, and where a disk does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred

from tests.media.fakes_rec import RecordingCase
from tests.media.fakes_snap import UNPLUGGED
from webcam_rpc.durable import PART
from webcam_rpc.media.recording import START_DEADLINE
from webcam_rpc.media.troubles import (
    AlreadyRecording,
    CameraAway,
    CaptureFailed,
    NotRecording,
    ProgramFailed,
    StorageLow,
)

if TYPE_CHECKING:
    from webcam_rpc.media.recording_state import RecordingState


class UndoneTests(RecordingCase):
    """What is undone leaves nothing, whatever was on its way."""

    def test_file_on_its_way(self) -> None:
        """A file that becomes whole in the moment in which its recording is undone is taken back, and not told."""
        starting = self.start(segment_s=1.0)
        self.children.idle = True
        self.feed.deliver()
        self.threads.work()
        self.clock.advance(0.05)
        self.children[0].copy()
        self.clock.advance(1.0)
        # One look is under way; with the next frame the file is full, and its encoder ends.
        self.feed.deliver()
        self.threads.work_one()
        self.threads.work_one()
        starting.cancel()
        self.refused(CancelledError, starting)
        self.assertEqual(self.library.listed, [])

    def test_undone_at_any_time(self) -> None:
        """Whatever the threads have done until then, and whether by a stop or a cancel, nothing is left."""
        for steps in range(12):
            for by_stop in (False, True):
                starting = self.start(segment_s=1.0)
                self.children.idle = True
                self.feed.deliver()
                self.threads.work()
                self.clock.advance(0.05)
                self.children[-1].copy()
                self.clock.advance(1.0)
                self.feed.deliver()
                for _ in range(min(steps, len(self.threads))):
                    self.threads.work_one()
                if starting.called:
                    # By then it had begun.
                    self.stopped(self.successResultOf(starting))
                    self.assertGreater(steps, 0)
                    self.told()
                    for name in self.files():
                        (self.directory / name).unlink()
                elif by_stop:
                    stopping = self.recorder.stop(self.state().recording_id)
                    self.refused(NotRecording, starting)
                    self.assertEqual(self.successResultOf(stopping).files, ())
                else:
                    starting.cancel()
                    self.refused(CancelledError, starting)

    def test_stopped_while_starting(self) -> None:
        """Whoever stops one that is being begun gets an answer without a file; who asked for it hears why."""
        starting = self.start()
        self.feed.deliver()
        stopping = self.recorder.stop(self.state().recording_id)
        self.refused(NotRecording, starting)
        over = self.successResultOf(stopping)
        self.assertEqual((over.state, over.files, over.reason), ("FAILED", (), "stopped"))

    def test_late_frame(self) -> None:
        """A frame that comes while it ends, and a camera that goes then, change nothing."""
        self.children.deaf = True
        state = self.started(filename="gate")
        (recording,) = self.recorder._recordings.values()
        stopping = self.recorder.stop(state.recording_id)
        recording.frame(self.feed.deliver())
        recording.gone()
        recording.failed(CaptureFailed(UNPLUGGED))
        self.assertEqual((self.state().state, self.state().reason), ("STOPPING", "stopped"))
        self.children[0].ends()
        self.threads.work()
        self.assertEqual(self.successResultOf(stopping).frames, 3)
        recording.gone()
        recording.frame(self.feed.deliver())
        self.assertEqual([status for status, _, _ in self.told()], ["STARTED", "STOPPED"])
        self.assertEqual(len(self.children.started), 1)


class PromisedTests(RecordingCase):
    """A schedule has joined a recording that is only being begun."""

    def joined(self) -> Deferred[RecordingState]:
        """Begin one and let a schedule join it."""
        starting = self.start()
        self.feed.deliver()
        self.threads.work_one()
        self.assertIsNotNone(self.recorder.join("usb-1", 60.0, "s1"))
        return starting

    def ended(self, starting: Deferred[RecordingState], kind: type[Exception], reason: str) -> None:
        """See that both hear."""
        self.threads.work()
        self.failureResultOf(starting, kind)
        self.assertEqual(self.told(), [("ERROR", None, reason)])
        self.assertEqual((self.files(), self.recorder.active()), ([], ()))

    def test_camera_goes(self) -> None:
        """If the camera goes or fails then, the schedule hears it too, or it would wait to its end for nothing."""
        starting = self.joined()
        self.feed.unplug()
        self.ended(starting, CameraAway, "unplugged")
        self.feed.plug()
        starting = self.joined()
        self.feed.fail()
        self.ended(starting, CaptureFailed, "capture_failed")

    def test_encoder_dies(self) -> None:
        """So it is with an encoder that gives nothing, and a disk that is full."""
        self.children.idle = True
        starting = self.joined()
        self.pass_time(START_DEADLINE)
        self.ended(starting, ProgramFailed, "encoder_failed")
        starting = self.joined()
        self.library.spare = -1
        self.children[-1].ends(1)
        self.ended(starting, StorageLow, "storage_low")

    def test_cancelled(self) -> None:
        """And where its client goes: for the schedule that is a failure, and no end that was wanted."""
        starting = self.joined()
        starting.cancel()
        self.ended(starting, CancelledError, "interrupted")

    def test_joined_by_hand(self) -> None:
        """A wish by hand is answered by its own call, and nothing is told to all."""
        starting = self.start()
        self.feed.deliver()
        self.recorder.join("usb-1", 60.0)
        self.feed.unplug()
        self.refused(CameraAway, starting)


class TimesTests(RecordingCase):
    """The times that are told belong together."""

    def test_camera_came_late(self) -> None:
        """The end of a scheduled recording whose camera came late is told for when it was."""
        self.feed.unplug()
        state = self.successResultOf(self.start(schedule_id="s1", wait=True))
        self.pass_time(30.0)
        self.feed.plug()
        self.deliver(10)
        over = self.stopped(state)
        self.assertEqual((over.start_time[11:19], (over.end_time or "")[11:19]), ("12:02:10", "12:02:11"))
        self.assertApproximates(over.elapsed, 31.25, 0.01)

    def test_camera_never_came(self) -> None:
        """One that never had a frame goes from the wish to its end."""
        self.feed.unplug()
        state = self.successResultOf(self.start(schedule_id="s1", wait=True))
        self.pass_time(5.0)
        over = self.stopped(state)
        self.assertEqual((over.start_time[11:19], (over.end_time or "")[11:19]), ("12:01:40", "12:01:45"))


class HungDiskTests(RecordingCase):
    """The disk does not answer."""

    def test_no_end_of_files(self) -> None:
        """No more than a few files wait for it, whatever their length is to be; the rest goes into the last one."""
        state = self.started(segment_s=1.0)
        for _ in range(8 * 60):
            self.clock.advance(0.125)
            self.feed.deliver()
        (recording,) = self.recorder._recordings.values()
        self.assertLessEqual(recording._reel.opened, 9)
        self.threads.work()
        over = self.stopped(state)
        self.assertEqual(over.frames + over.frames_dropped, 3 + 8 * 60)
        self.assertLessEqual(len(over.files), 10)

    def test_sizes(self) -> None:
        """Nor is there an end of files where pictures change their size all the time: what is too much is let pass."""
        state = self.started()
        for number in range(40):
            self.clock.advance(0.125)
            self.feed.deliver(320 if number % 2 else 640)
        self.threads.work()
        over = self.stopped(state)
        self.assertLessEqual(len(over.files), 10)
        self.assertEqual(over.frames + over.frames_dropped, 43)
        self.assertGreater(over.frames_dropped, 10)
        sizes = {self.meta(name).resolution for name in over.files}
        self.assertEqual(sizes, {"640x480", "320x240"})

    def test_start(self) -> None:
        """A start whose call is given up hears so at once; the camera is let go, and what comes late goes."""
        starting = self.start()
        self.feed.deliver()
        self.clock.advance(START_DEADLINE)
        self.assertEqual(self.feed.attached, [])
        self.assertNoResult(starting)
        starting.cancel()
        self.failureResultOf(starting, CancelledError)
        self.threads.work()
        self.assertEqual((self.files(), self.recorder.active(), self.told()), ([], (), []))

    def test_recovery_hangs(self) -> None:
        """Who waits for the recovery when the service is stopped and begun again is not forgotten."""
        self.end()
        self.recorder.startService()
        recovered = self.recorder.recovered()
        self.successResultOf(self.recorder.stopService())
        self.recorder.startService()
        self.threads.work()
        self.successResultOf(recovered)


class LostTests(RecordingCase):
    """A file that cannot be made whole."""

    def test_lost(self) -> None:
        """One that lost all of its files has failed, and says so; it does not claim a file."""
        state = self.started(filename="gate")
        (self.directory / ("gate.mp4" + PART)).unlink()
        over = self.stopped(state)
        self.assertEqual((over.state, over.files, over.lost), ("FAILED", (), 1))
        self.assertEqual(self.told()[-1], ("ERROR", None, "stopped"))

    def test_one_of_two(self) -> None:
        """One that has another is over as it should be, and tells of the loss."""
        state = self.started(filename="gate")
        (self.directory / ("gate.mp4" + PART)).unlink()
        self.feed.unplug()
        self.threads.work()
        self.feed.plug()
        self.deliver(3)
        over = self.stopped(state)
        self.assertEqual((over.state, over.files, over.lost), ("STOPPED", ("gate-0002.mp4",), 1))


class VersionTests(RecordingCase):
    """Which ffmpeg it is."""

    def test_asked_again(self) -> None:
        """One that did not tell which it is is asked again the next time, and gets no option that it may not know."""
        answers: list[bytes] = [b"", b"ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright"]
        self.children.run = lambda *_, **__: _answered((None, answers.pop(0)))  # type: ignore[method-assign,assignment]
        self.stopped(self.started())
        self.stopped(self.started())
        self.stopped(self.started())
        self.assertNotIn("passthrough", self.children[0].argv)
        for encoder in self.children.started[1:]:
            self.assertEqual(encoder.argv[encoder.argv.index("-vsync") + 1], "passthrough")

    def test_asked_once_for_many(self) -> None:
        """Of many that begin at once the first asks, and all get on; one that goes meanwhile takes nobody along."""
        asked: list[Deferred[object]] = []

        def ask(*_: object, **__: object) -> Deferred[object]:
            asked.append(Deferred())
            return asked[-1]

        self.children.run = ask  # type: ignore[method-assign,assignment]
        first, *others = [self.start() for _ in range(5)]
        self.assertEqual(len(asked), 1)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        asked[0].callback((None, b"ffmpeg version 4.4.2"))
        self.deliver(3)
        self.pass_time(0.1)
        self.successResultOf(others[0])
        for other in others[1:]:
            self.failureResultOf(other, AlreadyRecording)
        self.assertEqual(len(asked), 1)


def _answered(answer: object) -> Deferred[object]:
    answered: Deferred[object] = Deferred()
    answered.callback(answer)
    return answered
