"""Cron in time zones: clock changes of every kind, whole years, and what cannot be understood."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media.cron import Cron, CronRefused
from webcam_rpc.media.zones import NotATime, UnknownZone, first_moment, machine_zone, moment_of, zone

if TYPE_CHECKING:
    from collections.abc import Iterator

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kathmandu",
)


def local(text: str, name: str) -> int:
    """Give the moment of a local time."""
    return moment_of(text, zone(name))


def fired(cron: str, name: str, begin: str, end: str) -> list[str]:
    """Give what the wall shows whenever a cron fires from one local time to another."""
    found = []
    for moment in Cron(cron, zone(name)).after(local(begin, name) - 1):
        if moment >= local(end, name):
            break
        found.append(datetime.fromtimestamp(moment, zone(name)).isoformat(timespec="minutes"))
    return found


class ClockChangeTests(SynchronousTestCase):
    """The days on which clocks are changed."""

    def test_berlin(self) -> None:
        """02:30 comes once on both days: when clocks go forward at the moment at which they do, else the first time."""
        self.assertEqual(
            fired("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", "2026-03-31T00:00"),
            ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        )
        self.assertEqual(
            fired("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00", "2026-10-27T00:00"),
            ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        )

    def test_new_york(self) -> None:
        """The same where it is other days."""
        self.assertEqual(
            fired("30 2 * * *", "America/New_York", "2026-03-08T00:00", "2026-03-09T00:00"), ["2026-03-08T03:00-04:00"]
        )
        self.assertEqual(
            fired("30 1 * * *", "America/New_York", "2026-11-01T00:00", "2026-11-02T00:00"), ["2026-11-01T01:30-04:00"]
        )

    def test_asked_within_the_repeated_hour(self) -> None:
        """What was over before the clocks went back is over, although the wall does not show it yet."""
        asked = local("2026-10-25T01:15Z", "UTC")  # 02:15 for the second time
        first = next(Cron("30 2 * * *", zone("Europe/Berlin")).after(asked))
        self.assertEqual(first, local("2026-10-26T02:30", "Europe/Berlin"))

    def test_half_an_hour(self) -> None:
        """Lord Howe changes by half an hour at two: nothing fires twice, nothing is left out."""
        name = "Australia/Lord_Howe"
        self.assertEqual(fired("15 2 * * *", name, "2026-10-04T00:00", "2026-10-05T00:00"), ["2026-10-04T02:30+11:00"])
        self.assertEqual(fired("45 1 * * *", name, "2026-04-05T00:00", "2026-04-06T00:00"), ["2026-04-05T01:45+11:00"])
        self.assertEqual(
            fired("30 * * * *", name, "2026-10-04T00:00", "2026-10-04T05:00"),
            [
                f"2026-10-04T{time}"
                for time in ("00:30+10:30", "01:30+10:30", "02:30+11:00", "03:30+11:00", "04:30+11:00")
            ],
        )
        self.assertEqual(len(fired("*/10 3 * * *", name, "2026-10-04T00:00", "2026-10-05T00:00")), 6)
        self.assertEqual(len(fired("*/10 2 * * *", name, "2026-04-05T00:00", "2026-04-06T00:00")), 6)

    def test_day_left_out(self) -> None:
        """Samoa had no 30 December 2011: a daily run does not take place on it, and not at midnight in its stead."""
        self.assertEqual(
            fired("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00", "2012-01-01T00:00"),
            ["2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00"],
        )

    def test_midnight_left_out(self) -> None:
        """In Cairo the first hour of a day is skipped: what was in it comes at one, what goes by the clock does not."""
        name = "Africa/Cairo"
        self.assertEqual(fired("30 0 * * *", name, "2026-04-24T01:00", "2026-04-25T00:00"), ["2026-04-24T01:00+03:00"])
        self.assertEqual(fired("*/30 0 * * *", name, "2026-04-24T01:00", "2026-04-25T00:00"), [])

    def test_by_the_clock(self) -> None:
        """Every half hour is every half hour: two less on the short day, two more on the long one."""
        for day, after, count in (("03-29", "03-30", 46), ("10-25", "10-26", 50), ("06-01", "06-02", 48)):
            moments = fired("*/30 * * * *", "Europe/Berlin", f"2026-{day}T00:00", f"2026-{after}T00:00")
            self.assertEqual(len(moments), count)

    def test_two_into_one(self) -> None:
        """Two times that are moved to one moment fire once."""
        self.assertEqual(
            fired("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-30T00:00"),
            ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"],
        )

    def test_whole_years(self) -> None:
        """A daily run comes 365 times a year, 366 in a leap year, in every zone, at every hour."""
        for name in ZONES:
            for year, days in ((2026, 365), (2028, 366)):
                for hour in range(0, 24, 3 if name != "Europe/Berlin" else 1):
                    begin, end = local(f"{year}-01-01T00:00", name), local(f"{year + 1}-01-01T00:00", name)
                    moments = Cron(f"30 {hour} * * *", zone(name)).after(begin - 1)
                    self.assertEqual(len(_until(moments, end)), days, (name, year, hour))


class OracleTests(SynchronousTestCase):
    """Against what a wall clock that is looked at every minute would do."""

    @settings(max_examples=60, deadline=None)
    @given(
        name=st.sampled_from(ZONES),
        day=st.sampled_from(
            ("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-10-04", "2026-04-05", "2026-04-24")
        ),
        minutes=st.sets(st.integers(0, 59), min_size=1, max_size=3),
        hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
        offset=st.integers(0, 86400),
    )
    def test_every_minute(self, name: str, day: str, minutes: set[int], hours: set[int], offset: int) -> None:
        """By the clock it is every match; fixed, each match once: where the wall shows it first, or skips it."""
        begin = local(f"{day}T00:00Z", name) - 43200 + offset
        end = begin + 86400
        walls = {
            m: datetime.fromtimestamp(m, zone(name)).replace(tzinfo=None) for m in range(begin - begin % 60, end, 60)
        }
        listed = ",".join(map(str, sorted(minutes)))
        # A star before the others makes it go by the clock, and matches what they do.
        stars = ",".join(["*/60", *map(str, sorted(minutes))])
        shown = [m for m, wall in walls.items() if m > begin and wall.minute in minutes | {0} and wall.hour in hours]
        by_clock = Cron(f"{stars} {','.join(map(str, hours))} * * *", zone(name)).after(begin)
        self.assertEqual(_until(by_clock, end), shown)

        expected = set()
        low, high = min(walls.values()) - timedelta(days=1), max(walls.values()) + timedelta(days=1)
        wall = low
        while wall <= high:
            if wall.minute in minutes and wall.hour in hours:
                expected.add(first_moment(wall, zone(name))[0])
            wall += timedelta(minutes=1)
        fixed = Cron(f"{listed} {','.join(map(str, hours))} * * *", zone(name)).after(begin)
        self.assertEqual(_until(fixed, end), sorted(m for m in expected if begin < m < end))

    @settings(max_examples=200, deadline=None)
    @given(text=st.text(alphabet="0123456789*/,-#LWMONSUN \u00b2\x00", max_size=30))
    def test_any_text(self, text: str) -> None:
        """Any text is either refused or fires at moments that grow."""
        try:
            cron = Cron(text, zone("Europe/Berlin"))
        except CronRefused:
            return
        moments = list(islice(cron.after(1.79e9), 3))
        self.assertEqual(moments, sorted(set(moments)))


class RefusalTests(SynchronousTestCase):
    """What is not a cron expression, a zone or a time."""

    def test_cron(self) -> None:
        """It is refused in cronsim's words; six fields, which cronsim would take, are not five."""
        for text, words in (
            ("60 * * * *", "Bad minute"),
            ("* * * *", "Wrong number of fields"),
            ("0 0 30 2 *", "Bad day-of-month"),
            ("0 30 2 * * *", "Wrong number of fields"),
            ("0 0 1 1 " + "1," * 200 + "1", "Too long"),
        ):
            self.assertEqual(str(self.assertRaises(CronRefused, Cron, text, zone("UTC"))), words)
        digits = "9" * 150
        self.assertRaises(CronRefused, Cron, f"{digits} * * * *", zone("UTC"))

    def test_never(self) -> None:
        """One that can be understood and still never fires ends."""
        self.assertEqual(list(Cron("0 0 */31 * MON#5", zone("Europe/Berlin")).after(1.79e9)), [])
        self.assertEqual(list(Cron("*/5 0 */31 * MON#5", zone("Europe/Berlin")).after(1.79e9)), [])

    def test_zones(self) -> None:
        """A path out of the zone files, a directory of them and one that counts leap seconds are no zones."""
        for name in (
            "",
            "Mars/Base",
            "../../etc/passwd",
            "/etc/localtime",
            "Europe",
            "right/UTC",
            "zone.tab",
            "a\x00b",
        ):
            self.assertRaises(UnknownZone, zone, name)

    def test_times(self) -> None:
        """Local times that clocks skip or show twice have one moment; what is no time has none."""
        self.assertEqual(local("2026-03-29T02:30", "Europe/Berlin"), local("2026-03-29T03:00", "Europe/Berlin"))
        self.assertEqual(local("2026-10-25T02:30", "Europe/Berlin"), local("2026-10-25T00:30Z", "UTC"))
        self.assertEqual(local("2026-10-25 02:30:59.9", "UTC"), local("2026-10-25t04:30:59+02:00", "Asia/Tokyo"))
        for text in (
            "", "now", "2026-10-25", "2026-13-01T00:00", "2026-01-01T24:00", "2026-01-01T00:00+24:00",
            "2026-01-01T00:00:60Z", "9999-12-31T23:59", "1969-12-31T23:59Z", "2026-01-01T00:00Zx", "٢026-01-01T00:00",
        ):  # fmt: skip
            self.assertRaises(NotATime, moment_of, text, zone("America/New_York"))

    def test_the_machine(self) -> None:
        """The machine's zone is what TZ says, or where /etc/localtime leads, or what Debian wrote; else UTC."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        link, named = folder / "localtime", folder / "timezone"
        self.assertEqual(machine_zone({}, link, named), "UTC")
        named.write_text("Asia/Tokyo\n")
        self.assertEqual(machine_zone({}, link, named), "Asia/Tokyo")
        link.symlink_to("../usr/share/zoneinfo/Europe/Berlin")
        self.assertEqual(machine_zone({"TZ": "<+03>-3"}, link, named), "Europe/Berlin")
        self.assertEqual(machine_zone({"TZ": ":America/New_York"}, link, named), "America/New_York")


def _until(moments: Iterator[int], end: int) -> list[int]:
    found = []
    for moment in moments:
        if moment >= end:
            break
        found.append(moment)
    return found
