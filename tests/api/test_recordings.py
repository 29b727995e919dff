"""``start_recording``, ``stop_recording`` and ``get_recording_status`` as clients see them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.api.case import ApiCase, at_once
from tests.media.fakes_rec import Encoders, FakeFeeds, FakeFinishing, PastFeed, RoomyLibrary
from tests.media.fakes_snap import NOON, UNPLUGGED
from webcam_rpc import config
from webcam_rpc.api.recordings import RecordingMethods
from webcam_rpc.cameras.models import Status, Trouble
from webcam_rpc.media.recorder import Recorder
from webcam_rpc.media.recording import START_DEADLINE
from webcam_rpc.media.recording_state import RecordingWanted
from webcam_rpc.media.troubles import StorageBroken, StorageLow
from webcam_rpc.rpc.errors import RPCError
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

_NAMES = {"start_recording", "stop_recording", "get_recording_status"}


class RecordingsCase(ApiCase):
    """One camera, and encoders that copy."""

    def make_table(self) -> MethodTable:
        """Give all methods and these."""
        self.clock.advance(100.0)
        self.feed = PastFeed(self.clock)
        self.encoders = Encoders(self.clock)
        self.library = RoomyLibrary(Path(self.mktemp()).absolute())
        self.recorder = Recorder(
            self.clock,
            lambda: NOON + self.clock.seconds(),
            self.encoders,
            at_once,
            self.bus,
            FakeFeeds(self.feed),
            self.library,
            FakeFinishing(),
            config.Recording(segment=600),
        )
        methods = RecordingMethods(self.registry, self.recorder)
        others = [method for method in super().make_table() if method.name not in _NAMES]
        return MethodTable((*others, *methods.methods()))

    def setUp(self) -> None:
        """Plug the camera in."""
        super().setUp()
        self.plug()
        self.recorder.startService()
        self.addCleanup(self.end)

    def end(self) -> None:
        """Stop; nothing waits."""
        self.successResultOf(self.recorder.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def frames(self, count: int = 3) -> None:
        """Let so many frames come, eight a second."""
        for _ in range(count):
            self.clock.advance(0.125)
            self.feed.deliver()

    def begin(self, **params: Any) -> Deferred[Any]:
        """Ask for a recording."""
        return self.start("start_recording", {"device": "usb-1", **params})

    def begun(self, **params: Any) -> Any:
        """Begin one."""
        starting = self.begin(**params)
        self.frames()
        return self.successResultOf(starting)

    def failed(self, starting: Deferred[Any]) -> tuple[int, Any]:
        """Give the error of a call that waited."""
        error: Any = self.failureResultOf(starting, RPCError).value
        return error.code, error.data


class StartTests(RecordingsCase):
    """``start_recording``."""

    def test_result(self) -> None:
        """The answer names what there is, by its old and its new name."""
        result = self.begun(device="video0", duration=60, filename="gate", pre_roll_s=5)
        self.assertEqual(
            {**result, "recording_id": "", "session_id": ""},
            {
                "device": "/dev/video0",
                "camera_id": "usb-1",
                "recording_id": "",
                "session_id": "",
                "filename": "gate.mp4",
                "status": "RECORDING",
                "start_time": "2026-01-01T12:01:40.125Z",
                "format": "fmp4",
                "codec": "h264",
                "duration": 60.0,
                "pre_roll_s": 0.0,
                "joined": False,
            },
        )
        self.assertEqual(result["session_id"], result["recording_id"])
        self.assertTrue((self.library.directory / "recordings" / "gate.mp4.part").exists())

    def test_defaults(self) -> None:
        """What is not said is as it is configured, and without a duration it goes on until it is stopped."""
        self.assertIsNone(self.begun()["duration"])
        (recording,) = self.recorder._recordings.values()
        self.assertEqual(
            recording.wanted, RecordingWanted(camera_id="usb-1", format="fmp4", codec="h264", segment_s=600.0)
        )

    def test_by_position(self) -> None:
        """Parameters by position come in the order of the documentation."""
        starting = self.start("start_recording", ["usb-1", 1.5, "mkv", "gate", 0, 2.5, "copy"])
        self.frames()
        result = self.successResultOf(starting)
        self.assertEqual((result["filename"], result["codec"], result["duration"]), ("gate.mkv", "copy", 1.5))
        (recording,) = self.recorder._recordings.values()
        self.assertEqual((recording.wanted.segment_s, recording.wanted.pre_roll_s), (0, 2.5))

    def test_methods(self) -> None:
        """Who may, and that a start and a stop are over before their call is cut off."""
        roles = {name: self.table.get(name).role for name in _NAMES}
        self.assertEqual(
            roles,
            {
                "start_recording": Role.OPERATOR,
                "stop_recording": Role.OPERATOR,
                "get_recording_status": Role.STATUS,
            },
        )
        self.assertLess(START_DEADLINE + 2, self.table.get("start_recording").deadline_s)

    def test_bad_params(self) -> None:
        """What cannot be meant is refused with the parameter's name."""
        for param, value in (
            ("duration", 0),
            ("duration", 86401),
            ("duration", "60"),
            ("duration", True),
            ("format", "avi"),
            ("codec", "mpeg4"),
            ("segment_s", -1),
            ("segment_s", 0.5),
            ("segment_s", 86401),
            ("pre_roll_s", -1),
            ("filename", ""),
            ("filename", "../../etc/passwd"),
            ("filename", "gate.mkv"),
        ):
            code, data = self.refused("start_recording", {"device": "usb-1", param: value})
            self.assertEqual((code, data["param"]), (-32602, param), (param, value))
        self.assertEqual(self.feed.attached, [])

    def test_pre_roll_limit(self) -> None:
        """More of the past than is kept is refused with how much that is."""
        code, data = self.refused("start_recording", {"device": "usb-1", "pre_roll_s": 10.5})
        self.assertEqual((code, data["param"], data["rule"]), (-32602, "pre_roll_s", "maximum"))
        self.assertIn("10", data["hint"])
        self.begun(pre_roll_s=10)

    def test_already(self) -> None:
        """A second one is told which goes on."""
        result = self.begun()
        code, data = self.refused("start_recording", {"device": "usb-1"})
        self.assertEqual(
            (code, data["reason"], data["recording_id"]), (-32020, "ALREADY_RECORDING", result["recording_id"])
        )

    def test_joins(self) -> None:
        """While a schedule records it is the same recording, until the later end; a second one is refused."""
        self.recorder.start(RecordingWanted(camera_id="usb-1", duration=5.0, schedule_id="s1", wait=True))
        self.frames()
        state = self.recorder.of_camera("usb-1")
        assert state is not None
        result = self.call("start_recording", {"device": "usb-1", "duration": 60})
        self.assertEqual((result["recording_id"], result["joined"]), (state.recording_id, True))
        self.assertEqual(result["filename"], state.filename)
        self.assertEqual(self.refused("start_recording", {"device": "usb-1"})[1]["reason"], "ALREADY_RECORDING")

    def test_no_camera(self) -> None:
        """A camera that is not known, one that is away, one that goes, one that another program has."""
        code, data = self.refused("start_recording", {"device": "usb-9"})
        self.assertEqual((code, data["resource"]), (-32010, "camera"))
        starting = self.begin()
        self.feed.unplug()
        self.assertEqual(self.failed(starting), (-32020, {"reason": "CAMERA_DISCONNECTED", "camera_id": "usb-1"}))
        self.feed.plug()
        starting = self.begin()
        busy = Trouble("DEVICE_BUSY", "another program has the camera open", "end it", lasting=True)
        self.feed.fail(busy, {"pid": 7, "comm": "cheese"})
        code, data = self.failed(starting)
        self.assertEqual((code, data["reason"], data["holder"]), (-32020, "DEVICE_BUSY", {"pid": 7, "comm": "cheese"}))
        starting = self.begin()
        self.feed.fail(UNPLUGGED)
        self.assertEqual(self.failed(starting)[0], -32050)
        self.plug(status=Status.DISCONNECTED)
        self.assertEqual(self.refused("start_recording", {"device": "usb-1"})[1]["reason"], "CAMERA_DISCONNECTED")

    def test_no_disk(self) -> None:
        """A disk that is full, and one that is gone."""
        self.library.refusal = StorageLow(10, 20)
        self.assertEqual(
            self.refused("start_recording", {"device": "usb-1"}), (-32060, {"available_space": 10, "required": 20})
        )
        self.library.refusal = StorageBroken("gone")
        code, data = self.refused("start_recording", {"device": "usb-1"})
        self.assertEqual((code, data["reason"]), (-32050, "STORAGE_FAILED"))

    def test_no_ffmpeg(self) -> None:
        """Without ffmpeg, and with one that gives nothing in time."""
        self.encoders.missing.add("ffmpeg")
        starting = self.begin()
        self.frames()
        code, data = self.failed(starting)
        self.assertEqual((code, data["reason"], data["remedy"]), (-32050, "FFMPEG_FAILED", "apt-get install ffmpeg"))
        self.encoders.missing.clear()
        self.encoders.idle = True
        starting = self.begin()
        self.frames()
        self.clock.advance(START_DEADLINE)
        self.assertEqual(self.failed(starting)[1]["reason"], "FFMPEG_FAILED")

    def test_stopping(self) -> None:
        """While the service stops there is nothing to begin."""
        self.recorder.stopService()
        code, _ = self.refused("start_recording", {"device": "usb-1"})
        self.assertEqual(code, -32080)
        self.recorder.startService()

    def test_name_taken(self) -> None:
        """A name that is taken is the caller's to change."""
        self.begun(filename="gate")
        self.call("stop_recording", {"device": "usb-1"})
        code, data = self.refused("start_recording", {"device": "usb-1", "filename": "gate"})
        self.assertEqual((code, data["param"], data["rule"]), (-32602, "filename", "exists"))


