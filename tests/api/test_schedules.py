"""The methods about schedules."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import maybeDeferred

from tests.api.case import ApiCase, at_once
from tests.media.scheduling import FakeRecorder, a_schedule, at
from webcam_rpc.api.schedules import ScheduleMethods
from webcam_rpc.cameras.models import Status
from webcam_rpc.media.recording_state import RecordingWanted
from webcam_rpc.media.runs import Entry
from webcam_rpc.media.scheduler import Scheduler
from webcam_rpc.media.schedules import LIMIT, Schedules
from webcam_rpc.rpc.methods import MethodTable

if TYPE_CHECKING:
    from webcam_rpc.media.schedule import Schedule

INVALID, NOT_FOUND, STATE, FAILED = -32602, -32010, -32020, -32050


class ScheduleCase(ApiCase):
    """A scheduler on the clock, at noon in Berlin's winter, and one camera."""

    def setUp(self) -> None:
        """Put the parts together."""
        super().setUp()
        self.offset = at("2026-01-01T11:00")
        self.recorder = FakeRecorder(self.clock, self.bus, count(1))
        self.path = Path(self.mktemp()).absolute() / "schedules.sqlite"
        self.schedules = Schedules(self.path, at_once)
        self.scheduler = Scheduler(self.clock, self.now, at_once, self.bus, self.schedules, self.recorder, self._wanted)
        self.ids = iter(f"s{number}" for number in range(1, 2000))
        methods = ScheduleMethods(
            self.registry, self.scheduler, self.now, at_once, "Europe/Berlin", lambda: next(self.ids)
        )
        self.table = MethodTable((*self.table, *methods.methods()))
        self.scheduler.startService()
        self.addCleanup(self._end)
        self.plug()

    def now(self) -> float:
        """Give what the wall shows, in Unix seconds."""
        return self.clock.seconds() + self.offset

    def make(self, **more: Any) -> Any:
        """Make a daily schedule, unless told otherwise."""
        params = {"device": "video0", "duration": 2700, "cron": "30 22 * * *", **more}
        return self.call("schedule_recording", params)

    def wrong(self, method: str = "schedule_recording", **params: Any) -> tuple[str, str]:
        """Give parameter and rule of a mistake."""
        code, data = self.refused(method, params)
        self.assertEqual((code, set(data)), (INVALID, {"param", "rule", "hint"}))
        return data["param"], data["rule"]

    def _wanted(self, schedule: Schedule, seconds: float) -> RecordingWanted:
        return RecordingWanted(camera_id=schedule.camera_id, duration=seconds, schedule_id=schedule.schedule_id)

    def _end(self) -> None:
        self.successResultOf(maybeDeferred(self.scheduler.stopService))
        self.successResultOf(self.schedules.close())


