"""What the benchmarks count with."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

FANOUT: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "stream_fanout.py"))

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n--b\r\n"


def part(body: bytes, stamp: str = "1.5") -> bytes:
    """Write a part and what is behind it."""
    return b"Content-Type: image/jpeg\r\ncontent-length: %d\r\nX-Timestamp: %s\r\n\r\n%s\r\n--b\r\n" % (
        len(body),
        stamp.encode(),
        body,
    )


class PartsTests(SynchronousTestCase):
    """A stream, of which most is thrown away unread."""

    def found(self, stream: bytes, piece: int) -> tuple[list[str], int]:
        """Read a stream in pieces of this size; gives what was found, and how much of it was never read."""
        found: list[str] = []
        self.made: list[float | None] = []

        def picture(key: str, made: float | None) -> None:
            found.append(key)
            self.made.append(made)

        parts = FANOUT["Parts"](picture)
        at = thrown = 0
        while at < len(stream):
            size = min(parts.skip or piece, len(stream) - at)
            if parts.skip:
                thrown += size
                parts.skipped(size)
            else:
                parts.take(stream[at : at + size])
            at += size
        return found, thrown

    def test_pieces(self) -> None:
        """Every picture is found, however the stream is cut, and whatever a picture looks like."""
        bodies = [b"", b"x", b"\r\n\r\n--b\r\n\r\n", b"y" * 127, b"z" * 128, b"content-length: 3\r\n\r\n" * 400]
        stream = HEAD + b"".join(part(body, str(number)) for number, body in enumerate(bodies))
        for piece in (1, 2, 3, 7, 64, 127, 1000, 4096, len(stream)):
            self.assertEqual(self.found(stream, piece)[0], ["0", "1", "2", "3", "4", "5"], piece)

    def test_thrown_away(self) -> None:
        """Of a big picture only the beginning is read."""
        found, thrown = self.found(HEAD + part(b"x" * 100_000) + part(b"x" * 100_000), 4096)
        self.assertEqual(found, ["1.5", "1.5"])
        self.assertGreater(thrown, 190_000)

    def test_comment(self) -> None:
        """A comment tells a picture's number and when it was made; one that comes later in the picture is none."""
        numbered = b"\xff\xd8\xff\xfe\x00\x20cam=0 seq=17 mono=3.25" + b"x" * 500
        stream = HEAD + part(numbered) + part(b"x" * 200 + numbered, "2.5")
        for piece in (1, 50, 4096):
            self.assertEqual(self.found(stream, piece)[0], ["#17", "2.5"])
            self.assertEqual(self.made, [3.25, None])

    def test_unfinished(self) -> None:
        """A picture counts when all of it has come."""
        stream = HEAD + part(b"x" * 5000)
        whole = len(stream) - len(b"\r\n--b\r\n")
        self.assertEqual(self.found(stream[: whole - 1], 4096)[0], [])
        self.assertEqual(self.found(stream[:whole], 4096)[0], ["1.5"])

    def test_no_stream(self) -> None:
        """An error, or a part whose length is not told, is no stream."""
        for bad in (b"HTTP/1.1 404 Not Found\r\n\r\n", HEAD + b"Content-Type: image/jpeg\r\n\r\n", b"x" * 20_000):
            self.assertRaises(ValueError, self.found, bad, 4096)


class CountingTests(SynchronousTestCase):
    """The figures."""

    def test_stat(self) -> None:
        """A program's name may look like the end of a name."""
        fields = "S 41 42 42 0 -1 4194304 100 0 0 0 250 50 7 3 20 0 1 0 1000 1000000 500"
        self.assertEqual(FANOUT["stat"](f"43 (a) b (c)) {fields}"), ("a) b (c)", 41, 310))

    def test_lost(self) -> None:
        """Lost is what was sent to somebody meanwhile, not what came before or after."""
        seen = [["0", "1", "2", "3", "4"], ["1", "2", "4"], ["0", "5"], []]
        self.assertEqual(FANOUT["compare"](seen, ["1", "2", "3"]), [0, 1, 3, 3])
