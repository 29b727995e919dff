"""Pictures in other formats: the commands, and what is not taken for a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.media.fakes_snap import a_frame, a_jpeg, a_png, drawn, real_children
from webcam_rpc.media import convert, jpeg
from webcam_rpc.media.child import FFMPEG, Children
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.mpjpeg import MpjpegParser
from webcam_rpc.media.troubles import ProgramFailed
from webcam_rpc.testing import FakeChildren


class CommandTests(SynchronousTestCase):
    """The argv."""

    def test_png(self) -> None:
        """A PNG has three bytes a pixel, and one picture is enough."""
        argv = " ".join(convert.png_argv())
        self.assertTrue(argv.startswith("ffmpeg -hide_banner -nostdin "))
        self.assertIn(" -f mpjpeg -i pipe:0 ", argv)
        self.assertTrue(argv.endswith(" -frames:v 1 -c:v png -pix_fmt rgb24 -threads 1 -f image2pipe pipe:1"))

    def test_quality(self) -> None:
        """The best quality is the least quantiser, the worst the greatest, and better is never worse."""
        commands = [convert.jpeg_argv(quality) for quality in range(1, 101)]
        scales = [int(argv[argv.index("-q:v") + 1]) for argv in commands]
        self.assertEqual((scales[0], scales[-1]), (31, 2))
        self.assertEqual(scales, sorted(scales, reverse=True))

    def test_part(self) -> None:
        """What goes in is framed as ffmpeg's own streams are, so that our own parser finds it."""
        pictures = [a_jpeg(), a_jpeg(16, 16)]
        self.assertEqual(MpjpegParser().feed(b"".join(map(convert.part, pictures))), pictures)


