"""Masks and UTF-8 in pieces, against what the specifications say of each byte."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.web.octets import Utf8Validator, create_xor_masker

#: What may be missing at the end of a piece: one of these makes a character of every beginning that can become one.
_TAILS = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")
#: Whole characters, beginnings of some, surrogates, overlong forms, what is beyond the last character, and stray bytes.
_GOOD = (
    b"a",
    b"\x7f",
    b"\xc3\xa9",
    b"\xe2\x82\xac",
    b"\xed\x9f\xbf",
    b"\xef\xbf\xbf",
    b"\xf0\x9f\x98\x80",
    b"\xf4\x8f",
)
_BAD = (b"\xed\xa0\x80", b"\xed\xbf", b"\xc0\x80", b"\xe0\x80", b"\xf0\x80\x80", b"\xf4\x90", b"\xf5", b"\xff", b"\x80")


def begins_well(data: bytes) -> bool:
    """Tell whether something can follow that makes it UTF-8."""
    return any(is_text(data + tail) for tail in _TAILS)


def is_text(data: bytes) -> bool:
    """Tell whether it is UTF-8 as it is."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Utf8Tests(SynchronousTestCase):
    """The first byte that is wrong is told at once, wherever the pieces are cut."""

    def test_pieces(self) -> None:
        """Random text, some of it wrong, cut at random places."""
        chance = random.Random(8)  # noqa: S311 - no secret, only the same bytes each time
        wrong = 0
        for _ in range(5000):
            choice = [*_GOOD, *_BAD] if chance.random() < 0.5 else _GOOD
            data = b"".join(chance.choice(choice) for _ in range(chance.randrange(7)))
            first = next((end for end in range(len(data)) if not begins_well(data[: end + 1])), None)
            wrong += first is not None
            cuts = sorted(chance.randrange(len(data) + 1) for _ in range(3))
            validator, at = Utf8Validator(), 0
            for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                told = validator.validate(data[begin:end])
                if first is not None and first < end:
                    self.assertEqual(told, (False, False, first - at, first), data)
                    break
                self.assertEqual(told, (True, is_text(data[:end]), end - begin, end), data)
                at = end
        self.assertGreater(wrong, 500)

    def test_reset(self) -> None:
        """What a message before has left is forgotten."""
        validator = Utf8Validator()
        self.assertEqual(validator.validate(b"a\xe2\x82"), (True, False, 3, 3))
        validator.reset()
        self.assertEqual(validator.validate(b"\xc3\xa9"), (True, True, 2, 2))


class MaskTests(SynchronousTestCase):
    """Each byte is masked by the byte of the mask that its place says."""

    def test_pieces(self) -> None:
        """Random bytes, in pieces of every length."""
        chance = random.Random(9)  # noqa: S311 - the same
        for size in (0, 1, 2, 3, 4, 5, 127, 128, 1000, 70000):
            mask, data = chance.randbytes(4), chance.randbytes(size)
            masker, masked, at = create_xor_masker(mask, size), b"", 0
            while at < size:
                end = at + chance.randrange(1, size + 1)
                masked += masker.process(data[at:end])
                at = min(end, size)
                self.assertEqual(masker.pointer(), at)
            self.assertEqual(masked, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)))

    def test_reset(self) -> None:
        """From the first byte of the mask again; nothing is masked to nothing."""
        masker = create_xor_masker(b"\x01\x02\x03\x04")
        self.assertEqual(masker.process(b"\0\0\0"), b"\x01\x02\x03")
        self.assertEqual(masker.process(b""), b"")
        self.assertEqual(masker.process(b"\0\0"), b"\x04\x01")
        masker.reset()
        self.assertEqual(masker.process(b"\0"), b"\x01")
