"""Local time: what a clock on the wall shows in a zone, and at which moments it shows it.

Moments are whole Unix seconds. Zones come from zoneinfo: the machine's files, else those of the tzdata package.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import MAXYEAR, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall's reading has no zone
#: Offsets are compared so far apart; no zone has ever changed its clocks to and fro within so short a time.
_WEEK = 7 * 24 * 3600
#: Unix time begins then; the last year of all would not be one in every zone.
_FIRST_YEAR = 1970
_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,3}\Z")
# Zone files that count leap seconds, which Unix time does not.
_WITH_LEAP_SECONDS = "right/"
_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:([Zz])|([+-])(\d{2}):(\d{2}))?\Z", re.ASCII
)


class UnknownZone(ValueError):  # noqa: N818 - it is
    """There is no time zone of this name."""


class NotATime(ValueError):  # noqa: N818 - it is not
    """The text is no date and time."""


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """Find the time zone of an IANA name such as ``Europe/Berlin``. Reads a file the first time.

    :raises UnknownZone: if there is none.
    """
    if not _NAME.match(name) or name.startswith(_WITH_LEAP_SECONDS):
        raise UnknownZone(name)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        # A directory such as "Europe" is an OSError, a file that is no zone's a ValueError.
        raise UnknownZone(name) from error


def machine_zone(environment: Mapping[str, str], localtime: Path, named: Path) -> str:
    """Tell the name of the machine's own time zone, ``UTC`` where that cannot be told. Reads files.

    :param localtime: ``/etc/localtime``, a link into the zone files (localtime(5)).
    :param named: ``/etc/timezone``, where Debian wrote the name.
    """
    candidates = [environment.get("TZ", "").removeprefix(":")]
    with suppress(OSError):
        candidates.append(str(localtime.readlink()).rpartition("zoneinfo/")[2])
    with suppress(OSError, ValueError):
        candidates.append(named.read_text("ascii").strip())
    for name in candidates:
        try:
            return zone(name).key
        except UnknownZone:
            continue
    return "UTC"


def wall_at(moment: float, offset: int) -> datetime:
    """Give what the wall shows at a moment under an offset."""
    return EPOCH + timedelta(seconds=int(moment // 1) + offset)


def seconds(wall: datetime) -> int:
    """Give the moment at which a wall in UTC shows this."""
    return int((wall - EPOCH) // timedelta(seconds=1))


def offset_at(local: ZoneInfo, moment: int) -> int:
    """Give how many seconds a zone is ahead of UTC."""
    offset = datetime.fromtimestamp(moment, timezone.utc).astimezone(local).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def change_between(local: ZoneInfo, low: int, high: int) -> int | None:
    """Give the first moment after ``low``, up to ``high``, at which the offset is another; None if there is none."""
    before = offset_at(local, low)
    while low < high:
        ahead = min(low + _WEEK, high)
        if offset_at(local, ahead) != before:
            while ahead - low > 1:
                middle = (low + ahead) // 2
                low, ahead = (middle, ahead) if offset_at(local, middle) == before else (low, middle)
            return ahead
        low = ahead
    return None


def first_moment(wall: datetime, local: ZoneInfo) -> tuple[int, int]:
    """Give the first moment at which the wall shows this, and 0.

    Where it never does because clocks are put forward over it, it is the moment at which they are, and by how many
    seconds. Clocks that are put back show a time twice: the first of the two is meant.
    """
    # PEP 495: of the two readings of a repeated time the one with fold=0 is the earlier; of a skipped one, the later.
    first, second = (seconds(wall) - _offset_shown(wall.replace(tzinfo=local, fold=fold)) for fold in (0, 1))
    if first <= second:
        return first, 0
    change = change_between(local, second, first)
    return (first if change is None else change), first - second


def moment_of(text: str, local: ZoneInfo) -> int:
    """Read a date and time: RFC 3339 with ``Z`` or an offset, or without, as the wall in ``local`` shows it.

    Fractions of a second are cut off, and seconds may be left out. Of a local time that clocks show twice the first is
    meant; one that they skip is the moment at which they do.

    :raises NotATime: if it is not.
    """
    match = _TIME.match(text)
    if match is None:
        raise NotATime(text)
    *numbers, utc, sign, hours, minutes = match.groups()
    try:
        wall = datetime(*(int(number or 0) for number in numbers))  # type: ignore[arg-type] # noqa: DTZ001
        ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        if ahead >= timedelta(days=1) or not _FIRST_YEAR <= wall.year < MAXYEAR:
            raise NotATime(text)
        if utc is None and sign is None:
            return first_moment(wall, local)[0]
        return seconds(wall - ahead if sign == "+" else wall + ahead)
    except (ValueError, OverflowError) as error:
        raise NotATime(text) from error


def _offset_shown(local: datetime) -> int:
    offset = local.utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
