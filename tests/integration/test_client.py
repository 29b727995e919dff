"""The client library against the real service, over connections that are cut again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import ssl
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from tests.certificates import write_pair
from tests.integration.cuts import Follower, Proxy
from tests.integration.test_service import CAPTURES, PATIENCE, ServiceCase, reactor
from tests.service import ROOT, Service, eventually
from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.errors import CallFailed, ConnectionLost, Refused
from webcam_rpc.client.following import TOPICS
from webcam_rpc.client.models import CameraStatusUpdate
from webcam_rpc.client.on_asyncio import Client as AsyncioClient
from webcam_rpc.client.on_twisted import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wsclient import Client as Witness

#: V4L2's major number, and minors that no real device here has.
_MAJOR, _MINOR = 81, 200
#: How many events the service keeps for a replay.
_RING = 1000


class LostConnectionsTests(ServiceCase):
    """Events by way of a proxy that cuts connections."""

    async def proxied(self, url: str) -> Proxy:
        """Put a proxy before a service, whose port becomes ``self.url``."""
        proxy = Proxy(int(url.rpartition(":")[2].partition("/")[0]))
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(proxy)
        self.url = f"ws://127.0.0.1:{port.getHost().port}/ws"

        async def close() -> None:
            await port.stopListening()
            proxy.cut()
            await eventually(reactor, lambda: not proxy.open, PATIENCE, "no connection left")

        self.addCleanup(lambda: Deferred.fromCoroutine(close()))
        return proxy

    def follow(self) -> Follower:
        """Start a client for asyncio in a process of its own."""
        follower = Follower(self.directory / "followed", "-m", "tests.client.follower", self.url)
        self.addCleanup(follower.kill)
        return follower

    async def witness(self, service: Service) -> Witness:
        """Connect somebody who is told everything and never cut off."""
        client = await self.connect(service)
        await client.call("subscribe_events", {"topics": list(TOPICS)})
        return client

    def devices(self) -> Path:
        """Make a device directory under ``/dev``: elsewhere nodes may be forbidden."""
        try:
            devices = Path(tempfile.mkdtemp(prefix="webcam-rpc-", dir="/dev"))
        except OSError as error:
            raise SkipTest(f"needs root, to make device nodes: {error.strerror}") from None
        self.addCleanup(shutil.rmtree, devices)
        try:
            toggle(devices, 0)
        except OSError as error:
            raise SkipTest(f"needs root, to make device nodes: {error.strerror}") from None
        toggle(devices, 0)
        return devices

    def programs(self) -> Path:
        """Make a directory with a ``v4l2-ctl`` that knows these cameras."""
        programs = Path(self.mktemp()).absolute()
        programs.mkdir(parents=True)
        program = programs / "v4l2-ctl"
        program.write_text(f"#!/bin/sh\nexec cat {CAPTURES / 'uvc-hd.txt'}\n")
        program.chmod(0o755)
        return programs

    async def test_storm(self) -> None:
        """Cameras come and go, connections are cut anywhere: every event comes exactly once, in order."""
        devices = self.devices()
        environ = {"PATH": os.pathsep.join((str(self.programs()), os.environ["PATH"]))}
        service = await self.serve("--device-dir", str(devices), environ=environ)
        witness = await self.witness(service)
        proxy = await self.proxied(service.url)
        follower = self.follow()
        await eventually(reactor, follower.told, PATIENCE, "the first state")
        start = witness.mark()
        chance = random.Random(6)  # noqa: S311 - the same storm each time
        proxy.budget = lambda: chance.randrange(6000)
        proxy.cut()
        modes = [(640, 480), (320, 240)]

        def blow() -> None:
            toggle(devices, chance.randrange(6))
            for _ in range(3):
                width, height = modes[0]
                modes.reverse()
                calls.append(witness.call("set_camera_format", {"device": "demo", "width": width, "height": height}))

        calls: list[Deferred[Any]] = []
        storm = LoopingCall(blow)
        ended = storm.start(0.02)
        await eventually(reactor, lambda: proxy.cuts >= 60, 4 * PATIENCE, "60 cuts")
        storm.stop()
        await ended
        proxy.budget = lambda: None
        for number in range(6):
            if (devices / f"video{number}").exists():
                toggle(devices, number)
        await gatherResults(calls)
        await eventually(reactor, lambda: _all_gone(witness), PATIENCE, "no camera but the demo")
        # A node that was there for a moment may be told of even after this, and is compared as far as it was.
        await witness.call("set_camera_format", {"device": "demo", "width": 640, "height": 480})
        mark = witness.notifications[-1].params["seq"]
        await eventually(reactor, lambda: _last(follower) >= mark, PATIENCE, "the end")
        *told, end = await follower.stop()
        last = told[-1]["seq"]
        await eventually(reactor, lambda: witness.notifications[-1].params["seq"] >= last, PATIENCE, "the same end")
        sent = [one for one in witness.notifications[start:] if one.params["seq"] <= last]
        expected = [{"kind": _kind(one.method), **one.params} for one in sent]
        self.assertEqual([one for one in told if not one.get("initial")], expected)
        self.assertEqual([one["camera_id"] for one in told if one.get("initial")], ["demo"])
        self.assertEqual(end, {"kind": "end", "loaded": []})
        kinds = {one["status"] for one in expected if one["device"] != "/dev/video-demo"}
        self.assertEqual(kinds, {"CONNECTED", "DISCONNECTED"})
        self.assertGreater(len(expected), 100)

    async def test_too_long_ago_and_restarted(self) -> None:
        """More events than are kept, then another run of the service: both are said, and the states of now follow."""
        service = await self.serve()
        witness = await self.witness(service)
        proxy = await self.proxied(service.url)
        follower = self.follow()
        (first,) = await eventually(reactor, follower.told, PATIENCE, "the first state")
        proxy.budget = lambda: 0
        proxy.cut()
        for _ in range(_RING // 100 + 1):
            sizes = [(320, 240), (640, 480)] * 50
            await gatherResults(
                [
                    witness.call("set_camera_format", {"device": "demo", "width": width, "height": height})
                    for width, height in sizes
                ]
            )
        last = witness.notifications[-1].params
        self.assertGreater(last["seq"] - first["seq"], _RING)
        proxy.budget = lambda: None
        (_, missed, state) = await eventually(reactor, _at_least(follower, 3), PATIENCE, "the states of now")
        self.assertEqual((missed["kind"], missed["reason"]), ("Missed", "too_long_ago"))
        self.assertEqual(missed["now"], {"seq": last["seq"], "epoch": last["epoch"]})
        self.assertEqual(state, {"kind": "CameraStatusUpdate", **last, "initial": True})
        await witness.call("set_camera_format", {"device": "demo", "width": 320, "height": 240})
        live = (await eventually(reactor, _at_least(follower, 4), PATIENCE, "live again"))[3]
        self.assertEqual((live["seq"], live["resolution"]), (last["seq"] + 1, "320x240"))
        await witness.close()
        await service.stop()
        service = await self.serve()
        proxy.port = int(service.url.rpartition(":")[2].partition("/")[0])
        *_, missed, state = await eventually(reactor, _at_least(follower, 6), PATIENCE, "the new run")
        self.assertEqual((missed["kind"], missed["reason"]), ("Missed", "restarted"))
        self.assertEqual(missed["since"], {"seq": live["seq"], "epoch": live["epoch"]})
        self.assertEqual((state["camera_id"], state["initial"], state["epoch"]), ("demo", True, missed["now"]["epoch"]))
        self.assertNotEqual(state["epoch"], live["epoch"])
        self.assertEqual((await follower.stop())[-1], {"kind": "end", "loaded": []})

    async def test_with_twisted(self) -> None:
        """The client for Twisted calls, is told of errors, follows over a lost connection, leaves nothing behind."""
        service = await self.serve()
        proxy = await self.proxied(service.url)
        client = Client(reactor, self.url, backoff=Backoff(0.01, 0.1))
        self.addCleanup(client.stopService)
        events = client.events(CameraStatusUpdate)
        client.startService()
        await client.connected()
        self.assertEqual(await client.ping(), "pong")
        self.assertEqual([camera.camera_id for camera in (await client.get_camera_list()).cameras], ["demo"])
        with self.assertRaises(CallFailed) as raised:
            await client.get_camera_status("nobody")
        self.assertEqual((raised.exception.code, raised.exception.data["resource"]), (-32010, "camera"))
        state = await anext(events)
        self.assertEqual((state.camera_id, state.initial, state.resolution), ("demo", True, "640x480"))
        witness = await self.witness(service)
        under_way = client.take_snapshot("demo", fresh=True)
        proxy.cut()
        with self.assertRaises(ConnectionLost):
            await under_way
        start = witness.mark()
        for width, height in ((320, 240), (640, 480), (320, 240)):
            await witness.call("set_camera_format", {"device": "demo", "width": width, "height": height})
        self.assertEqual(await client.call("ping"), "pong")
        missed = [await anext(events) for _ in range(3)]
        sent = [one for one in witness.notifications[start:] if one.method == "camera_status_update"]
        self.assertEqual([(one.seq, one.resolution) for one in missed], [_place(one.params) for one in sent])
        stopped = client.stopService()
        assert stopped is not None
        await stopped
        with self.assertRaises(StopAsyncIteration):
            await anext(events)

    def certificate(self) -> tuple[str, str, Certificate]:
        """Make one for this machine; give its file, its key's, and itself."""
        certificate, key = write_pair(Path(self.mktemp()).absolute())
        return certificate, key, Certificate.loadPEM(Path(certificate).read_bytes())

    async def test_tokens_and_tls(self) -> None:
        """By the admin socket a token is made; both clients come in with it, by TLS, and may do what it allows."""
        certificate, key, authority = self.certificate()
        listen = (f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}",)
        service = await self.serve(listen=listen)
        # The address of a unix socket is no longer than 107 bytes, and a test's directory may be.
        state = os.open(service.state, os.O_PATH)
        self.addCleanup(os.close, state)
        admin = Client(reactor, unix=f"/proc/self/fd/{state}/admin.sock")
        self.addCleanup(admin.stopService)
        admin.startService()
        token = (await admin.create_token("operator")).token

        async def rename() -> str:
            tls = ssl.create_default_context(cafile=certificate)
            async with AsyncioClient(service.url, token=token, tls=tls) as client:
                return (await client.set_camera_alias("demo", "porch")).camera_id

        self.assertEqual(await deferToThread(lambda: asyncio.run(rename())), "demo")
        trusted = optionsForClientTLS("localhost", authority)
        port = int(service.url.rpartition(":")[2].partition("/")[0])
        endpoint = wrapClientTLS(trusted, TCP4ClientEndpoint(reactor, "127.0.0.1", port))
        client = Client(reactor, service.url, token=token, endpoint=endpoint)
        self.addCleanup(client.stopService)
        client.startService()
        self.assertEqual((await client.get_camera_status("porch")).alias, "porch")
        with self.assertRaises(CallFailed) as raised:
            await client.create_token("admin")
        self.assertEqual(raised.exception.code, -32002)

    async def test_refused(self) -> None:
        """A token that is wrong is not tried again: calls and iterators end with Refused."""
        service = await self.serve()
        client = Client(reactor, service.url, token="of-nobody")
        self.addCleanup(client.stopService)
        client.startService()
        await self.assertFailure(client.ping(), Refused)
        with self.assertRaises(Refused):
            await anext(client.events())


