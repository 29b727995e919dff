"""Recordings with the real ffmpeg, on the real reactor: what is on the disk plays, and nothing is missing in it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.cameras.case import a_camera, make_bus
from tests.media.childcase import eventually
from tests.media.clips import faults, jpegs, probed, probed_times
from tests.media.fakes_rec import FakeFeeds, PastFeed, RoomyLibrary, news_of
from webcam_rpc import config
from webcam_rpc.cameras.models import CurrentMode
from webcam_rpc.durable import PART
from webcam_rpc.media import sidecar
from webcam_rpc.media.child import Children
from webcam_rpc.media.finishing import Finishing
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.recorder import Recorder
from webcam_rpc.media.recording_state import RecordingState, RecordingWanted
from webcam_rpc.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webcam_rpc.media.segment import Segment

reactor: Any = global_reactor
#: How many different pictures there are; they come again and again.
_PICTURES = 20


class FFmpegCase(TestCase):
    """A camera whose frames have the times that the test says, a recorder, real encoders, real files."""

    timeout = 240

    def setUp(self) -> None:
        """Put it together."""
        self.directory = Path(self.mktemp()).absolute()
        self.threads = Threads(reactor, ThreadPool(0, 4))
        self.children = Children(reactor, os.environ)
        self.library = RoomyLibrary(self.directory)
        self.bus = make_bus()
        self.news = news_of(self.bus)
        self.finishing = Finishing(
            reactor, self.directory, self.children, self.threads.run, self.bus, self.library.check_room
        )
        self.feed = PastFeed(reactor)
        self.feed.mode = CurrentMode("MJPG", 160, 120, 20)
        self.other = PastFeed(reactor, a_camera("usb-2", "/dev/video2"))
        self.recorder = Recorder(
            reactor,
            lambda: 1767268800.0,
            self.children,
            self.threads.run,
            self.bus,
            FakeFeeds(self.feed, self.other),
            self.library,
            self.finishing,
            config.Recording(preset="ultrafast"),
        )
        self.services = (self.threads, self.children, self.finishing, self.recorder)
        for service in self.services:
            service.startService()
        self.number = 0
        self.began = reactor.seconds()
        self.addCleanup(self.end)

    async def end(self) -> None:
        """Stop; nothing is left."""
        for service in reversed(self.services):
            await service.stopService()
        self.assertEqual(len(self.children), 0)
        self.assertEqual(list(self.directory.rglob(f"*{PART}")), [])

    def frame(self, at: float) -> Frame:
        """Give the next frame, so many seconds after the beginning."""
        self.number += 1
        jpeg = jpegs(_PICTURES)[self.number % _PICTURES]
        return Frame(self.number, self.began + at, 1767268800.0, 160, 120, jpeg)

    def deliver(self, times: Sequence[float]) -> None:
        """Let frames come which say that they came at these times; how long they take does not matter."""
        for at in times:
            frame = self.frame(at)
            for attachment in tuple(self.feed.attached):
                attachment.consumer.frame(frame)

    async def start(self, times: Sequence[float], **wanted: Any) -> RecordingState:
        """Begin a recording with these frames."""
        starting = self.recorder.start(RecordingWanted(**{"camera_id": "usb-1", **wanted}))
        await eventually(lambda: bool(self.feed.attached) or starting.called)
        self.deliver(times)
        return await starting

    async def stop(self, state: RecordingState) -> RecordingState:
        """End it when all is written."""
        return await self.recorder.stop(state.recording_id)

    async def check(self, filename: str, times: Sequence[float] | None = None) -> int:
        """See that a file decodes without a word, and has its frames at these times; give how many it has."""
        path = self.directory / "recordings" / filename
        self.assertEqual(await deferToThread(faults, path), "")
        found = await deferToThread(probed_times, path)
        if times is not None:
            self.assertEqual(len(found), len(times))
            for one, other in zip(found, times, strict=True):
                # Times are set to the camera's beat, and Matroska counts milliseconds.
                self.assertApproximates(one - found[0], other - times[0], 0.5 / 20 + 0.002)
        meta = sidecar.decode_recording(path.with_name(f"{filename}.json").read_bytes())
        assert meta is not None
        self.assertEqual((meta.frames, meta.file_size), (len(found), path.stat().st_size))
        self.assertIn(("recordings", filename), self.library.listed)
        return len(found)

    def part(self) -> Segment:
        """Give the file at work."""
        (recording,) = self.recorder._recordings.values()
        return cast("Segment", recording._reel.at_work)


#: Three seconds at 20 frames each.
STEADY = tuple(n / 20 for n in range(60))


class FormatTests(FFmpegCase):
    """Each kind of file."""

    async def test_formats(self) -> None:
        """Each container with each codec has every frame, and is what it says."""
        for form, codec, name in (("fmp4", "h264", "mov"), ("mkv", "h264", "matroska"), ("fmp4", "copy", "mov")):
            state = await self.start(STEADY, format=form, codec=codec)
            over = await self.stop(state)
            (filename,) = over.files
            self.assertEqual((over.frames, over.frames_dropped, over.finalizing), (60, 0, False))
            self.assertApproximates(over.duration, 3.0, 0.1)
            await self.check(filename, STEADY)
            path = self.directory / "recordings" / filename
            self.assertIn(name, await deferToThread(probed, path, "format=format_name"))
            kind = await deferToThread(probed, path, "stream=codec_name,width,height,color_range")
            self.assertEqual(
                kind.split()[:3], ["h264" if codec == "h264" else "mjpeg", "160", "120"], (form, codec, kind)
            )
            self.assertEqual("tv" in kind, codec == "h264")

    async def test_mp4(self) -> None:
        """A plain MP4 is playable when the answer comes, and rewritten in the background with every frame."""
        over = await self.stop(await self.start(STEADY, format="mp4"))
        (filename,) = over.files
        self.assertTrue(over.finalizing)
        path = self.directory / "recordings" / filename
        self.assertIn(b"moof", path.read_bytes())
        await eventually(lambda: self.news[-1].status == "FINALIZED")
        self.assertNotIn(b"moof", path.read_bytes())
        await self.check(filename, STEADY)

    async def test_odd_size(self) -> None:
        """Pictures of an odd size are recorded, a pixel larger."""
        jpeg = await self.children.run(
            [
                *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=red:size=162x122", "-frames:v", "1"),
                *("-vf", "crop=161:121:exact=1", "-pix_fmt", "yuvj444p", "-c:v", "mjpeg", "-f", "mjpeg", "pipe:1"),
            ],
            deadline=60.0,
            cap=1 << 20,
        )
        starting = self.recorder.start(RecordingWanted(camera_id="usb-1"))
        await eventually(lambda: bool(self.feed.attached))
        for n in range(30):
            self.feed.attached[0].consumer.frame(Frame(n + 1, self.began + n / 20, 0.0, 161, 121, jpeg[1]))
        (filename,) = (await self.stop(await starting)).files
        self.assertEqual(await self.check(filename), 30)
        path = self.directory / "recordings" / filename
        self.assertEqual((await deferToThread(probed, path, "stream=width,height")).split(), ["162", "122"])

    async def test_variable_rate(self) -> None:
        """A camera that slows down, stands still and goes on: each frame has its time."""
        times = (*(n / 20 for n in range(20)), *(1 + n / 5 for n in range(10)), *(6 + n / 20 for n in range(20)))
        for form in ("fmp4", "mkv"):
            over = await self.stop(await self.start(times, format=form))
            await self.check(over.files[0], times)

    async def test_pre_roll(self) -> None:
        """What was before the beginning has its own times too."""
        self.feed.past = tuple(self.frame(n / 20) for n in range(-40, 0))
        over = await self.stop(await self.start(STEADY, pre_roll_s=2.0))
        await self.check(over.files[0], tuple(n / 20 for n in range(-40, 60)))
        self.assertApproximates(over.pre_roll_s, 2.0, 0.001)

    async def test_two_cameras(self) -> None:
        """Two cameras at once."""
        one = self.recorder.start(RecordingWanted(camera_id="usb-1"))
        two = self.recorder.start(RecordingWanted(camera_id="usb-2"))
        await eventually(lambda: bool(self.feed.attached and self.other.attached))
        for at in STEADY:
            frame = self.frame(at)
            self.feed.attached[0].consumer.frame(frame)
            self.other.attached[0].consumer.frame(frame)
        for state in await gatherResults([one, two]):
            over = await self.stop(state)
            await self.check(over.files[0], STEADY)


class SegmentTests(FFmpegCase):
    """Several files."""

    async def test_no_frame_lost(self) -> None:
        """At the seams no frame is lost and none is there twice."""
        times = tuple(n / 20 for n in range(200))
        for form in ("fmp4", "mkv"):
            over = await self.stop(await self.start(times, format=form, segment_s=2.0))
            self.assertEqual(len(over.files), 5)
            for number, filename in enumerate(over.files):
                await self.check(filename, times[number * 40 : number * 40 + 40])
            self.assertEqual((over.frames, over.frames_dropped), (200, 0))

    async def test_unplugged(self) -> None:
        """A camera that comes back gives a second file; both play."""
        state = await self.start(STEADY)
        self.feed.unplug()
        await eventually(lambda: [event.status for event in self.news] == ["STARTED", "INTERRUPTED"])
        self.deliver(tuple(100 + at for at in STEADY))
        await eventually(lambda: self.news[-1].status == "STARTED")
        over = await self.stop(state)
        for filename in over.files:
            await self.check(filename, STEADY)
        self.assertEqual(len(over.files), 2)


class DeathTests(FFmpegCase):
    """What ends otherwise."""

    async def test_encoder_killed(self) -> None:
        """SIGKILL in the middle: what it wrote plays, and the recording goes on in a second file."""
        for form in ("fmp4", "mkv"):
            self.news.clear()
            state = await self.start(STEADY, format=form)
            child = self.part()._child
            assert child is not None
            await eventually(lambda: self.part().frames >= 40)
            os.kill(child.pid, signal.SIGKILL)
            await eventually(lambda: self.recorder.active()[0].state == "WAITING")
            await deferLater(reactor, 0.6)
            self.deliver(tuple(100 + at for at in STEADY))
            await eventually(lambda: self.news[-1].status == "STARTED" and self.news[-1].segment == 2)
            over = await self.stop(state)
            self.assertEqual(len(over.files), 2)
            self.assertGreaterEqual(await self.check(over.files[0]), 40)
            await self.check(over.files[1], STEADY)

    async def test_encoder_stopped(self) -> None:
        """An encoder that does not end is killed when the service stops, in time, and the file is cut."""
        for form in ("fmp4", "mkv"):
            state = await self.start(STEADY, format=form)
            child = self.part()._child
            assert child is not None
            await eventually(lambda: self.part().frames >= 40)
            for pid in self.group(child.pid):
                os.kill(pid, signal.SIGSTOP)
            await self.recorder.stopService()
            self.recorder.startService()
            self.assertGreaterEqual(await self.check(state.filename or ""), 40)

    async def test_service_stops(self) -> None:
        """The service's end is no loss: every frame is there."""
        state = await self.start(STEADY)
        await self.recorder.stopService()
        await self.check(state.filename or "", STEADY)
        self.recorder.startService()

    async def test_cancelled(self) -> None:
        """A start that is cancelled leaves neither file nor child."""
        starting = self.recorder.start(RecordingWanted(camera_id="usb-1"))
        await eventually(lambda: bool(self.feed.attached))
        self.deliver(STEADY[:2])
        starting.cancel()
        starting.addErrback(lambda _: None)
        await self.settled()
        self.assertEqual(list((self.directory / "recordings").iterdir()), [])
        self.assertEqual((len(self.children), self.feed.attached), (0, []))

    async def test_directory_moved(self) -> None:
        """The directory is taken away: it is made again, and the next file goes there."""
        state = await self.start(STEADY)
        recordings = self.directory / "recordings"
        recordings.rename(self.directory / "gone")
        await eventually(lambda: self.recorder.active()[0].state == "WAITING")
        await deferLater(reactor, 0.6)
        self.deliver(tuple(100 + at for at in STEADY))
        await eventually(lambda: self.news[-1].status == "STARTED" and self.news[-1].segment == 2)
        over = await self.stop(state)
        self.assertEqual(len(over.files), 1)
        await self.check(over.files[0], STEADY)
        for left in (self.directory / "gone").iterdir():
            left.unlink()

    def settled(self) -> Deferred[None]:
        """Wait until no recording goes on."""
        settled: Deferred[None] = self.recorder.settled()
        return settled

    def group(self, leader: int) -> list[int]:
        """List the processes of a group."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[2]) == leader:
                    found.append(int(entry.name))
        return found
