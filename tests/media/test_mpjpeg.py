"""The parts of ffmpeg's multipart stream, however it was cut on the way."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.jpegs import ffmpeg, part
from webcam_rpc.media.jpeg import Picture, examine
from webcam_rpc.media.mpjpeg import MAX_FRAME, FramingError, MpjpegParser

HEAD = b"--ffmpeg\r\nContent-length: %b\r\n\r\n"
#: Bodies that look like what stands between them.
BODIES = st.one_of(
    st.binary(max_size=80), st.sampled_from([b"\r\n\r\n", b"--ffmpeg\r\n", b"\r\n--", b"\r", part(b"x")])
)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut ``data`` at the places, taken modulo its length."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


def fed(pieces: list[bytes]) -> list[bytes]:
    """Give what a new parser finds in a stream of these pieces."""
    parser = MpjpegParser()
    return [body for piece in pieces for body in parser.feed(piece)]


class MpjpegTests(SynchronousTestCase):
    """One stream at a time."""

    @settings(deadline=None)
    @given(st.lists(BODIES, max_size=6), st.lists(st.integers(0, 10**6), max_size=12), st.booleans())
    def test_cut_anywhere(self, bodies: list[bytes], cuts: list[int], broken_before: bool) -> None:  # noqa: FBT001
        """The bodies come whole and in order, whatever they hold and wherever the stream was cut."""
        stream = b"".join(part(body) for body in bodies)
        if broken_before:
            stream = b"\r\n" + stream[:-2]  # the line break before the boundary, as RFC 2046 has it
        self.assertEqual(fed(pieces_of(stream, cuts)), bodies)

    def test_byte_by_byte(self) -> None:
        """A part is given with its last byte, not with the head of the next one."""
        stream = part(b"body")
        parser = MpjpegParser()
        for index in range(len(stream) - 3):
            self.assertEqual(parser.feed(stream[index : index + 1]), [])
        self.assertEqual(parser.feed(stream[-3:-2]), [b"body"])
        self.assertEqual(parser.feed(stream[-2:]), [])

    def test_real(self) -> None:
        """What ffmpeg prints is understood, and every part of it is a picture."""
        drawn = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=10", "-frames:v", "7", "-pix_fmt", "yuvj420p"]
        bodies = fed(pieces_of(ffmpeg(*drawn, "-f", "mpjpeg", "pipe:1"), list(range(0, 10**5, 777))))
        self.assertEqual(len(bodies), 7)
        for body in bodies:
            found = examine(body)
            assert isinstance(found, Picture), found
            self.assertEqual((found.width, found.height), (96, 64))

    def test_ended_amid(self) -> None:
        """A part that never comes whole is never given."""
        self.assertEqual(fed([part(b"one"), part(b"half a body")[:-9]]), [b"one"])

    def test_length_in_any_writing(self) -> None:
        """Other fields, the case and spaces do not matter."""
        head = b"--x\r\nServer: y\r\nCONTENT-LENGTH:   3\t\r\nX: z\r\n\r\n"
        self.assertEqual(fed([head + b"abc"]), [b"abc"])

    def test_empty(self) -> None:
        """A part without a body is a part."""
        self.assertEqual(fed([part(b"") + part(b"x")]), [b"", b"x"])

    def test_huge(self) -> None:
        """A length within the bound is believed; one above it, however written, is an error at once."""
        self.assertEqual(fed([HEAD % str(MAX_FRAME).encode()]), [])
        for length in (MAX_FRAME + 1, 10**10 - 1, 10**10, 10**30):
            self.assertRaises(FramingError, MpjpegParser().feed, HEAD % str(length).encode())

    def test_no_length(self) -> None:
        """A length that is none is an error."""
        for length in (b"", b"-1", b"0x10", b"1 2", b"1.5", b"\xd9\xa1"):
            self.assertRaises(FramingError, MpjpegParser().feed, HEAD % length)

    def test_garbage(self) -> None:
        """What does not begin as a part does is an error, after a whole part as well."""
        for garbage in (b"\xff\xd8\xff", b"-x", b"no", b"\n--", b"\r\r", b"\r\n\r\n", b"-", b"\r\nx"):
            for before in (b"", part(b"body")):
                parser = MpjpegParser()
                parser.feed(before)
                self.assertRaises(FramingError, parser.feed, garbage + b"x" * 8)

    def test_endless_head(self) -> None:
        """A head that does not end is not waited for: what is kept of it is bounded."""
        parser = MpjpegParser()
        parser.feed(b"--" + b"x" * 1000)
        self.assertRaises(FramingError, parser.feed, b"x" * 22)

    @settings(deadline=None)
    @given(st.integers(0, 60), st.integers(0, 2000))
    def test_long_head(self, more: int, cut: int) -> None:
        """Where a head is cut does not decide whether it is too long."""
        stream = b"\r\n--ffmpeg\r\nX: " + b"y" * (950 + more) + b"\r\nContent-length: 1\r\n\r\nz"

        def outcome(pieces: list[bytes]) -> object:
            try:
                return fed(pieces)
            except FramingError:
                return FramingError

        self.assertEqual(outcome(pieces_of(stream, [cut])), outcome([stream]))

    @settings(deadline=None)
    @given(st.binary(max_size=3000))
    def test_random(self, noise: bytes) -> None:
        """No bytes whatever do anything but raise what they should."""
        for pieces in ([noise], [b"--" + noise], [HEAD % b"5" + noise]):
            try:
                fed(pieces)
            except FramingError:
                continue
