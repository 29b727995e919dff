"""The whole service as people run it: ``twistd webcam`` in a process of its own, clients on real sockets.

Every reply is held against ``rpc.discover``, every notification against the contract, by :mod:`tests.wsclient`.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from tests.service import Service, eventually
from tests.wsclient import Client, RPCFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wsclient import Contract, Notification

reactor: Any = global_reactor

#: Seconds for anything to happen: far more than it takes.
PATIENCE = 30.0
CAPTURES = Path(__file__).parent.parent / "captures"
#: V4L2's major number, and minors that no real device here has.
_MAJOR, _MINOR = 81, 240


def about(device: str, status: str) -> Callable[[Notification], bool]:
    """Recognise the news that the camera at ``device`` has this status; CONNECTED only with its mode."""

    def matches(notification: Notification) -> bool:
        params = notification.params
        known = status != "CONNECTED" or "fps" in params
        return params.get("status") == status and params.get("device") == device and known

    return matches


class ServiceCase(TestCase):
    """A service with a test-pattern camera, and clients."""

    timeout = 240
    contract: Contract | None = None

    def make(self, *options: str, name: str = "service", demo: bool = True, **more: Any) -> Service:
        """Make a service that is not started; the same name has the same state."""
        if not hasattr(self, "directory"):
            self.directory = Path(self.mktemp()).absolute()
        service = Service(reactor, self.directory / name, options=[*(["--demo"] if demo else []), *options], **more)
        self.addCleanup(service.kill)
        return service

    async def serve(self, *options: str, **more: Any) -> Service:
        """Start a service."""
        service = await self.make(*options, **more).start()
        self.addCleanup(service.stop)
        return service

    async def connect(self, service: Service) -> Client:
        """Connect a client; it believes nothing."""
        client = await Client.connect(reactor, service.url, contract=self.contract)
        self.addCleanup(client.close)
        self.contract = client.contract
        return client

    async def administer(self, service: Service) -> Client:
        """Connect an administrator, by the socket in the state directory."""
        # The address of a unix socket is no longer than 107 bytes, and a test's directory may be.
        directory = os.open(service.state, os.O_PATH)
        self.addCleanup(os.close, directory)
        path = f"/proc/self/fd/{directory}/admin.sock"
        client = await Client.connect(reactor, "ws://localhost/ws", unix=path, contract=self.contract)
        self.addCleanup(client.close)
        self.contract = client.contract
        return client


class ClientTests(ServiceCase):
    """What clients see."""

    async def test_greeting(self) -> None:
        """A fresh client is told at once that the demo camera is there, marked as an initial state."""
        client = await self.connect(await self.serve())
        # The answer to rpc.discover has come: whatever was sent on connect must have come before it.
        (first,) = client.notifications
        self.assertEqual(first.method, "camera_status_update")
        self.assertIs(first.params["initial"], True)  # noqa: FBT003 - true, not merely truthy
        shown = {key: first.params[key] for key in ("status", "device", "camera_id", "resolution", "fps")}
        expected = {
            "status": "CONNECTED",
            "device": "/dev/video-demo",
            "camera_id": "demo",
            "resolution": "640x480",
            "fps": 30,
        }
        self.assertEqual(shown, expected)
        self.assertEqual(list(first.params)[:4], ["status", "device", "resolution", "fps"])

    async def test_everybody_told(self) -> None:
        """A change of mode by one client is told to both, the same."""
        service = await self.serve()
        one, two = await self.connect(service), await self.connect(service)
        mode = await one.call("set_camera_format", {"device": "demo", "width": 1280, "height": 720, "fps": 25})
        self.assertEqual((mode["resolution"], mode["fps"]), ("1280x720", 25))

        def changed(notification: Notification) -> bool:
            return notification.params.get("resolution") == "1280x720"

        told = [(await client.wait_for(changed, PATIENCE)).params for client in (one, two)]
        self.assertEqual(told[0], told[1])
        self.assertEqual((told[0]["status"], told[0]["fps"]), ("CONNECTED", 25))
        self.assertNotIn("initial", told[0])

    async def test_replay(self) -> None:
        """Who comes back with the last number that it saw gets what it missed, no more, before the answer."""
        service = await self.serve()
        gone = await self.connect(service)
        status = await gone.call("get_status")
        await gone.close()
        other = await self.connect(service)
        for width, height in ((320, 240), (1920, 1080)):
            await other.call("set_camera_format", {"device": "demo", "width": width, "height": height})
        back = await self.connect(service)
        answer = await back.call(
            "subscribe_events",
            {"topics": ["camera_status_update"], "since_seq": status["seq"], "epoch": status["epoch"]},
        )
        missed = [one.params for one in back.notifications if not one.params.get("initial")]
        self.assertEqual([one["resolution"] for one in missed], ["320x240", "1920x1080"])
        self.assertEqual([one["seq"] for one in missed], [status["seq"] + 1, status["seq"] + 2])
        self.assertEqual((answer["replayed"], answer["full_state"]), (2, False))
        self.assertEqual(answer["seq"], status["seq"] + 2)

    async def test_replay_of_another_run(self) -> None:
        """A number of another run of the service means nothing: the present states are sent instead."""
        client = await self.connect(await self.serve())
        mark = client.mark()
        params = {"topics": ["camera_status_update"], "since_seq": 1, "epoch": "another"}
        answer = await client.call("subscribe_events", params)
        self.assertEqual((answer["replayed"], answer["full_state"]), (0, True))
        (state,) = client.notifications[mark:]
        self.assertIs(state.params["initial"], True)  # noqa: FBT003 - true, not merely truthy

    async def test_alias_survives(self) -> None:
        """A camera's name is still its name after a restart, and the run has another epoch."""
        service = await self.serve()
        client = await self.connect(service)
        before = await client.call("get_status")
        camera = await client.call("set_camera_alias", {"device": "demo", "name": "door"})
        self.assertEqual(camera["alias"], "door")
        self.assertEqual(await service.stop(), 0)
        client = await self.connect(await self.serve("--state-dir", str(service.state), name="again"))
        self.assertEqual((await client.call("get_camera_status", ["door"]))["camera_id"], "demo")
        self.assertNotEqual((await client.call("get_status"))["epoch"], before["epoch"])

    async def test_every_method(self) -> None:
        """Each method answers as its schema says; the controls of a camera without any are an empty list."""
        client = await self.connect(await self.serve())
        self.assertEqual(await client.call("ping"), "pong")
        self.assertEqual((await client.call("get_server_info"))["name"], "webcam_rpc")
        listing = await client.call("get_camera_list")
        self.assertEqual((listing["total"], listing["connected"]), (1, 1))
        self.assertEqual((await client.call("get_camera_status", ["demo"]))["holder"], None)
        able = await client.call("get_camera_capabilities", {"device": "demo", "refresh": True})
        self.assertEqual((able["formats"], able["validation_status"]), (["MJPG"], "confirmed"))
        self.assertEqual((await client.call("get_camera_controls", ["demo"]))["controls"], [])
        set_now = await client.call("set_camera_controls", ["demo", {"brightness": 1}])
        self.assertEqual((set_now["applied"], list(set_now["rejected"])), ({}, ["brightness"]))
        self.assertEqual((await client.call("reset_camera_controls", ["demo"]))["rejected"], {})
        checks = (await client.call("diagnose_camera", ["demo"]))["checks"]
        self.assertEqual([check["check"] for check in checks], ["node", "v4l2-ctl", "ffmpeg"])
        self.assertEqual((await client.call("unsubscribe_events"))["topics"], [])
        for method, params, code in (
            ("get_camera_status", ["nobody"], -32010),
            ("get_camera_status", {}, -32602),
            ("diagnose_camera", ["nobody"], -32010),
            ("invalid_method", None, -32601),
        ):
            failure = await self.assertFailure(client.call(method, params), RPCFailed)
            self.assertEqual(failure.code, code, method)


