"""Streams: what a viewer gets, how slow it may be, and how it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.web.case import response
from tests.web.mediacase import Frame, MediaCase, SlowWire, parts
from tests.web.wire import ELSEWHERE, head
from webcam_rpc.rpc.errors import DependencyFailed, InvalidState, NotFound
from webcam_rpc.web.outlet import STALLED
from webcam_rpc.web.pace import Pace
from webcam_rpc.web.parts import Parts
from webcam_rpc.web.shown import DEADLINE


def jpegs(wire: SlowWire) -> list[bytes]:
    """Give the pictures that came since the last time, after the head if that came too."""
    data = wire.take()
    if data.startswith(b"HTTP/"):
        data = response(data)[2]
    elif not data.startswith(b"--"):
        data = b"--boundarydonotcross\r\n" + data
    return [jpeg for _, jpeg in parts(data)]


class StreamTests(MediaCase):
    """``/cameras/ID/stream.mjpg``."""

    def watch(self, path: str = "/cameras/usb-1/stream.mjpg", *lines: str) -> SlowWire:
        """Open a stream."""
        wire = self.slow(path, *lines)
        self.assertEqual(wire.value(), b"")
        return wire

    def test_what_comes(self) -> None:
        """A head that ends with the connection, and parts that say what they are, each with the boundary behind it."""
        wire = self.watch()
        self.media.give(b"one")
        self.media.give(b"three")
        data = wire.take()
        status, headers, body = response(data)
        self.assertEqual(status, 200)
        self.assertTrue(data.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(headers["content-type"], "multipart/x-mixed-replace; boundary=boundarydonotcross")
        self.assertEqual((headers["connection"], headers["cache-control"]), ("close", "no-store"))
        self.assertNotIn("transfer-encoding", headers)
        self.assertNotIn("content-length", headers)
        self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")
        first, second = parts(body)
        expected = {"Content-Type": "image/jpeg", "Content-Length": "3", "X-Timestamp": "1700000000.250000"}
        self.assertEqual(first, (expected, b"one"))
        self.assertEqual(second[1], b"three")
        self.assertTrue(body.endswith(b"three\r\n--boundarydonotcross\r\n"))

    def test_extra_headers(self) -> None:
        """With ``extra_headers=1`` each part has µStreamer's."""
        wire = self.watch("/stream?extra_headers=1")
        self.media.give(b"one")
        ((headers, _),) = parts(response(wire.take())[2])
        self.assertEqual(
            {name: value for name, value in headers.items() if name.startswith("X-UStreamer-")},
            {"X-UStreamer-Online": "true", "X-UStreamer-Width": "640", "X-UStreamer-Height": "480"},
        )

    def test_every_path(self) -> None:
        """Our own and those of others lead to the camera that is meant."""
        for path, camera_id in (
            ("/cameras/usb-2/stream.mjpg", "usb-2"),
            ("/cameras/gate/stream.mjpg", "usb-1"),
            ("/cameras/video0/stream.mjpg?t=1234", "usb-1"),
            ("/stream", "usb-1"),
            ("/stream?device=usb-2", "usb-2"),
            ("/?action=stream", "usb-1"),
            ("/?action=stream&camera=1", "usb-2"),
            ("/?action=stream_1", "usb-2"),
            ("/?action=stream&device=usb-2&camera=0", "usb-2"),
        ):
            wire = self.watch(path)
            self.assertEqual([watching.camera_id for watching in self.media.watching], [camera_id], path)
            self.media.give(camera_id=camera_id)
            self.assertEqual(len(jpegs(wire)), 1)
            wire.hang_up()

    def test_head(self) -> None:
        """HEAD tells what would come, and starts no camera; a camera that is not there is told all the same."""
        status, headers, body = self.get("/cameras/usb-1/stream.mjpg", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(headers["content-type"], "multipart/x-mixed-replace; boundary=boundarydonotcross")
        self.assertNotIn("content-length", headers)
        self.assertEqual(self.get("/cameras/no/stream.mjpg", method="HEAD")[0], 404)
        self.assertEqual(self.media.watching, [])

    def test_refusals(self) -> None:
        """Each with its status and words, and no camera is asked."""
        for path, status in (
            ("/cameras/no/stream.mjpg", 404),
            ("/cameras//stream.mjpg", 404),
            ("/cameras/%ff/stream.mjpg", 404),
            ("/cameras/usb-1%00/stream.mjpg", 404),
            ("/cameras/" + "x" * 2000 + "/stream.mjpg", 404),
            ("/cameras/usb-1/stream.mjpg/", 404),
            ("/cameras/usb-1/other", 404),
            ("/cameras/usb-1", 404),
            ("/cameras", 404),
            ("/stream?device=shared", 400),
            ("/stream?device=%ff", 400),
            ("/stream?fps=0", 400),
            ("/stream?fps=nan", 400),
            ("/stream?fps=241", 400),
            ("/stream?fps=x", 400),
            ("/stream?width=15", 400),
            ("/stream?width=16385", 400),
            ("/stream?width=1e3", 400),
            ("/?action=program", 400),
            ("/?action=stream&camera=-1", 400),
            ("/?action=stream&camera=2", 404),
            ("/?action=stream_2", 404),
            ("/?action=", 400),
            ("/", 404),
            ("//stream", 404),
        ):
            answered, headers, body = self.get(path)
            self.assertEqual((answered, headers["content-type"]), (status, "text/plain; charset=utf-8"), path)
            self.assertTrue(body)
        self.assertEqual(self.media.watching, [])
        self.media.plugged.clear()
        self.assertEqual(self.get("/stream")[0], 404)
        status, headers, _ = self.get("/stream", method="POST")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))

    def test_role(self) -> None:
        """Who may not see pictures is told which role it takes, whether there is such a camera or not."""
        for path in ("/cameras/usb-1/stream.mjpg", "/cameras/no/stream.mjpg", "/stream", "/?action=stream"):
            status, _, body = self.get(path, peer=ELSEWHERE)
            self.assertEqual((status, body), (401, b"this needs the role viewer; yours is status\n"))
        self.assertEqual(self.get("/", peer=ELSEWHERE)[0], 404)

    def test_shared_bytes(self) -> None:
        """All viewers of a camera are given the same bytes, made once for each frame and width."""
        parts = Parts()
        frame = Frame(b"x" * 1000)
        self.assertIs(parts.of(frame), parts.of(frame))
        self.assertIs(parts.of(frame).plain[1], frame.jpeg)
        self.assertIsNot(parts.of(Frame(b"x" * 1000)), parts.of(frame))
        for _ in range(2):
            self.watch()
        self.watch("/stream?width=320")
        first, second, scaled = (watching.viewer for watching in self.media.watching)
        self.assertIs(first._parts, second._parts)  # type: ignore[attr-defined]
        self.assertIsNot(first._parts, scaled._parts)  # type: ignore[attr-defined]
        self.assertEqual([watching.width for watching in self.media.watching], [None, None, 320])


