"""The octets of a frame: unmasking them, and whether they are UTF-8, piece by piece.

Pure Python, but each piece is one operation in C, and without what Autobahn's C extension brings along. The
classes are shaped as Autobahn's are.
"""

from __future__ import annotations

import codecs

_MASK = 4
#: The first two bytes of the least surrogate; those of no other three-byte character are between it and EE.
_SURROGATE = b"\xed\xa0"


class XorMasker:
    """Masks and unmasks the payload of one frame (RFC 6455, section 5.3).

    :param mask: its four bytes.
    """

    __slots__ = ("_mask", "_place")

    def __init__(self, mask: bytes) -> None:
        self._mask = bytes(mask)
        self._place = 0

    def pointer(self) -> int:
        """Give how many bytes have been through it."""
        return self._place

    def reset(self) -> None:
        """Begin anew."""
        self._place = 0

    def process(self, data: bytes) -> bytes:
        """Mask the next bytes, or unmask them."""
        size = len(data)
        turned = self._place % _MASK
        self._place += size
        mask = self._mask[turned:] + self._mask[:turned]
        # One number as long as the data: a byte at a time would take fifty times as long.
        key = int.from_bytes((mask * (size // _MASK + 1))[:size], "little")
        return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


def create_xor_masker(mask: bytes, _length: int | None = None) -> XorMasker:
    """Give what masks a frame."""
    return XorMasker(mask)


class Utf8Validator:
    """Tells of text that comes in pieces whether it is UTF-8 (RFC 3629), at the first byte that is not."""

    __slots__ = ("_decoder", "_total")

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._total = 0

    def reset(self) -> None:
        """Begin anew."""
        self._decoder.reset()
        self._total = 0

    def validate(self, data: bytes) -> tuple[bool, bool, int, int]:
        """Look at the next piece.

        Gives whether it is valid and whether it ends with a character, and where the first byte that is wrong, or else
        the end, is: in this piece and in all of them.
        """
        kept, total = len(self._decoder.getstate()[0]), self._total
        try:
            self._decoder.decode(data)
        except UnicodeDecodeError as error:
            # What goes on wrongly ends before the wrong byte; what begins wrongly is wrong itself.
            wrong = (error.start if error.reason == "invalid start byte" else error.end) - kept
            return False, False, wrong, total + wrong
        begun = self._decoder.getstate()[0]
        if len(begun) == len(_SURROGATE) and begun[:1] == _SURROGATE[:1] and begun >= _SURROGATE:
            # Python's decoder waits for the third byte of what cannot be a character any more.
            return False, False, len(data) - 1, total + len(data) - 1
        self._total = total + len(data)
        return True, not begun, len(data), self._total