class OptionTests(ServiceCase):
    """What the command line, the environment and the file decide."""

    async def test_set(self) -> None:
        """``--set`` changes an option: loopback that is only status may name no camera."""
        client = await self.connect(await self.serve("--set", "access.loopback=status"))
        params = {"device": "demo", "name": "door"}
        failure = await self.assertFailure(client.call("set_camera_alias", params), RPCFailed)
        self.assertEqual(failure.code, -32002)
        self.assertEqual(failure.data, {"required_role": "operator", "have_role": "status"})

    async def test_mistake(self) -> None:
        """A mistake in the file is one line with file, line and key, and status 78, which is not restarted."""
        file = Path(self.mktemp()).absolute()  # noqa: ASYNC240
        file.write_text("server:\n  port: 8002\n  prot: 8003\n")
        err, status = await self.refused("--config", str(file))
        self.assertEqual(status, 78)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertTrue(err.startswith(f"{file}:3: server.prot: "), err)

    async def test_unknown_variable(self) -> None:
        """A variable that looks like an option and is none is refused by name."""
        err, status = await self.refused(WEBCAM_RPC_SERVER_PROT="1")
        self.assertEqual(status, 78)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn("WEBCAM_RPC_SERVER_PROT", err)

    async def test_variable(self) -> None:
        """A variable is an option: here the traffic is not logged."""
        service = await self.serve(environ={"WEBCAM_RPC_LOGGING_TRAFFIC": "OFF"})
        client = await self.connect(service)
        await client.call("ping")
        self.assertIn("Client connected: ", service.log)
        self.assertNotIn("Received from", service.log)
        self.assertNotIn("Ping method called", service.log)

    async def test_busy_port(self) -> None:
        """A second service on one port ends with one line that says so, without a traceback."""
        service = await self.serve()
        port = service.http_url.rpartition(":")[2]
        err, status = await self.refused("--listen", f"tcp:{port}:interface=127.0.0.1", name="second")
        self.assertNotIn(status, (0, None))
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn(f"Cannot listen on tcp:{port}:interface=127.0.0.1: Address already in use", err)

    async def refused(self, *options: str, name: str = "refused", **environ: str) -> tuple[str, int]:
        """Run a service that cannot start; give what it wrote to standard error, and its exit status."""
        service = self.make(*options, name=name, environ=environ, listen=())
        service.state.mkdir(parents=True)
        argv = service.argv
        _, err, status = await getProcessOutputAndValue(argv[0], argv[1:], env=service.environ, reactor=reactor)
        return err.decode(), status


