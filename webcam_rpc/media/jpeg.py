"""Looks at a JPEG without decoding it: is it whole, how big is the picture, has it its Huffman tables.

Pure. The terms are those of ITU-T T.81 (annex B): markers begin with 0xFF, SOI and EOI begin and end the picture, SOF
holds its size, DHT the Huffman tables, SOS begins the coded data.
"""

from __future__ import annotations

import msgspec

#: Nothing that shows anything is smaller than its tables.
_LEAST = 128
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
#: Baseline, extended sequential and progressive, Huffman coded: what cameras and encoders make.
_SOF = frozenset({0xC0, 0xC1, 0xC2})
_DHT, _SOS = 0xC4, 0xDA
#: Markers without a length: RSTn, TEM.
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
#: No head has so many segments and fill bytes; megabytes of them would hold the reactor.
_MOST = 1024


class Picture(msgspec.Struct, frozen=True):
    """What the head of a JPEG tells; ``scan`` is the offset of SOS, before which tables belong."""

    width: int
    height: int
    has_huffman_tables: bool
    scan: int


def examine(data: bytes) -> Picture | str:
    """Look at a JPEG; gives what is wrong in words where it is not whole."""
    if len(data) < _LEAST:
        return f"{len(data)} bytes are no picture"
    if not data.startswith(_SOI):
        return "it does not begin with SOI"
    if not trimmed(data).endswith(_EOI):
        return "it does not end with EOI"
    return _head(data)


def _head(data: bytes) -> Picture | str:
    at = len(_SOI)
    size: tuple[int, int] | None = None
    tables = False
    for _ in range(_MOST):
        if at + 4 > len(data):
            break
        if data[at] != 0xFF:  # noqa: PLR2004 - the mark of a marker
            return "its segments are broken"
        marker = data[at + 1]
        if marker in _BARE or marker == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004
            continue
        if marker == _SOS:
            if size is None or not all(size):
                return "it has no size"
            return Picture(size[0], size[1], tables, at)
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _SOF:
            if at + 9 > len(data):
                break
            height, width = (int.from_bytes(data[at + offset : at + offset + 2], "big") for offset in (5, 7))
            size = (width, height)
        tables = tables or marker == _DHT
        at += 2 + length
        if length < 2:  # noqa: PLR2004 - the length counts itself
            break
    return "its head is broken"


def with_huffman_tables(data: bytes, picture: Picture) -> bytes:
    """Give a JPEG its Huffman tables if it has none.

    Many webcams leave them out, as Motion-JPEG in AVI does: then those of T.81, annex K.3, are meant. Browsers show
    such pictures, many other programs do not.
    """
    if picture.has_huffman_tables:
        return data
    return data[: picture.scan] + _TABLES + data[picture.scan :]


def trimmed(data: bytes) -> bytes:
    """Take away the zeros behind EOI: cameras pad to the size of a USB packet."""
    return data if data.endswith(_EOI) else data.rstrip(b"\x00")


def _table(class_and_id: int, counts: tuple[int, ...], values: bytes) -> bytes:
    return bytes((class_and_id, *counts)) + values


def _standard() -> bytes:
    dc = (
        (0x00, (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)),
        (0x01, (0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0)),
    )
    ac_luminance = bytes.fromhex(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a34353637"
        "38393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3"
        "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    )
    ac_chrominance = bytes.fromhex(
        "0001020311040521310612415107617113223281081442"
        "91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465"
        "666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6"
        "c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
    )
    body = b"".join(_table(which, counts, bytes(range(12))) for which, counts in dc)
    body += _table(0x10, (0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D), ac_luminance)
    body += _table(0x11, (0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77), ac_chrominance)
    return b"\xff\xc4" + (len(body) + 2).to_bytes(2, "big") + body


_TABLES = _standard()
