"""One recording, from its first frame to its last file, whatever comes in between."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.media.fakes_rec import RecordingCase
from tests.media.fakes_snap import UNPLUGGED, a_frame
from webcam_rpc.media.backlog import BYTES
from webcam_rpc.media.recording_state import MOVES, State


class MovesTests(SynchronousTestCase):
    """The table of states."""

    def test_table(self) -> None:
        """Every state has a line; all but two lead to the end, and nothing leads back to the start."""
        self.assertEqual(set(MOVES), set(State))
        self.assertEqual({state for state in State if not MOVES[state]}, {State.STOPPED, State.FAILED})
        reached = {after for moves in MOVES.values() for after in moves}
        self.assertEqual(reached, set(State) - {State.STARTING})


class TimeTests(RecordingCase):
    """How long it goes on."""

    def test_duration(self) -> None:
        """It ends after the time that was asked for, counted from its first frame."""
        self.children.idle = True
        starting = self.start(duration=5.0)
        self.pass_time(2.0)
        self.feed.deliver()
        self.pass_time(1.0)
        self.children[0].copy()
        self.children[0].idle = False
        self.pass_time(0.2)
        self.assertApproximates(self.successResultOf(starting).elapsed, 1.1, 0.01)
        self.deliver(30)
        self.assertEqual(self.state().state, "RECORDING")
        self.assertApproximates(self.state().remaining, 0.05, 0.01)
        name = self.state().filename
        self.deliver(1)
        self.assertIsNone(self.recorder.of_camera("usb-1"))
        self.assertEqual(self.told(), [("STARTED", name, None), ("STOPPED", name, "duration")])
        self.assertEqual(self.meta(name or "").ended, "duration")

    def test_clock_set(self) -> None:
        """Setting the clock changes neither how long it goes on, nor its file's times, nor its duration."""
        state = self.started(duration=5.0, filename="gate")
        self.jump = 3600.0
        self.deliver(16)
        self.assertApproximates(self.state().elapsed, 2.25, 0.01)
        over = self.stopped(state)
        self.assertApproximates(over.duration, 2.3, 0.2)
        self.assertEqual((over.start_time[:16], (over.end_time or "")[:16]), ("2026-01-01T12:01",) * 2)

    def test_prolonged(self) -> None:
        """The longest end wins; one that goes on until it is stopped is not ended by a shorter wish."""
        self.started(duration=2.0)
        self.recorder.join("usb-1", 4.0, "s1")
        self.pass_time(3.0)
        self.recorder.join("usb-1", 0.5, "s2")
        self.pass_time(0.8)
        self.assertEqual(self.state().state, "RECORDING")
        self.recorder.join("usb-1", None)
        self.recorder.join("usb-1", 0.5, "s3")
        self.pass_time(60.0)
        self.assertEqual(self.state().state, "RECORDING")

    def test_pre_roll(self) -> None:
        """It begins with the past, which counts for the file and not for the time that was asked for."""
        self.feed.past = tuple(a_frame(number, 90.0 + number) for number in range(-20, 10))
        self.feed._number = 9
        state = self.started(duration=5.0, pre_roll_s=30.0, filename="gate")
        self.assertEqual(self.feed.asked_back, [30.0])
        self.assertEqual(state.pre_roll_s, 30.125)
        self.assertLess(state.elapsed, 1.0)
        over = self.stopped(state)
        self.assertEqual(over.frames, 33)
        self.assertApproximates(over.duration, 30.4, 0.2)
        self.assertEqual(self.meta("gate.mp4").pre_roll_s, over.pre_roll_s)
        self.assertEqual(over.start_time, "2026-01-01T12:01:10.000Z")

    def test_present_frame_once(self) -> None:
        """The frame that it begins with is in the ring already, and is not there twice."""
        self.feed.past = (a_frame(1, 99.9), a_frame(2, 100.1))
        self.feed._number = 1
        self.assertEqual(self.stopped(self.started(pre_roll_s=5.0)).frames, 4)