class LogTests(ServiceCase):
    """The lines that people grep for."""

    async def test_wording(self) -> None:
        """Each line of a session is there in the original's words, in its form, and in this order."""
        service = await self.serve()
        client = await self.connect(service)
        await client.call("ping")
        await client.call("set_camera_format", {"device": "demo", "width": 320, "height": 240})
        await client.close()
        await eventually(reactor, lambda: "Client disconnected" in service.log, PATIENCE, "the goodbye")
        place = service.url.removeprefix("ws://")
        stamp = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}"
        peer = r"127\.0\.0\.1:[0-9]+"
        for name, text in (
            ("web", rf"Starting WebSocket JSON-RPC server on {place}"),
            ("web", rf"Server started successfully at ws://{place}"),
            ("cameras", r"Camera monitoring started"),
            ("cameras", r"Initial camera status: /dev/video-demo - CONNECTED"),
            ("web", rf"Client connected: {peer} \(Total clients: 1\)"),
            ("traffic", rf'Sending to {peer}: \{{"jsonrpc":"2.0","method":"camera_status_update",.*\}}'),
            ("traffic", rf'Received from {peer}: \{{"jsonrpc": "2.0", "id": [0-9]+, "method": "ping"\}}'),
            ("traffic", r"Ping method called"),
            ("traffic", rf'Sending to {peer}: \{{"jsonrpc":"2.0","result":"pong","id":[0-9]+\}}'),
            ("web", r'Broadcasting camera status to 1 clients: \{.*"resolution":"320x240".*\}'),
            ("web", rf"Client disconnected: {peer} \(Total clients: 0\)"),
        ):
            self.assertRegex(service.log, rf"(?m){stamp} - webcam_rpc\.{name} - INFO - {text}$")


class StopTests(ServiceCase):
    """The end."""

    async def ends(self, number: int) -> None:
        """Stop a service that has a client."""
        service = await self.serve()
        client = await self.connect(service)
        began = reactor.seconds()
        status = await service.stop(number=number)
        self.assertLess(reactor.seconds() - began, service.promised(2.0))
        self.assertEqual(status, 0)
        self.assertEqual((await client.lost()).code, 1001)
        self.assertNotIn("Traceback", service.log)

    async def test_sigterm(self) -> None:
        """SIGTERM: clients closed with 1001, exit status 0, in time."""
        await self.ends(signal.SIGTERM)

    async def test_sigint(self) -> None:
        """SIGINT: the same."""
        await self.ends(signal.SIGINT)

    async def test_sighup(self) -> None:
        """SIGHUP ends nothing: the client stays connected and is answered."""
        service = await self.serve()
        client = await self.connect(service)
        service.send_signal(signal.SIGHUP)
        self.assertEqual(await client.call("ping"), "pong")
        self.assertIsNone(service.status)
        self.assertIsNone(client.closed)