class StopTests(RecordingsCase):
    """``stop_recording``."""

    def test_result(self) -> None:
        """The answer names files that are whole, and how they are fetched."""
        started = self.begun(filename="gate", segment_s=1)
        self.frames(9)
        result = self.call("stop_recording", {"recording_id": started["recording_id"]})
        directory = self.library.directory / "recordings"
        for name in result["files"]:
            self.assertTrue((directory / name).is_file())
        size = sum((directory / name).stat().st_size for name in result["files"])
        self.assertEqual(
            {**result, "duration": 0, "end_time": ""},
            {
                "device": "/dev/video0",
                "camera_id": "usb-1",
                "recording_id": started["recording_id"],
                "session_id": started["recording_id"],
                "filename": "gate.mp4",
                "files": ["gate.mp4", "gate-0002.mp4"],
                "download_urls": ["/files/recordings/gate.mp4", "/files/recordings/gate-0002.mp4"],
                "finalizing": False,
                "status": "STOPPED",
                "start_time": started["start_time"],
                "end_time": "",
                "duration": 0,
                "frames": 12,
                "frames_dropped": 0,
                "file_size": size,
                "format": "fmp4",
                "metadata_file": "gate.mp4.json",
            },
        )
        self.assertApproximates(result["duration"], 1.3, 0.1)
        self.assertEqual(result["end_time"][:17], "2026-01-01T12:01:")

    def test_by_device(self) -> None:
        """Naming the camera stops what goes on there; afterwards nothing does."""
        started = self.begun()
        result = self.call("stop_recording", {"device": "video0"})
        self.assertEqual(result["recording_id"], started["recording_id"])
        code, data = self.refused("stop_recording", {"device": "video0"})
        self.assertEqual((code, data["reason"]), (-32020, "NOT_RECORDING"))
        code, data = self.refused("stop_recording", {"recording_id": started["recording_id"]})
        self.assertEqual((code, data["resource"], data["id"]), (-32010, "recording", started["recording_id"]))

    def test_either(self) -> None:
        """One of the two names, and not both."""
        started = self.begun()
        for params in ({}, {"device": "usb-1", "recording_id": started["recording_id"]}):
            code, data = self.refused("stop_recording", params)
            self.assertEqual((code, data["rule"]), (-32602, "either"))

    def test_unplugged(self) -> None:
        """That of a camera that is away can be stopped."""
        self.begun(filename="gate")
        self.feed.unplug()
        self.plug(status=Status.DISCONNECTED)
        self.assertEqual(self.call("stop_recording", {"device": "usb-1"})["files"], ["gate.mp4"])

    def test_finalizing(self) -> None:
        """A plain MP4 is still to be made."""
        self.begun(format="mp4")
        self.assertTrue(self.call("stop_recording", {"device": "usb-1"})["finalizing"])


