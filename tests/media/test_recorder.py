"""Recordings' beginning and end, with the service and with each other."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel

from tests.media.fakes_rec import ENOUGH, RecordingCase
from tests.media.fakes_snap import UNPLUGGED
from webcam_rpc.durable import PART
from webcam_rpc.media.recorder import Recorder
from webcam_rpc.media.recording import MARGIN, START_DEADLINE
from webcam_rpc.media.recording_state import RecordingWanted
from webcam_rpc.media.troubles import (
    AlreadyRecording,
    CameraAway,
    CaptureFailed,
    NameRefused,
    NotRecording,
    ProgramFailed,
    Stopping,
    StorageBroken,
    StorageLow,
)


class StartTests(RecordingCase):
    """A recording is answered for when it is there, and undone where it is not."""

    def test_answered(self) -> None:
        """The answer comes when the first frame is on the disk, not before."""
        self.children.idle = True
        starting = self.start()
        self.deliver(3)
        self.assertNoResult(starting)
        self.assertEqual([self.told(), self.state().state], [[], "STARTING"])
        self.children[0].copy()
        self.pass_time(0.1)
        state = self.successResultOf(starting)
        self.assertEqual((state.state, state.frames), ("RECORDING", 3))
        self.assertEqual(self.told(), [("STARTED", state.filename, None)])
        self.assertEqual(self.feed.kinds(), ["recording"])

    def test_draft(self) -> None:
        """While it goes on there are the part and its metadata without an end; later the file and all of it."""
        state = self.started(filename="gate")
        self.assertEqual(self.files(), ["gate.mp4.json", "gate.mp4" + PART])
        self.assertIsNone(self.meta("gate.mp4").end_time)
        over = self.stopped(state)
        self.assertEqual(self.files(), ["gate.mp4", "gate.mp4.json"])
        meta = self.meta("gate.mp4")
        self.assertEqual((meta.frames, meta.ended, meta.interrupted), (3, "stopped", False))
        self.assertEqual(meta.file_size, (self.directory / "gate.mp4").stat().st_size)
        self.assertEqual((over.state, over.files, over.frames), ("STOPPED", ("gate.mp4",), 3))
        self.assertEqual(self.library.listed, [("recordings", "gate.mp4")])

    def test_too_late(self) -> None:
        """If nothing is on the disk in time, nothing is left of it and the error says so."""
        self.children.idle = True
        starting = self.start()
        self.deliver(3)
        self.pass_time(START_DEADLINE)
        error = self.refused(ProgramFailed, starting)
        self.assertIn("no frame", error.detail)
        self.assertEqual(len(self.children), 0)

    def test_no_frame(self) -> None:
        """A camera that gives nothing is not waited for longer than that."""
        starting = self.start()
        self.pass_time(START_DEADLINE)
        self.refused(ProgramFailed, starting)
        self.assertEqual(self.children.started, [])

    def test_time_before_counts(self) -> None:
        """Time that is spent before the camera is asked is part of the time that a start may take."""
        self.children.idle = True
        learning: Deferred[object] = Deferred()
        self.children.run = lambda _, **__: learning  # type: ignore[method-assign,assignment]
        starting = self.start()
        self.pass_time(START_DEADLINE - 1)
        learning.callback((None, b"ffmpeg version 4.4.2"))
        self.pass_time(0.9)
        self.assertNoResult(starting)
        self.pass_time(0.2)
        self.refused(ProgramFailed, starting)

    def test_cancelled(self) -> None:
        """One that is cancelled is undone, its encoder ended at once."""
        self.children.idle = True
        starting = self.start()
        self.deliver(3)
        starting.cancel()
        self.assertTrue(self.children[0].killed)
        self.refused(CancelledError, starting)

    def test_cancelled_with_frames(self) -> None:
        """What is on the disk but was not seen yet goes as well."""
        starting = self.start()
        self.clock.advance(0.01)
        self.feed.deliver()
        self.threads.work()
        starting.cancel()
        self.refused(CancelledError, starting)

    def test_name_taken(self) -> None:
        """A chosen name that is taken is refused before the camera is asked; the file stays as it is."""
        self.directory.mkdir(parents=True)
        for taken in ("gate.mp4", "gate.mp4" + PART):
            path = self.directory / taken
            path.write_bytes(b"theirs")
            failure = self.failureResultOf(self.start(filename="gate"), NameRefused)
            self.assertEqual(failure.value.rule, "exists")
            self.assertEqual((path.read_bytes(), self.feed.attached), (b"theirs", []))
            path.unlink()

    def test_name_taken_meanwhile(self) -> None:
        """Of two that want one name, the second is refused, and the first is not touched."""
        first = self.start(filename="gate")
        second = self.start(camera_id="usb-2", filename="gate")
        self.deliver(3)
        self.other.deliver()
        self.threads.work()
        self.failureResultOf(second, NameRefused)
        self.stopped(self.successResultOf(first))
        self.assertEqual(self.files(), ["gate.mp4", "gate.mp4.json"])
        self.assertEqual(self.frames_in("gate.mp4"), 3)

    def test_default_names(self) -> None:
        """Two recordings that begin in the same millisecond get two names."""
        (self.directory).mkdir(parents=True)
        taken = "usb-1_20260101T120140125Z.mp4"
        (self.directory / taken).touch()
        state = self.started()
        self.assertEqual(state.filename, "usb-1_20260101T120140125Z-0002.mp4")
        self.stopped(state)

    def test_bad_name(self) -> None:
        """A name that leads elsewhere is refused."""
        self.assertEqual(self.refused(NameRefused, self.start(filename="../x")).rule, "pattern")

    def test_no_camera(self) -> None:
        """A camera that nobody knows, one that is away, and one that goes or fails at once."""
        self.refused(CameraAway, self.start(camera_id="usb-9"))
        self.feed.away = True
        self.refused(CameraAway, self.start())
        self.feed.away = False
        starting = self.start()
        self.feed.unplug()
        self.refused(CameraAway, starting)
        self.feed.away = False
        starting = self.start()
        self.feed.fail(UNPLUGGED)
        self.refused(CaptureFailed, starting)

    def test_no_room(self) -> None:
        """With too little room room is made, and where that does not help none is begun."""
        self.library.refusal = StorageLow(10, 20)
        error = self.refused(StorageLow, self.start())
        self.assertEqual((error.available, error.required, self.library.cleared), (10, 20, [MARGIN]))
        clearing: Deferred[bool] = Deferred()
        self.library.clearing.append(clearing)
        starting = self.start()
        self.library.refusal = None
        clearing.callback(ENOUGH)
        self.deliver(3)
        self.stopped(self.successResultOf(starting))

    def test_room_takes_long(self) -> None:
        """Making room is not waited for forever."""
        self.library.refusal = StorageLow(10, 20)
        self.library.clearing.append(Deferred())
        starting = self.start()
        self.pass_time(START_DEADLINE)
        self.refused(StorageLow, starting)

    def test_no_directory(self) -> None:
        """A directory that cannot be written to is told."""
        self.library.refusal = StorageBroken("gone")
        self.refused(StorageBroken, self.start())
        self.library.refusal = None
        self.library.directory.write_bytes(b"")
        starting = self.start()
        self.deliver(1)
        self.failureResultOf(starting, StorageBroken)
        self.library.directory.unlink()

    def test_no_ffmpeg(self) -> None:
        """Without ffmpeg the answer says what to install."""
        self.children.missing.add("ffmpeg")
        starting = self.start()
        self.deliver(1)
        self.assertIn("apt-get install", self.refused(ProgramFailed, starting).remedy)
        self.assertEqual(len(self.lines()), 0)

    def test_encoder_dies_at_once(self) -> None:
        """An encoder that dies before the first frame is told at once, with its last words."""
        self.children.idle = True
        starting = self.start()
        self.deliver(1)
        self.children[0].ends(1, stderr="Unknown encoder 'libx264'")
        self.assertIn("libx264", self.refused(ProgramFailed, starting).detail)

    def test_encoder_finds_no_room(self) -> None:
        """One that dies because the disk is full is told as that."""
        self.children.idle = True
        starting = self.start()
        self.deliver(1)
        self.library.spare = -1
        self.children[0].ends(1, stderr="No space left on device")
        self.refused(StorageLow, starting)

    def test_version_asked_once(self) -> None:
        """The first recording asks ffmpeg which it is, the others do not."""
        for _ in range(2):
            self.stopped(self.started())
        self.assertEqual(self.children.versions, 1)
        self.assertIn("-fps_mode", self.children[1].argv)


class TogetherTests(RecordingCase):
    """Several at once."""

    def test_one_a_camera(self) -> None:
        """A second one of a camera is refused with the id of the first; another camera's is its own."""
        state = self.started()
        refused = self.failureResultOf(self.start(), AlreadyRecording).value
        self.assertEqual(refused.recording_id, state.recording_id)
        other = self.start(camera_id="usb-2")
        self.other.deliver()
        self.pass_time(0.2)
        self.assertEqual(self.successResultOf(other).device, "/dev/video2")
        self.assertEqual(len(self.recorder.active()), 2)

    def test_two_starts(self) -> None:
        """Of two that come while the first is being begun, one is refused."""
        one, two = [self.recorder.start(RecordingWanted(camera_id="usb-1", filename=name)) for name in ("one", "two")]
        self.threads.work()
        self.failureResultOf(two, AlreadyRecording)
        self.deliver(3)
        self.successResultOf(one)

    def test_found(self) -> None:
        """It is found by camera and by id while it goes on."""
        state = self.started()
        found = self.recorder.by_id(state.recording_id)
        self.assertEqual(found and found.camera_id, "usb-1")
        self.stopped(state)
        self.assertIsNone(self.recorder.by_id(state.recording_id))
        self.failureResultOf(self.recorder.stop(state.recording_id), NotRecording)
        self.assertIsNone(self.recorder.join("usb-1", 5.0))

    def test_joins_a_schedule(self) -> None:
        """Somebody's recording becomes part of a scheduled one; the longest end wins, and a second is refused."""
        scheduled = self.started(schedule_id="s1", duration=5.0, wait=True)
        joined = self.successResultOf(self.start(duration=20.0))
        self.assertEqual((joined.recording_id, joined.schedule_id), (scheduled.recording_id, "s1"))
        self.assertEqual(joined.remaining, 20.0)
        self.failureResultOf(self.start(), AlreadyRecording)

    def test_schedules_join_by_themselves(self) -> None:
        """A second schedule's is refused: a schedule asks for its part."""
        self.started(schedule_id="s1", duration=5.0, wait=True)
        self.failureResultOf(self.start(schedule_id="s2", wait=True), AlreadyRecording)

    def test_joins_one_that_waits(self) -> None:
        """Where the scheduled one waits for its camera, the answer waits for a frame as well."""
        self.feed.away = True
        self.successResultOf(self.start(schedule_id="s1", duration=500.0, wait=True))
        self.feed.plug()
        starting = self.start()
        self.assertNoResult(starting)
        self.deliver(3)
        self.assertIsNone(self.successResultOf(starting).remaining)

    def test_joins_nothing(self) -> None:
        """If none comes, the recording stays as it was and the answer says why."""
        self.successResultOf(self.start(schedule_id="s1", duration=500.0, wait=True))
        self.feed.fail()
        starting = self.start()
        self.pass_time(START_DEADLINE)
        self.assertIn("capture_failed", self.failureResultOf(starting, ProgramFailed).value.detail)
        self.assertApproximates(self.state().remaining, 500.0 - START_DEADLINE, 0.1)

    def test_a_schedule_joins(self) -> None:
        """A schedule prolongs what goes on, never shortens it, and it stays whose it was."""
        self.started(duration=10.0)
        for duration, remaining in ((5.0, 10.0), (30.0, 30.0)):
            joined = self.recorder.join("usb-1", duration, "s1")
            assert joined is not None
            self.assertApproximates(joined.remaining, remaining, 0.5)
            self.assertIsNone(joined.schedule_id)
        self.failureResultOf(self.start(), AlreadyRecording)
        self.recorder.join("usb-1", None)
        self.assertIsNone(self.state().remaining)


