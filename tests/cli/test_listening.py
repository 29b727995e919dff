"""What ``monitor`` and ``selftest`` tell, whatever a service sends."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from click.testing import CliRunner
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.api.events import TOPICS as ALL_TOPICS
from webcam_rpc.cli import commands, wire
from webcam_rpc.cli.failures import Failed
from webcam_rpc.cli.listening import TOPICS
from webcam_rpc.cli.monitor import Monitor
from webcam_rpc.cli.schedules import time_of
from webcam_rpc.cli.selftest import Selftest
from webcam_rpc.cli.service import Service

_AT = "2026-11-23T12:31:09.000Z"


def camera(seq: int, status: str = "CONNECTED", camera_id: str = "one", **more: Any) -> dict[str, Any]:
    """Make the news of a camera."""
    params = {"status": status, "device": "/dev/video0", "camera_id": camera_id, "name": "Cam", "reason": None}
    return {"method": "camera_status_update", "params": {**params, "seq": seq, "timestamp": _AT, **more}}


def picture(seq: int, camera_id: str = "one") -> dict[str, Any]:
    """Make the news of a snapshot, which is named after its number."""
    params = {"device": "/dev/video0", "camera_id": camera_id, "status": "COMPLETED", "file_size": 1000}
    name = f"{seq}.jpg"
    return {"method": "snapshot_status_update", "params": {**params, "seq": seq, "timestamp": _AT, "filename": name}}


class MonitorTests(SynchronousTestCase):
    """Each event once and in order, over connections that are lost."""

    def setUp(self) -> None:
        """Make one that has not connected."""
        self.begin()

    def begin(self, camera_id: str | None = None, topics: tuple[str, ...] = ALL_TOPICS) -> None:
        """Make one of these events."""
        self.monitor = Monitor(Service("http://pi"), topics, camera_id, as_json=True)
        self.out, self.err = io.StringIO(), io.StringIO()

    def connect(self, *sent: dict[str, Any], seq: int, epoch: str = "e", full_state: bool = False) -> None:
        """Connect: what the service sends, and then its answer."""
        self.monitor.begin()
        self.hear(*sent)
        with redirect_stdout(self.out), redirect_stderr(self.err):
            self.monitor.catch_up({"seq": seq, "epoch": epoch, "full_state": full_state})

    def hear(self, *sent: dict[str, Any]) -> None:
        """Have the service send these."""
        with redirect_stdout(self.out), redirect_stderr(self.err):
            for message in sent:
                self.monitor.heard(message)

    def told(self) -> list[int]:
        """Give the numbers of what was told."""
        return [json.loads(line)["params"]["seq"] for line in self.out.getvalue().splitlines()]

    def test_every_topic(self) -> None:
        """All that the service tells can be listened to."""
        self.assertEqual(set(TOPICS.values()), set(ALL_TOPICS))

    def test_first(self) -> None:
        """First the states, then what happens."""
        self.connect(camera(3, initial=True), camera(1, initial=True, camera_id="two"), seq=5)
        self.hear(picture(6), picture(7))
        self.assertEqual(self.told(), [3, 1, 6, 7])

    def test_replay(self) -> None:
        """After a loss: what was missed and what came meanwhile, in their order, once; no states again."""
        self.connect(camera(3, initial=True), seq=5)
        self.hear(picture(6))
        self.connect(camera(3, initial=True), camera(9), picture(7), picture(8), camera(9), seq=9)
        self.hear(picture(10))
        self.assertEqual(self.told(), [3, 6, 7, 8, 9, 10])
        self.assertNotIn("not known", self.err.getvalue())

    def test_forgotten(self) -> None:
        """What the service no longer knows is said, and how it is now is told once."""
        self.connect(camera(3, initial=True), seq=500)
        self.connect(
            camera(2, initial=True), camera(2, initial=True), picture(4), seq=4, epoch="another", full_state=True
        )
        self.hear(picture(5))
        self.assertIn("not known any more", self.err.getvalue())
        self.assertEqual(self.told(), [3, 2, 4, 5])

    def test_one_camera(self) -> None:
        """Of another camera nothing is told, nor what was not asked for; what is of no camera is told."""
        self.begin("one", ("snapshot_status_update", "system_health_update"))
        self.connect(camera(3, initial=True), seq=5)
        health = {"component": "storage", "status": "DEGRADED", "detail": "", "seq": 8, "timestamp": _AT}
        self.hear(
            picture(6), picture(7, camera_id="two"), {"method": "system_health_update", "params": health}, camera(9)
        )
        self.assertEqual(self.told(), [6, 8])

    def test_lines(self) -> None:
        """Each kind of event is a line that people can read, and no name is obeyed by a terminal."""
        recording = {"device": "/dev/video0", "camera_id": "one", "filename": "a.mp4", "duration": 29.4}
        storage = {"available_space": 10**9, "files_deleted": 2, "space_freed": 10**6, "reason": None}
        schedule = {"schedule_id": "7", "camera_id": "one", "name": "nights", "reason": None, "next_run": None}
        lines: tuple[tuple[dict[str, Any], str], ...] = (
            (camera(1, resolution="640x480", fps=30, name="C\x1bm"), "CONNECTED     640x480 @ 30  C\\x1bm"),
            (camera(2, "ERROR", reason="no permission"), "ERROR         no permission  Cam"),
            (
                {
                    "method": "recording_status_update",
                    "params": {**recording, "status": "STOPPED", "reason": "unplugged", "continues": True},
                },
                "STOPPED       recording a.mp4, 29 s, unplugged, goes on in another file",
            ),
            (picture(4), "COMPLETED     snapshot 4.jpg, 1.0 kB"),
            ({"method": "storage_status_update", "params": {**storage, "status": "LOW"}}, "LOW           1.0 GB free"),
            (
                {"method": "storage_status_update", "params": {**storage, "status": "CLEANED"}},
                "CLEANED       2 files deleted, 1.0 MB freed",
            ),
            (
                {"method": "schedule_status_update", "params": {**schedule, "status": "MISSED"}},
                "MISSED        7, 'nights', one",
            ),
            (
                {"method": "camera_control_update", "params": {"device": "/dev/video0", "controls": {"gain": 3}}},
                "controls      gain=3",
            ),
        )
        for message, line in lines:
            out = io.StringIO()
            monitor = Monitor(Service("http://pi"), ALL_TOPICS, None, as_json=False)
            with redirect_stdout(out):
                monitor.heard(
                    {"method": message["method"], "params": {"seq": 1, "timestamp": _AT, **message["params"]}}
                )
            self.assertIn(line, click.unstyle(out.getvalue()))


class _Wire:
    """Answers by a table; what is no JSON is asked for as such."""

    def __init__(self, **answers: Any) -> None:
        self.lost: Deferred[str] = Deferred()
        self.closed = False
        self._answers = {
            "ping": {"result": "pong"},
            "invalid_method": {"error": {"code": -32601, "message": "Method not found: invalid_method"}},
            "nonsense": {"error": {"code": -32700, "message": "Parse error"}},
            "get_camera_list": {"connected": 1},
            **answers,
        }

    def exchange(self, text: str) -> Deferred[dict[str, Any]]:
        try:
            return succeed(self._answers[json.loads(text)["method"]])
        except ValueError:
            return succeed(self._answers["nonsense"])

    def call(self, method: str) -> Deferred[Any]:
        return succeed(self._answers[method])

    def close(self) -> None:
        self.closed = True


class SelftestTests(SynchronousTestCase):
    """What passes and what does not."""

    def run_on(self, wire: Any, *heard: dict[str, Any], lose: str = "") -> tuple[int, list[str]]:
        """Run all of it; gives status and lines."""
        out, clock, told = io.StringIO(), Clock(), Selftest(50.0)
        with redirect_stdout(out):
            running = told.on(wire, clock, ("ping", "errors", "notifications"), 15.0)
            for message in heard:
                told.heard(message)
            if lose:
                wire.lost.callback(lose)
            clock.advance(15.0)
            status = self.successResultOf(running)
        self.assertTrue(wire.closed)
        return status, out.getvalue().splitlines()

    def test_passes(self) -> None:
        """A service that is as it should be passes; other news than of cameras are not counted."""
        status, lines = self.run_on(
            _Wire(), camera(1, resolution="640x480", fps=30), picture(2), camera(3, "DISCONNECTED")
        )
        self.assertEqual((status, lines[-1]), (0, "🎉 All tests passed!"))
        self.assertEqual(
            lines[5:-1],
            [
                "📷 Camera Status Update: /dev/video0 -> CONNECTED",
                "   Resolution: 640x480, FPS: 30",
                "📷 Camera Status Update: /dev/video0 -> DISCONNECTED",
                "✅ Camera notification test passed! Received 2 notifications",
            ],
        )

    def test_each_failure(self) -> None:
        """Whatever is not as it should be fails, alone."""
        wrong = {"error": {"code": -32603, "message": "Internal error"}}
        for method, line in (
            ("ping", "❌ Ping test failed!"),
            ("invalid_method", "❌ Invalid method test failed!"),
            ("nonsense", "❌ Malformed JSON test failed!"),
        ):
            status, lines = self.run_on(_Wire(**{method: wrong}), camera(1))
            self.assertEqual([one.startswith(line) for one in lines].count(True), 1, lines)
            self.assertEqual((status, lines[-1]), (1, "❌ 1 of 5 tests failed"))

    def test_no_news(self) -> None:
        """A camera that is there and not announced is a failure, no camera is none."""
        status, lines = self.run_on(_Wire())
        self.assertEqual((status, lines[-1]), (1, "❌ 1 of 5 tests failed"))
        status, lines = self.run_on(_Wire(get_camera_list={"connected": 0}))
        self.assertEqual((status, lines[-1]), (0, "🎉 All tests passed!"))
        self.assertTrue(lines[-2].startswith("⚠️ No camera"))

    def test_lost(self) -> None:
        """A connection that is lost while it listens is a failure at once."""
        status, lines = self.run_on(_Wire(), camera(1), lose="the connection is lost: shutting down")
        self.assertEqual((status, lines[-1]), (1, "❌ 1 of 5 tests failed"))
        self.assertIn("shutting down", lines[-2])


class RefusedTests(SynchronousTestCase):
    """A handshake that the service answered with something else than a WebSocket."""

    def failed(self, reason: str) -> Failed:
        """Give what becomes of a connection that ends so before it is open."""
        made = wire.Wire(Clock(), lambda _: None)
        made._closes(1006, reason)
        return self.failureResultOf(made._opened, Failed).value  # type: ignore[no-any-return]

    def test_status(self) -> None:
        """Its status in HTTP is what is told, as either version of Autobahn has it."""
        for reason, status, text in (
            (
                'connection was closed uncleanly ("WebSocket connection upgrade failed [401]: Unauthorized")',
                77,
                "token",
            ),
            (
                'connection was closed uncleanly ("WebSocket connection upgrade failed (401 - Unauthorized)")',
                77,
                "token",
            ),
            ('("WebSocket connection upgrade failed [403]: Forbidden")', 77, "it answered 403 Forbidden"),
            ('("WebSocket connection upgrade failed [503]: Service Unavailable")', 69, "503 Service Unavailable"),
            ("([('SSL routines', '', 'certificate verify failed')])", 69, "SSL_CERT_FILE"),
            ("connection was closed uncleanly (None)", 69, "wss://"),
        ):
            failed = self.failed(reason)
            self.assertEqual(failed.status, status)
            self.assertIn(text, str(failed))

    def test_lost_later(self) -> None:
        """One that was open tells the reason that the service gave, and whoever waits for an answer hears of it."""
        made = wire.Wire(Clock(), lambda _: None)
        made._opened.callback(made)
        sent: list[bytes] = []
        made._protocol = type("Protocol", (), {"sendMessage": lambda _, payload: sent.append(payload)})()
        answer = made.call("ping")
        made._closes(1001, "shutting down")
        self.assertIn("shutting down", str(self.failureResultOf(answer, Failed).value))
        self.assertIn("shutting down", self.successResultOf(made.lost))
        self.assertEqual(len(sent), 1)


class TimeTests(SynchronousTestCase):
    """When a schedule begins, as people write it."""

    now = datetime(2026, 11, 23, 21, 0, tzinfo=timezone.utc)

    def test_clock(self) -> None:
        """A time of day is the next one of that zone: today or tomorrow."""
        self.assertEqual(time_of("22:30", "UTC", self.now), "2026-11-23T22:30:00")
        self.assertEqual(time_of("20:30", "UTC", self.now), "2026-11-24T20:30:00")
        # There it is ten in the evening already.
        self.assertEqual(time_of("21:30:15", "Europe/Berlin", self.now), "2026-11-24T21:30:15")

    def test_here(self) -> None:
        """Without a zone it is this machine's time, and says so."""
        made = datetime.fromisoformat(time_of("2026-12-24 18:00", None, self.now))
        self.assertEqual(made, datetime(2026, 12, 24, 18).astimezone())
        self.assertIsNotNone(made.tzinfo)
        soon = datetime.fromisoformat(time_of("22:30", None, self.now))
        self.assertTrue(timedelta() < soon - self.now <= timedelta(days=1))

    def test_offset(self) -> None:
        """A time with an offset is what it says, whatever the zone."""
        for zone in None, "Europe/Berlin":
            self.assertEqual(time_of("2026-12-24T18:00:00Z", zone, self.now), "2026-12-24T18:00:00+00:00")


class CompletionTests(SynchronousTestCase):
    """What shells are given."""

    def test_every_shell(self) -> None:
        """Each gets a script that asks this command."""
        for shell in "zsh", "fish":
            printed = CliRunner().invoke(commands, ["completion", shell])
            self.assertEqual(printed.exit_code, 0, printed.output)
            self.assertIn("_WEBCAMCTL_COMPLETE", printed.output)
        self.assertEqual(CliRunner().invoke(commands, ["completion", "csh"]).exit_code, 2)