class SegmentsTests(RecordingCase):
    """Several files."""

    def test_no_frame_lost(self) -> None:
        """At the seam the next frame goes into a new file; together they have every frame, each once."""
        state = self.started(segment_s=2.0, filename="gate")
        self.deliver(57)
        over = self.stopped(state)
        self.assertEqual(over.files, ("gate.mp4", "gate-0002.mp4", "gate-0003.mp4", "gate-0004.mp4"))
        self.assertEqual([self.frames_in(name) for name in over.files], [16, 16, 16, 12])
        self.assertEqual((over.frames, over.frames_dropped), (60, 0))
        self.assertEqual([self.meta(name).segment for name in over.files], [1, 2, 3, 4])
        self.assertEqual([self.meta(name).ended for name in over.files], ["segment"] * 3 + ["stopped"])

    def test_slow_end(self) -> None:
        """A file whose encoder takes its time does not hold up the next, nor is any forgotten at the end."""
        self.children.deaf = True
        state = self.started(segment_s=1.0, filename="gate")
        self.deliver(17)
        self.assertEqual((len(self.children), self.state().files), (3, ()))
        self.assertEqual(self.state().filename, "gate-0003.mp4")
        stopping = self.recorder.stop(state.recording_id)
        for encoder in reversed(self.children.started):
            encoder.ends()
            self.threads.work()
        over = self.successResultOf(stopping)
        self.assertEqual(over.files, ("gate.mp4", "gate-0002.mp4", "gate-0003.mp4"))
        self.assertEqual(over.frames, 20)

    def test_told(self) -> None:
        """Each file is told when it has a frame and when it is whole, the last by the end of the recording."""
        state = self.started(segment_s=1.0, filename="gate")
        self.deliver(10)
        self.stopped(state)
        self.assertEqual(
            sorted(self.told()),
            [
                ("INTERRUPTED", "gate.mp4", "segment"),
                ("STARTED", "gate-0002.mp4", None),
                ("STARTED", "gate.mp4", None),
                ("STOPPED", "gate-0002.mp4", "stopped"),
            ],
        )

    def test_short_file(self) -> None:
        """A file that is over before anybody looked at it is told of as well, and counts as a beginning."""
        self.children.idle = True
        starting = self.start(segment_s=1.0, filename="gate")
        self.deliver(8)
        self.clock.advance(0.125)
        self.children[0].copy()
        self.feed.deliver()
        self.threads.work()
        self.assertEqual(self.successResultOf(starting).state, "RECORDING")
        self.assertEqual(self.told()[0], ("STARTED", "gate.mp4", None))

    def test_counted_once(self) -> None:
        """While a file that is whole is being listed it is not counted twice; what was let pass is counted for all."""
        state = self.started(segment_s=1.0)
        self.children[0].backlog = BYTES + 1
        self.deliver(2)
        self.children[0].backlog = 0
        listing: Deferred[None] = Deferred()
        self.library.listing.append(listing)
        self.deliver(4)
        self.assertEqual((len(self.state().files), self.state().frames), (1, 6))
        listing.callback(None)
        over = self.stopped(state)
        self.assertEqual((over.frames, over.frames_dropped, self.feed.dropped), (7, 2, 2))

    def test_other_size(self) -> None:
        """Pictures of another size begin another file."""
        state = self.started(filename="gate")
        self.feed.deliver(320)
        self.threads.work()
        over = self.stopped(state)
        self.assertEqual([self.meta(name).resolution for name in over.files], ["640x480", "320x240"])

    def test_long_name(self) -> None:
        """A name with no room for a number is shortened for the second file."""
        name = "x" * 124
        state = self.started(filename=name, segment_s=1.0)
        self.deliver(10)
        self.assertEqual(self.stopped(state).files, (name + ".mp4", "x" * 100 + "-0002.mp4"))

    def test_finalizing(self) -> None:
        """Each file that is to be a plain MP4 is handed on when it is whole."""
        state = self.started(segment_s=1.0, format="mp4", filename="gate")
        self.deliver(10)
        self.assertEqual(self.finishing.added, ["gate.mp4"])
        over = self.stopped(state)
        self.assertEqual((over.finalizing, self.finishing.added), (True, ["gate.mp4", "gate-0002.mp4"]))


