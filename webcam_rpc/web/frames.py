"""Outgoing WebSocket frames: one unmasked text frame a message (RFC 6455, section 5.2).

Made here and not by Autobahn so that the bytes of a broadcast are made once, and so that what waits for a client is
countable: see :mod:`.outbox`.
"""

from __future__ import annotations

_FIN, _RSV1, _TEXT = 0x80, 0x40, 0x01
_SHORT, _MEDIUM = 125, 0xFFFF
#: The heads of the frames of most replies, by the length of the text.
_HEADS = tuple(bytes((_FIN | _TEXT, size)) for size in range(_SHORT + 1))


def text_frame(payload: bytes, *, compressed: bool = False) -> bytes:
    """Give the bytes of a whole text message; RSV1 says that it is compressed (RFC 7692, section 6)."""
    size = len(payload)
    if size <= _SHORT and not compressed:
        return _HEADS[size] + payload
    first = _FIN | _TEXT | (_RSV1 if compressed else 0)
    if size <= _SHORT:
        return bytes((first, size)) + payload
    if size <= _MEDIUM:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload
