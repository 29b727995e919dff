"""What media refuses becomes the error that API clients know it by."""

from __future__ import annotations

import inspect

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.api.troubles import media_troubles_told, told
from webcam_rpc.cameras.models import Trouble
from webcam_rpc.media import names, troubles
from webcam_rpc.rpc.errors import ERRORS, RPCError

BROKEN = Trouble("V4L2_FAILED", "it is silent", "unplug it", lasting=True)
BUSY = Trouble("DEVICE_BUSY", "it is busy", "end the other", lasting=True)
HOLDER: dict[str, int | str] = {"pid": 7, "comm": "cheese"}
#: What is refused, with the code and the data of its error.
TABLE: tuple[tuple[troubles.MediaRefused, int, object], ...] = (
    (
        troubles.CaptureFailed(BROKEN),
        -32050,
        {"reason": "V4L2_FAILED", "detail": "it is silent", "remedy": "unplug it"},
    ),
    (
        troubles.CaptureFailed(BUSY, HOLDER),
        -32020,
        {"reason": "DEVICE_BUSY", "holder": HOLDER, "detail": "it is busy", "remedy": "end the other"},
    ),
    (
        troubles.CaptureFailed(BUSY),
        -32020,
        {"reason": "DEVICE_BUSY", "holder": None, "detail": "it is busy", "remedy": "end the other"},
    ),
    (troubles.CameraAway("usb-1"), -32020, {"reason": "CAMERA_DISCONNECTED", "camera_id": "usb-1"}),
    (
        troubles.ProgramFailed("no ffmpeg", "install it"),
        -32050,
        {"reason": "FFMPEG_FAILED", "detail": "no ffmpeg", "remedy": "install it"},
    ),
    (troubles.AlreadyRecording("rec-1"), -32020, {"reason": "ALREADY_RECORDING", "recording_id": "rec-1"}),
    (troubles.NotRecording(), -32020, {"reason": "NOT_RECORDING"}),
    (troubles.StorageLow(5, 9), -32060, {"available_space": 5, "required": 9}),
    (
        troubles.StorageBroken("/media is read-only"),
        -32050,
        {
            "reason": "STORAGE_FAILED",
            "detail": "/media is read-only",
            "remedy": "make the media directory writable for the service",
        },
    ),
    (
        troubles.NameRefused("extension", "end it with .jpg"),
        -32602,
        {"param": "filename", "rule": "extension", "hint": "end it with .jpg"},
    ),
    (troubles.NoSuchFile(names.RECORDINGS, "a.mp4"), -32010, {"resource": "recording", "id": "a.mp4"}),
    (troubles.NoSuchFile(names.SNAPSHOTS, "a.jpg"), -32010, {"resource": "snapshot", "id": "a.jpg"}),
    (troubles.Stopping(), -32080, None),
)


class ToldTests(SynchronousTestCase):
    """The table."""

    def test_each(self) -> None:
        """Each has its code and its data, of the shape that the documentation promises for that code."""
        for refused, code, data in TABLE:
            error = told(refused)
            self.assertEqual((error.code, error.data), (code, data), refused)
            self.assertIs(ERRORS[code], type(error))
            if error.shape is not None:
                msgspec.convert(error.data, error.shape)

    def test_none_forgotten(self) -> None:
        """Every kind of refusal that there is is in the table."""
        kinds = {
            kind
            for _, kind in inspect.getmembers(troubles, inspect.isclass)
            if issubclass(kind, troubles.MediaRefused) and kind is not troubles.MediaRefused
        }
        self.assertEqual({type(refused) for refused, _, _ in TABLE}, kinds)

    def test_special_kinds(self) -> None:
        """A kind of a kind is told as that one."""

        class Unplugged(troubles.CameraAway):
            """A special way of being away."""

        self.assertEqual(told(Unplugged("usb-1")).code, -32020)

    def test_unknown(self) -> None:
        """What the table lacks is a defect, and passes as it is."""
        self.assertRaises(troubles.MediaRefused, told, troubles.MediaRefused())


class ContextTests(SynchronousTestCase):
    """Around what may be refused."""

    def test_told(self) -> None:
        """The error is raised in the place of the refusal, which the log can still show."""
        refused = troubles.NotRecording()

        def refuse(error: Exception) -> None:
            with media_troubles_told():
                raise error

        error = self.assertRaises(RPCError, refuse, refused)
        self.assertIs(error.__cause__, refused)
        self.assertRaises(LookupError, refuse, LookupError())

    def test_nothing(self) -> None:
        """Where nothing is refused nothing happens."""
        with media_troubles_told():
            pass
