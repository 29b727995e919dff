"""Frames with true times, as bytes and through the real ffmpeg."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.clips import (
    COPY,
    H264,
    HEIGHT,
    KINDS,
    PATIENCE,
    WIDTH,
    encoder,
    jpegs,
    probed,
    probed_times,
    run,
    stream,
)
from webcam_rpc.media import ebml, matroska
from webcam_rpc.media.matroska import INPUT_OPTIONS, MatroskaWriter

#: Five a second, nothing for two seconds, thirty a second, none of them quite in time.
UNEVEN = tuple(
    round(base + (index % 3) * 0.0013, 4)
    for index, base in enumerate([n / 5 for n in range(6)] + [3 + n / 30 for n in range(31)])
)


def read_in(data: bytes) -> ebml.Read:
    """Read in bytes as in a file."""
    return lambda offset, length: data[offset : offset + length]


class StreamTests(SynchronousTestCase):
    """The bytes."""

    def parts(self, data: bytes) -> list[ebml.Element]:
        """Give the elements that the data consists of."""
        found = [one for one in ebml.children(read_in(data), 0, len(data), 100) if one is not None]
        self.assertEqual(found[-1].end, len(data))
        return found

    def test_header(self) -> None:
        """EBML head, a segment of unknown size, its scale of microseconds, one video track of JPEGs, and no cluster."""
        header = MatroskaWriter().header(640, 480)
        head = ebml.find(read_in(header), 0)
        assert head is not None
        assert head.end is not None
        segment = ebml.find(read_in(header), head.end)
        assert segment is not None
        self.assertEqual((head.id, segment.id, segment.end), (0x1A45DFA3, 0x18538067, None))
        info, tracks = self.parts(header[segment.data :])
        self.assertEqual((info.id, tracks.id), (0x1549A966, 0x1654AE6B))
        self.assertIn(bytes.fromhex("2ad7b1 82 03e8"), header)  # TimestampScale 1000
        self.assertIn(b"\x86\x87V_MJPEG", header)
        self.assertIn(bytes.fromhex("b0 82 0280 ba 82 01e0"), header)  # 640, 480

    def test_frame(self) -> None:
        """A cluster with its time in microseconds, and in it the picture, as a key frame of track 1."""
        writer = MatroskaWriter()
        writer.header(640, 480)
        data = writer.frame(b"\xff\xd8picture\xff\xd9", 3600.25)
        (cluster,) = self.parts(data)
        time, block = self.parts(data[cluster.data :])
        self.assertEqual((cluster.id, time.id, block.id), (matroska.CLUSTER, matroska.TIMESTAMP, matroska.SIMPLE_BLOCK))
        self.assertEqual(ebml.number(read_in(data[cluster.data :]), time), 3_600_250_000)
        self.assertEqual(data[-15:], bytes.fromhex("81 0000 80") + b"\xff\xd8picture\xff\xd9")

    def test_never_back(self) -> None:
        """A frame that is told to be no later than the last is a millisecond later, and the next is in time again."""
        writer = MatroskaWriter()
        times = []
        for at in (0.0, 0.0, 1.0, 0.5, 1.0002, 2.0):
            data = writer.frame(b"", at)
            (cluster,) = self.parts(data)
            times.append(ebml.number(read_in(data[cluster.data :]), self.parts(data[cluster.data :])[0]))
        self.assertEqual(times, [0, 1000, 1_000_000, 1_001_000, 1_002_000, 2_000_000])

    @settings(max_examples=100, derandomize=True, deadline=None)
    @given(st.integers(0, 1 << 40))
    def test_size(self, length: int) -> None:
        """A size is read as it was written, and never as one that is not known."""
        written = bytes([0xEC]) + ebml.size(length)
        found = ebml.find(read_in(written), 0)
        self.assertEqual(found, ebml.Element(0xEC, 0, len(written), len(written) + length))

    def test_size_of_all_ones(self) -> None:
        """127 does not fit into one byte, where it would mean unknown (RFC 8794 section 6.2)."""
        self.assertEqual(ebml.size(126), b"\xfe")
        self.assertEqual(ebml.size(127), b"\x40\x7f")


class RealTests(SynchronousTestCase):
    """Through ffmpeg, over a pipe."""

    def recorded(self, name: str) -> Path:
        """Record :data:`UNEVEN`."""
        path = Path(self.mktemp()).absolute().with_name(name)
        ended = run(*encoder(path, KINDS[name]), stdin=stream(UNEVEN))
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        return path

    def test_uneven_times(self) -> None:
        """Every frame arrives with its time to half a millisecond, encoded or copied, in MP4 and in Matroska."""
        for name in KINDS:
            times = probed_times(self.recorded(name))
            self.assertEqual(len(times), len(UNEVEN), name)
            for time, true in zip(times, UNEVEN, strict=True):
                self.assertLess(abs(time - true), 0.0006, name)

    def test_level(self) -> None:
        """The H.264 is of the level of small pictures at 30 a second, which everything plays."""
        self.assertEqual(probed(self.recorded("h264.mp4"), "stream=level"), "11")

    def test_first_frame(self) -> None:
        """Ffmpeg decodes and gives out the first frame before there is a second; the first is not lost, either."""
        command = ["ffmpeg", "-v", "error", *INPUT_OPTIONS]
        for codec in (("-vsync", "passthrough", "-c:v", "mjpeg"), COPY):
            argv = [*command, "-i", "pipe:0", *codec, "-f", "mpjpeg", "-flush_packets", "1", "-"]
            with subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            ) as child:
                assert child.stdin is not None
                assert child.stdout is not None
                writer = MatroskaWriter()
                child.stdin.write(writer.header(WIDTH, HEIGHT) + writer.frame(jpegs(2)[0], 0.0))
                printed = b""
                while b"\xff\xd9" not in printed:
                    ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
                    self.assertTrue(ready, "no picture")
                    printed += os.read(child.stdout.fileno(), 65536)
                child.stdin.write(writer.frame(jpegs(2)[1], 0.5))
                child.stdin.close()
                printed += child.stdout.read()
            self.assertEqual(printed.count(b"\xff\xd8"), 2)

    def test_encoder_needs_no_second_frame(self) -> None:
        """The encoder gives out the first frame as soon as it has it, as a raw stream shows."""
        argv = [
            "ffmpeg",
            "-v",
            "error",
            *INPUT_OPTIONS,
            "-i",
            "pipe:0",
            *H264,
            "-f",
            "h264",
            "-flush_packets",
            "1",
            "-",
        ]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(stream([0.0]))
            ready, _, _ = select.select([child.stdout], [], [], PATIENCE)
            self.assertTrue(ready, "no picture")
            child.stdin.close()
            self.assertIn(b"\0\0\1\x65", child.stdout.read())
