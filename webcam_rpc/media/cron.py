"""When a cron expression fires in a time zone, clock changes included.

Pure. cronsim reads the expression and finds the times of the day that match; what the zone makes of them is done here,
as Debian's cron(8) has it:

- With a fixed minute and hour (neither begins with ``*``) each time of the day comes once on each day. One that clocks
  skip is moved to the moment at which they do; one that they show twice comes the first time. Where a change takes more
  than three hours, as when a country leaves out a day, what would have been in it does not take place.
- With ``*`` in front of minute or hour it goes by the clock: whenever the wall shows a time that matches.

cronsim does it alike where clocks change by a whole hour at the end of one. With Lord Howe's half hour it misses times
after the change, asked in an hour that clocks show again it gives times that are over, and of a day that was left out
it makes a run at midnight: hence not its own arithmetic with zones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from webcam_rpc.media.zones import EPOCH, change_between, first_moment, offset_at, seconds, wall_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

#: cron(8): larger changes are corrections of the clock.
_LARGEST_CHANGE = 3 * 3600
_FIELDS = 5
_LONGEST = 200


class CronRefused(ValueError):  # noqa: N818 - it was
    """The expression cannot be understood; the text is cronsim's."""


class Cron:
    """A cron expression of five fields (minute, hour, day of month, month, day of week) in a time zone.

    :raises CronRefused: if it is not that.
    """

    def __init__(self, text: str, local: ZoneInfo) -> None:
        fields = text.split()
        if len(fields) != _FIELDS or len(text) > _LONGEST:
            # A sixth would be seconds, which cronsim takes; its own words all the same.
            raise CronRefused("Wrong number of fields" if len(fields) != _FIELDS else "Too long")
        try:
            CronSim(text, EPOCH)
        except (CronSimError, ValueError) as error:
            raise CronRefused(str(error)) from error
        self._text = text
        self._zone = local
        self._by_the_clock = fields[0].startswith("*") or fields[1].startswith("*")

    def after(self, moment: float) -> Iterator[int]:
        """Give the moments after ``moment`` at which it fires, in order, until there is none within fifty years."""
        begin = int(moment // 1)
        return self._clock_times(begin) if self._by_the_clock else self._fixed_times(begin)

    def _fixed_times(self, last: int) -> Iterator[int]:
        # Whatever is after a moment is after what the wall shows then: first_moment() grows with the wall's reading.
        for wall in CronSim(self._text, wall_at(last, offset_at(self._zone, last))):
            moment, skipped = first_moment(wall, self._zone)
            if moment > last and skipped <= _LARGEST_CHANGE:
                yield moment
                last = moment

    def _clock_times(self, last: int) -> Iterator[int]:
        # From one change of the clocks to the next they are like any without changes.
        low: int | None = last + 1
        while low is not None:
            offset = offset_at(self._zone, low)
            searched, low = low, None
            for wall in CronSim(self._text, wall_at(searched - 1, offset)):
                moment = seconds(wall) - offset
                low = change_between(self._zone, searched, moment)
                if low is not None:
                    break
                yield moment
                searched = moment
