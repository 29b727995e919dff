"""Recordings and snapshots over HTTP: whole, in ranges, and only those that are there whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.case import response
from tests.web.mediacase import MediaCase, SlowWire, parts
from tests.web.test_ranges import SPECS, bytes_of
from tests.web.wire import ELSEWHERE, head
from webcam_rpc.rpc.errors import DependencyFailed
from webcam_rpc.web.sending import PIECE, STALLED
from webcam_rpc.web.shown import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 2
BIG = os.urandom(3 * PIECE + 17)


class FileCase(MediaCase):
    """Has files."""

    def setUp(self) -> None:
        """Make them."""
        super().setUp()
        self.make("a.mp4")
        self.make("big.mkv", BIG)

    def make(self, name: str, content: bytes = CONTENT, kind: str = "recordings") -> Path:
        """Make a file, of last year."""
        path = self.directory / kind / name
        path.write_bytes(content)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return path

    def descriptors(self) -> list[str]:
        """List which of our files are open."""
        found = []
        for number in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{number}"))
            except FileNotFoundError:
                continue
        return [path for path in found if path.startswith(str(self.directory.absolute()))]


class WholeFileTests(FileCase):
    """A file at once."""

    def test_types(self) -> None:
        """Each is told as what it is, to be shown under its name and not guessed at."""
        for kind, name, expected in (
            ("recordings", "a.mp4", "video/mp4"),
            ("recordings", "a.mkv", "video/x-matroska"),
            ("snapshots", "a.jpg", "image/jpeg"),
            ("snapshots", "a.png", "image/png"),
        ):
            self.make(name, kind=kind)
            status, headers, body = self.get(f"/files/{kind}/{name}")
            self.assertEqual((status, body, headers["content-type"]), (200, CONTENT, expected))
            self.assertEqual(headers["content-length"], str(len(CONTENT)))
            self.assertEqual(headers["content-disposition"], f'inline; filename="{name}"')
            self.assertEqual((headers["x-content-type-options"], headers["accept-ranges"]), ("nosniff", "bytes"))
            self.assertEqual(headers["last-modified"], "Tue, 14 Nov 2023 22:13:20 GMT")
            self.assertEqual(headers["cache-control"], "private, no-cache")
            self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")
            self.assertRegex(headers["etag"], r'^"[0-9a-f-]+"$')
        self.assertEqual(self.descriptors(), [])

    def test_big(self) -> None:
        """It comes in pieces, and the connection stays for the next."""
        wire = self.slow("/files/recordings/big.mkv")
        self.threads.work()
        self.assertEqual(response(wire.take())[2], BIG)
        wire.send(head("GET", "/files/recordings/a.mp4"))
        self.threads.work()
        self.assertEqual(response(wire.take())[2], CONTENT)
        self.assertEqual(self.descriptors(), [])

    def test_empty(self) -> None:
        """A file of nothing is served as that, with a range too."""
        self.make("empty.mp4", b"")
        for lines in ((), ("Range: bytes=0-",)):
            status, headers, body = self.get("/files/recordings/empty.mp4", *lines)
            self.assertEqual((status, headers["content-length"], body), (200, "0", b""))
        self.assertEqual(self.descriptors(), [])

    def test_head(self) -> None:
        """As GET, without the content, and without ranges, which HEAD does not know."""
        _, wanted, _ = self.get("/files/recordings/a.mp4")
        for lines in ((), ("Range: bytes=0-0",)):
            status, headers, body = self.get("/files/recordings/a.mp4", *lines, method="HEAD")
            self.assertEqual((status, body), (200, b""))
            self.assertEqual({**headers, "date": ""}, {**wanted, "date": ""})
        self.assertEqual(self.descriptors(), [])

    def test_conditions(self) -> None:
        """Who has it is told so, without it; who has another one too."""
        _, headers, _ = self.get("/files/recordings/a.mp4")
        tag, date = headers["etag"], headers["last-modified"]
        for line, expected in (
            (f"If-None-Match: {tag}", 304),
            (f"If-None-Match: W/{tag}", 304),
            ('If-None-Match: "other"', 200),
            (f"If-Modified-Since: {date}", 304),
            ("If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT", 200),
            ('If-Match: "other"', 412),
        ):
            for method in ("GET", "HEAD"):
                status, found, body = self.get("/files/recordings/a.mp4", line, method=method)
                self.assertEqual(status, expected, line)
                self.assertEqual(found["etag"], tag)
                self.assertEqual(body == CONTENT, expected == 200 and method == "GET")
                self.assertNotIn("transfer-encoding", found)
        self.assertEqual(self.descriptors(), [])

    def test_another_file_of_the_name(self) -> None:
        """A file that was put in the place of another of the same size and time has another tag."""
        _, before, _ = self.get("/files/recordings/a.mp4")
        part = self.make("a.mp4.part", bytes(len(CONTENT)))
        part.replace(self.directory / "recordings" / "a.mp4")
        _, after, _ = self.get("/files/recordings/a.mp4")
        self.assertNotEqual(before["etag"], after["etag"])

    def test_not_modified_in_the_future(self) -> None:
        """A file that a wrong clock dated is told as modified now (RFC 9110, section 8.8.2.1)."""
        path = self.make("a.mp4")
        os.utime(path, (32_000_000_000, 32_000_000_000))
        _, headers, _ = self.get("/files/recordings/a.mp4")
        self.assertEqual(headers["last-modified"], headers["date"])


class ReplayTests(FileCase):
    """A recording of JPEGs as a stream."""

    def test_pictures(self) -> None:
        """They come one after another from the moment that was asked for; with the last one the connection ends."""
        wire = self.slow("/files/recordings/a.mp4?as=mjpeg&from=2.5")
        self.threads.work()
        ((name, start, ended),) = self.media.replays
        self.assertEqual((name, start), ("a.mp4", 2.5))
        self.media.give(b"one", camera_id="")
        self.media.give(b"two", camera_id="")
        status, headers, body = response(wire.take())
        self.assertEqual((status, [jpeg for _, jpeg in parts(body)]), (200, [b"one", b"two"]))
        self.assertTrue(headers["content-type"].startswith("multipart/x-mixed-replace"))
        ended()
        self.settle(3)
        self.assertTrue(wire.lost)
        self.assertEqual(self.media.watching, [])

    def test_gone(self) -> None:
        """Who goes ends it; who goes before the file was looked for, has none begun."""
        wire = self.slow("/files/recordings/a.mp4?as=mjpeg")
        self.threads.work()
        self.media.give(b"one", camera_id="")
        wire.hang_up()
        self.assertEqual(self.media.watching, [])
        self.slow("/files/recordings/a.mp4?as=mjpeg").hang_up()
        self.threads.work()
        self.assertEqual(len(self.media.replays), 1)

    def test_refused(self) -> None:
        """Only a recording is played, from a moment that may be, and for nobody without the role."""
        self.make("a.jpg", kind="snapshots")
        for path, expected in (
            ("/files/snapshots/a.jpg?as=mjpeg", 400),
            ("/files/recordings/a.mp4?as=webm", 400),
            ("/files/recordings/a.mp4?as=mjpeg&from=-1", 400),
            ("/files/recordings/a.mp4?as=mjpeg&from=nan", 400),
            ("/files/recordings/b.mp4?as=mjpeg", 404),
        ):
            self.assertEqual(self.get(path)[0], expected, path)
        self.assertEqual(self.get("/files/recordings/a.mp4?as=mjpeg", peer=ELSEWHERE)[0], 401)
        status, headers, body = self.get("/files/recordings/a.mp4?as=mjpeg", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertTrue(headers["content-type"].startswith("multipart/x-mixed-replace"))
        self.assertEqual(self.media.replays, [])

    def test_no_pictures(self) -> None:
        """What holds none is told as that."""
        wire = self.slow("/files/recordings/a.mp4?as=mjpeg")
        self.threads.work()
        self.media.fail(DependencyFailed("FFMPEG_FAILED", "no JPEG", "get the file itself"))
        status, _, body = response(wire.take())
        self.assertEqual(status, 503)
        self.assertIn(b"no JPEG", body)


class NotThereTests(FileCase):
    """What is not served."""

    def test_names(self) -> None:
        """Nothing outside the directories, nothing that is not media, however it is written."""
        self.make("a.mp4.part")
        self.make("a.mp4.json")
        self.make("a.json")
        self.make(".hidden.mp4")
        (self.directory / "outside.mp4").write_bytes(b"secret")
        (self.directory / "recordings" / "below").mkdir()
        (self.directory / "recordings" / "dir.mp4").mkdir()
        (self.directory / "recordings" / "below" / "b.mp4").write_bytes(b"secret")
        for name in (
            "",
            "no.mp4",
            "a.mp4.part",
            "a.mp4.json",
            "a.json",
            "a",
            ".hidden.mp4",
            "%2ehidden.mp4",
            "..",
            "../outside.mp4",
            "..%2foutside.mp4",
            "%2e%2e/outside.mp4",
            "%2e%2e%2foutside.mp4",
            "..%5coutside.mp4",
            "below/b.mp4",
            "below%2fb.mp4",
            "dir.mp4",
            "a.mp4/",
            "a.mp4/x",
            "a.mp4%00",
            "a.mp4%00.mp4",
            "a.mp4%0a",
            "a%ff.mp4",
            "%c3%a9.mp4",
            "//a.mp4",
            "a.MP4",
            "x" * 300 + ".mp4",
        ):
            status, headers, body = self.get(f"/files/recordings/{name}")
            self.assertEqual((status, b"secret" in body), (404, False), name)
            self.assertNotIn("etag", headers)
        for path in ("/files", "/files/", "/files/recordings", "/files/other/a.mp4", "/files/../a.mp4"):
            self.assertEqual(self.get(path)[0], 404, path)
        self.assertEqual(self.descriptors(), [])

    def test_links_and_pipes(self) -> None:
        """A link is not followed, wherever it leads, and a pipe keeps nobody waiting."""
        recordings = self.directory / "recordings"
        (recordings / "link.mp4").symlink_to("a.mp4")
        (recordings / "dangling.mp4").symlink_to("no.mp4")
        os.mkfifo(recordings / "pipe.mp4")
        for name in ("link.mp4", "dangling.mp4", "pipe.mp4"):
            self.assertEqual(self.get(f"/files/recordings/{name}")[0], 404, name)
        self.assertEqual(self.descriptors(), [])

    def test_role(self) -> None:
        """Who may not see pictures gets no files, whether they are there or not."""
        for name in ("a.mp4", "no.mp4"):
            status, _, body = self.get(f"/files/recordings/{name}", peer=ELSEWHERE)
            self.assertEqual((status, body), (401, b"this needs the role viewer; yours is status\n"))
        self.assertEqual(len(self.threads), 0)

    def test_verbs(self) -> None:
        """They are read and nothing else."""
        status, headers, _ = self.get("/files/recordings/a.mp4", method="DELETE")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))

    def test_the_disk(self) -> None:
        """A file that cannot be opened is told as that."""
        self.make("locked.mp4").chmod(0)
        expected = 200 if os.geteuid() == 0 else 503
        self.assertEqual(self.get("/files/recordings/locked.mp4")[0], expected)


class RangeTests(FileCase):
    """Parts of a file."""

    def test_one(self) -> None:
        """A single range is told by headers."""
        status, headers, body = self.get("/files/recordings/a.mp4", "Range: bytes=10-19")
        self.assertEqual((status, body), (206, CONTENT[10:20]))
        self.assertEqual((headers["content-range"], headers["content-length"]), ("bytes 10-19/512", "10"))
        self.assertEqual(headers["content-type"], "video/mp4")

    def test_none_of_it(self) -> None:
        """A range behind the end is told how long the file is."""
        status, headers, _ = self.get("/files/recordings/a.mp4", "Range: bytes=512-")
        self.assertEqual((status, headers["content-range"]), (416, "bytes */512"))
        self.assertEqual(self.descriptors(), [])

    def test_if_range(self) -> None:
        """Who has a part of another file gets this one whole."""
        _, headers, _ = self.get("/files/recordings/a.mp4")
        for value, expected in ((headers["etag"], 206), ('"other"', 200), (headers["last-modified"], 200)):
            lines = ("Range: bytes=0-0", f"If-Range: {value}")
            self.assertEqual(self.get("/files/recordings/a.mp4", *lines)[0], expected, value)

    def test_twice(self) -> None:
        """Two such headers are none."""
        self.assertEqual(self.get("/files/recordings/a.mp4", "Range: bytes=0-0", "Range: bytes=1-1")[0], 200)

    def test_of_a_big_file(self) -> None:
        """Across the pieces in which it is read."""
        wire = self.slow("/files/recordings/big.mkv", f"Range: bytes={PIECE - 5}-{3 * PIECE + 5}")
        self.threads.work()
        self.assertEqual(response(wire.take())[2], BIG[PIECE - 5 : 3 * PIECE + 6])

    @settings(max_examples=60, deadline=None)
    @given(st.lists(SPECS, min_size=1, max_size=4), st.integers(1, 25))
    def test_model(self, specs: list[str], size: int) -> None:
        """What comes is what each range means, byte by byte, and nothing stays open."""
        content = os.urandom(size)
        self.make("model.mp4", content)
        status, headers, body = self.get("/files/recordings/model.mp4", "Range: bytes=" + ",".join(specs))
        wanted = [bytes(content[place] for place in found) for found in (bytes_of(spec, size) for spec in specs)]
        wanted = [each for each in wanted if each]
        if status == 416:
            self.assertEqual(wanted, [])
        elif status == 200:
            self.assertEqual((body, sum(map(len, wanted)) > len(set(self.places(specs, size)))), (content, True))
        elif headers["content-type"].startswith("multipart/byteranges; boundary="):
            self.assertEqual(len(body), int(headers["content-length"]))
            self.assertEqual(self.byteranges(headers["content-type"], body, content), wanted)
        else:
            self.assertEqual((status, [body]), (206, wanted))
        self.assertEqual(self.descriptors(), [])

    def places(self, specs: list[str], size: int) -> list[int]:
        """List each byte that is asked for."""
        return [place for spec in specs for place in bytes_of(spec, size)]

    def byteranges(self, content_type: str, body: bytes, content: bytes) -> list[bytes]:
        """Read a multipart answer, and check what each part says of itself."""
        boundary = content_type.partition("boundary=")[2].encode()
        start, *found, end = body.split(b"\r\n--" + boundary)
        self.assertEqual((start, end), (b"", b"--\r\n"))
        bodies = []
        for part in found:
            text, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            kind, place = text.decode().split("\r\n")
            self.assertEqual(kind, "Content-Type: video/mp4")
            first, last = place.removeprefix("Content-Range: bytes ").partition("/")[0].split("-")
            self.assertEqual(place.partition("/")[2], str(len(content)))
            self.assertEqual(data, content[int(first) : int(last) + 1])
            bodies.append(data)
        return bodies


class DownloadTests(FileCase):
    """On the way."""

    def begin(self) -> SlowWire:
        """Open a file for a client that takes nothing."""
        wire = self.slow("/files/recordings/big.mkv")
        wire.full = True
        self.threads.work()
        return wire

    def test_back_pressure(self) -> None:
        """Nothing is read while nothing is taken."""
        wire = self.begin()
        body = response(wire.take())[2]
        self.assertEqual((len(body), len(self.threads)), (PIECE, 0))
        for _ in range(3):
            wire.drain()
            self.assertEqual(len(self.threads), 1)
            self.threads.work()
            body += wire.take()
        self.assertEqual(body, BIG)
        wire.drain()
        self.assertEqual(self.descriptors(), [])
        wire.send(head("GET", "/openrpc.json"))
        self.assertEqual(response(wire.take())[2], b"{}")

    def test_one_piece_a_turn(self) -> None:
        """Each piece is read in a thread, so that the reactor turns in between."""
        wire = self.slow("/files/recordings/big.mkv")
        self.threads.work_one()
        self.assertEqual(wire.take(), b"")
        self.threads.work_one()
        self.assertEqual(len(response(wire.take())[2]), PIECE)

    def test_many_at_once(self) -> None:
        """They wait for each other, and leave threads for the cameras."""
        wires = [self.slow("/files/recordings/a.mp4") for _ in range(10)]
        self.assertEqual(len(self.threads), 4)
        self.threads.work()
        self.assertEqual([response(wire.take())[2] for wire in wires], [CONTENT] * 10)

    def test_a_client_that_goes(self) -> None:
        """The file is closed, whatever was going on; with a thread at it, when that is done."""
        wires = [self.slow("/files/recordings/big.mkv") for _ in range(3)]
        wires[0].hang_up()
        self.threads.work_one()
        self.assertEqual(self.descriptors(), [])
        self.threads.work_one()
        wires[1].hang_up()
        self.assertEqual(len(self.descriptors()), 1)
        self.threads.work_one()
        wires[2].full = True
        self.threads.work()
        self.assertEqual(len(self.descriptors()), 1)
        wires[2].hang_up()
        self.assertEqual((self.descriptors(), self.clock.getDelayedCalls()), ([], []))
        self.threads.work()

    def test_a_client_that_takes_nothing(self) -> None:
        """It is dropped."""
        wire = self.begin()
        self.clock.advance(STALLED - 1)
        wire.drain()
        self.threads.work()
        self.clock.advance(STALLED - 1)
        self.assertFalse(wire.aborted)
        self.clock.advance(1)
        self.assertTrue(wire.aborted)
        self.assertEqual(self.descriptors(), [])

    def test_a_file_that_shrinks(self) -> None:
        """The connection breaks: no other end would tell that something is missing."""
        wire = self.begin()
        os.truncate(self.directory / "recordings" / "big.mkv", PIECE + 10)
        wire.full = False
        wire.drain()
        self.threads.work()
        self.assertEqual(response(wire.take())[2], BIG[: PIECE + 10])
        self.assertTrue(wire.aborted)
        self.assertEqual(self.descriptors(), [])

    def test_a_file_that_is_deleted(self) -> None:
        """Who has begun gets all of it."""
        wire = self.begin()
        (self.directory / "recordings" / "big.mkv").unlink()
        wire.full = False
        wire.drain()
        self.threads.work()
        self.assertEqual(response(wire.take())[2], BIG)

    def test_a_disk_that_hangs(self) -> None:
        """Before the answer has begun that is an answer; then the connection breaks. Files are closed in the end."""
        opening, reading = self.slow("/files/recordings/a.mp4"), self.slow("/files/recordings/a.mp4")
        first, second = self.threads._waiting
        self.threads._waiting = [second]
        self.threads.work_one()
        self.clock.advance(DEADLINE)
        self.assertEqual(response(opening.take())[0], 504)
        self.assertTrue(reading.aborted)
        self.assertEqual(len(self.descriptors()), 1)
        self.threads._waiting.append(first)
        self.threads.work()
        self.assertEqual(self.descriptors(), [])
