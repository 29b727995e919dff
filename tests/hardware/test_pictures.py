"""Pictures and recordings of USB webcams: one open camera for everybody, through unplugs and other programs.

The webcams' JPEGs say in a comment which camera made them and count: what comes out was copied, and nothing is missing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory

from tests.hardware.bench import Bench, children, plug, reactor, run, set_state, unplug
from tests.integration.media import Viewer, below, decoded, later, probe, recording
from tests.service import eventually
from tests.wsclient import RPCFailed

if TYPE_CHECKING:
    from tests.wsclient import Client

#: An emulated machine takes seconds to start ffmpeg, and computes a few small pictures a second.
PATIENCE = 90.0
CAMERA_ID = "usb-1d6b-0102-tb0000"
_COMMENT = re.compile(rb"cam=(\d+) seq=(\d+)")
_SMALL = ("--set", "media.max_width=320", "--set", "media.max_height=240", "--set", "media.max_fps=5")


class PictureBench(Bench):
    """A service that takes small pictures, a few a second."""

    timeout = 400
    options: ClassVar[tuple[str, ...]] = (
        *_SMALL,
        "--set",
        "media.linger=1",
        "--set",
        "media.start_timeout=12",
        "--set",
        "recording.preset=ultrafast",
    )

    def media(self, kind: str) -> Path:
        """Give the directory of a kind of files."""
        return self.service.state / "media" / kind

    def captures(self) -> list[int]:
        """List the capture children."""
        return [pid for pid, argv in below(self.service.pid).items() if " v4l2 " in argv and "pipe:1" in argv]

    async def view(self) -> Viewer:
        """Open a stream."""
        viewer = Viewer(f"/cameras/{CAMERA_ID}/stream.mjpg")
        port = int(self.service.http_url.rpartition(":")[2])
        await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(Factory.forProtocol(lambda: viewer))
        self.addCleanup(viewer.transport.abortConnection)  # type: ignore[union-attr]
        return viewer

    async def frames(self, viewer: Viewer, more: int) -> None:
        """Wait for so many further pictures."""
        wanted = viewer.frames + more
        await eventually(reactor, lambda: viewer.frames >= wanted or viewer.lost, PATIENCE, f"{more} pictures")
        self.assertFalse(viewer.lost, viewer.head)

    async def refused(self, client: Client, method: str) -> RPCFailed:
        """Call a method that must fail; its error."""
        failed: RPCFailed = await self.assertFailure(client.call(method, {"device": CAMERA_ID}), RPCFailed)
        return failed


class WebcamTests(PictureBench):
    """One service with one webcam."""

    async def test_all_at_once(self) -> None:
        """Two streams, a recording and ten snapshots at once, from one capture child; ends of any disturb no other."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        one, two = await self.view(), await self.view()
        await self.frames(one, 3)
        await self.client.call("start_recording", {"device": CAMERA_ID, "codec": "copy", "format": "mkv"})
        shots: Any = await DeferredList(
            [self.client.call("take_snapshot", {"device": CAMERA_ID, "filename": f"shot{n}"}) for n in range(10)]
        )
        for success, shot in shots:
            self.assertTrue(success, shot)
            picture = Path(shot["file_path"]).read_bytes()  # noqa: ASYNC240 - small
            self.assertEqual(_COMMENT.findall(picture)[0][0], b"0")
        self.assertEqual(len(self.captures()), 1)
        status = await self.client.call("get_camera_status", {"device": CAMERA_ID})
        self.assertEqual((status["consumers"], status["holder"]), ({"stream": 2, "recording": 1}, None))
        self.assertEqual((status["resolution"], status["fps"]), ("320x240", 5))
        assert one.transport is not None
        one.transport.loseConnection()
        await self.frames(two, 5)
        stopped = await self.client.call("stop_recording", {"device": CAMERA_ID})
        await self.frames(two, 3)
        path = self.media("recordings") / stopped["filename"]
        await decoded(path)
        # Every frame that the camera counted is in the file, once.
        counted = [int(seq) for _, seq in _COMMENT.findall(path.read_bytes())]
        self.assertEqual(counted, list(range(counted[0], counted[0] + len(counted))))
        self.assertEqual(len(counted), stopped["frames"])
        self.assertEqual(len(self.captures()), 1)

    async def test_unplugged_in_a_recording(self) -> None:
        """Unplugged while it is recorded and plugged in again: two files that play, announced, one session."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        viewer = await self.view()
        started = await self.client.call("start_recording", {"device": CAMERA_ID, "duration": 300})
        session = started["recording_id"]
        await later(3)
        await unplug(0)
        over = await self.client.wait_for(recording("STOPPED", session_id=session), PATIENCE, self.since)
        self.assertEqual((over.params["reason"], over.params["continues"]), ("unplugged", True))
        self.assertEqual(over.params["filename"], started["filename"])
        await self.announced(CAMERA_ID, "DISCONNECTED")
        await plug(0)
        again = await self.client.wait_for(recording("STARTED", session_id=session, segment=2), PATIENCE, self.since)
        await self.frames(viewer, 2)
        await later(2)
        stopped = await self.client.call("stop_recording", {"device": CAMERA_ID})
        self.assertEqual(stopped["files"], [started["filename"], again.params["filename"]])
        for name in stopped["files"]:
            path = self.media("recordings") / name
            await decoded(path)
            self.assertGreater((await probe(path))["frames"], 0)
            info = await self.client.call("get_recording_info", {"filename": name})
            self.assertEqual(info["recording_id"], session)
        self.assertEqual(self.media("recordings").joinpath(f"{started['filename']}.part").exists(), False)

    async def test_another_program_has_it(self) -> None:
        """While another program streams, the error names it, and the camera is ERROR until frames come."""
        camera = await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        other = subprocess.Popen(  # noqa: ASYNC220 - it runs beside the test
            ["v4l2-ctl", "-d", camera.node, "--stream-mmap", "--stream-count=0"],  # noqa: S607 - whichever is there
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await later(3)
            error = await self.refused(self.client, "take_snapshot")
            self.assertEqual((error.code, error.data["reason"]), (-32020, "DEVICE_BUSY"))
            self.assertEqual(error.data["holder"], {"pid": other.pid, "comm": "v4l2-ctl"})
        finally:
            other.send_signal(signal.SIGKILL)
            other.wait(10)
        await self.client.call("take_snapshot", {"device": CAMERA_ID})
        await self.ends_as({CAMERA_ID: camera.node})

    async def test_frozen(self) -> None:
        """A camera that stops delivering becomes an ERROR with a reason, and is taken up again when it delivers."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        viewer = await self.view()
        await self.frames(viewer, 3)
        await set_state(0, "freeze")
        error = await self.announced(CAMERA_ID, "ERROR")
        self.assertIn("frame in 5 s", error.params["reason"])
        await set_state(0, "ok")
        await self.frames(viewer, 2)
        status = await self.client.call("get_camera_status", {"device": CAMERA_ID})
        self.assertEqual(status["status"], "CONNECTED")
        self.assertGreater(status["restarts"], 0)

    async def test_broken_pictures(self) -> None:
        """Pictures that are cut short reach nobody: they are counted, and with nothing else the camera is an ERROR."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        await set_state(0, "corrupt")
        error = await self.refused(self.client, "take_snapshot")
        self.assertEqual(error.code, -32050)
        self.assertIn("broken ones", error.data["detail"])
        self.assertEqual(list(self.media("snapshots").glob("*.part")), [])
        status = await self.client.call("get_camera_status", {"device": CAMERA_ID})
        self.assertGreater(status["broken_frames"], 0)
        await set_state(0, "ok")
        await self.client.call("take_snapshot", {"device": CAMERA_ID})

    async def test_formats(self) -> None:
        """A camera without MJPEG is encoded, and a mode that is set is the one that comes."""
        await plug(0, "--profile", "yuyv")
        await self.announced(CAMERA_ID, "CONNECTED")
        shot = await self.client.call("take_snapshot", {"device": CAMERA_ID})
        await decoded(Path(shot["file_path"]))
        self.assertEqual(shot["resolution"], "320x240")

    async def test_clock_is_set(self) -> None:
        """The machine's clock goes an hour ahead and back in a recording: nothing of it is in the file."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        began = time.monotonic()
        await self.client.call("start_recording", {"device": CAMERA_ID, "codec": "copy", "format": "mkv"})
        # In one go, while this process stands still: its own timers go by the clock that is set.
        jumps = "for jump in '+1 hour' '-2 hours' '+1 hour'; do date --set \"$jump\"; sleep 1; done"
        subprocess.run(["sh", "-c", jumps], check=True, stdout=subprocess.DEVNULL)  # noqa: S607, ASYNC221
        stopped = await self.client.call("stop_recording", {"device": CAMERA_ID})
        took = time.monotonic() - began
        told = await probe(self.media("recordings") / stopped["filename"])
        self.assertGreater(told["duration"], 2)
        self.assertLess(told["duration"], took)
        self.assertLess((await self.client.call("get_server_info"))["uptime"], 1800)

    async def test_controls_in_the_metadata(self) -> None:
        """What a camera's controls were set to is in the metadata of its pictures."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        await self.client.call("set_camera_controls", {"device": CAMERA_ID, "controls": {"brightness": 7}})
        shot = await self.client.call("take_snapshot", {"device": CAMERA_ID, "fresh": True})
        info = await self.client.call("get_snapshot_info", {"filename": shot["filename"]})
        self.assertEqual(info["controls"]["brightness"], 7)
        self.assertEqual(info["camera"]["serial"], "TB0000")


class FullDiskTests(Bench):
    """A disk that fills while it is recorded on."""

    options: ClassVar[tuple[str, ...]] = ()
    alone = True
    timeout = 400

    async def start_service(self, directory: Path) -> Any:
        """Have a small disk of its own for the media."""
        self.disk = tempfile.mkdtemp(prefix="webcam-disk-")
        await run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", self.disk)
        self.addCleanup(run, "umount", "-l", self.disk)
        type(self).options = (*_SMALL, "--media-dir", self.disk, "--set", "storage.floor=4000000")
        return await super().start_service(directory)

    async def test_it_fills(self) -> None:
        """The recording ends above the floor, whole and announced; new ones are refused until there is room."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        await self.client.call("subscribe_events", {"topics": ["storage_status_update", "recording_status_update"]})
        started = await self.client.call("start_recording", {"device": CAMERA_ID, "codec": "copy", "format": "mkv"})
        filler = Path(self.disk) / "filler"
        filler.write_bytes(b"x" * 22_000_000)
        over = await self.client.wait_for(recording("ERROR"), PATIENCE, self.since)
        self.assertEqual((over.params["reason"], over.params["filename"]), ("storage_low", started["filename"]))
        path = Path(self.disk) / "recordings" / started["filename"]
        await decoded(path)
        failed: RPCFailed = await self.assertFailure(
            self.client.call("start_recording", {"device": CAMERA_ID}), RPCFailed
        )
        self.assertEqual(failed.code, -32060)
        os.unlink(filler)
        await self.client.call("take_snapshot", {"device": CAMERA_ID})
        await self.eventually(lambda: not children(self.service.pid), "no child")