class MakeTests(ScheduleCase):
    """schedule_recording."""

    def test_daily(self) -> None:
        """The answer says when it runs next, in UTC, and which zone was taken."""
        answer = self.make(name="Gate", until="2026-01-04T00:00")
        self.assertEqual(
            answer,
            {
                "schedule_id": "s1", "device": "/dev/video0", "camera_id": "usb-1", "name": "Gate",
                "state": "SCHEDULED", "next_run": "2026-01-01T21:30:00.000Z",
                "next_runs": [f"2026-01-0{day}T21:30:00.000Z" for day in (1, 2, 3)], "last_run": None,
                "recording_id": None, "duration": 2700, "start_time": None, "cron": "30 22 * * *",
                "timezone": "Europe/Berlin", "until": "2026-01-03T23:00:00.000Z", "format": None, "codec": None,
                "missed_run": "skip", "enabled": True, "created": "2026-01-01T11:00:00.000Z",
            },
        )  # fmt: skip
        told, topic, camera_id = self.broadcasts[-1]
        self.assertEqual((topic, camera_id), ("schedule_status_update", "usb-1"))
        self.assertEqual(told["params"]["status"], "CREATED")

    def test_once(self) -> None:
        """A single time, local or with an offset, by position too."""
        answer = self.call("schedule_recording", ["usb-1", 60, "2026-07-01T08:00"])
        self.assertEqual(answer["next_runs"], ["2026-07-01T06:00:00.000Z"])
        answer = self.make(cron=None, start_time="2026-07-01T08:00:00+09:00", timezone="UTC")
        self.assertEqual(answer["start_time"], "2026-06-30T23:00:00.000Z")

    def test_unplugged(self) -> None:
        """A camera that is not there now can be scheduled; one that was never seen cannot."""
        self.plug(status=Status.DISCONNECTED)
        self.assertEqual(self.make()["camera_id"], "usb-1")
        code, data = self.refused("schedule_recording", {"device": "usb-9", "duration": 1, "cron": "0 0 * * *"})
        self.assertEqual((code, data), (NOT_FOUND, {"resource": "camera", "id": "usb-9"}))

    def test_wrong(self) -> None:
        """Each mistake names its parameter, in cronsim's words where they are about cron."""
        good: dict[str, Any] = {"device": "usb-1", "duration": 60}
        for expected, params in (
            (("start_time", "missing"), {}),
            (("cron", "conflict"), {"cron": "0 0 * * *", "start_time": "2026-02-01T00:00Z"}),
            (("cron", "cron"), {"cron": "0 0 30 2 *"}),
            (("timezone", "unknown"), {"cron": "0 0 * * *", "timezone": "Mars/Base"}),
            (("until", "past"), {"cron": "0 0 * * *", "until": "2025-01-01T00:00Z"}),
            (("start_time", "past"), {"start_time": "2026-01-01T10:00:00Z"}),
        ):
            self.assertEqual(self.wrong(**good, **params), expected)
        bad: tuple[dict[str, Any], ...]
        bad = ({"duration": 0}, {"duration": 86401}, {"name": ""}, {"name": "x" * 65}, {"missed_run": "no"})
        for params in bad:
            (param,) = params
            self.assertEqual(self.wrong(**{**good, "cron": "0 0 * * *", **params})[0], param)
        self.assertEqual(self.wrong(device="usb-1", cron="0 0 * * *"), ("duration", "missing"))
        _, data = self.refused("schedule_recording", {**good, "cron": "61 * * * *"})
        self.assertIn("Bad minute", data["hint"])
        self.assertEqual(self.scheduler.entries(), ())

    def test_too_many(self) -> None:
        """There is a limit; what is over makes room."""
        for number in range(LIMIT):
            schedule_id = f"x{number}"
            self.schedules._entries[schedule_id] = Entry(schedule=a_schedule(schedule_id), since=0)
            self.scheduler._next[schedule_id] = 10**10
        code, data = self.refused("schedule_recording", {"device": "usb-1", "duration": 1, "cron": "0 0 * * *"})
        self.assertEqual((code, data["reason"]), (STATE, "TOO_MANY_SCHEDULES"))
        del self.scheduler._next["x7"]
        self.make()
        self.assertEqual(len(self.scheduler.entries()), LIMIT)
        self.assertEqual(self.refused("get_schedule", ["x7"])[0], NOT_FOUND)

    def test_not_kept(self) -> None:
        """A schedule that cannot be written is not there."""
        self.successResultOf(self.schedules.close())
        for path in self.path.parent.iterdir():
            path.unlink()
        self.path.mkdir()
        code, data = self.refused("schedule_recording", {"device": "usb-1", "duration": 1, "cron": "0 0 * * *"})
        self.assertEqual((code, data["reason"]), (FAILED, "STORAGE_FAILED"))
        self.assertEqual(self.call("list_schedules")["schedules"], [])
        self.path.rmdir()


class LookTests(ScheduleCase):
    """list_schedules and get_schedule."""

    def test_list(self) -> None:
        """All, page by page, or those of one camera, known to the registry or not."""
        self.plug("usb-2", "/dev/video2")
        for device in ("usb-1", "usb-2", "usb-1"):
            self.make(device=device)
        answer = self.call("list_schedules", {"limit": 2, "offset": 1})
        self.assertEqual([one["schedule_id"] for one in answer["schedules"]], ["s2", "s3"])
        self.assertEqual((answer["total"], answer["limit"], answer["offset"]), (3, 2, 1))
        self.assertEqual(self.call("list_schedules", ["video2"])["total"], 1)
        entry = Entry(schedule=a_schedule("old", camera_id="usb-gone"), since=0)
        self.successResultOf(self.schedules.put(entry))
        (gone,) = self.call("list_schedules", ["usb-gone"])["schedules"]
        self.assertEqual((gone["device"], gone["camera_id"]), (None, "usb-gone"))
        self.assertEqual(self.refused("list_schedules", ["usb-9"])[0], NOT_FOUND)

    def test_states(self) -> None:
        """A schedule waits, records, and is over, and tells its last run."""
        self.make(cron=None, start_time="2026-01-01T11:01:00Z")
        self.clock.pump([10.0] * 12)
        answer = self.call("get_schedule", ["s1"])
        self.assertEqual((answer["state"], answer["recording_id"], answer["next_run"]), ("RUNNING", "r1", None))
        self.assertEqual(answer["last_run"]["outcome"], "RUNNING")
        self.clock.pump([10.0] * 300)
        answer = self.call("get_schedule", ["s1"])
        self.assertEqual((answer["state"], answer["recording_id"]), ("EXPIRED", None))
        self.assertEqual(
            answer["last_run"],
            {
                "start_time": "2026-01-01T11:01:00.000Z", "end_time": "2026-01-01T11:46:00.000Z",
                "outcome": "FINISHED", "recording_id": "r1", "joined": False, "files": ["r1.mp4"], "reason": None,
            },
        )  # fmt: skip

    def test_unknown(self) -> None:
        """A schedule that is not there is told by its id."""
        for name in ("get_schedule", "update_schedule", "cancel_schedule"):
            self.assertEqual(self.refused(name, ["s9"]), (NOT_FOUND, {"resource": "schedule", "id": "s9"}))