class GeneratedTests(ServiceCase):
    """The typed methods and the models."""

    async def test_current(self) -> None:
        """The modules in the tree are the ones that would be written now."""
        service = await self.serve()
        document = json.dumps(await (await self.connect(service)).call("rpc.discover"))
        (self.directory / "openrpc.json").write_text(document)
        url = (self.directory / "openrpc.json").as_uri()
        for module in ("models", "methods"):
            out, err, status = await getProcessOutputAndValue(
                sys.executable,
                [str(ROOT / "scripts" / "client_methods.py"), module, url],
                env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
                reactor=reactor,
            )
            self.assertEqual((status, err), (0, b""))
            written = (ROOT / "webcam_rpc" / "client" / f"{module}.py").read_text("utf-8")
            self.assertTrue(out.decode() == written, f"{module}.py is out of date: see scripts/client_methods.py")


class ExampleTests(ServiceCase):
    """The examples, as they are typed."""

    async def test_examples(self) -> None:
        """Each says what serves and that the demo camera is there."""
        service = await self.serve()
        for example in ("watch_asyncio", "watch_twisted"):
            output = self.directory / example
            process = Follower(output, str(ROOT / "examples" / f"{example}.py"), service.url)
            self.addCleanup(process.kill)
            await eventually(reactor, lambda: b"CONNECTED" in output.read_bytes(), PATIENCE, "the camera")  # noqa: B023
            process.process.signalProcess("KILL")
            await process.ended
            server, camera = output.read_text("utf-8").splitlines()
            self.assertRegex(server, r"^webcam_rpc \d+\.\d+\.\d+$")
            self.assertRegex(camera, r"^\S+Z /dev/video-demo: CONNECTED$")


def toggle(devices: Path, number: int) -> None:
    """Let videoN come, or go if it is there."""
    path = devices / f"video{number}"
    if path.exists():
        path.unlink()
    else:
        os.mknod(path, stat.S_IFCHR | 0o660, os.makedev(_MAJOR, _MINOR + number))


def _place(params: dict[str, Any]) -> tuple[int, str]:
    return params["seq"], params["resolution"]


def _kind(topic: str) -> str:
    return "".join(word.capitalize() for word in topic.split("_"))


def _last(follower: Follower) -> int:
    told = follower.told()
    return int(told[-1].get("seq", 0)) if told else 0


def _at_least(follower: Follower, count: int) -> Callable[[], list[dict[str, Any]] | None]:
    def look() -> list[dict[str, Any]] | None:
        told = follower.told()
        return told if len(told) >= count else None

    return look


def _all_gone(witness: Witness) -> bool:
    last: dict[str, str] = {}
    for one in witness.notifications:
        if one.method == "camera_status_update":
            last[one.params["device"]] = one.params["status"]
    return all(status == "DISCONNECTED" for device, status in last.items() if device != "/dev/video-demo")
