"""The ffmpeg command that makes a file of a recording's frames.

Pure. Frames come in as Matroska with their times; out comes a file that plays up to its last fragment, whatever happens
to the process or the machine: fragmented MP4 or Matroska in clusters, half a second each.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.media.child import FFMPEG
from webcam_rpc.media.matroska import INPUT_OPTIONS
from webcam_rpc.media.sidecar import Codec, RecordingFormat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Seconds between two pictures that stand for themselves, which is how exactly a player can seek.
_KEY_FRAMES = 2
#: Microseconds and milliseconds of a fragment: what is lost at most, beside what is under way.
_FRAGMENT, _CLUSTER = "500000", "500"
_VERSION = re.compile(r"ffmpeg version n?([0-9]+)(?:\.([0-9]+))?")
EXTENSIONS: dict[RecordingFormat, str] = {"fmp4": ".mp4", "mp4": ".mp4", "mkv": ".mkv"}


class Encoding(msgspec.Struct, frozen=True):
    """How frames are kept: container, codec, and x264's ``preset`` and ``crf``."""

    format: RecordingFormat
    codec: Codec
    preset: str
    crf: int


def argv(encoding: Encoding, path: Path, timing: Sequence[str]) -> list[str]:
    """Give the command that reads frames from its standard input and writes ``path``, which it replaces.

    :param timing: from :func:`timing`.
    """
    head = [*FFMPEG, *INPUT_OPTIONS, "-i", "pipe:0", "-an"]
    return [*head, *_video(encoding, timing), *_container(encoding), "-y", f"file:{path}"]


def timing(version: str) -> tuple[str, str]:
    """Give the option that leaves each frame its own time, for an ffmpeg that says this of itself (``-version``).

    Without it frames are doubled and dropped for a constant rate, as MP4 files have had it. It was renamed with 5.1.
    """
    found = _VERSION.match(version)
    old = found is not None and (int(found[1]), int(found[2] or 0)) < (5, 1)
    return ("-vsync", "passthrough") if old else ("-fps_mode", "passthrough")


def _video(encoding: Encoding, timing: Sequence[str]) -> list[str]:
    if encoding.codec == "copy":
        return ["-c:v", "copy"]
    return [
        *timing,
        "-enc_time_base",
        "1:90000",
        # H.264 with half the colour resolution, which every player knows, takes even sizes only. JPEGs use all 256
        # steps of brightness and video 220: many players take that for granted whatever the file says.
        "-vf",
        "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_range=tv,format=yuv420p",
        "-c:v",
        "libx264",
        "-preset",
        encoding.preset,
        "-crf",
        str(encoding.crf),
        # No frame waits in the encoder for those that follow: what was written is what would be lost.
        "-tune",
        "zerolatency",
        # Counted from the last one: counted from the beginning, a gap would be made up for by one after the other.
        "-force_key_frames",
        f"expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{_KEY_FRAMES}))",
    ]


def _container(encoding: Encoding) -> list[str]:
    if encoding.format == "mkv":
        return ["-f", "matroska", "-cluster_time_limit", _CLUSTER, "-flush_packets", "1"]
    # Every JPEG is a key frame: each would be a fragment of its own.
    flags = "+empty_moov+default_base_moof" + ("" if encoding.codec == "copy" else "+frag_keyframe")
    # 90 kHz, the clock of MPEG: the default would round a camera's times to those of its nominal rate.
    timing = ["-video_track_timescale", "90000", "-frag_duration", _FRAGMENT]
    return ["-f", "mp4", "-movflags", flags, *timing, "-flush_packets", "1"]