class CheckTests(SynchronousTestCase):
    """What comes out is looked at, whatever the exit status says."""

    def setUp(self) -> None:
        """Begin with nothing started."""
        self.clock = Clock()
        self.children = FakeChildren(self.clock)

    def printed(self, started: Deferred[bytes], data: bytes, **end: Any) -> Deferred[bytes]:
        """Let the child print, and end."""
        self.assertNoResult(started)
        child = self.children.started[-1]
        self.assertEqual(child.written, convert.part(a_frame().jpeg))
        self.assertTrue(child.input_ended)
        child.prints(data)
        child.ends(**end)
        return started

    def refused(self, started: Deferred[bytes], data: bytes, **end: Any) -> str:
        """Let the child print, and give what is said of it."""
        return str(self.failureResultOf(self.printed(started, data, **end), ProgramFailed).value)

    def test_whole(self) -> None:
        """Whole pictures are given as they came, even if ffmpeg then complained."""
        png = self.printed(convert.to_png(self.children, a_frame()), a_png())
        self.assertEqual(self.successResultOf(png), a_png())
        made = self.printed(convert.to_jpeg(self.children, a_frame(), 50), a_jpeg(), status=1, stderr="overread 8")
        self.assertEqual(self.successResultOf(made), a_jpeg())

    def test_nothing(self) -> None:
        """An ffmpeg that exits with 0 and says nothing has made nothing; its last words are told."""
        self.assertIn("no whole picture", self.refused(convert.to_png(self.children, a_frame()), b""))
        said = self.refused(convert.to_jpeg(self.children, a_frame(), 50), b"", stderr="first\nUnknown encoder\n")
        self.assertIn("Unknown encoder: see which ffmpeg", said)

    def test_half(self) -> None:
        """Pictures that are cut, in front or behind, are none."""
        for whole in (a_png(), a_jpeg()):
            for cut in (whole[:-1], whole[1:], b"x" + whole[1:], whole[:30], whole + b"x"):
                self.assertIn("no whole picture", self.refused(convert.to_png(self.children, a_frame()), cut))
                self.assertIn("no whole picture", self.refused(convert.to_jpeg(self.children, a_frame(), 50), cut))

    def test_other(self) -> None:
        """A picture of another kind or another size is not what was asked for."""
        self.assertIn("no whole picture", self.refused(convert.to_png(self.children, a_frame()), a_jpeg()))
        self.assertIn("no whole picture", self.refused(convert.to_jpeg(self.children, a_frame(), 1), a_png()))
        self.assertIn("320x240", self.refused(convert.to_png(self.children, a_frame()), a_png(320, 240)))

    def test_hangs(self) -> None:
        """An ffmpeg that hangs is killed after 8 seconds."""
        started = convert.to_png(self.children, a_frame())
        self.clock.advance(convert.DEADLINE - 0.1)
        self.assertNoResult(started)
        self.clock.advance(0.2)
        self.failureResultOf(started, ProgramFailed)
        self.assertTrue(self.children.started[0].killed)

    def test_floods(self) -> None:
        """An ffmpeg that prints more than the pixels can be is killed."""
        started = convert.to_png(self.children, a_frame())
        for _ in range(640 * 480 * 3 // (1 << 16) + 17):
            self.assertNoResult(started)
            self.children.started[0].prints(bytes(1 << 16))
        self.failureResultOf(started, ProgramFailed)

    def test_cancelled(self) -> None:
        """Whoever waits no longer leaves no child."""
        started = convert.to_jpeg(self.children, a_frame(), 50)
        started.cancel()
        self.failureResultOf(started, CancelledError)
        self.assertEqual(len(self.children), 0)

    def test_missing(self) -> None:
        """Without ffmpeg it is said how to get it."""
        self.children.missing.add("ffmpeg")
        failure = self.failureResultOf(convert.to_png(self.children, a_frame()), ProgramFailed)
        self.assertIn("apt-get install ffmpeg", str(failure.value))


class RealTests(TestCase):
    """The real ffmpeg."""

    def setUp(self) -> None:
        """Find it."""
        from twisted.internet import reactor  # noqa: PLC0415 - the tests of everything else do without one

        self.children = real_children(reactor)
        self.addCleanup(lambda: self.assertEqual(len(self.children), 0))

    def programs(self, *lines: str) -> Path:
        """Make a directory with an ffmpeg that is none."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir(parents=True)
        program = directory / "ffmpeg"
        program.write_text("\n".join(lines))
        program.chmod(0o755)
        return directory

    async def frame(self, width: int, height: int, pixels: str = "yuvj422p") -> Frame:
        """Draw a picture."""
        return Frame(1, 0.0, 0.0, width, height, await drawn(self.children, width, height, pixels))

    async def test_png(self) -> None:
        """Pictures of any colours and odd sizes become PNGs that ffmpeg itself reads without a word."""
        for width, height, pixels in ((640, 480, "yuvj422p"), (321, 241, "yuvj420p"), (64, 48, "yuvj444p")):
            data = await convert.to_png(self.children, await self.frame(width, height, pixels))
            argv = [*FFMPEG, "-f", "png_pipe", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]
            ended, raw = await self.children.run(argv, input=data, deadline=60.0, cap=1 << 24)
            self.assertEqual((ended.stderr, len(raw)), ("", width * height))

    async def test_quality(self) -> None:
        """A JPEG of another quality is whole, of the same size in pixels, and the worse the smaller."""
        frame = await self.frame(640, 480)
        sizes = []
        for quality in (95, 50, 1):
            data = await convert.to_jpeg(self.children, frame, quality)
            picture = jpeg.examine(data)
            assert isinstance(picture, jpeg.Picture)
            self.assertEqual((picture.width, picture.height), (640, 480))
            sizes.append(len(data))
        self.assertEqual(sizes, sorted(set(sizes), reverse=True))

    async def test_not_a_picture(self) -> None:
        """What only looks like a picture ends with an error that says so."""
        failure = await self.assertFailure(convert.to_png(self.children, a_frame()), ProgramFailed)
        self.assertIn("no whole picture", str(failure))

    async def test_hostile(self) -> None:
        """A program of that name that says nothing and exits with 0 is seen through."""
        path = f"{self.programs('#!/bin/sh', 'exit 0')}:{os.environ['PATH']}"
        children = Children(self.children._reactor, {"PATH": path})
        await self.assertFailure(convert.to_jpeg(children, a_frame(), 50), ProgramFailed)
        self.assertEqual(len(children), 0)
