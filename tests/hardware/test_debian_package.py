"""The Debian package, installed, upgraded, removed and purged by dpkg on a machine with systemd and webcams."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from tests.hardware.bench import DEADLINE, Bench, plug, reactor, release, run
from tests.wsclient import Client, status_of

UNIT, PACKAGE = "webcam-service", "webcam-rpc"
CAMERA = "usb-1d6b-0102-tb0000"
_CONFIGURATION = Path("/etc/webcam-rpc/webcam.yaml")
_PROGRAM, _STATE, _LOGS = Path("/usr/lib/webcam-rpc"), Path("/var/lib/webcam-rpc"), Path("/var/log/webcam-rpc")

#: Seconds within which the package is built, on a machine that does much else.
_BUILT = 240.0


def exists(*paths: Path) -> list[bool]:
    """Tell which of them are there."""
    return [path.exists() for path in paths]


def has_account() -> bool:
    """Tell whether the service's user is there."""
    return any(entry.pw_name == PACKAGE for entry in pwd.getpwall())


def configuration() -> str:
    """Give the text of the configuration."""
    return _CONFIGURATION.read_text()


def edit() -> str:
    """Change the configuration as an administrator would; its text."""
    text = configuration() + "# Ours.\n"
    _CONFIGURATION.write_text(text)
    return text


class DebianPackageTests(Bench):
    """One life of the package, which scripts/deb builds and $WEBCAM_DEB names; it may still be being built."""

    timeout = 500

    async def setUp(self) -> None:  # type: ignore[override]
        """Have the package, and no other service."""
        self._look_for_hardware()
        self.package = os.environ.get("WEBCAM_DEB", "")
        if not self.package:
            self.lack("no package to install ($WEBCAM_DEB, of scripts/deb)")
        await self.eventually(lambda: Path(self.package).exists(), f"there is a {self.package}", _BUILT)
        await release()
        await self.clear()
        self.addCleanup(run, "dpkg", "--purge", PACKAGE, ok=False)

    async def _pid(self) -> str:
        self.assertEqual((await run("systemctl", "is-active", UNIT, ok=False)).strip(), "active")
        return await run("systemctl", "show", "-p", "MainPID", "--value", UNIT)

    async def _connect(self) -> Client:
        client = await Client.connect(reactor, "ws://127.0.0.1:8002/ws")
        self.addCleanup(client.close)
        return client

    async def test_a_life(self) -> None:
        """Installed, it runs and sees a webcam; upgraded, it has what it had; purged, nothing of it is left."""
        await run("dpkg", "--install", self.package)
        first = await self._pid()
        self.assertEqual((await run("systemctl", "is-enabled", UNIT)).strip(), "enabled")
        client = await self._connect()
        camera = await plug(0)
        told = await client.wait_for(status_of(CAMERA, "CONNECTED"), DEADLINE)
        self.assertEqual(told.params["device"], camera.node)
        await client.call("set_camera_alias", {"device": CAMERA, "name": "porch"})
        # The biggest pictures are much work for an emulated machine.
        await client.call("set_camera_format", {"device": "porch", "width": 320, "height": 240, "fps": 5})
        shot = await client.call("take_snapshot", {"device": "porch"})
        self.assertEqual(Path(shot["file_path"]).parent, _STATE / "media" / "snapshots")
        self.assertIn("Server started successfully", (_LOGS / "server.log").read_text())
        # The command is found, and finds the service. What these tests run with is none of its business.
        listed = await run("env", "-u", "PYTHONPATH", "webcamctl", "token", "list", "--json")
        self.assertEqual(listed.strip(), "[]")

        edited = edit()
        await run("dpkg", "--install", "--force-confold", self.package)
        self.assertEqual((await client.lost(DEADLINE)).code, 1001)
        self.assertNotEqual(await self._pid(), first)
        self.assertEqual(configuration(), edited)
        client = await self._connect()
        known = await client.call("get_camera_status", {"device": "porch"})
        self.assertEqual(known["camera_id"], CAMERA)
        kept = await client.call("list_snapshots")
        self.assertEqual([file["filename"] for file in kept["files"]], [shot["filename"]])

        await run("dpkg", "--remove", PACKAGE)
        self.assertEqual((await client.lost(DEADLINE)).code, 1001)
        self.assertEqual((await run("systemctl", "is-active", UNIT, ok=False)).strip(), "inactive")
        self.assertEqual(exists(_PROGRAM, _CONFIGURATION, Path(shot["file_path"])), [False, True, True])

        await run("dpkg", "--purge", PACKAGE)
        self.assertEqual(exists(_CONFIGURATION.parent, _STATE, _LOGS), [False, False, False])
        self.assertFalse(has_account())
        self.assertEqual(await run("sh", "-c", "find /etc /usr /var/lib/systemd -name '*webcam*'"), "")
