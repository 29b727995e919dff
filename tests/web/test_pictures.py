"""Single pictures, and µStreamer's state."""

from __future__ import annotations

import json

from twisted.internet.defer import CancelledError

from tests.web.case import WebTestCase, response
from tests.web.mediacase import MediaCase, Picture
from tests.web.wire import ELSEWHERE, head
from webcam_rpc.rpc.errors import (
    ERRORS,
    DeadlinePassed,
    DependencyFailed,
    InternalError,
    InvalidState,
    RPCError,
    ShuttingDown,
    StorageLow,
)
from webcam_rpc.web.faults import status_of
from webcam_rpc.web.sending import STALLED
from webcam_rpc.web.shown import DEADLINE


class SnapshotTests(MediaCase):
    """``/cameras/ID/snapshot.jpg`` and its like."""

    def test_a_picture(self) -> None:
        """It says what it is, how old it is, and that nobody may keep it."""
        wire = self.slow("/cameras/usb-1/snapshot.jpg")
        self.assertEqual(wire.take(), b"")
        ((camera_id, fresh, max_age_ms, taking),) = self.media.taking
        self.assertEqual((camera_id, fresh, max_age_ms), ("usb-1", False, None))
        taking.callback(Picture(b"jpeg"))
        status, headers, body = response(wire.take())
        self.assertEqual((status, body), (200, b"jpeg"))
        self.assertEqual((headers["content-type"], headers["content-length"]), ("image/jpeg", "4"))
        self.assertEqual((headers["x-timestamp"], headers["x-age-ms"]), ("1700000000.250000", "12"))
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")
        self.assertNotIn("x-ustreamer-online", headers)

    def test_every_path(self) -> None:
        """Our own and those of others, with what is asked of the picture."""
        for path, asked in (
            ("/cameras/gate/snapshot.jpg?fresh=1", ("usb-1", True, None)),
            ("/cameras/usb-2/snapshot.jpg?max_age_ms=0&_=17", ("usb-2", False, 0)),
            ("/cameras/usb-2/snapshot.jpg?fresh=false&max_age_ms=500", ("usb-2", False, 500)),
            ("/snapshot", ("usb-1", False, None)),
            ("/snapshot?device=usb-2&fresh=", ("usb-2", True, None)),
            ("/?action=snapshot", ("usb-1", False, None)),
            ("/?action=snapshot&camera=1", ("usb-2", False, None)),
            ("/?action=snapshot_1", ("usb-2", False, None)),
            ("/?action=snapshot?1764000000", ("usb-1", False, None)),
            ("/?action=snapshot_1?_=17", ("usb-2", False, None)),
        ):
            wire = self.slow(path)
            *found, taking = self.media.taking.pop()
            self.assertEqual(tuple(found), asked, path)
            taking.callback(Picture())
            self.assertEqual(response(wire.take())[0], 200)

    def test_headers_of_ustreamer(self) -> None:
        """Its clients read whether it is a real picture, and its size, from headers."""
        for path in ("/snapshot", "/?action=snapshot"):
            wire = self.slow(path)
            self.media.taking.pop()[3].callback(Picture())
            _, headers, _ = response(wire.take())
            names = ("x-ustreamer-online", "x-ustreamer-width", "x-ustreamer-height")
            self.assertEqual([headers[name] for name in names], ["true", "640", "480"])

    def test_head(self) -> None:
        """The same answer without the picture; the connection stays."""
        wire = self.slow("/snapshot", method="HEAD")
        self.media.taking.pop()[3].callback(Picture(b"jpeg"))
        status, headers, body = response(wire.take())
        self.assertEqual((status, headers["content-length"], body), (200, "4", b""))
        wire.send(head("GET", "/openrpc.json"))
        self.assertEqual(response(wire.take())[0], 200)

    def test_a_slow_client(self) -> None:
        """It has its time for a big picture, which goes piece by piece; only then begins that for a next request."""
        wire = self.slow("/snapshot")
        jpeg = bytes(range(256)) * 2000
        wire.full = True
        self.media.taking.pop()[3].callback(Picture(jpeg))
        body = response(wire.take())[2]
        for _ in range(3):
            self.assertLess(len(body), len(jpeg))
            self.clock.advance(STALLED - 1)
            self.assertFalse(wire.disconnecting or wire.aborted)
            wire.drain()
            body += wire.take()
        self.assertEqual(body, jpeg)
        self.clock.advance(STALLED)
        self.assertTrue(wire.aborted)

    def test_refusals(self) -> None:
        """Nothing is taken for a request that makes no sense."""
        for path, status in (
            ("/cameras/no/snapshot.jpg", 404),
            ("/snapshot?device=", 404),
            ("/snapshot?fresh=maybe", 400),
            ("/snapshot?max_age_ms=-1", 400),
            ("/snapshot?max_age_ms=1.5", 400),
            ("/snapshot?max_age_ms=" + "9" * 5000, 400),
        ):
            self.assertEqual(self.get(path)[0], status, path)
        self.assertEqual(self.media.taking, [])
        self.assertEqual(self.get("/snapshot", peer=ELSEWHERE)[0], 401)

    def test_what_is_wrong(self) -> None:
        """Each error has a status, and its answer says what to do."""
        for error, status in (
            (InvalidState("CAMERA_DISCONNECTED"), 503),
            (InvalidState("DEVICE_BUSY"), 503),
            (InvalidState("RECORDING"), 409),
            (DependencyFailed("FFMPEG_FAILED", "gone", "install it"), 503),
            (StorageLow(1, 2), 507),
            (DeadlinePassed(3.0), 504),
            (ShuttingDown(), 503),
            (InternalError("c0ffee"), 500),
        ):
            wire = self.slow("/snapshot")
            self.media.taking.pop()[3].errback(error)
            answered, headers, body = response(wire.take())
            self.assertEqual((answered, headers["content-type"]), (status, "text/plain; charset=utf-8"), error)
            for value in (error.data or {}).values():
                self.assertIn(str(value).encode(), body)

    def test_every_error_has_a_status(self) -> None:
        """Of those that a camera or a file can give; JSON-RPC's own three are not among them."""
        unmapped = [kind for kind in ERRORS.values() if status_of(_bare(kind)) == 500]
        self.assertEqual([kind.code for kind in unmapped], [-32700, -32600, -32601, -32603])

    def test_a_defect(self) -> None:
        """It is in the log, and not in the answer."""
        wire = self.slow("/snapshot")
        self.media.taking.pop()[3].errback(ZeroDivisionError("secret-detail"))
        status, _, body = response(wire.take())
        self.assertEqual((status, body), (500, b"internal error\n"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_none_in_time(self) -> None:
        """Whoever takes too long is cancelled, and the client is told."""
        wire = self.slow("/snapshot")
        self.clock.advance(DEADLINE)
        self.assertEqual(response(wire.take())[0], 504)
        self.assertEqual(self.media.cancelled, 1)

    def test_a_client_that_goes(self) -> None:
        """Nobody takes a picture for it any more."""
        wire = self.slow("/snapshot")
        wire.hang_up()
        self.assertEqual(self.media.cancelled, 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled_by_others(self) -> None:
        """A picture that somebody else has cancelled still has an answer."""
        wire = self.slow("/snapshot")
        self.media.taking.pop()[3].errback(CancelledError())
        self.assertEqual(response(wire.take())[0], 500)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)


class StateTests(MediaCase):
    """``/state``."""

    def test_a_camera(self) -> None:
        """The members and types of µStreamer's, with every viewer of that camera and no other."""
        watching, _ = self.slow("/stream?extra_headers=1"), self.slow("/stream?device=usb-2")
        self.clock.advance(10.0)
        for _ in range(5):
            self.media.give()
        self.clock.advance(1.0)
        status, headers, body = self.get("/state")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        state = json.loads(body)
        ((key, stat),) = state["result"]["stream"].pop("clients_stat").items()
        self.assertEqual(
            state,
            {
                "ok": True,
                "result": {
                    "instance_id": "",
                    "encoder": {"type": "HW", "quality": 85},
                    "source": {
                        "resolution": {"width": 640, "height": 480},
                        "online": True,
                        "desired_fps": 30,
                        "captured_fps": 30,
                    },
                    "stream": {"queued_fps": 5, "clients": 1},
                },
            },
        )
        int(key, 16)
        switches = dict.fromkeys(("advance_headers", "dual_final_frames", "zero_data"), False)
        self.assertEqual(stat, {"fps": 5, "extra_headers": True, **switches, "key": "0"})
        watching.hang_up()
        self.assertEqual(json.loads(self.get("/state")[2])["result"]["stream"]["clients"], 0)

    def test_rate_of_a_viewer(self) -> None:
        """It is that of the last whole second, and nothing once nothing comes."""
        self.slow("/stream")
        for count in (3, 7):
            for _ in range(count):
                self.media.give()
            self.clock.advance(1.0)
        self.assertEqual(self.fps(), 7)
        self.media.give()
        self.assertEqual(self.fps(), 7)
        self.clock.advance(1.0)
        self.assertEqual(self.fps(), 1)
        self.clock.advance(1.0)
        self.assertEqual(self.fps(), 0)

    def fps(self) -> int:
        """Ask for the rate of the one viewer."""
        (stat,) = json.loads(self.get("/state")[2])["result"]["stream"]["clients_stat"].values()
        return int(stat["fps"])

    def test_no_camera(self) -> None:
        """Without one it is offline, which is what clients of µStreamer wait for; one that is named is not there."""
        self.media.plugged.clear()
        status, _, body = self.get("/state")
        self.assertEqual(status, 200)
        self.assertFalse(json.loads(body)["result"]["source"]["online"])
        self.assertEqual(self.get("/state?device=no")[0], 404)
        self.assertEqual(self.get("/state", peer=ELSEWHERE)[0], 401)


class WithoutMediaTests(WebTestCase):
    """A site without media."""

    def test_nothing_is_there(self) -> None:
        """All of it is a plain 404."""
        paths = "/cameras/usb-1/snapshot.jpg", "/snapshot", "/?action=snapshot", "/stream", "/files/recordings/a.mp4"
        for path in (*paths, "/", "/cameras", "/files"):
            self.assertEqual(self.request(head("GET", path))[0], 404, path)


def _bare(kind: type[RPCError]) -> RPCError:
    error = kind.__new__(kind)
    error.data = None
    return error
