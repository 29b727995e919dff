"""What the parsers of ``v4l2-ctl``'s output share: its lines, and the texts in them that come from a device.

A device chooses its own name, and a driver the names of its menus. They are printed as they are, so what is taken from
them is cleaned here once and is safe in a log line and in JSON ever after.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: C0 and C1 controls, what turns the direction of writing, separators of lines, and surrogates (not valid in JSON).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def readable(text: str) -> str:
    """Take out the characters that are not for reading."""
    return _UNSAFE.sub("", text)


def clean(text: str) -> str:
    """Take out the characters that are not for reading, and blanks at the ends."""
    return readable(text).strip()


def lines(text: str) -> Iterator[str]:
    r"""Give the lines that are not empty.

    Only ``\n`` ends a line: ``str.splitlines`` knows nine more characters that do, and a device's name may have them.
    """
    return (line for line in text.split("\n") if line)
