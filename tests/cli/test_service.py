"""Which service a command talks to, and what becomes of the words on its command line."""

from __future__ import annotations

import json
import shlex
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.cli import commands
from webcam_rpc.cli.failures import Failed
from webcam_rpc.cli.service import base_of


class Answering(ThreadingHTTPServer):
    """A service that answers methods from a table: a result, or an error where it is one.

    :ivar asked: method and params of each call; ``shown`` is the header that shows the token.
    """

    def __init__(self, answers: dict[str, Any], files: dict[str, bytes]) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.shown: str | None = None
        answering = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answering.asked.append((asked["method"], asked["params"]))
                answering.shown = self.headers["Authorization"]
                found = answers[asked["method"]]
                kind = "error" if isinstance(found, dict) and "code" in found else "result"
                self.answer(json.dumps({"jsonrpc": "2.0", "id": asked["id"], kind: found}).encode())

            def do_GET(self) -> None:
                body = files.get(self.path)
                self.answer(body or b"there is no such file", 404 if body is None else 200)

            def answer(self, body: bytes, status: int = 200) -> None:
                self.send_response(status)
                # A file that breaks off says that it is longer.
                self.send_header("Content-Length", str(len(body) + 5 * body.endswith(b"broken")))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Its address."""
        return f"ws://127.0.0.1:{self.server_address[1]}/ws"


class RemoteCase(SynchronousTestCase):
    """Commands against a service at an address."""

    def serve(self, answers: dict[str, Any], files: dict[str, bytes] | None = None) -> Answering:
        """Have a service that answers so."""
        self.server = Answering(answers, files or {})
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 30)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        return self.server

    def type(self, *arguments: str, env: dict[str, str] | None = None, stdin: str = "") -> Result:
        """Type a command."""
        own = {"WEBCAM_URL": self.server.url, "WEBCAM_TOKEN": None, **(env or {})}
        return CliRunner().invoke(commands, arguments, env=own, input=stdin)

    def failed(self, *arguments: str) -> str:
        """Type a command that fails; gives what is told."""
        ran = self.type(*arguments)
        assert isinstance(ran.exception, Failed), (ran.exception, ran.output)
        return str(ran.exception)


class AddressTests(SynchronousTestCase):
    """Addresses, as people write them."""

    def test_forms(self) -> None:
        """Schemes of WebSocket and of HTTP, with the path or without, or a host alone."""
        for text, base in (
            ("ws://pi:8002/ws", "http://pi:8002"),
            ("wss://cam.example/ws", "https://cam.example"),
            ("https://cam.example/porch/ws/", "https://cam.example/porch"),
            ("http://10.0.0.7:8002", "http://10.0.0.7:8002"),
            ("pi", "http://pi:8002"),
            ("pi:9000", "http://pi:9000"),
            ("[::1]", "http://[::1]:8002"),
            ("[::1]:9000", "http://[::1]:9000"),
        ):
            self.assertEqual(base_of(text), base)

    def test_none(self) -> None:
        """What is no address is told; a password has no place in one."""
        for text in ("", "ftp://pi", "ws://", "ws://pi:port/ws", "ws://me:secret@pi/ws", "ws://pi/ws?token=x"):
            self.assertRaises(ValueError, base_of, text)


class TokenTests(RemoteCase):
    """Where a token comes from."""

    def test_places(self) -> None:
        """The option, the environment, a file, the input; none is none."""
        self.serve({"ping": "pong"})
        file = Path(self.mktemp())
        file.write_text("wrk_file\n", "utf-8")
        for arguments, env, stdin, shown in (
            ((), {}, "", None),
            (("--token", "wrk_a"), {}, "", "Bearer wrk_a"),
            ((), {"WEBCAM_TOKEN": "wrk_b"}, "", "Bearer wrk_b"),
            ((), {"WEBCAM_TOKEN": ""}, "", None),
            (("--token-file", str(file)), {"WEBCAM_TOKEN": "wrk_b"}, "", "Bearer wrk_file"),
            (("--token-file", "-"), {}, "wrk_in\n", "Bearer wrk_in"),
        ):
            ran = self.type("ping", *arguments, env=dict(env), stdin=stdin)
            self.assertEqual((ran.exit_code, self.server.shown), (0, shown), ran.output)

    def test_none(self) -> None:
        """An empty file, or one with more than a token, is not sent anywhere."""
        self.serve({"ping": "pong"})
        file = Path(self.mktemp())
        for text in ("", "two words", "a\nb"):
            file.write_text(text, "utf-8")
            self.assertIn("no token", self.failed("ping", "--token-file", str(file)))
        self.assertIn("No such file", self.failed("ping", "--token-file", "nowhere"))
        self.assertEqual(self.server.asked, [])

    def test_one_service(self) -> None:
        """An address and a state directory are two services."""
        self.serve({})
        self.assertEqual(self.type("ping", "--state-dir", "x").exit_code, 2)


_CAMERA = {"camera_id": "usb-1", "device": "/dev/video0", "name": "Cam", "alias": None, "status": "CONNECTED"}
_GONE = {**_CAMERA, "camera_id": "usb-2", "device": "/dev/video2", "status": "DISCONNECTED"}


class CameraMeantTests(RemoteCase):
    """The camera that is meant where none is named."""

    def test_the_only_one(self) -> None:
        """It is the one that is plugged in, by its id."""
        self.serve(
            {
                "get_camera_list": {"cameras": [_GONE, _CAMERA]},
                "diagnose_camera": {"device": "d", "camera_id": None, "checks": []},
            }
        )
        self.assertEqual(self.type("diagnose").exit_code, 0)
        self.assertEqual(self.server.asked[-1], ("diagnose_camera", {"device": "usb-1"}))

    def test_which(self) -> None:
        """Of two, both are named; without any it is told."""
        server = self.serve({"get_camera_list": {"cameras": [_CAMERA, {**_GONE, "status": "ERROR", "alias": "porch"}]}})
        told = self.failed("formats")
        self.assertIn("/dev/video0  Cam", told)
        self.assertIn("porch  Cam", told)
        server.shutdown()
        self.serve({"get_camera_list": {"cameras": [_GONE]}})
        self.assertEqual(self.failed("snapshot"), "no camera is plugged in")


class CommandLineTests(RemoteCase):
    """From what is typed to what is asked."""

    def test_params(self) -> None:
        """Each command asks for what was typed, and for nothing that was not."""
        file = {"filename": "x", "protected": True, "deleted": True}
        schedule = {"schedule_id": "7", "state": "SCHEDULED", "next_run": None}
        done: dict[str, Any] = {"applied": {}, "rejected": {}}
        policy = {"policy_type": "age", "max_age_days": 30.0, "max_size_gb": 1.0, "enabled": True}
        self.serve(
            {
                "set_camera_controls": done,
                "reset_camera_controls": done,
                "protect_recording": file,
                "delete_snapshot": file,
                "schedule_recording": schedule,
                "update_schedule": schedule,
                "cancel_schedule": schedule,
                "set_retention_policy": policy,
                "set_camera_alias": _CAMERA,
                "set_camera_format": {**_CAMERA, "pixel_format": "MJPG", "resolution": "1280x720", "fps": 30},
            }
        )
        at = "2026-12-24T18:00:00+01:00"
        for typed, method, params in (
            (
                "controls set porch brightness=20 exposure_auto=Manual focus_auto=off --persist",
                "set_camera_controls",
                {
                    "device": "porch",
                    "controls": {"brightness": 20, "exposure_auto": "Manual", "focus_auto": False},
                    "persist": True,
                },
            ),
            ("controls reset porch", "reset_camera_controls", {"device": "porch"}),
            ("controls reset porch gain", "reset_camera_controls", {"device": "porch", "names": ["gain"]}),
            ("recordings unprotect x", "protect_recording", {"filename": "x", "protected": False}),
            ("snapshots delete x --yes", "delete_snapshot", {"filename": "x"}),
            (
                "schedule add porch -d 15m --cron '30 22 * * 1-5' --timezone Europe/Berlin --late",
                "schedule_recording",
                {
                    "device": "porch",
                    "duration": 900.0,
                    "cron": "30 22 * * 1-5",
                    "timezone": "Europe/Berlin",
                    "missed_run": "record",
                    "enabled": True,
                },
            ),
            (
                f"schedule add porch -d 90 --at {at} --disabled",
                "schedule_recording",
                {"device": "porch", "duration": 90.0, "start_time": at, "missed_run": "skip", "enabled": False},
            ),
            ("schedule disable 7", "update_schedule", {"schedule_id": "7", "enabled": False}),
            ("schedule cancel 7", "cancel_schedule", {"schedule_id": "7"}),
            (
                "storage policy --max-age 30",
                "set_retention_policy",
                {"policy_type": "age", "max_age_days": 30.0, "enabled": True},
            ),
            ("storage policy --keep-all", "set_retention_policy", {"policy_type": "manual", "enabled": False}),
            ("alias porch front", "set_camera_alias", {"device": "porch", "name": "front"}),
            (
                "formats porch --set 'mjpg 1280x720@30'",
                "set_camera_format",
                {"device": "porch", "width": 1280, "height": 720, "fps": 30.0, "pixel_format": "MJPG"},
            ),
        ):
            ran = self.type(*shlex.split(typed))
            self.assertEqual(ran.exit_code, 0, (typed, ran.output, ran.exception))
            self.assertEqual(self.server.asked[-1], (method, params), typed)

    def test_wrong_commands(self) -> None:
        """What makes no sense is told with status 2, and the service is not asked."""
        self.serve({})
        for typed in (
            "controls set porch",
            "controls set porch back brightness=1",
            "formats porch --set large",
            "schedule add porch -d 15m",
            "schedule add porch -d 15m --at 22:30 --cron *",
            "schedule add porch -d soon --at 22:30",
            "schedule add porch -d 15m --at 25:30",
            "schedule add porch -d 15m --at 22:30 --timezone Europe/Nowhere",
            "storage policy",
            "storage policy --max-age 1 --max-size 1",
            "record stop porch --id 7",
            "record start porch --duration never",
            "recordings delete x.mp4",
            "selftest --simple --monitor",
            "recordings lst",
            "--url pi status",
        ):
            ran = self.type(*typed.split())
            self.assertEqual(ran.exit_code, 2, typed)
        self.assertIn("`webcamctl status --url`", ran.stderr)
        self.assertEqual(self.server.asked, [])

    def test_refused_controls(self) -> None:
        """What the driver did not take is told, and fails."""
        self.serve({"set_camera_controls": {"applied": {"gain": 3}, "rejected": {"\x1bzoom": "no such control"}}})
        ran = self.type("controls", "set", "porch", "gain=3", "zoom=1")
        self.assertEqual((ran.exit_code, ran.stdout), (1, "gain = 3\n"))
        self.assertIn("\\x1bzoom: no such control", ran.stderr)

    def test_each_file(self) -> None:
        """One name that fails does not keep the others from being done."""
        self.serve({"delete_recording": {"code": -32010, "message": "", "data": {"resource": "recording", "id": "x"}}})
        self.assertEqual(self.failed("recordings", "delete", "x", "y", "--yes").count("`webcamctl recordings`"), 2)
        self.assertEqual(len(self.server.asked), 2)


class RecordingTests(RemoteCase):
    """What is told of a recording that ended by itself."""

    def recorded(self, ended: str | None) -> Result:
        """Record until the service says that its files ended so; none is there for None."""
        begun = {
            "recording_id": "7",
            "camera_id": "usb-1",
            "device": "/dev/video0",
            "filename": "a.mp4",
            "joined": False,
        }
        begun |= {"session_id": "7", "start_time": "2026-11-23T12:00:00Z", "format": "mp4", "duration": 600}
        state = {"recording_id": "7", "state": "STOPPED", "elapsed": 30, "remaining": 0, "frames": 9, "bytes": 9}
        state |= {"files": [], "filename": "a.mp4", "reason": None}
        info: dict[str, Any] = {"filename": "a.mp4", "ended": ended, "duration": 30.0, "frames": 900, "file_size": 5000}
        info |= {"frames_dropped": 0, "finalizing": False, "end_time": None}
        missing = {"code": -32010, "message": "Not found", "data": {"resource": "recording", "id": "a.mp4"}}
        self.serve(
            {
                "start_recording": begun,
                "get_recording_status": state,
                "get_recording_info": missing if ended is None else info,
            }
        )
        return self.type("record", "porch", "--duration", "10m")

    def test_well(self) -> None:
        """One that lasted as long as it should is told with what there is of it."""
        ran = self.recorded("duration")
        self.assertEqual((ran.exit_code, ran.stdout), (0, "a.mp4: 30 s, 900 frames, 5.0 kB\n"))

    def test_before_its_time(self) -> None:
        """One that ended for want of room fails, and says so; and one of which nothing is there."""
        ran = self.recorded("storage_low")
        self.assertEqual((ran.exit_code, ran.stdout), (1, "a.mp4: 30 s, 900 frames, 5.0 kB\n"))
        self.assertIn("before its time: storage low", ran.stderr)
        self.server.shutdown()
        ran = self.recorded(None)
        self.assertEqual((ran.exit_code, ran.stdout), (1, "no file: 0 s, 0 frames, 0 B\n"))


class DownloadTests(RemoteCase):
    """Files, whole or not at all."""

    def setUp(self) -> None:
        """Have two files, of which one breaks off."""
        files = {"/files/recordings/a.mp4": b"whole", "/files/recordings/b.mp4": b"it is broken"}
        self.serve({"get_recording_info": {"download_url": "/files/recordings/a.mp4", "file_size": 5}}, files)
        self.there = Path(self.mktemp()).absolute()
        self.there.mkdir()

    def test_whole(self) -> None:
        """It is here under its name, in a directory, and nothing else is; it is not written over."""
        for arguments in ((), ("--force",)):
            ran = self.type("recordings", "download", "a.mp4", "-o", str(self.there), *arguments)
            self.assertEqual(ran.exit_code, 0, ran.output)
            self.assertEqual({path.name: path.read_bytes() for path in self.there.iterdir()}, {"a.mp4": b"whole"})
        self.assertIn("--force", self.failed("recordings", "download", "a.mp4", "-o", str(self.there)))

    def test_output(self) -> None:
        """A file may go to standard output, alone."""
        ran = self.type("recordings", "download", "a.mp4", "-o", "-")
        self.assertEqual((ran.exit_code, ran.stdout_bytes), (0, b"whole"))

    def test_breaks_off(self) -> None:
        """Of what breaks off nothing is left."""
        self.server.shutdown()
        files = {"/b": b"it is broken"}
        self.serve({"get_recording_info": {"download_url": "/b", "file_size": 17}}, files)
        target = self.there / "b.mp4"
        self.assertTrue(self.failed("recordings", "download", "b.mp4", "-o", str(target)))
        self.assertEqual(list(self.there.iterdir()), [])

    def test_nowhere_to_put_it(self) -> None:
        """Our own disk is not the service's fault."""
        self.assertIn(
            "nowhere", self.failed("recordings", "download", "a.mp4", "-o", str(self.there / "nowhere" / "x"))
        )
