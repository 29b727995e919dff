"""What becomes of a recording when its encoder or its disk goes."""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.defer import Deferred, fail
from twisted.logger import LogLevel

from tests.media.fakes_rec import ENOUGH, NOTHING, RecordingCase
from webcam_rpc.media.recording import MARGIN, PAUSES, TRIES
from webcam_rpc.media.troubles import StorageBroken


class EncoderTests(RecordingCase):
    """The encoder dies."""

    def test_goes_on(self) -> None:
        """What it wrote is a file, and after a pause another is begun."""
        state = self.started(filename="gate")
        self.told()
        self.children[0].ends(None, 9)
        self.threads.work()
        self.assertEqual(self.told(), [("INTERRUPTED", "gate.mp4", "encoder_failed")])
        self.assertEqual(self.state().reason, "encoder_failed")
        self.deliver(3)
        self.assertEqual(len(self.children.started), 1)
        self.deliver(4)
        self.assertEqual(self.told(), [("STARTED", "gate-0002.mp4", None)])
        over = self.stopped(state)
        self.assertEqual([self.frames_in(name) for name in over.files], [3, 4])
        self.assertIn("signal 9", " ".join(self.lines(LogLevel.error)))

    def test_gives_up(self) -> None:
        """After so many in a row without a frame on the disk, and longer pauses each time, it has failed."""
        self.started(filename="gate")
        self.children.idle = True
        begun = []
        self.children[0].ends(1)
        while self.recorder.of_camera("usb-1") is not None:
            self.deliver()
            if len(self.children):
                begun.append(self.clock.seconds())
                self.children[-1].ends(1)
                self.threads.work()
        self.assertEqual(len(begun), TRIES)
        gaps = [after - before for before, after in pairwise(begun)]
        for gap, pause in zip(gaps, (*PAUSES[1:], PAUSES[-1]), strict=True):
            self.assertApproximates(gap, pause, 0.11)
        self.assertEqual(self.told()[-1], ("ERROR", "gate.mp4", "encoder_failed"))
        self.assertEqual(self.files(), ["gate.mp4", "gate.mp4.json"])

    def test_good_one_between(self) -> None:
        """It is those in a row that count: one with a frame begins a new count."""
        self.started()
        for _ in range(2):
            self.children[-1].ends(1)
            self.children.idle = True
            for _ in range(TRIES - 1):
                self.deliver(36)
                self.children[-1].ends(1)
            self.children.idle = False
            self.deliver(40)
            self.assertEqual(self.state().state, "RECORDING")

    def test_well_for_a_while(self) -> None:
        """One that lived for a while is followed after the shortest pause again."""
        self.started()
        for _ in range(4):
            self.deliver(105)
            self.children[-1].ends(1)
            self.deliver(7)
            self.assertEqual(self.state().state, "RECORDING")

    def test_ends_while_it_is_ended(self) -> None:
        """One that dies while it is being ended is no failure."""
        self.children.deaf = True
        state = self.started(filename="gate")
        stopping = self.recorder.stop(state.recording_id)
        self.children[0].ends(1)
        self.threads.work()
        self.assertEqual(self.successResultOf(stopping).state, "STOPPED")
        self.assertEqual([status for status, _, _ in self.told()], ["STARTED", "STOPPED"])

    def test_stopped_twice(self) -> None:
        """Whoever stops it while it is being stopped hears the same."""
        state = self.started()
        one, two = self.recorder.stop(state.recording_id), self.recorder.stop(state.recording_id)
        self.assertEqual(self.state().state, "STOPPING")
        self.deliver()
        over = self.successResultOf(one)
        self.assertEqual((over, over.frames), (self.successResultOf(two), 3))


class StorageTests(RecordingCase):
    """The disk goes."""

    def test_low(self) -> None:
        """Before the floor is reached, and where nothing can go, it is finished whole and has failed."""
        self.started(filename="gate")
        self.library.spare = MARGIN - 1
        self.deliver(12)
        self.assertEqual(self.told()[-1], ("ERROR", "gate.mp4", "storage_low"))
        self.assertEqual((self.library.cleared, self.meta("gate.mp4").ended), ([MARGIN], "storage_low"))

    def test_encoder_fails_for_want_of_room(self) -> None:
        """An encoder that found no room is not begun again: that is told, and what there is is kept."""
        self.started(filename="gate")
        self.library.spare = -1
        self.children[0].ends(1, stderr="No space left on device")
        self.threads.work()
        self.assertEqual(self.told()[-1], ("ERROR", "gate.mp4", "storage_low"))

    def test_room_is_made(self) -> None:
        """If room can be made it goes on; while that takes its time nothing is asked for twice."""
        self.started()
        clearing: Deferred[bool] = Deferred()
        self.library.clearing.append(clearing)
        self.library.spare = MARGIN - 1
        self.deliver(40)
        self.assertEqual((self.library.cleared, self.state().state), ([MARGIN], "RECORDING"))
        self.library.spare = 2 * MARGIN
        clearing.callback(ENOUGH)
        self.deliver(20)
        self.assertEqual(self.state().state, "RECORDING")

    def test_room_is_not_made_in_time(self) -> None:
        """At the floor itself it is not waited any longer."""
        self.started()
        clearing: Deferred[bool] = Deferred()
        self.library.clearing.append(clearing)
        self.library.spare = -1
        self.deliver(22)
        self.assertEqual(self.told()[-1][0::2], ("ERROR", "storage_low"))
        clearing.callback(NOTHING)

    def test_directory_vanishes(self) -> None:
        """It is made again, and the recording goes on there."""
        state = self.started(filename="gate")
        self.directory.rename(self.library.directory / "gone")
        self.deliver(20)
        self.assertEqual(self.state().filename, "gate-0002.mp4")
        over = self.stopped(state)
        self.assertEqual(over.files, ("gate-0002.mp4",))
        self.assertEqual(self.files(), ["gate-0002.mp4", "gate-0002.mp4.json"])
        self.assertIn("lost for now", " ".join(self.lines(LogLevel.error)))

    def test_directory_stays_away(self) -> None:
        """If it cannot be made again the recording has failed."""
        self.started(filename="gate")
        self.directory.rename(self.library.directory / "gone")
        self.directory.write_bytes(b"")
        self.deliver(150)
        self.assertEqual(self.told()[-1], ("ERROR", None, "storage_failed"))
        self.directory.unlink()

    def test_not_listed(self) -> None:
        """A file that the index does not take is a file all the same."""
        self.library.listing.append(fail(StorageBroken("the index is gone")))
        over = self.stopped(self.started(filename="gate"))
        self.assertEqual(over.files, ("gate.mp4",))

    def test_defect(self) -> None:
        """A library with a defect neither stops the look at the room nor the recording, and is logged."""
        self.started()
        self.library.defect = ZeroDivisionError()
        self.deliver(16)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(self.state().state, "RECORDING")