class FirstPictureTests(MediaCase):
    """Until there is a picture the request is one like any other."""

    def test_none_in_time(self) -> None:
        """The answer says so, and the camera is let go; the connection can be used again."""
        wire = self.slow("/stream")
        self.clock.advance(DEADLINE - 0.1)
        self.assertEqual(wire.take(), b"")
        self.clock.advance(0.1)
        self.assertEqual(response(wire.take())[0], 504)
        self.assertEqual(self.media.watching, [])
        wire.send(head("GET", "/openrpc.json"))
        self.assertEqual(response(wire.take())[0], 200)

    def test_the_camera_fails(self) -> None:
        """The answer is what is wrong and what to do about it."""
        wire = self.slow("/stream")
        self.media.fail(DependencyFailed("USB_BANDWIDTH", "no room on the bus", "another port"))
        status, headers, body = response(wire.take())
        self.assertEqual((status, headers["cache-control"]), (503, "no-store"))
        for text in (b"USB_BANDWIDTH", b"no room on the bus", b"another port"):
            self.assertIn(text, body)
        self.assertEqual(self.media.watching, [])

    def test_busy(self) -> None:
        """Who has the camera is told."""
        wire = self.slow("/stream")
        self.media.fail(InvalidState("DEVICE_BUSY", holder={"pid": 7, "comm": "cheese"}))
        status, _, body = response(wire.take())
        self.assertEqual(status, 503)
        self.assertIn(b"cheese", body)

    def test_unplugged(self) -> None:
        """A camera that is away may come back in time."""
        first, second = self.slow("/stream"), self.slow("/stream")
        self.media.unplug()
        self.clock.advance(DEADLINE / 2)
        second.hang_up()
        self.media.give(b"back")
        self.assertEqual(jpegs(first), [b"back"])
        third = self.slow("/stream")
        self.media.unplug()
        self.clock.advance(DEADLINE)
        status, _, body = response(third.take())
        self.assertEqual(status, 503)
        self.assertIn(b"CAMERA_DISCONNECTED", body)

    def test_a_client_that_goes(self) -> None:
        """The camera is let go at once."""
        wire = self.slow("/stream")
        wire.hang_up()
        self.assertEqual((self.media.watching, self.clock.getDelayedCalls()), ([], []))
        self.media.give()

    def test_a_defect(self) -> None:
        """It is logged, and nothing is left behind."""
        self.media.defect = ZeroDivisionError()
        self.assertEqual(self.get("/stream")[0], 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.media.defect = NotFound("camera", "x")
        self.assertEqual(self.get("/stream")[0], 404)

    def test_no_deadline_of_the_channel(self) -> None:
        """A stream lasts, in the middle of pictures and without any."""
        wire = self.slow("/stream")
        self.media.give(b"one")
        for error in (DependencyFailed("V4L2_FAILED", "x", "y"), InvalidState("DEVICE_BUSY")):
            self.clock.pump([60.0] * 60)
            self.media.unplug()
            self.media.fail(error)
        self.media.give(b"two")
        self.assertEqual(jpegs(wire), [b"one", b"two"])
        self.assertFalse(wire.lost)


class SlowViewerTests(MediaCase):
    """Back-pressure."""

    def open(self) -> SlowWire:
        """Open a stream and take its first picture."""
        wire = self.slow("/stream")
        self.media.give(b"first")
        self.assertEqual(jpegs(wire), [b"first"])
        return wire

    def test_the_newest_wins(self) -> None:
        """A slow viewer gets a picture when it can, always the newest, and a fast one beside it gets them all."""
        slow, fast = self.slow("/stream"), self.slow("/stream")
        self.media.give(b"first")
        jpegs(slow), jpegs(fast)
        slow.full = True
        for number in range(10):
            self.media.give(b"%d" % number)
        self.assertEqual(jpegs(fast), [b"%d" % number for number in range(10)])
        sent = jpegs(slow)
        self.assertEqual(len(sent), 0)  # its head went, and the transport is full
        slow.full = False
        slow.drain()
        data = slow.take()
        self.assertIn(b"\r\n\r\n9\r\n--boundarydonotcross\r\n", b"\r\n\r\n" + data)
        self.assertEqual(data.count(b"Content-Type"), 1)
        self.media.give(b"next")
        self.assertEqual(jpegs(slow), [b"next"])

    def test_a_picture_in_pieces(self) -> None:
        """One that is bigger than the transport's buffer goes piece by piece, whole, before the next."""
        wire = self.open()
        wire.full = True
        big = bytes(range(256)) * 1000
        self.media.give(big)
        self.media.give(b"dropped")
        self.media.give(b"newest")
        data = wire.take()
        self.assertLess(len(data), 70_000)
        for _ in range(20):
            wire.drain()
            more = wire.take()
            self.assertLess(len(more), 70_000)
            data += more
        self.assertEqual([jpeg for _, jpeg in parts(b"--boundarydonotcross\r\n" + data)], [big, b"newest"])

    def test_one_that_takes_nothing(self) -> None:
        """It is dropped, and only it."""
        stuck, other = self.slow("/stream"), self.slow("/stream")
        self.media.give()
        stuck.full = True
        for _ in range(int(STALLED) * 2):
            self.media.give()
            if stuck.aborted:
                break
            self.clock.advance(1.0)
        self.assertTrue(stuck.aborted)
        self.assertLessEqual(self.clock.seconds(), STALLED + 1)
        self.clock.advance(0)
        self.assertEqual((len(self.media.watching), other.aborted), (1, False))
        self.assertEqual(len(self.clients.connections), 1)

    def test_one_that_takes_little(self) -> None:
        """As long as it takes something it may stay."""
        wire = self.open()
        wire.full = True
        for _ in range(20):
            self.media.give()
            self.clock.pump([5.0] * 5)
            wire.drain()
        self.assertFalse(wire.aborted)
        self.clock.pump([1.0] * 31)
        self.assertTrue(wire.aborted)

    def test_one_that_goes(self) -> None:
        """The camera is let go at once, and nothing is left."""
        wire = self.open()
        wire.full = True
        self.media.give()
        self.media.give()
        wire.hang_up()
        self.assertEqual((self.media.watching, len(self.clients.connections)), ([], 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.media.give()

    def test_one_that_talks(self) -> None:
        """What a viewer sends is passed over, until it is too much."""
        wire = self.open()
        wire.send(head("GET", "/openrpc.json") * 10)
        self.assertEqual(wire.take(), b"")
        self.assertFalse(wire.aborted)
        wire.send(b"x" * 20_000)
        self.assertTrue(wire.aborted)
        self.clock.advance(0)
        self.assertEqual(self.media.watching, [])

    def test_the_end_of_the_service(self) -> None:
        """Streams are closed at once: nobody waits for the end of one."""
        reading, stuck = self.open(), self.open()
        stuck.full = True
        self.media.give()
        done = self.clients.stopService()
        self.clock.advance(0)
        self.assertTrue(reading.lost and not reading.aborted)
        self.assertTrue(stuck.aborted)
        self.successResultOf(done)
        self.assertEqual((self.media.watching, self.clock.getDelayedCalls()), ([], []))


class PaceTests(MediaCase):
    """``?fps=``."""

    def test_a_stream(self) -> None:
        """Frames between the times wanted pass."""
        wire = self.slow("/stream?fps=10")
        for number in range(60):
            self.media.give(b"%d" % number, at=100 + number / 30)
        self.assertEqual([int(jpeg) for jpeg in jpegs(wire)], list(range(0, 60, 3)))


class PaceRuleTests(SynchronousTestCase):
    """Which frames are taken."""

    def taken(self, fps: float, times: list[float]) -> list[float]:
        """Offer frames."""
        pace = Pace(fps)
        return [at for at in times if pace.takes(at)]

    def test_not_a_divisor(self) -> None:
        """20 of 30 frames a second are two of each three, and 24 of 30 four of five."""
        times = [number / 30 for number in range(3000)]
        for fps in (20, 24, 7, 1, 0.5, 29):
            self.assertAlmostEqual(len(self.taken(fps, times)), fps * 100, delta=2)

    def test_faster_than_the_camera(self) -> None:
        """All frames are taken, of a camera that is a little slow too."""
        for rate in (30, 29.97, 15, 5):
            times = [number / rate for number in range(1000)]
            for fps in (30, 60, 240):
                self.assertEqual(len(self.taken(fps, times)), 1000, (rate, fps))

    def test_after_a_pause(self) -> None:
        """A camera that was silent does not make up for it afterwards."""
        times = [number / 30 for number in range(300)] + [100 + number / 30 for number in range(300)]
        after = [at for at in self.taken(10, times) if at >= 100]
        self.assertAlmostEqual(len(after), 100, delta=1)

    @given(
        st.floats(0.5, 60),
        st.floats(5, 60),
        st.lists(st.floats(-0.3, 0.3), min_size=200, max_size=200),
    )
    def test_no_drift(self, fps: float, rate: float, jitter: list[float]) -> None:
        """Whatever jitters, never more than was asked for, and as many as there can be."""
        times = [(number + each) / rate for number, each in enumerate(jitter)]
        count = len(self.taken(fps, times))
        seconds = times[-1] - times[0]
        self.assertLessEqual(count, seconds * fps + 2)
        self.assertGreaterEqual(count, min(fps, rate) * seconds * 0.85 - 2)
