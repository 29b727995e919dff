"""A JPEG is whole or it is not; one without Huffman tables shows the same picture once it has them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.jpegs import decoded, drawn, segments, small, without_tables
from webcam_rpc.media.jpeg import Picture, examine, trimmed, with_huffman_tables


class ExamineTests(SynchronousTestCase):
    """What is told of a picture without decoding it."""

    def picture(self, data: bytes) -> Picture:
        """Examine what must be whole."""
        found = examine(data)
        assert isinstance(found, Picture), found
        return found

    def test_real(self) -> None:
        """The size of real pictures is told."""
        for size in ("160x120", "98x32", "34x18"):
            found = self.picture(drawn(size))
            self.assertEqual((f"{found.width}x{found.height}", found.has_huffman_tables), (size, True))

    def test_scan(self) -> None:
        """The offset is that of SOS."""
        data = drawn()
        self.assertEqual(data[self.picture(data).scan :][:2], b"\xff\xda")
        self.assertEqual(self.picture(data).scan, segments(data)[-1][1])

    def test_without_tables(self) -> None:
        """That tables are missing is told."""
        self.assertFalse(self.picture(without_tables(drawn())).has_huffman_tables)

    def test_padded(self) -> None:
        """Zeros behind EOI are padding; anything else there is no end."""
        data = drawn()
        self.picture(data + b"\x00" * 700)
        self.assertEqual(trimmed(data + b"\x00" * 700), data)
        self.assertIsInstance(examine(data + b"\x00\x01"), str)

    def test_thumbnail_in_the_head(self) -> None:
        """The EOI of a picture inside the head is not the end of the whole."""
        data = drawn()
        inner = small()
        exif = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
        whole = data[:2] + exif + data[2:]
        self.assertEqual(self.picture(whole).width, 160)
        self.assertIsInstance(examine(whole[: 2 + len(exif)]), str)

    def test_fill_bytes(self) -> None:
        """Fill bytes and markers without a length between segments are allowed (T.81, B.1.1.2)."""
        data = drawn()
        self.assertEqual(self.picture(data[:2] + b"\xff\xff\xff\xff\x01" + data[2:]).width, 160)

    def test_never_ending_head(self) -> None:
        """A head of nothing but fill bytes or empty segments is given up, however long it is."""
        for filler in (b"\xff", b"\xff\x01", b"\xff\xe0\x00\x02"):
            data = b"\xff\xd8" + filler * 2000 + drawn()[2:]
            self.assertIsInstance(examine(data), str)

    def test_broken(self) -> None:
        """What lacks something says what."""
        data = drawn()
        sof = next(at for marker, at, _ in segments(data) if marker == 0xC0)
        for broken, why in (
            (b"", "0 bytes are no picture"),
            (small(size=127), "127 bytes are no picture"),
            (b"\x00" + data, "it does not begin with SOI"),
            (data[:-1], "it does not end with EOI"),
            (data[:2] + b"\x00" + data[2:], "its segments are broken"),
            (data[:4] + b"\x00\x01" + data[6:], "its head is broken"),
            (data[:4] + b"\xff\xff" + data[6:], "its head is broken"),
            (data[: sof + 5] + b"\x00\x00" + data[sof + 7 :], "it has no size"),
            (data[: sof + 1] + b"\xc3" + data[sof + 2 :], "it has no size"),
        ):
            self.assertEqual(examine(broken), why)

    @settings(deadline=None)
    @given(st.integers(0, 10**6))
    def test_truncated(self, at: int) -> None:
        """A picture that was cut anywhere is not whole, and with zeros behind it neither."""
        data = drawn()
        cut = data[: at % len(data)]
        self.assertIsInstance(examine(cut), str)
        self.assertIsInstance(examine(cut + b"\x00" * 300), str)

    @settings(deadline=None)
    @given(st.binary(max_size=400), st.integers(0, 10**6), st.integers(0, 600))
    def test_random(self, noise: bytes, at: int, span: int) -> None:
        """No bytes whatever raise, and what is accepted has a size and takes tables."""
        data = drawn()
        head = at % 700
        for bad in (noise, b"\xff\xd8" + noise * 3 + b"\xff\xd9", data[:head] + noise + data[head + span :]):
            found = examine(bad)
            if isinstance(found, Picture):
                self.assertGreater(min(found.width, found.height), 0)
                self.assertIsInstance(examine(with_huffman_tables(trimmed(bad), found)), Picture)


class TablesTests(SynchronousTestCase):
    """The tables of T.81, annex K.3."""

    def test_same_picture(self) -> None:
        """A picture that lost its tables decodes to the same pixels when it has got them; so the values are right."""
        for quality in ("1", "5", "31"):
            data = drawn("320x240", "-q:v", quality)
            bare = without_tables(data)
            found = examine(bare)
            assert isinstance(found, Picture)
            pixels = decoded(data)
            self.assertEqual(len(pixels), 320 * 240)
            mended = with_huffman_tables(bare, found)
            self.assertNotEqual(mended, bare)
            again = examine(mended)
            assert isinstance(again, Picture)
            self.assertTrue(again.has_huffman_tables)
            self.assertEqual(decoded(mended), pixels)

    def test_same_tables(self) -> None:
        """They are those that ffmpeg writes, so that a decoder that does not know them by heart reads them as well."""
        data = drawn()
        theirs = {data[at + 4 : at + length] for marker, at, length in segments(data) if marker == 0xC4}
        bare = without_tables(data)
        found = examine(bare)
        assert isinstance(found, Picture)
        mended = with_huffman_tables(bare, found)
        self.assertEqual(
            {mended[at + 4 : at + length] for marker, at, length in segments(mended) if marker == 0xC4}, theirs
        )

    def test_untouched(self) -> None:
        """A picture with tables stays the very same."""
        data = drawn()
        found = examine(data)
        assert isinstance(found, Picture)
        self.assertIs(with_huffman_tables(data, found), data)
        self.assertIs(trimmed(data), data)
