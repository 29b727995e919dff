"""Small recordings made by the real ffmpeg, and what the real ffprobe and ffmpeg say of a recording."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from webcam_rpc.media.fragments import scan
from webcam_rpc.media.matroska import INPUT_OPTIONS, MatroskaWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds for whatever a program does: far more than any of it takes.
PATIENCE = 60.0
WIDTH, HEIGHT = 160, 120

H264 = (
    *("-vsync", "passthrough", "-enc_time_base", "1/90000", "-vf", "scale=out_range=tv,format=yuv420p"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-threads", "1"),
)
COPY = ("-c", "copy")
FMP4 = (
    *("-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "500000"),
    *("-video_track_timescale", "90000", "-flush_packets", "1"),
)
MKV = ("-f", "matroska", "-cluster_time_limit", "500", "-flush_packets", "1")
#: What the service writes: name of a file of it, and the options.
KINDS = {
    "h264.mp4": (*H264, *FMP4),
    "copy.mp4": (*COPY, *FMP4),
    "h264.mkv": (*H264, *MKV),
    "copy.mkv": (*COPY, *MKV),
}
#: Three seconds at 20 frames each.
STEADY = tuple(number / 20 for number in range(60))


def run(*argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end."""
    return subprocess.run(argv, input=stdin, capture_output=True, timeout=PATIENCE, check=False)


@functools.cache
def jpegs(count: int) -> tuple[bytes, ...]:
    """Give so many pictures of a test pattern that moves."""
    source = f"testsrc2=size={WIDTH}x{HEIGHT}:rate=30"
    made = run(
        *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", str(count)),
        *("-c:v", "mjpeg", "-q:v", "8", "-f", "mjpeg", "-"),
    ).stdout
    pictures = tuple(b"\xff\xd8" + rest for rest in made.split(b"\xff\xd8")[1:])
    assert len(pictures) == count
    return pictures


def stream(times: Sequence[float]) -> bytes:
    """Give the Matroska stream of a picture at each time."""
    writer = MatroskaWriter()
    return writer.header(WIDTH, HEIGHT) + b"".join(map(writer.frame, jpegs(len(times)), times))


def encoder(path: Path, options: Sequence[str]) -> list[str]:
    """Give the command that records the stream on its standard input."""
    return ["ffmpeg", "-v", "error", "-y", *INPUT_OPTIONS, "-i", "pipe:0", *options, f"file:{path}"]


def record(path: Path, kind: str, times: Sequence[float] = STEADY) -> Path:
    """Make a recording whose writer came to its end."""
    ended = run(*encoder(path, KINDS[kind]), stdin=stream(times))
    assert ended.returncode == 0, ended.stderr
    return path


@functools.cache
def recording(kind: str) -> bytes:
    """Give a recording of three seconds, made once."""
    path = Path(f"clip-{os.getpid()}-{kind}").absolute()
    try:
        return record(path, kind).read_bytes()
    finally:
        path.unlink(missing_ok=True)


def killed(path: Path, kind: str, enough: float, times: Sequence[float] = STEADY) -> Path:
    """Make a recording whose writer is killed in the middle, once ``enough`` seconds of it are on the disk."""
    with subprocess.Popen(encoder(path, KINDS[kind]), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        try:
            child.stdin.write(stream(times))
            child.stdin.flush()
            until(lambda: (scan(path).duration or 0.0) >= enough, f"{enough} s of {path.name}")
        finally:
            child.kill()
            child.wait(PATIENCE)
    return path


def until(condition: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"after {PATIENCE} s still not: {what}"
        time.sleep(0.01)


def faults(path: Path) -> str:
    """Decode all of a file; what ffmpeg has to say against it."""
    ended = run("ffmpeg", "-v", "error", "-i", f"file:{path}", "-f", "null", "-")
    return ended.stderr.decode() + (f"status {ended.returncode}" if ended.returncode else "")


def probed_times(path: Path) -> list[float]:
    """Give the time of each frame of a file, by ffprobe."""
    entries = ("-show_entries", "packet=pts_time", "-of", "csv=p=0")
    lines = run("ffprobe", "-v", "error", *entries, f"file:{path}").stdout.decode().split()
    return [float(line.rstrip(",")) for line in lines]


def probed(path: Path, entry: str) -> str:
    """Give one thing that ffprobe tells, such as ``format=duration``."""
    entries = ("-show_entries", entry, "-of", "default=nw=1:nk=1")
    return run("ffprobe", "-v", "error", *entries, f"file:{path}").stdout.decode().strip()
