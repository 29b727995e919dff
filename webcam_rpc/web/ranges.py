"""Which bytes of a file are asked for: the Range header (RFC 9110, section 14).

Pure. More than one range is answered with all of them (``multipart/byteranges``), in the order asked for, as long as
they are few and do not overlap; a set of many or overlapping ranges, which only serves to make work, is passed over
and the whole file is given, as the RFC allows (sections 14.2 and 17.15).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

#: How many ranges are answered.
MOST = 16
_SPEC = re.compile(r"([0-9]*)-([0-9]*)\Z")
#: No file is longer; a number with more digits is not worth converting.
_DIGITS = 18
_HUGE = 1_000_000_000_000_000_000


class Range(NamedTuple):
    """Bytes from ``start`` to before ``end``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many."""
        return self.end - self.start

    def content_range(self, size: int) -> bytes:
        """Write it as the header Content-Range."""
        return b"bytes %d-%d/%d" % (self.start, self.end - 1, size)


class Unsatisfiable(Exception):  # noqa: N818 - what was asked for is not there
    """None of the ranges is in the file."""


def ranges(header: str, size: int) -> list[Range] | None:
    """Give the ranges of a file of ``size`` bytes that ``header`` asks for; None stands for the whole file.

    What is malformed, or of another unit than bytes, is passed over, as RFC 9110, section 14.2, wants.
    """
    unit, equals, rest = header.partition("=")
    if not equals or unit.strip().lower() != "bytes" or not size:
        return None
    found: list[Range] = []
    specs = [spec for spec in (text.strip(" \t") for text in rest.split(",")) if spec]
    for spec in specs:
        match = _SPEC.match(spec)
        if match is None or match[0] == "-":
            return None
        first, last = (_number(text) for text in match.groups())
        if first is not None and last is not None and last < first:
            return None
        wanted = _within(first, last, size)
        if wanted is not None:
            found.append(wanted)
    if not specs or len(specs) > MOST or _overlap(found):
        return None
    if not found:
        raise Unsatisfiable
    return found


def _within(first: int | None, last: int | None, size: int) -> Range | None:
    if first is None:
        # The last so many bytes.
        length = min(last or 0, size)
        return Range(size - length, size) if length else None
    if first >= size:
        return None
    return Range(first, size if last is None else min(last + 1, size))


def _number(digits: str) -> int | None:
    significant = digits.lstrip("0")
    if len(significant) > _DIGITS:
        return _HUGE
    return int(significant or "0") if digits else None


def _overlap(found: list[Range]) -> bool:
    ordered = sorted(found)
    return any(before.end > after.start for before, after in pairwise(ordered))
