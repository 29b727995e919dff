"""What a schedule is, its occurrences and windows, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.scheduling import a_schedule, at
from webcam_rpc.media.runs import Entry, Run
from webcam_rpc.media.schedule import ScheduleRefused, check

_CRONS = st.builds(
    "{} {} * * {}".format,
    st.sampled_from(("0", "30", "*/5", "*/20", "7,37")),
    st.sampled_from(("*", "2", "1-3", "*/6", "0,23")),
    st.sampled_from(("*", "MON", "1-5")),
)
_ZONES = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"))


class OccurrenceTests(SynchronousTestCase):
    """When a schedule begins, and what its windows hold."""

    def test_window(self) -> None:
        """A window holds its first moment and not its last, and goes through midnight."""
        schedule = a_schedule(duration=7200.0)
        start = at("2026-01-01T22:30")
        self.assertEqual(schedule.next_run(start - 1), start)
        self.assertEqual(schedule.next_run(start), start + 86400)
        for moment, found in ((start - 1, None), (start, start), (start + 7199, start), (start + 7200, None)):
            self.assertEqual(schedule.occurrence_at(moment), found)
        self.assertIsNone(schedule.occurrence_at(start + 60, since=start + 1))

    def test_window_in_real_time(self) -> None:
        """An hour is an hour where clocks are put forward in the middle."""
        schedule = a_schedule(cron="30 1 * * *", duration=3600.0, timezone="Europe/Berlin")
        start = at("2026-03-29T00:30")
        self.assertEqual(schedule.occurrence_at(start + 3599), start)
        self.assertIsNone(schedule.occurrence_at(start + 3600))

    def test_overlapping(self) -> None:
        """Where windows overlap it is the last one's."""
        schedule = a_schedule(cron="*/5 * * * *", duration=600.0)
        self.assertEqual(schedule.occurrence_at(at("2026-01-01T10:07")), at("2026-01-01T10:05"))

    def test_once(self) -> None:
        """A single time comes once; a local one is that of the zone."""
        schedule = a_schedule(start_time="2026-07-01T08:00", timezone="Europe/Berlin")
        self.assertEqual(schedule.runs(0, 5), (at("2026-07-01T06:00"),))
        self.assertIsNone(schedule.next_run(at("2026-07-01T06:00")))

    def test_until(self) -> None:
        """What begins at the end or after it does not begin."""
        schedule = a_schedule(until="2026-01-03T22:30:00Z")
        self.assertEqual(schedule.runs(at("2026-01-01T00:00"), 5), (at("2026-01-01T22:30"), at("2026-01-02T22:30")))

    @settings(max_examples=60, deadline=None)
    @given(cron=_CRONS, zone=_ZONES, moment=st.integers(1_770_000_000, 1_830_000_000), duration=st.integers(1, 86400))
    def test_grow_and_contain(self, cron: str, zone: str, moment: int, duration: int) -> None:
        """Occurrences strictly grow, none is left out in between, and a window holds what it is said to hold."""
        schedule = a_schedule(cron=cron, timezone=zone, duration=float(duration))
        runs = schedule.runs(moment, 8)
        self.assertEqual(list(runs), sorted(set(runs)))
        self.assertTrue(all(start > moment for start in runs))
        for before, start in pairwise(runs):
            self.assertEqual(schedule.next_run(before), start)
            self.assertEqual(schedule.next_run(start - 1), start)
        begun = schedule.occurrence_at(moment)
        if begun is None:
            self.assertTrue(all(start > moment for start in schedule.runs(moment - duration, 1)))
        else:
            self.assertTrue(begun <= moment < begun + duration)
            following = schedule.next_run(begun)
            self.assertTrue(following is None or following > moment)