class AwayTests(RecordingCase):
    """The camera goes and comes."""

    def test_comes_back(self) -> None:
        """The file is finished and told with the reason; when it comes back another one is begun."""
        state = self.started(filename="gate", duration=60.0)
        self.told()
        self.feed.unplug()
        self.threads.work()
        self.assertEqual(self.told(), [("INTERRUPTED", "gate.mp4", "unplugged")])
        self.assertEqual((self.state().state, self.state().reason), ("WAITING", "unplugged"))
        self.assertEqual((self.files(), self.meta("gate.mp4").ended), (["gate.mp4", "gate.mp4.json"], "unplugged"))
        self.pass_time(10.0)
        self.assertApproximates(self.state().elapsed, 10.2, 0.1)
        self.feed.plug()
        self.deliver(3)
        self.assertEqual(self.told(), [("STARTED", "gate-0002.mp4", None)])
        self.assertEqual((self.state().state, self.state().reason), ("RECORDING", None))
        over = self.stopped(state)
        self.assertEqual((over.recording_id, over.files), (state.recording_id, ("gate.mp4", "gate-0002.mp4")))

    def test_stays_away(self) -> None:
        """At the end of the time there is what there is."""
        self.started(filename="gate", duration=5.0)
        self.feed.unplug()
        self.pass_time(5.0)
        self.assertEqual(self.told()[-1], ("STOPPED", "gate.mp4", "duration"))

    def test_fails(self) -> None:
        """A capture that fails is the same, with its own reason; failing again tells nothing new."""
        self.started(filename="gate")
        self.told()
        for _ in range(2):
            self.feed.fail(UNPLUGGED)
            self.threads.work()
        self.assertEqual(self.told(), [("INTERRUPTED", "gate.mp4", "capture_failed")])

    def test_stopped_while_away(self) -> None:
        """Stopping one that waits gives what there is."""
        state = self.started(filename="gate")
        self.feed.unplug()
        self.threads.work()
        self.assertEqual(self.stopped(state).files, ("gate.mp4",))

    def test_schedule_before_camera(self) -> None:
        """A scheduled one waits for a camera that is not there yet; its time runs from the wish on."""
        self.feed.unplug()
        waiting = self.successResultOf(self.start(schedule_id="s1", duration=10.0, wait=True))
        self.pass_time(4.0)
        self.assertEqual((self.state().state, self.state().reason), ("WAITING", "unplugged"))
        self.feed.plug()
        self.deliver(3)
        self.assertEqual((self.state().recording_id, self.state().state), (waiting.recording_id, "RECORDING"))
        self.assertEqual(self.news[-1].schedule_id, "s1")
        self.pass_time(6.0)
        self.assertEqual(self.told()[-1][0::2], ("STOPPED", "duration"))

    def test_schedule_without_camera(self) -> None:
        """One whose camera never came has failed, and says why there is nothing."""
        self.feed.away = True
        self.successResultOf(self.start(schedule_id="s1", duration=5.0, wait=True))
        self.pass_time(5.1)
        self.assertEqual(self.told(), [("ERROR", None, "unplugged")])
        self.assertEqual(self.files(), [])

    def test_schedule_withdrawn(self) -> None:
        """One that is stopped before its camera came is over without a file."""
        self.feed.away = True
        state = self.successResultOf(self.start(schedule_id="s1", wait=True))
        self.pass_time(0.1)
        over = self.stopped(state)
        self.assertEqual((over.state, over.files, over.filename), ("STOPPED", (), None))