class StatusTests(RecordingsCase):
    """``get_recording_status``."""

    def test_idle(self) -> None:
        """Where none goes on there is nothing to tell."""
        status = self.call("get_recording_status", {"device": "video0"})
        self.assertEqual((status["state"], status["device"], status["camera_id"]), ("IDLE", "/dev/video0", "usb-1"))
        self.assertEqual(
            [status[name] for name in ("recording_id", "filename", "remaining", "elapsed", "frames", "bytes")],
            [None, None, None, 0, 0, 0],
        )
        self.assertEqual(self.refused("get_recording_status", {"device": "usb-9"})[0], -32010)

    def test_going_on(self) -> None:
        """How far it is."""
        started = self.begun(duration=60, filename="gate")
        self.frames(16)
        status = self.call("get_recording_status", {"device": "usb-1"})
        self.assertEqual(
            (status["state"], status["recording_id"], status["filename"]),
            ("RECORDING", started["recording_id"], "gate.mp4"),
        )
        self.assertEqual((status["elapsed"], status["remaining"]), (2.25, 57.75))
        self.assertGreater(status["frames"], 8)
        self.assertGreater(status["bytes"], 8 * 128)

    def test_waiting(self) -> None:
        """Why it does not."""
        self.begun(duration=60, filename="gate")
        self.feed.unplug()
        status = self.call("get_recording_status", {"device": "usb-1"})
        self.assertEqual((status["state"], status["reason"], status["files"]), ("WAITING", "unplugged", ["gate.mp4"]))