class ServiceTests(RecordingCase):
    """With the service."""

    def test_stop(self) -> None:
        """When the service stops, every recording is whole and no other is begun."""
        self.started()
        other = self.start(camera_id="usb-2")
        self.other.deliver()
        self.pass_time(0.2)
        self.successResultOf(other)
        stopping = self.recorder.stopService()
        self.assertNoResult(stopping)
        self.failureResultOf(self.start(), Stopping)
        self.threads.work()
        self.successResultOf(stopping)
        self.assertEqual(len([name for name in self.files() if name.endswith(".mp4")]), 2)
        self.assertEqual({status for status, _, _ in self.told()}, {"STARTED", "STOPPED"})

    def test_stop_in_time(self) -> None:
        """An encoder that does not end is killed in time, and what it wrote is whole."""
        self.children.deaf = True
        state = self.started(filename="gate")
        settled = self.recorder.settled()
        began = self.clock.seconds()
        stopping = self.recorder.stopService()
        while not stopping.called:
            self.pass_time(0.1)
        self.assertLessEqual(self.clock.seconds() - began, 1.5)
        self.successResultOf(settled)
        self.assertEqual((self.frames_in("gate.mp4"), self.meta("gate.mp4").ended), (3, "shutdown"))
        self.assertEqual(self.told()[-1], ("STOPPED", state.filename, "shutdown"))

    def test_stop_hurries(self) -> None:
        """One that is being ended already is hurried."""
        self.children.deaf = True
        state = self.started()
        ending = self.recorder.stop(state.recording_id)
        began = self.clock.seconds()
        stopping = self.recorder.stopService()
        while not stopping.called:
            self.pass_time(0.1)
        self.assertLessEqual(self.clock.seconds() - began, 1.5)
        self.assertEqual(self.successResultOf(ending).state, "STOPPED")

    def test_stop_gives_up(self) -> None:
        """A disk that does not answer is not waited for; that is said."""
        self.started()
        stopping = self.recorder.stopService()
        self.clock.advance(2.0)
        self.successResultOf(stopping)
        self.assertIn("1 recordings have not ended in time", self.lines(LogLevel.error))
        self.threads.work()

    def test_stop_while_starting(self) -> None:
        """One that is being begun is undone, and its client hears that the service stops."""
        self.children.idle = True
        starting = self.start()
        self.deliver(1)
        stopping = self.recorder.stopService()
        self.refused(Stopping, starting)
        self.successResultOf(stopping)

    def test_twice(self) -> None:
        """A service that was stopped starts anew."""
        self.started()
        self.end()
        self.recorder.startService()
        self.threads.work()
        self.stopped(self.started())

    def test_recovers_first(self) -> None:
        """What a crash left is made right, listed and taken up before anything is begun."""
        self.end()
        state = self.crashed()
        self.library.listed.clear()
        recorder = Recorder(
            self.clock,
            self.now,
            self.children,
            self.threads.run,
            self.bus,
            self.feeds,
            self.library,
            self.finishing,
            self.recorder._studio.options,
        )
        recorder.startService()
        self.recorder, recovered = recorder, recorder.recovered()
        starting = recorder.start(RecordingWanted(camera_id="usb-1"))
        self.assertNoResult(recovered)
        self.feed.deliver()
        self.assertEqual(self.feed.attached, [])
        self.threads.work()
        self.successResultOf(recovered)
        self.assertEqual((self.library.listed, self.finishing.resumed), ([("recordings", state)], 2))
        self.assertTrue(self.meta(state).interrupted)
        self.deliver(3)
        self.successResultOf(starting)

    def crashed(self) -> str:
        """Leave a recording as a crash would."""
        self.recorder.startService()
        self.threads.work()
        self.started(filename="left")
        names = ("left.mp4.json", "left.mp4" + PART)
        kept = {name: (self.directory / name).read_bytes() for name in names}
        self.end()
        for name in self.files():
            (self.directory / name).unlink()
        for name, data in kept.items():
            (self.directory / name).write_bytes(data)
        self.finishing.resumed = 1
        return "left.mp4"
