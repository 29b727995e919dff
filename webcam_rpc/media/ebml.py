"""EBML (RFC 8794), as much of it as Matroska needs here: elements written, and elements found in a file.

Pure. What is read may be broken in any way: an element that cannot be one is None, and nobody raises.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: Gives up to so many bytes (second) from an offset (first); fewer where the file ends.
    Read = Callable[[int, int], bytes]

EBML = 0x1A45DFA3
VOID = 0xEC
CRC32 = 0xBF
#: An element data size of all ones: not known (RFC 8794 section 6.2).
UNKNOWN_SIZE = bytes.fromhex("01ffffffffffffff")

_LONGEST_HEAD = 12  # an id of four and a size of eight bytes


class Element(NamedTuple):
    """Where an element begins, where its data begins, and where that ends; ``end`` None: its size is not known."""

    id: int
    start: int
    data: int
    end: int | None


def element(identity: int, data: bytes) -> bytes:
    """Write an element."""
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big") + size(len(data)) + data


def unsigned(identity: int, value: int) -> bytes:
    """Write an element that is an unsigned integer."""
    return element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def size(length: int) -> bytes:
    """Write an element's data size in as few bytes as it takes: all ones would mean that it is not known."""
    octets = 1
    while length >= (1 << 7 * octets) - 1:
        octets += 1
    return (length | 1 << 7 * octets).to_bytes(octets, "big")


def double(identity: int, value: float) -> bytes:
    """Write an element that is a number."""
    return element(identity, struct.pack(">d", value))


def void(length: int) -> bytes:
    """Write an element that means nothing and takes ``length`` bytes, at least 9."""
    return bytes((VOID,)) + (length - 9 | 1 << 56).to_bytes(8, "big") + bytes(length - 9)


def find(read: Read, offset: int) -> Element | None:
    """Find out which element begins at ``offset``; None where none does, or its head is not all there."""
    head = read(offset, _LONGEST_HEAD)
    octets = _width(head, 0)
    if octets is None or octets > 4:  # noqa: PLR2004 - EBMLMaxIDLength
        return None
    identity = int.from_bytes(head[:octets], "big")
    longer = _width(head, octets)
    if longer is None:
        return None
    data = offset + octets + longer
    ones = (1 << 7 * longer) - 1
    length = int.from_bytes(head[octets : octets + longer], "big") & ones
    return Element(identity, offset, data, None if length == ones else data + length)


def children(read: Read, start: int, end: int, most: int) -> Iterator[Element | None]:
    """Give the elements between two offsets, at most so many; None, as the last, where they do not fit there."""
    for _ in range(most):
        if start == end:
            return
        found = find(read, start)
        if found is None or found.end is None or found.end > end:
            break
        yield found
        start = found.end
    if start != end:
        yield None


def number(read: Read, found: Element) -> int:
    """Read an element that is an unsigned integer; what is longer than one can be counts by its first 8 bytes."""
    length = 8 if found.end is None else min(8, found.end - found.data)
    return int.from_bytes(read(found.data, length), "big") if length else 0


def _width(data: bytes, at: int) -> int | None:
    """Tell how long the variable-size integer is that begins there (RFC 8794 section 4)."""
    if at >= len(data) or not data[at]:
        return None
    octets = 9 - data[at].bit_length()
    return octets if at + octets <= len(data) else None
