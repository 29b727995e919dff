"""permessage-deflate (RFC 7692) without context takeover, in as little memory as it takes.

Autobahn negotiates (:func:`accept`, :func:`decline_unknown`), then :class:`Deflate` takes the place of its own codec:
Autobahn's keeps a zlib context for each direction for as long as the connection lasts (hundreds of KiB), and its older
releases inflate a message to any size. Here a context lives for one message.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    # Autobahn's releases differ in what they tell of their types: here it has none.
    PerMessageDeflateOffer: Any
    PerMessageDeflateOfferAccept: TypeAlias = Any
else:
    from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

NAME = "permessage-deflate"

#: Messages shorter than this are not worth the time.
WORTHWHILE = 1024

_TOO_BIG, _INVALID = 1009, 1007
#: What ends each flushed block and is left out on the wire (RFC 7692, section 7.2.1).
_TAIL = b"\x00\x00\xff\xff"
#: Inflates whatever window the client uses.
_WINDOW_IN = 15
#: Deflates in 32 KiB, and fast: JSON loses a few per cent of size by it.
_WINDOW_OUT, _MEMORY, _LEVEL = 12, 5, 1

Extension = tuple[str, dict[str, list[object]]]


class Small(PerMessageDeflateOfferAccept):  # type: ignore[misc]
    """An accepted offer whose answer forbids context takeover both ways, asked for or not.

    RFC 7692, section 7.1.1, lets a server say so unasked; Autobahn's own class only does where the client offered it,
    which browsers don't.
    """

    def __init__(self, offer: object) -> None:
        super().__init__(offer, no_context_takeover=True)

    def get_extension_string(self) -> str:
        """Give the header's value."""
        text = f"{NAME}; server_no_context_takeover; client_no_context_takeover"
        bits = self.offer.request_max_window_bits
        return f"{text}; server_max_window_bits={bits}" if bits else text


def decline_unknown(extensions: Iterable[Extension]) -> list[Extension]:
    """Keep the offers that can be accepted.

    An offer with a parameter that is unknown or out of range is to be declined (RFC 7692, section 7.1); Autobahn fails
    the handshake.
    """
    return [offer for offer in extensions if offer[0] == NAME and _parsed(offer) is not None]


def accept(offers: Sequence[object]) -> Small | None:
    """Accept the first offer of deflate, the one that the client prefers."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return Small(offer)
    return None


def _parsed(offer: Extension) -> object:
    try:
        return PerMessageDeflateOffer.parse(offer[1])
    except Exception:  # noqa: BLE001 - that is what it raises
        return None


class Deflate:
    """The codec of one connection.

    :param window_bits: the widest window that the client wants of what it gets.
    :param limit: how long a message may be, inflated.
    :param fail: ends the connection with a close code and a reason.
    """

    EXTENSION_NAME = NAME

    __slots__ = ("_fail", "_inflater", "_limit", "_room", "_window")

    def __init__(self, window_bits: int, limit: int, fail: Callable[[int, str], None]) -> None:
        self._window = min(window_bits, _WINDOW_OUT)
        self._limit = limit
        self._fail = fail
        self._room = 0
        self._inflater: zlib._Decompress | None = None

    def start_decompress_message(self) -> None:
        """Begin a message that comes; called by Autobahn, as are the next two."""
        self._inflater = zlib.decompressobj(-_WINDOW_IN)
        self._room = self._limit

    def decompress_message_data(self, data: bytes, max_output_len: int | None = None) -> bytes:  # noqa: ARG002 - theirs
        """Inflate a piece, as far as the message may still grow."""
        if self._inflater is None:
            return b""
        try:
            inflated = self._inflater.decompress(data, self._room + 1)
        except zlib.error:
            return self._refuse(_INVALID, "not a deflated message")
        self._room -= len(inflated)
        if self._room < 0 or self._inflater.unconsumed_tail:
            return self._refuse(_TOO_BIG, f"a message may have {self._limit} bytes, inflated")
        return inflated

    def end_decompress_message(self) -> None:
        """End the message."""
        self.decompress_message_data(_TAIL)
        self._inflater = None

    def compress(self, payload: bytes) -> bytes:
        """Deflate a whole message."""
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -self._window, _MEMORY)
        return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_TAIL)

    def _refuse(self, code: int, reason: str) -> bytes:
        self._inflater = None
        self._fail(code, reason)
        return b""
