"""ffmpeg's ``-f mpjpeg``: parts with a length, one JPEG each (a MIME multipart stream, RFC 2046).

Pure: bytes in, JPEGs out. A part's length is believed only within a bound, and what does not look like a part's head is
an error, since nothing after it could be trusted.
"""

from __future__ import annotations

import re

#: No JPEG of a camera is bigger: 8K at the best quality takes about 25 MB.
MAX_FRAME = 32 * 1024 * 1024
_MAX_HEAD = 1024
_LENGTH = re.compile(rb"\r\nContent-length:[ \t]*([0-9]{1,10})[ \t]*\r\n", re.IGNORECASE)


class FramingError(ValueError):
    """The stream is not what ``-f mpjpeg`` prints."""


class MpjpegParser:
    """Finds the parts of one stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece of the stream; gives the bodies of the parts that it completes. Raises FramingError."""
        self._buffer += data
        found: list[bytes] = []
        while True:
            if self._length is None and not self._head():
                return found
            if self._length is None or len(self._buffer) < self._length:
                return found
            found.append(bytes(memoryview(self._buffer)[: self._length]))
            del self._buffer[: self._length]
            self._length = None

    def _head(self) -> bool:
        # Between two parts there is the line break that ends the one before.
        start = 2 if self._buffer.startswith(b"\r\n") else 0
        end = self._buffer.find(b"\r\n\r\n", start, start + _MAX_HEAD)
        if end < 0:
            begun = bytes(self._buffer[start : start + 2])
            if len(self._buffer) >= start + _MAX_HEAD or (not b"--".startswith(begun) and self._buffer != b"\r"):
                raise FramingError("no head of a part")
            return False
        head = bytes(self._buffer[start : end + 4])
        length = _LENGTH.search(head)
        if not head.startswith(b"--") or length is None or int(length[1]) > MAX_FRAME:
            raise FramingError("not the head of a part, or of one too big")
        del self._buffer[: end + 4]
        self._length = int(length[1])
        return True
