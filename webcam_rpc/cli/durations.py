"""Durations as people write them: ``90s``, ``15m``, ``12h``, ``30d``, ``never``. Pure."""

from __future__ import annotations

import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_TEXT = re.compile(r"(\d{1,9})([smhdw])")


def parse(text: str) -> float | None:
    """Give the seconds; None for never.

    :raises ValueError: for anything else, with a text for whoever wrote it.
    """
    if text == "never":
        return None
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration: 90s, 15m, 12h, 30d, 8w or never")
    return int(found[1]) * _UNITS[found[2]]
