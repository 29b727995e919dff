"""The unit as systemd runs it: hardened, told that it is ready, restarted, stopped, with its log in the journal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.hardware.bench import DEADLINE, Bench, plug, reactor, release, run
from tests.service import ROOT, eventually
from tests.wsclient import Client, RPCFailed, status_of

UNIT = "webcam-service"
URL = "ws://127.0.0.1:8002/ws"
_ETC = Path("/etc/systemd/system")
_CONFIGURATION = Path("/etc/webcam-rpc")
_LOGS = Path("/var/log/webcam-rpc")
#: What scripts/install makes, less the venv: that would take a minute and more on an emulated machine. The unit runs
#: this interpreter with the modules that these tests run with.
_DROP_IN = """
[Service]
Environment=PYTHONPATH={path}
ExecStart=
ExecStart={python} -c "from twisted.scripts.twistd import run; run()" -n --pidfile= webcam --config {configuration}
ExecReload=
ExecReload={python} -m webcam_rpc config reload
# So that a test need not wait for half a minute; an emulated machine is slow, and no more than that.
WatchdogSec=6
TimeoutAbortSec=1
"""


class Caller:
    """Connects, asks and is answered, again and again.

    :ivar lost: what became of connections that were not answered.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.lost: list[str] = []
        self.enough = False

    def go_on(self) -> None:
        """Go on until it is enough; blocks."""
        while not self.enough:
            try:
                with socket.create_connection(("127.0.0.1", 8002), DEADLINE) as connection:
                    connection.settimeout(2 * DEADLINE)
                    connection.sendall(b"GET /openrpc.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    text = b"".join(iter(lambda: connection.recv(65536), b""))
            except OSError as error:
                self.lost.append(repr(error))
            else:
                if text.startswith(b"HTTP/1.1 200 ") and text.endswith(b"}"):
                    self.answered += 1
                else:
                    self.lost.append(repr(text[:100]))


class UnitTests(Bench):
    """One life of the unit."""

    timeout = 400

    async def setUp(self) -> None:  # type: ignore[override]
        """Install the unit; no other service runs meanwhile."""
        self._look_for_hardware()
        await release()
        await self.clear()
        if not Path("/run/systemd/system").is_dir():  # noqa: ASYNC240 - one look
            self.lack("systemd does not run here")
        await self._install()
        self.addCleanup(self._uninstall)

    async def tearDown(self) -> None:  # type: ignore[override]
        """Nothing that the service did may have raised."""
        journal = await self._journal()
        self.assertNotIn("Traceback", journal)
        self.assertNotIn("Unhandled", journal)

    async def _install(self) -> None:
        await run("useradd", "--system", "--user-group", "--no-create-home", "webcam-rpc")
        self._write()
        await run("systemctl", "daemon-reload")

    def _write(self) -> None:
        _CONFIGURATION.mkdir()
        text = (ROOT / "etc" / "webcam.yaml").read_text()
        text = text.replace("  #format: text\n", "  format: journal\n")
        text = text.replace("  #file: null\n", f"  file: {_LOGS / 'server.log'}\n")
        (_CONFIGURATION / "webcam.yaml").write_text(text)
        for kind in ("service", "socket"):
            shutil.copy(ROOT / "etc" / f"{UNIT}.{kind}", _ETC)
        extra = _ETC / f"{UNIT}.service.d"
        extra.mkdir(exist_ok=True)
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        configuration = _CONFIGURATION / "webcam.yaml"
        python = os.path.realpath(sys.executable)
        (extra / "test.conf").write_text(_DROP_IN.format(path=path, python=python, configuration=configuration))

    async def _uninstall(self) -> None:
        await run("systemctl", "disable", "--quiet", "--now", f"{UNIT}.socket", UNIT, ok=False)
        for kind in ("service", "socket"):
            (_ETC / f"{UNIT}.{kind}").unlink()
        shutil.rmtree(_ETC / f"{UNIT}.service.d")
        shutil.rmtree(_CONFIGURATION)
        shutil.rmtree(_LOGS, ignore_errors=True)
        await run("userdel", "webcam-rpc", ok=False)
        await run("systemctl", "daemon-reload")

    async def _show(self) -> dict[str, str]:
        """Ask systemd how the unit is."""
        wanted = "ActiveState,SubState,MainPID,Type,Result,ExecMainStatus,ExecMainCode,NRestarts,StatusText"
        lines = (await run("systemctl", "show", "-p", wanted, UNIT)).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    async def _journal(self) -> str:
        await run("journalctl", "--sync", ok=False)
        return await run("journalctl", "-u", UNIT, "--no-pager", "-o", "cat", ok=False)

    async def _connect(self) -> Client:
        client = await Client.connect(reactor, URL)
        self.addCleanup(client.close)
        return client

    async def test_a_life(self) -> None:
        """Started, it is ready and sees a webcam; killed, it comes back; stopped, it ends with status 0."""
        began = reactor.seconds()
        await run("systemctl", "enable", "--quiet", UNIT)  # else systemd forgets how it ended
        await run("systemctl", "start", UNIT, ok=False)
        shown = await self._show()
        self.assertEqual(
            (shown["ActiveState"], shown["SubState"], shown["Type"]),
            ("active", "running", "notify"),
            f"{shown}\n{await self._journal()}",
        )
        # `start` came back because the service said that it is ready, and then it is: no second try.
        client = await self._connect()
        took = reactor.seconds() - began
        camera = await plug(0)
        told = await client.wait_for(status_of("usb-1d6b-0102-tb0000", "CONNECTED"), DEADLINE)
        self.assertEqual((told.params["device"], told.params["resolution"]), (camera.node, "640x480"))
        status = await client.call("get_camera_status", {"device": camera.node})
        self.assertEqual((status["serial"], status["status"]), ("TB0000", "CONNECTED"))
        answer = await client.call("set_camera_controls", {"device": camera.node, "controls": {"brightness": 4}})
        self.assertEqual(answer["applied"], {"brightness": 4})
        # ffmpeg runs in there too, tied to the service, and what it gives can be kept.
        shot = await client.call("take_snapshot", {"device": camera.node})
        self.assertEqual(shot["file_path"], f"/var/lib/webcam-rpc/media/snapshots/{shot['filename']}")
        self.assertEqual(Path(shot["file_path"]).stat().st_size, shot["file_size"])  # noqa: ASYNC240 - one look

        journal = await self._journal()
        for line in (
            "Server started successfully at ws://0.0.0.0:8002/ws",
            "Client connected: 127.0.0.1:",
            f"Camera connected: {camera.node} - 640x480 @ 30fps",
        ):
            self.assertIn(line, journal)
        # systemd made the folder of the log file, for nobody else.
        self.assertEqual((await run("stat", "-c", "%a %U", str(_LOGS))).strip(), "750 webcam-rpc")
        self.assertIn("Server started successfully", (_LOGS / "server.log").read_text())
        self.assertIn("Started", await run("journalctl", "-u", UNIT, "--no-pager"))

        await self._reloaded(client)

        # A reactor that does not turn is a service that does not answer: systemd's watchdog sees it.
        first = int(shown["MainPID"])
        os.kill(first, signal.SIGSTOP)
        self.assertIsNone((await client.lost(3 * DEADLINE)).code)
        client = await self._reconnect()
        shown = await self._show()
        self.assertEqual((shown["ActiveState"], shown["NRestarts"]), ("active", "1"))
        self.assertNotEqual(int(shown["MainPID"]), first)
        self.assertIn("Watchdog timeout", await run("journalctl", "-u", UNIT, "--no-pager"))
        first = int(shown["MainPID"])
        os.kill(first, signal.SIGKILL)
        self.assertIsNone((await client.lost()).code)
        client = await self._reconnect()
        shown = await self._show()
        self.assertEqual((shown["ActiveState"], shown["NRestarts"]), ("active", "2"))
        self.assertNotEqual(int(shown["MainPID"]), first)
        again = await client.wait_for(
            lambda one: one.params.get("camera_id") == "usb-1d6b-0102-tb0000" and "resolution" in one.params, DEADLINE
        )
        self.assertEqual(again.params["device"], camera.node)

        await run("systemctl", "stop", UNIT)
        self.assertEqual((await client.lost()).code, 1001)
        shown = await self._show()
        self.assertEqual(
            (shown["ActiveState"], shown["Result"], shown["ExecMainCode"], shown["ExecMainStatus"]),
            ("inactive", "success", "1", "0"),  # 1: it exited, and no signal ended it
            shown,
        )

        verdict = (await run("systemd-analyze", "security", "--no-pager", UNIT, ok=False)).splitlines()[-1]
        exposure = re.search(r"([0-9.]+) [A-Z]+", verdict)
        assert exposure is not None, verdict
        print(f"{verdict}; ready after {took:.1f} s", file=sys.stderr, flush=True)  # noqa: T201 - the figure is asked for
        self.assertLessEqual(float(exposure[1]), 1.5, verdict)

    async def _reloaded(self, client: Client) -> None:
        """``systemctl reload`` comes back when the new configuration is in force, and drops nobody."""
        file = _CONFIGURATION / "webcam.yaml"
        text = file.read_text()
        file.write_text(text.replace("  #loopback: operator\n", "  loopback: viewer\n"))
        await run("systemctl", "reload", UNIT)
        with self.assertRaises(RPCFailed) as refused:
            await client.call("take_snapshot", {"device": "usb-1d6b-0102-tb0000"})
        self.assertEqual(refused.exception.data, {"required_role": "operator", "have_role": "viewer"})
        file.write_text(text.replace("  #loopback: operator\n", "  lopback: viewer\n"))
        with self.assertRaises(AssertionError):
            await run("systemctl", "reload", UNIT)
        self.assertIn("access.lopback", await self._journal())
        file.write_text(text)
        await run("systemctl", "reload", UNIT)
        self.assertEqual((await self._show())["ActiveState"], "active")

    async def test_restart_loses_nobody(self) -> None:
        """Over a restart under load every attempt to connect is answered: systemd holds the port."""
        await run("systemctl", "start", f"{UNIT}.socket")
        callers = [Caller() for _ in range(4)]
        calling = [deferToThread(caller.go_on) for caller in callers]
        try:
            # The first call starts the service.
            await self._answered(callers, 20)
            pids = [(await self._show())["MainPID"]]
            for _ in range(2):
                enough = sum(one.answered for one in callers) + 20
                await run("systemctl", "restart", UNIT)
                pids.append((await self._show())["MainPID"])
                await self._answered(callers, enough)
        finally:
            for caller in callers:
                caller.enough = True
            await gatherResults(calling)
        self.assertEqual(len(set(pids)), 3, pids)
        answered = sum(one.answered for one in callers)
        print(f"{answered} connections over two restarts", file=sys.stderr, flush=True)  # noqa: T201 - the same
        self.assertEqual([one.lost for one in callers], [[], [], [], []])
        self.assertEqual((await self._token())["role"], "viewer")

    async def _answered(self, callers: list[Caller], enough: int) -> None:
        try:
            await eventually(reactor, lambda: sum(one.answered for one in callers) >= enough, DEADLINE, "all served")
        except AssertionError:
            self.fail(f"{[(one.answered, one.lost) for one in callers]}\n{await self._journal()}")

    async def _token(self) -> dict[str, Any]:
        """Make a token as root does, and be somebody by it."""
        command = [sys.executable, "-m", "webcam_rpc", "token", "create", "--role", "viewer"]
        token = (await run(*command)).strip().splitlines()[-1]
        client = await self._connect()
        who: dict[str, Any] = await client.call("authenticate", {"auth_token": token})
        return who

    async def _reconnect(self) -> Client:
        """Connect as soon as the service is there again."""
        found: list[Any] = []
        end = reactor.seconds() + 3 * DEADLINE
        while not found:
            self.assertLess(reactor.seconds(), end, f"not back: {await self._show()}\n{await self._journal()}")
            with contextlib.suppress(ConnectError):
                found.append(await self._connect())
            await deferLater(reactor, 0.2)
        client: Client = found[0]
        return client