class ChangeTests(ScheduleCase):
    """update_schedule and cancel_schedule."""

    def test_update(self) -> None:
        """What is given changes, null takes away, the rest stays."""
        self.make(name="Gate", until="2026-02-01T00:00Z", format="mkv")
        answer = self.call("update_schedule", {"schedule_id": "s1", "name": None, "duration": 60, "until": None})
        self.assertEqual((answer["name"], answer["duration"], answer["until"]), (None, 60, None))
        self.assertEqual((answer["format"], answer["cron"]), ("mkv", "30 22 * * *"))
        self.assertEqual(self.broadcasts[-1][0]["params"]["status"], "UPDATED")

    def test_other_time(self) -> None:
        """A start time takes the place of a cron and back, a zone moves both, and the timer follows."""
        self.make()
        answer = self.call("update_schedule", {"schedule_id": "s1", "start_time": "2026-01-01T13:00"})
        self.assertEqual((answer["cron"], answer["next_run"]), (None, "2026-01-01T12:00:00.000Z"))
        answer = self.call("update_schedule", {"schedule_id": "s1", "timezone": "UTC"})
        self.assertEqual(answer["next_run"], "2026-01-01T13:00:00.000Z")
        answer = self.call("update_schedule", {"schedule_id": "s1", "cron": "1 11 * * *"})
        self.assertEqual((answer["start_time"], answer["next_run"]), (None, "2026-01-01T11:01:00.000Z"))
        self.clock.pump([10.0] * 7)
        self.assertEqual(len(self.recorder.wanted), 1)

    def test_disabled(self) -> None:
        """One that is disabled does not run, and runs again when it is enabled."""
        self.make(cron="1 12 * * *")
        answer = self.call("update_schedule", {"schedule_id": "s1", "enabled": False})
        self.assertEqual((answer["state"], answer["next_runs"]), ("DISABLED", []))
        self.clock.pump([10.0] * 12)
        self.assertEqual(self.recorder.wanted, [])
        answer = self.call("update_schedule", {"schedule_id": "s1", "enabled": True})
        self.assertEqual(answer["next_run"], "2026-01-02T11:01:00.000Z")

    def test_renamed_when_over(self) -> None:
        """What does not touch the times of a schedule that is over is not refused for its past."""
        self.make(cron=None, start_time="2026-01-01T11:00:10Z", duration=5)
        self.clock.pump([10.0] * 6)
        self.assertEqual(self.call("update_schedule", {"schedule_id": "s1", "name": "Old"})["state"], "EXPIRED")
        self.assertEqual(
            self.wrong("update_schedule", schedule_id="s1", timezone="UTC", until=None), ("start_time", "past")
        )

    def test_wrong(self) -> None:
        """A change that makes no sense changes nothing."""
        before = self.make()
        for expected, params in (
            (("start_time", "missing"), {"cron": None}),
            (("cron", "conflict"), {"cron": "0 0 * * *", "start_time": "2026-02-01T00:00Z"}),
            (("until", "past"), {"until": "2025-01-01T00:00Z"}),
            (("timezone", "unknown"), {"timezone": "Mars/Base"}),
            (("name", "length"), {"name": "a\nb"}),
        ):
            self.assertEqual(self.wrong("update_schedule", schedule_id="s1", **params), expected)
        self.assertEqual(self.refused("update_schedule", {"schedule_id": "s1", "device": "usb-9"})[0], NOT_FOUND)
        self.assertEqual(self.call("get_schedule", ["s1"]), before)

    def test_run_stays_as_it_began(self) -> None:
        """A change of length or camera holds from the next run on."""
        self.plug("usb-2", "/dev/video2")
        self.make(cron="1 12 * * *")
        self.clock.pump([10.0] * 8)
        self.call("update_schedule", {"schedule_id": "s1", "duration": 60, "device": "video2"})
        self.clock.pump([10.0] * 280)
        self.assertEqual(self.recorder.past, [("usb-1", 60.0, 2760.0)])

    def test_cancel(self) -> None:
        """It is gone, with the recording that only it wanted; files stay."""
        self.make(cron="1 12 * * *")
        self.clock.pump([10.0] * 8)
        answer = self.call("cancel_schedule", ["s1"])
        self.assertEqual(answer, {"schedule_id": "s1", "cancelled": True, "recording_id": None})
        self.assertEqual((self.recorder.going, self.scheduler.entries()), ({}, ()))
        self.assertEqual(self.broadcasts[-1][0]["params"]["status"], "CANCELLED")

    def test_cancel_leaves_what_others_want(self) -> None:
        """A recording that was begun by hand goes on, and is named."""
        self.make(cron="1 12 * * *")
        self.successResultOf(self.recorder.start(RecordingWanted(camera_id="usb-1")))
        self.clock.pump([10.0] * 8)
        self.assertEqual(self.call("cancel_schedule", ["s1"])["recording_id"], "r1")
        self.assertIn("usb-1", self.recorder.going)
