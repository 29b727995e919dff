"""The formats, sizes and rates of a node, from the text of ``v4l2-ctl --list-formats-ext``.

Owns the layout of that listing. Its lines are those of ``print_video_formats_ext``, ``print_frmsize`` and
``print_frmival`` in v4l-utils (utils/v4l2-ctl)::

    ioctl: VIDIOC_ENUM_FMT
            Type: Video Capture

            [0]: 'MJPG' (Motion-JPEG, compressed)                   before 1.18:  Pixel Format: 'MJPG' (compressed)
                    Size: Discrete 640x480
                            Interval: Discrete 0.033s (30.000 fps)
                            Interval: Stepwise 0.033s - 0.200s with step 0.000s (5.000-30.000 fps)
                    Size: Stepwise 16x16 - 16384x8640 with step 2/2
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from webcam_rpc.cameras.models import CurrentMode, Mode, Range, SizeRange
from webcam_rpc.cameras.v4l2_text import lines

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Four printable characters, blanks among them, and a mark if it is the big-endian variant (``fcc2s``).
PIXEL_FORMAT = r"[\x20-\x7e]{4}(?:-BE)?"

_FORMAT = re.compile(rf"\s*(?:\[[0-9]+\]|Pixel Format): '(?:({PIXEL_FORMAT})')?")
_SIZE = re.compile(
    r"\s*Size: (?:(Discrete|Stepwise|Continuous) ([0-9]{1,10})x([0-9]{1,10})"
    r"(?: - ([0-9]{1,10})x([0-9]{1,10})(?: with step ([0-9]{1,10})/([0-9]{1,10}))?)?)?"
)
_INTERVAL = re.compile(r"\s*Interval: .*\(([0-9.]{1,20})(?:-([0-9.]{1,20}))? fps\)")
_RATE = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")

_Pixels = int | SizeRange


def parse_formats(text: str, current: CurrentMode | None = None) -> tuple[Mode, ...]:
    """Give the modes that the text lists, in its order.

    A format whose sizes the driver does not enumerate, as those of many grabbers, is listed with the size that is set
    now (``current``), or as 0x0 where that is not known: it is there, and can be asked for.
    """
    found: list[tuple[str, list[tuple[_Pixels, _Pixels, list[int | float | Range]]]]] = []
    within = known = False
    rates: list[int | float | Range] = []
    for line in lines(text):
        if line.startswith("ioctl: VIDIOC_ENUM_FMT"):
            within = True
        elif not within:
            continue
        elif match := _FORMAT.match(line):
            # Lines below one that cannot be read must not be taken for those of the format or the size before it.
            known, rates = match[1] is not None, []
            if known:
                found.append((match[1], []))
        elif match := _SIZE.match(line):
            rates = []
            if known and match[1] is not None:
                found[-1][1].append((*_size(match), rates))
        elif match := _INTERVAL.match(line):
            rates.extend(_interval(match[1], match[2]))
    here = (current.width, current.height) if current is not None else (0, 0)
    return tuple(
        Mode(pixel_format, width, height, _rates(listed))
        for pixel_format, sizes in found
        for width, height, listed in sizes or [(*here, [])]
    )


def parse_rate(text: str) -> int | float | None:
    """Read frames per second: an integer where it is whole, else rounded to 3 digits; None where it is no rate."""
    if not _RATE.fullmatch(text):
        return None
    rate = round(float(text), 3)
    return (int(rate) if rate.is_integer() else rate) or None


def _size(match: re.Match[str]) -> tuple[_Pixels, _Pixels]:
    kind, *numbers = match.groups()
    width, height, max_width, max_height, step_x, step_y = (None if n is None else int(n) for n in numbers)
    assert width is not None  # noqa: S101 - the pattern has both
    assert height is not None  # noqa: S101
    if kind == "Discrete" or max_width is None or max_height is None:
        return width, height
    # A continuous range has step 1 (kernel documentation, vidioc-enum-framesizes) and it is not printed.
    return (
        SizeRange(width, max_width, 1 if step_x is None else step_x),
        SizeRange(height, max_height, 1 if step_y is None else step_y),
    )


def _interval(low: str, high: str | None) -> Iterable[int | float | Range]:
    rate = parse_rate(low)
    if high is None:
        return () if rate is None else (rate,)
    fastest = parse_rate(high)
    # The step is one of time, to which no step of the rate corresponds.
    return () if rate is None or fastest is None else (Range(rate, fastest, 0),)


def _rates(listed: list[int | float | Range]) -> tuple[int | float, ...] | Range:
    for rate in listed:
        if isinstance(rate, Range):
            return rate
    return tuple(rate for rate in listed if not isinstance(rate, Range))
