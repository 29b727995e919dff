"""A service that is not root: what udev has yet to permit, and what nobody permits."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

from tests.hardware.bench import Bench, Launcher, plug

if TYPE_CHECKING:
    from tests.service import Service


class PermissionTests(Launcher, Bench):
    """The service is ``nobody``, in the group ``video``."""

    prefix = ("/usr/bin/setpriv", "--reuid", "nobody", "--regid", "video", "--clear-groups")

    def prepare(self, service: Service) -> None:
        """Give it a state directory that it may write."""
        service.directory.mkdir(exist_ok=True)
        service.state.mkdir(exist_ok=True)
        shutil.chown(service.state, "nobody", "video")

    async def test_late_permissions(self) -> None:
        """A node that udev opens to the group a moment after it appeared is no error at any time."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        await self.ends_as({"usb-1d6b-0102-tb0000": camera.node})
        self.assertEqual({one.params["status"] for one in self.updates()}, {"CONNECTED"})

    async def test_no_permission(self) -> None:
        """A node that stays shut is an error that says what to do; once it is opened, all is well."""
        os.kill(self.service.pid, signal.SIGSTOP)
        try:
            camera = await plug(0)
            for node in camera.nodes:
                os.chmod(node, 0)
        finally:
            os.kill(self.service.pid, signal.SIGCONT)
        told = await self.announced("usb-1d6b-0102-tb0000", "ERROR")
        self.assertIn("permission", told.params["reason"].lower())
        self.assertIn("group video", told.params["reason"].lower())
        status = await self.client.call("get_camera_status", {"device": camera.node})
        self.assertEqual((status["status"], status["reason"]), ("ERROR", told.params["reason"]))
        checks = (await self.client.call("diagnose_camera", {"device": camera.node}))["checks"]
        self.assertTrue([one for one in checks if not one["ok"] and one["remedy"] and "perm" in str(one)], checks)
        for node in camera.nodes:
            os.chmod(node, 0o660)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        await self.ends_as({"usb-1d6b-0102-tb0000": camera.node})

    async def test_permission_is_taken_away(self) -> None:
        """A camera that is shut while it is known is an error, and comes back when it is opened."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        os.chmod(camera.node, 0)
        await self.announced("usb-1d6b-0102-tb0000", "ERROR")
        mark = self.client.mark()
        os.chmod(camera.node, 0o660)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED", since=mark)
