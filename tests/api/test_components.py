"""How each part is, in the words of ``get_status``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast

from tests.api.case import at_once
from tests.cameras.case import MonitorCase, a_camera
from webcam_rpc.api.components import components
from webcam_rpc.api.server import Component
from webcam_rpc.cameras.diagnosis import Diagnosis
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.cameras.models import Status, Trouble
from webcam_rpc.config import Storage
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.media.room import Room
from webcam_rpc.media.schedules import Schedules

if TYPE_CHECKING:
    from webcam_rpc.cameras.watch import Watch
    from webcam_rpc.media.feeds import Feeds


class Troubled(NamedTuple):
    """What is looked at of a feed."""

    camera_id: str
    trouble: str | None
    delivering: bool


class ComponentTests(MonitorCase):
    """A look at each part."""

    def setUp(self) -> None:
        """Make parts that are well, on a machine with both programs."""
        super().setUp()
        self.root = Path(self.mktemp()).absolute()
        self.programs = self.root / "bin"
        self.programs.mkdir(parents=True)
        for name in ("v4l2-ctl", "ffmpeg"):
            (self.programs / name).touch(0o755)
        self.memory = CameraMemory(self.root / "cameras.json", at_once)
        self.library = MediaLibrary(self.root / "media", self.root, Storage(floor=0), self.bus, at_once, lambda: 0)
        self.library.prepare()
        diagnosis = Diagnosis(self.inventory, self.v4l2ctl, at_once, {"PATH": str(self.programs)})
        self.schedules = Schedules(self.root / "schedules.sqlite", at_once)
        self.feeds: list[Troubled] = []
        self.looks = components(
            self.monitor,
            self.registry,
            self.memory,
            self.library,
            diagnosis,
            self.schedules,
            cast("Feeds", SimpleNamespace(all=lambda: self.feeds)),
        )

    def look(self, name: str) -> Component:
        """Look at a part."""
        return self.looks[name]()

    def test_well(self) -> None:
        """All is well, and a machine without cameras is."""
        self.assertEqual(
            {name: look().status for name, look in self.looks.items()}, dict.fromkeys(self.looks, "HEALTHY")
        )
        names = {"monitoring", "cameras", "probes", "feeds", "tools", "state", "schedules", "storage"}
        self.assertEqual(set(self.looks), names)

    def test_probes(self) -> None:
        """A node whose probe failed is told with the reason."""
        watch = SimpleNamespace(
            node=SimpleNamespace(path="/dev/video7"),
            trouble=Trouble("V4L2_FAILED", "it hangs", "plug it in", lasting=True),
        )
        self.monitor._watches["/dev/video7"] = cast("Watch", watch)
        found = self.look("probes")
        self.assertEqual(found.status, "DEGRADED")
        self.assertIn("/dev/video7: ", found.detail)
        self.assertIn("it hangs", found.detail)

    def test_feeds(self) -> None:
        """A feed that is wanted and gives no frames is told with its reason, until it delivers."""
        self.feeds.append(Troubled("demo", "V4L2_FAILED: it does not answer", delivering=False))
        self.assertEqual(self.look("feeds"), Component("DEGRADED", "demo: V4L2_FAILED: it does not answer"))
        self.feeds[0] = Troubled("demo", None, delivering=True)
        self.assertEqual(self.look("feeds"), Component("HEALTHY", "1 deliver"))

    def test_monitoring(self) -> None:
        """Without udev it polls, which is well; a device directory that cannot be read is not, and recovers."""
        self.start()
        self.assertEqual(self.look("monitoring"), Component("HEALTHY", "polling alone: udev is not heard"))
        self.inventory.problem = PermissionError(13, "Permission denied")
        self.tick()
        found = self.look("monitoring")
        self.assertEqual(found.status, "UNHEALTHY")
        self.assertIn("Permission denied", found.detail)
        self.inventory.problem = None
        self.tick()
        self.assertEqual(self.look("monitoring").status, "HEALTHY")

    def test_schedules(self) -> None:
        """Schedules that cannot be kept are told."""
        self.assertEqual(self.look("schedules"), Component("HEALTHY", "0 schedules"))
        self.schedules.problem = "the disk is full"
        self.assertEqual(self.look("schedules"), Component("DEGRADED", "schedules are not kept: the disk is full"))

    def test_cameras(self) -> None:
        """A camera in error degrades the whole and says which and why; one that is unplugged does not."""
        self.registry.put(a_camera("usb-1", "/dev/video0"))
        self.assertEqual(self.look("cameras"), Component("HEALTHY", "1 present"))
        self.registry.put(a_camera("usb-2", "/dev/video2", status=Status.ERROR, reason="hangs"))
        self.assertEqual(self.look("cameras"), Component("DEGRADED", "/dev/video2: hangs"))
        self.registry.put(a_camera("usb-2", "/dev/video2", status=Status.DISCONNECTED))
        self.assertEqual(self.look("cameras").status, "HEALTHY")

    def test_tools(self) -> None:
        """A program that is missing comes with what to type."""
        (self.programs / "ffmpeg").unlink()
        self.assertEqual(self.look("tools"), Component("DEGRADED", "ffmpeg is not in PATH: apt-get install ffmpeg"))

    def test_state(self) -> None:
        """What cannot be kept is said, until it can."""
        self.memory.path.mkdir()
        self.memory.content.aliases["door"] = "usb-1"
        self.successResultOf(self.memory.save())
        self.assertEqual(self.look("state").status, "DEGRADED")
        self.assertIn(str(self.memory.path), self.look("state").detail)
        self.memory.path.rmdir()
        self.successResultOf(self.memory.save())
        self.assertEqual(self.look("state").status, "HEALTHY")

    def test_storage(self) -> None:
        """The room that is left, when it is too little, or why there is none."""
        self.assertRegex(self.look("storage").detail, r"^[0-9]+ bytes available in ")
        self.library.room = Room(self.root / "media", 10**18)
        found = self.look("storage")
        self.assertEqual(found.status, "DEGRADED")
        self.assertRegex(found.detail, r"^[0-9]+ bytes available in .*, 1000000000000000000 have to stay free$")
        (self.root / "media" / "snapshots").rmdir()
        self.assertEqual(self.look("storage").status, "DEGRADED")
