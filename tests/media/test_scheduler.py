"""Occurrences in time: whole years, clocks that are set, restarts, and what was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.scheduling import SchedulerCase, at

if TYPE_CHECKING:
    from collections.abc import Callable


class TimeTests(SchedulerCase):
    """A clock that goes right."""

    def test_through_midnight(self) -> None:
        """22:30 for two hours is one recording, begun on the second and as long as was asked for."""
        self.add(duration=7200.0)
        self.run_until("2026-01-02T02:00")
        self.assertEqual(self.recorder.past, [("usb-1", at("2026-01-01T22:30") - at(self.begin), 12.5 * 3600)])
        self.assertEqual(self.statuses(), ["CREATED", "STARTED", "FINISHED"])
        self.assertEqual(self.told[1].next_run, "2026-01-02T22:30:00.000Z")
        (run,) = self.scheduler.entry("s1").runs
        self.assertEqual((run.outcome, run.recording_id, run.files), ("FINISHED", "r1", ("r1.mp4",)))
        self.assertTrue(self.recorder.wanted[0].wait)

    def test_clock_changes(self) -> None:
        """02:30 on both days of change, and 02:30 for two hours over the change, is once and as long as asked."""
        for day, begin in (("2026-03-28", "2026-03-29T01:00"), ("2026-10-24", "2026-10-25T00:30")):
            self.set_wall(f"{day}T12:00")
            self.add(day, cron="30 2 * * *", timezone="Europe/Berlin", duration=7200.0)
            self.recorder.past.clear()
            since = self.clock.seconds() - at(f"{day}T12:00")
            self.run_for(86400)
            ((_, began, end),) = self.recorder.past
            self.assertEqual((began - since, end - began), (at(begin), 7200.0))
            self.successResultOf(self.scheduler.cancel(day))

    def test_once(self) -> None:
        """A single time is recorded once, then the schedule is over."""
        self.add(start_time="2026-01-01T13:00:00Z")
        self.run_until("2026-01-03T00:00")
        self.assertEqual(self.recorded(), [2700.0])
        self.assertEqual(self.statuses(), ["CREATED", "STARTED", "FINISHED", "EXPIRED"])

    def test_begun_already(self) -> None:
        """One that is let in although it began a while ago records the rest."""
        self.add(start_time="2026-01-01T11:50:00Z", missed_run="record")
        self.run_until("2026-01-01T14:00")
        self.assertEqual(self.recorded(), [2100.0])

    def test_until(self) -> None:
        """The end of the series does not cut the run that goes on."""
        self.add(until="2026-01-02T22:45:00Z")
        self.run_until("2026-01-05T00:00")
        self.assertEqual(self.recorded(), [2700.0, 2700.0])
        self.assertEqual(self.statuses()[-1], "EXPIRED")

    def test_slow_machine(self) -> None:
        """A service that was held up for minutes begins late, and has missed nothing."""
        self.add(duration=600.0)
        self.run_until("2026-01-01T22:29:50")
        self.clock.advance(190)
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.recorded(), [420.0])
        self.assertNotIn("MISSED", self.statuses())

    def test_never_asleep_for_long(self) -> None:
        """Without anything to do it looks at the wall every 20 s."""
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime() - self.clock.seconds(), 20.0)


class YearTests(SchedulerCase):
    """Whole years, with long sleeps so that they pass quickly."""

    longest_sleep = 3600.0

    def test_whole_year(self) -> None:
        """A year in Berlin has 365 recordings at 02:30, each of its full length, clock changes or not."""
        self.add(cron="30 2 * * *", timezone="Europe/Berlin")
        self.run_until("2027-01-01T12:00")
        self.assertEqual(self.recorded(), [2700.0] * 365)


class WallTests(SchedulerCase):
    """A clock on the wall that is set, as NTP and people do, and as waking from sleep looks."""

    def test_put_forward_over_it_skip(self) -> None:
        """What the clock was put forward over was missed; clients are told, and the next day is as ever."""
        self.add()
        self.set_wall("2026-01-01T22:40")
        self.run_until("2026-01-02T23:30")
        self.assertEqual(self.statuses(), ["CREATED", "MISSED", "STARTED", "FINISHED"])
        self.assertIn("put forward", self.told[1].reason or "")
        self.assertEqual(self.recorded(), [2700.0])
        self.assertIn("Schedule s1 missed 2026-01-01T22:30:00.000Z", self.errors())

    def test_put_forward_over_it_record(self) -> None:
        """With missed_run "record" the rest of the window is recorded, if any is left."""
        self.add(missed_run="record")
        self.set_wall("2026-01-01T22:45")
        self.run_until("2026-01-02T00:00")
        self.assertEqual([round(seconds, -2) for seconds in self.recorded()], [1800.0])
        self.set_wall("2026-01-05T12:00")
        self.run_for(60)
        self.assertEqual(self.outcomes(), ["FINISHED", "MISSED"])
        self.assertIn("Schedule s1 missed 2026-01-02T22:30:00.000Z", self.errors())

    def test_put_forward_a_little(self) -> None:
        """A step of seconds costs nothing but these seconds."""
        self.add()
        self.run_until("2026-01-01T22:29:45")
        self.set_wall("2026-01-01T22:30:05")
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.outcomes(), ["FINISHED"])

    def test_put_back(self) -> None:
        """What was begun does not begin again, during its window or after; what comes next does."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.set_wall("2026-01-01T22:00")
        self.run_until("2026-01-01T23:59")
        self.set_wall("2026-01-01T20:00")
        self.run_until("2026-01-02T23:59")
        self.assertEqual(self.recorded(), [2700.0, 2700.0])
        self.assertEqual(self.outcomes(), ["FINISHED", "FINISHED"])

    def test_back_from_the_future(self) -> None:
        """A clock that was years ahead for a while loses the runs of these years, and none of those to come."""
        self.add()
        self.add("s2", start_time="2026-01-02T10:00:00Z")
        self.set_wall("2037-06-01T00:00")
        self.run_for(60)
        self.assertEqual(self.statuses(), ["CREATED", "MISSED"])
        self.assertEqual(self.statuses("s2"), ["CREATED", "MISSED", "EXPIRED"])
        self.set_wall("2026-01-01T12:05")
        self.run_until("2026-01-02T23:59")
        self.assertEqual(self.outcomes()[-2:], ["FINISHED", "FINISHED"])
        self.assertEqual(self.outcomes("s2")[-1], "FINISHED")
        self.assertIn("Schedule s2 missed 2026-01-02T10:00", self.errors())

    def test_set_while_recording(self) -> None:
        """A clock that is set in the middle neither cuts a recording nor draws it out."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.set_wall("2026-01-01T23:05")
        self.run_for(600)
        self.set_wall("2026-01-01T21:05")
        self.run_for(86000)
        self.assertEqual(self.recorded()[0], 2700.0)


class RestartTests(SchedulerCase):
    """The service ends and comes back."""

    def test_resumed_after_a_crash(self) -> None:
        """A run in the middle of which the service was killed goes on for the rest, whatever missed_run says."""
        self._resumed(self.crash)

    def test_resumed_after_a_stop(self) -> None:
        """The same where the service was stopped in good order."""
        self._resumed(self.shut_down)

    def test_resumed_when_the_recorder_stops_first(self) -> None:
        """A recording that is ended because the service stops has not finished its run."""

        def end() -> None:
            self.recorder.end("usb-1", "shutdown")
            self.shut_down()

        self._resumed(end)

    def _resumed(self, end: Callable[[], None]) -> None:
        self.add()
        self.run_until("2026-01-01T22:40")
        end()
        self.run_for(300)
        self.boot()
        self.run_until("2026-01-02T00:00")
        self.assertEqual(self.recorded(), [1800.0])
        self.assertEqual(self.statuses(), ["CREATED", "STARTED", "RESUMED", "FINISHED"])
        (run,) = self.scheduler.entry("s1").runs
        self.assertEqual((run.outcome, run.recording_id, run.files), ("FINISHED", "r2", ("r1.mp4", "r2.mp4")))

    def test_interrupted(self) -> None:
        """A run whose window is over when the service is back has failed, with the files that it had."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.crash()
        self.run_for(7200)
        self.boot()
        self.assertEqual(self.outcomes(), ["FAILED"])
        self.assertEqual(self.scheduler.entry("s1").runs[0].files, ("r1.mp4",))
        self.assertEqual(self.statuses()[-1], "FAILED")

    def test_begun_while_away(self) -> None:
        """What began while the service was away follows missed_run, and is told once, however many they were."""
        self.add()
        self.add("s2", missed_run="record", camera_id="usb-2")
        self.shut_down()
        self.set_wall("2026-01-07T22:45")
        self.boot()
        self.assertEqual(self.statuses(), ["CREATED", "MISSED"])
        self.assertEqual(self.statuses("s2"), ["CREATED", "STARTED"])
        self.run_until("2026-01-07T23:30")
        self.assertEqual(self.recorded(), [1800.0])
        self.shut_down()
        self.boot()
        self.assertEqual(self.statuses(), ["CREATED", "MISSED"])
        self.assertIn("Schedule s1 missed 2026-01-01T22:30", self.errors())

    def test_woken_in_the_past(self) -> None:
        """A machine without a clock of its own wakes in the past: the run is taken up when the time is known."""
        self.add()
        self.run_until("2026-01-01T22:40")
        self.crash()
        self.set_wall("2026-01-01T22:17")
        self.boot()
        self.run_for(30)
        self.assertEqual(self.recorder.going, {})
        self.set_wall("2026-01-01T22:55")
        self.run_until("2026-01-02T00:00")
        self.assertEqual([round(seconds, -2) for seconds in self.recorded()], [1200.0])
        self.assertEqual(self.outcomes(), ["FINISHED"])

    @settings(max_examples=25, deadline=None)
    @given(
        steps=st.lists(
            st.tuples(st.sampled_from(("run", "crash", "stop", "back", "forward")), st.integers(1, 5000)),
            min_size=3,
            max_size=25,
        )
    )
    def test_none_twice(self, steps: list[tuple[str, int]]) -> None:
        """Whatever ends and whatever is set: no occurrence begins twice, and none is recorded beyond its length."""
        self.crash()
        self.install()
        self.add(cron="*/15 * * * *", duration=600.0, missed_run="record")
        began: list[int] = []
        for step, seconds in steps:
            if step in {"crash", "stop"}:
                self.crash() if step == "crash" else self.shut_down()
                self.run_for(seconds)
                self.boot()
            elif step != "run":
                self.offset += seconds if step == "forward" else -seconds
            self.run_for(seconds)
            began += [run.start for run in self.scheduler.entry("s1").runs if run.outcome != "MISSED"]
            self.assertTrue(all(length <= 600.0 for length in self.recorded()))
        started = [event for event in self.told if event.status == "STARTED"]
        self.assertEqual(len(started), len(set(began)))