class CheckTests(SynchronousTestCase):
    """What is refused, with the parameter and the rule."""

    now = at("2026-01-01T12:00") + 0.5

    def refused(self, **given: Any) -> tuple[str, str]:
        """Give parameter and rule of a refusal."""
        refused = self.assertRaises(ScheduleRefused, check, a_schedule(**given), self.now)
        self.assertTrue(refused.hint)
        return refused.param, refused.rule

    def test_refused(self) -> None:
        """Each mistake is told by itself."""
        for expected, params in (
            (("start_time", "missing"), {"cron": None}),
            (("cron", "conflict"), {"cron": "0 0 * * *", "start_time": "2026-02-01T00:00Z"}),
            (("cron", "cron"), {"cron": "61 * * * *"}),
            (("cron", "never"), {"cron": "0 0 */31 * MON#5"}),
            (("timezone", "unknown"), {"timezone": "Mars/Base"}),
            (("start_time", "format"), {"start_time": "tomorrow"}),
            (("until", "format"), {"until": "tomorrow"}),
            (("until", "past"), {"until": "2026-01-01T12:00:00Z"}),
            (("until", "never"), {"until": "2026-01-01T22:30:00Z"}),
            (("until", "never"), {"until": "2026-01-02T00:00:00Z", "start_time": "2026-01-03T00:00:00Z"}),
            (("start_time", "past"), {"start_time": "2026-01-01T11:59:59Z"}),
            (("start_time", "past"), {"start_time": "2026-01-01T11:15:00Z", "missed_run": "record"}),
            (("duration", "range"), {"duration": 86401.0}),
            (("duration", "range"), {"duration": float("nan")}),
            (("name", "length"), {"name": "x" * 65}),
            (("name", "length"), {"name": "two\nlines"}),
        ):
            self.assertEqual(self.refused(**params), expected, params)
        self.assertIn("Bad minute", str(self.assertRaises(ScheduleRefused, check, a_schedule(cron="61 * * * *"), 0)))

    def test_taken(self) -> None:
        """What is to begin now, or has begun where the rest is wanted, is taken."""
        check(a_schedule(start_time="2026-01-01T12:00:00Z"), self.now)
        check(a_schedule(start_time="2026-01-01T11:30:00Z", missed_run="record"), self.now)
        check(a_schedule(name="Tür", until="2026-01-01T22:31:00Z"), self.now)


class EntryTests(SynchronousTestCase):
    """What is remembered of the past."""

    def a_run(self, start: float, **more: Any) -> Run:
        """Give a run of a minute."""
        known = {"last": int(start), "ends": start + 60, **more}
        return Run(schedule_id="s1", camera_id="usb-1", start=int(start), **known)

    def test_stretches(self) -> None:
        """Occurrences that follow one another become one stretch, and one that was missed parts them."""
        entry = Entry(schedule=a_schedule(cron="* * * * *"), since=0)
        for minute in (1, 2, 3, 5, 4, 9):
            entry = entry.with_run(self.a_run(60.0 * minute, outcome="FINISHED"))
        entry = entry.with_run(self.a_run(420.0, outcome="MISSED"))
        self.assertEqual(sorted(entry.recorded), [(60, 240), (300, 300), (540, 540)])
        self.assertEqual([minute for minute in range(1, 10) if entry.was_recorded(60 * minute)], [1, 2, 3, 4, 5, 9])
        self.assertEqual(entry.next_runs(0, 4), (360, 420, 480, 600))

    def test_bounds(self) -> None:
        """However long it goes on, little is kept, and nothing that was recorded is forgotten."""
        entry = Entry(schedule=a_schedule(cron="* * * * *"), since=0)
        for minute in range(1, 400):
            entry = entry.with_run(self.a_run(60.0 * minute, outcome="FINISHED").with_files(*map(str, range(99))))
        self.assertEqual((len(entry.runs), len(entry.runs[0].files)), (20, 50))
        self.assertEqual(entry.recorded, ((60, 60 * 399),))

    def test_one_at_a_time(self) -> None:
        """A run that begins gives up one that never ended; a missed one does not."""
        entry = Entry(schedule=a_schedule(), since=0).with_run(self.a_run(100))
        entry = entry.with_run(self.a_run(200, outcome="MISSED"))
        self.assertEqual(entry.running, self.a_run(100))
        entry = entry.with_run(self.a_run(300))
        self.assertEqual([run.outcome for run in entry.runs], ["FAILED", "MISSED", "RUNNING"])
