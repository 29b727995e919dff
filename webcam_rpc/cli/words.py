"""Figures and times as people read them. Pure."""

from __future__ import annotations

from datetime import datetime

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEP, _FEW = 1000.0, 9.95


def plain(text: str) -> str:
    """Show what a terminal would obey: control characters come from devices, files and answers too."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def amount(size: float | None) -> str:
    """Give bytes: ``512 B``, ``1.4 MB``."""
    if size is None:
        return "-"
    if size < _STEP:
        return f"{size:.0f} B"
    size, unit = size / _STEP, _UNITS[0]
    for larger in _UNITS[1:]:
        # 999 600 bytes are 1.0 MB, and not 1000 kB.
        if size < _STEP - 0.5:
            break
        size, unit = size / _STEP, larger
    return f"{size:.1f} {unit}" if size < 100 - 0.05 else f"{size:.0f} {unit}"


def span(seconds: float | None) -> str:
    """Give a duration: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h``, ``4 d 03 h``."""
    if seconds is None:
        return "-"
    if seconds < _FEW:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    whole = round(seconds)
    for size, name, next_size, next_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // next_size
            return f"{whole // size} {name}" + (f" {rest:02} {next_name}" if rest else "")
    return f"{whole} s"


def clock(seconds: float) -> str:
    """Give a running time: ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(text: str | None) -> str:
    """Give a moment of the service's in the time of this machine; ``-`` for none."""
    if not text:
        return "-"
    return read(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def brief(text: str | None, now: datetime) -> str:
    """Give a moment in as few words as tell it: the time today, the day this year; ``-`` for none."""
    if not text:
        return "-"
    here, today = read(text).astimezone(), now.astimezone()
    if here.date() == today.date():
        return here.strftime("%H:%M:%S")
    return here.strftime("%m-%d %H:%M" if here.year == today.year else "%Y-%m-%d")


def read(text: str) -> datetime:
    """Read a moment as the service writes them."""
    # Until Python 3.11 fromisoformat knows no Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def rate(fps: float | None) -> str:
    """Give frames per second, without decimals where there are none."""
    return "-" if fps is None else f"{round(fps, 2):g}"


def mode(resolution: str | None, fps: float | None) -> str:
    """Give a mode as it is written everywhere: ``640x480 @ 30``."""
    if resolution is None:
        return "-"
    return resolution if fps is None else f"{resolution} @ {rate(fps)}"


def several(count: int, one: str, many: str | None = None) -> str:
    """Give a number with its noun."""
    return f"{count} {one if count == 1 else many or one + 's'}"
