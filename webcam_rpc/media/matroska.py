"""A live Matroska stream of JPEG frames, each with its own time: how frames get into ffmpeg.

Pure. The multipart stream that cameras' programs like carries no time, so what is fed that way gets evenly spaced or
arrival times, and gaps and pre-roll collapse. Matroska (RFC 9559) is the plainest that keeps them: a header, then a
cluster for each frame. The segment has no known size and no index, as live streams have (RFC 9559 section 23.2).
"""

from __future__ import annotations

from typing import Final

from webcam_rpc.media import ebml

#: How ffmpeg must be told to read it (before ``-i``), or it sits on the first frames for as long as it likes to look
#: for the frame rate. ``-fflags nobuffer`` is no help: it loses the first frame.
INPUT_OPTIONS: Final = ("-f", "matroska", "-probesize", "32", "-fpsprobesize", "0")

SEGMENT = 0x18538067
INFO = 0x1549A966
TIMESTAMP_SCALE = 0x2AD7B1
TRACKS = 0x1654AE6B
TRACK_ENTRY = 0xAE
TRACK_NUMBER = 0xD7
TRACK_TYPE = 0x83
DEFAULT_DURATION = 0x23E383
CODEC_ID = 0x86
CLUSTER = 0x1F43B675
TIMESTAMP = 0xE7
SIMPLE_BLOCK = 0xA3
VIDEO = 1

_DOC_TYPE, _DOC_TYPE_VERSION, _DOC_TYPE_READ_VERSION = 0x4282, 0x4287, 0x4285
_MUXING_APP, _WRITING_APP = 0x4D80, 0x5741
_TRACK_UID, _FLAG_LACING = 0x73C5, 0x9C
_TRACK_VIDEO, _PIXEL_WIDTH, _PIXEL_HEIGHT = 0xE0, 0xB0, 0xBA

#: Timestamps count microseconds; this is in nanoseconds.
_SCALE = 1000
_SECOND = 1_000_000
#: Two frames are at least so far apart: muxers refuse two at one time, and Matroska files mostly count milliseconds.
_LEAST = 1000
#: The track (1, as a variable-size integer), its time after its cluster's (0), and that it is a key frame without
#: lacing (RFC 9559 section 10.2).
_BLOCK_HEAD = bytes.fromhex("81 0000 80")
_NAME = b"webcam_rpc"


class MatroskaWriter:
    """Writes one stream: the header, then frames as they come. It keeps nothing but the time of the last."""

    def __init__(self) -> None:
        self._last = -_LEAST

    @staticmethod
    def header(width: int, height: int, fps: float = 30.0) -> bytes:
        """Begin the stream.

        ``fps`` is what the camera is about to give. It moves no frame, but without it ffmpeg takes the rate for a
        million a second, and marks the H.264 it makes with level 6.2, which hardware refuses to play.
        """
        document = b"".join(
            (
                ebml.element(_DOC_TYPE, b"matroska"),
                ebml.unsigned(_DOC_TYPE_VERSION, 4),
                ebml.unsigned(_DOC_TYPE_READ_VERSION, 2),
            )
        )
        info = b"".join(
            (
                ebml.unsigned(TIMESTAMP_SCALE, _SCALE),
                ebml.element(_MUXING_APP, _NAME),
                ebml.element(_WRITING_APP, _NAME),
            )
        )
        track = b"".join(
            (
                ebml.unsigned(TRACK_NUMBER, 1),
                ebml.unsigned(_TRACK_UID, 1),
                ebml.unsigned(TRACK_TYPE, VIDEO),
                ebml.unsigned(_FLAG_LACING, 0),
                ebml.unsigned(DEFAULT_DURATION, max(1, round(1e9 / fps))),
                ebml.element(CODEC_ID, b"V_MJPEG"),
                ebml.element(_TRACK_VIDEO, ebml.unsigned(_PIXEL_WIDTH, width) + ebml.unsigned(_PIXEL_HEIGHT, height)),
            )
        )
        return b"".join(
            (
                ebml.element(ebml.EBML, document),
                SEGMENT.to_bytes(4, "big"),
                ebml.UNKNOWN_SIZE,
                ebml.element(INFO, info),
                ebml.element(TRACKS, ebml.element(TRACK_ENTRY, track)),
            )
        )

    def frame(self, jpeg: bytes, at: float) -> bytes:
        """Write a frame, ``at`` seconds from the first; one that is not later than the last is made a little later.

        The block's own time is 16 bits wide, too little for a gap: so each has a cluster, with a time as wide as it
        needs to be.
        """
        time = max(round(at * _SECOND), self._last + _LEAST)
        self._last = time
        block = ebml.element(SIMPLE_BLOCK, _BLOCK_HEAD + jpeg)
        return ebml.element(CLUSTER, ebml.unsigned(TIMESTAMP, time) + block)