class DeviceTests(ServiceCase):
    """Device nodes that come and go, with a ``v4l2-ctl`` that prints what the real one printed."""

    def setUp(self) -> None:
        """Make a device directory under ``/dev``: elsewhere nodes may be forbidden, and paths are not a device's."""
        try:
            self.devices = Path(tempfile.mkdtemp(prefix="webcam-rpc-", dir="/dev"))
        except OSError as error:
            raise SkipTest(f"needs root, to make device nodes: {error.strerror}") from None
        self.addCleanup(shutil.rmtree, self.devices)
        self.programs = Path(self.mktemp()).absolute()
        self.programs.mkdir(parents=True)
        try:
            self.plug(9)
        except OSError as error:
            raise SkipTest(f"needs root, to make device nodes: {error.strerror}") from None
        self.unplug(9)

    def plug(self, number: int) -> str:
        """Make videoN appear."""
        path = self.devices / f"video{number}"
        os.mknod(path, stat.S_IFCHR | 0o660, os.makedev(_MAJOR, _MINOR + number))
        return str(path)

    def unplug(self, number: int) -> None:
        """Make videoN vanish."""
        (self.devices / f"video{number}").unlink()

    def v4l2ctl(self, *lines: str) -> None:
        """Write the program."""
        script = self.programs / "v4l2-ctl"
        script.write_text("\n".join(("#!/bin/sh", *lines, "")))
        script.chmod(0o755)

    async def watch(self, *options: str) -> Service:
        """Start a service on these nodes."""
        path = os.pathsep.join((str(self.programs), os.environ["PATH"]))
        return await self.serve("--device-dir", str(self.devices), *options, demo=False, environ={"PATH": path})

    async def test_plug_and_unplug(self) -> None:
        """A node that appears is CONNECTED with its mode, one that goes DISCONNECTED; the log says both."""
        self.v4l2ctl(f"exec cat {CAPTURES / 'uvc-hd.txt'}")
        service = await self.watch()
        client = await self.connect(service)
        self.assertEqual((await client.call("get_camera_list"))["total"], 0)
        device = self.plug(0)
        news = (await client.wait_for(about(device, "CONNECTED"), PATIENCE)).params
        mode = f"{news['resolution']} @ {news['fps']}fps"
        self.assertRegex(mode, r"^[0-9]+x[0-9]+ @ [0-9]+fps$")
        self.assertNotIn("initial", news)
        self.unplug(0)
        gone = (await client.wait_for(about(device, "DISCONNECTED"), PATIENCE)).params
        self.assertEqual(gone["camera_id"], news["camera_id"])
        self.assertNotIn("resolution", gone)
        self.assertIn(f"Camera connected: {device} - {mode}\n", service.log)
        self.assertIn(f"Camera disconnected: {device}\n", service.log)
        listing = await client.call("get_camera_list")
        self.assertEqual((listing["total"], listing["connected"]), (1, 0))

    async def test_metadata_node(self) -> None:
        """The second node of a camera, which carries metadata, never appears anywhere."""
        hd, metadata = CAPTURES / "uvc-hd.txt", CAPTURES / "uvc-hd-metadata.txt"
        self.v4l2ctl('case "$*" in', f"*video1*) exec cat {metadata};;", f"*) exec cat {hd};;", "esac")
        service = await self.watch()
        client = await self.connect(service)
        metadata_device, device = self.plug(1), self.plug(0)
        await client.wait_for(about(device, "CONNECTED"), PATIENCE)
        checks = (await client.call("diagnose_camera", [metadata_device]))["checks"]
        self.assertIn(("node_type", False), [(check["check"], check["ok"]) for check in checks])
        self.unplug(0)
        await client.wait_for(about(device, "DISCONNECTED"), PATIENCE)
        self.assertEqual({one.params["device"] for one in client.notifications}, {device})
        self.assertEqual([one["device"] for one in (await client.call("get_camera_list"))["cameras"]], [device])

    async def test_hanging(self) -> None:
        """A ``v4l2-ctl`` that hangs holds nothing up: pings are answered, then ERROR says why; no child is left."""
        pids = self.programs / "pids"
        self.v4l2ctl(f"echo $$ >>{pids}", "sleep 600 &", f"echo $! >>{pids}", "wait")
        service = await self.watch("--set", "cameras.probe_timeout=1")
        client = await self.connect(service)
        device = self.plug(0)
        await eventually(reactor, lambda: pids.exists() and pids.read_text().count("\n") >= 2, PATIENCE, "a probe")
        began = reactor.seconds()
        self.assertEqual(await client.call("ping"), "pong")
        self.assertLess(reactor.seconds() - began, service.promised(0.5))
        failed = (await client.wait_for(about(device, "ERROR"), PATIENCE)).params
        self.assertIn("v4l2-ctl does not come to an end", failed["reason"])
        status = await client.call("get_status")
        self.assertEqual(status["components"]["cameras"]["status"], "DEGRADED")
        # Stopped in the middle of the next probe.
        count = pids.read_text().count("\n")
        await eventually(reactor, lambda: pids.read_text().count("\n") >= count + 2, PATIENCE, "another probe")
        self.assertEqual(await service.stop(), 0)
        self.assertEqual([pid for pid in pids.read_text().split() if _alive(int(pid))], [])

    async def test_missing(self) -> None:
        """Without ``v4l2-ctl`` a camera is ERROR with what to install, and the service is DEGRADED."""
        service = await self.serve("--device-dir", str(self.devices), demo=False, environ={"PATH": str(self.programs)})
        client = await self.connect(service)
        device = self.plug(0)
        failed = (await client.wait_for(about(device, "ERROR"), PATIENCE)).params
        self.assertIn("v4l-utils", failed["reason"])
        tools = (await client.call("get_status"))["components"]["tools"]
        self.assertEqual(tools["status"], "DEGRADED")
        self.assertIn("apt-get install v4l-utils", tools["detail"])


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
