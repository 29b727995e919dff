"""One picture in another format, by an ffmpeg that runs for this one picture.

Owns the commands, and the check of what comes out: ffmpeg exits 0 on much that is no picture, so only the bytes count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import inlineCallbacks

from webcam_rpc.media import jpeg, mpjpeg, source, verdict
from webcam_rpc.media.child import FFMPEG
from webcam_rpc.media.troubles import ProgramFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.media.child import Children, Exit
    from webcam_rpc.media.frames import Frame

#: How many seconds a conversion may take.
DEADLINE = 8.0

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
#: What a PNG of noise has beyond its pixels: its chunks and a filter byte for each row are far less.
_CHUNKS = 1 << 20

#: Parts with a length: ffmpeg takes the picture as soon as it has it, where with a plain ``-f mjpeg`` it waits for the
#: next one to see that this one is over (seen with 4.2 to 9.0).
#: Pixels stay where they are, whatever an EXIF orientation says: newer versions would turn them.
INPUT = ("-threads", "1", "-noautorotate", "-f", "mpjpeg", "-i", "pipe:0", "-an")


def part(picture: bytes) -> bytes:
    """Give a JPEG as a part of the stream that :data:`INPUT` reads."""
    return b"--frame\r\nContent-type: image/jpeg\r\nContent-length: %d\r\n\r\n%b\r\n" % (len(picture), picture)


def png_argv() -> list[str]:
    """Give the command that makes a PNG of a JPEG."""
    return _argv("-c:v", "png", "-pix_fmt", "rgb24")


def jpeg_argv(quality: int) -> list[str]:
    """Give the command that makes a JPEG of this quality (1 to 100, the best) of another."""
    return _argv("-c:v", "mjpeg", "-q:v", str(source.qscale(quality)))


@inlineCallbacks
def to_png(children: Children, frame: Frame) -> Generator[Deferred[Any], Any, bytes]:
    """Make a PNG of a frame. Fails with ProgramFailed; cancelling ends it."""
    cap = frame.width * frame.height * 3 + _CHUNKS
    data: bytes = yield _run(children, png_argv(), frame, cap, _png_size)
    return data


@inlineCallbacks
def to_jpeg(children: Children, frame: Frame, quality: int) -> Generator[Deferred[Any], Any, bytes]:
    """Make a JPEG of another quality (1 to 100, the best) of a frame. Fails with ProgramFailed; cancelling ends it."""
    data: bytes = yield _run(children, jpeg_argv(quality), frame, mpjpeg.MAX_FRAME, _jpeg_size)
    return data


def _argv(*encoding: str) -> list[str]:
    return [*FFMPEG, *INPUT, "-frames:v", "1", *encoding, "-threads", "1", "-f", "image2pipe", "pipe:1"]


@inlineCallbacks
def _run(
    children: Children, argv: list[str], frame: Frame, cap: int, size_of: Callable[[bytes], tuple[int, int] | None]
) -> Generator[Deferred[Any], Any, bytes]:
    ended: Exit
    data: bytes
    ended, data = yield children.run(argv, input=part(frame.jpeg), deadline=DEADLINE, cap=cap)
    size = size_of(data)
    if size != (frame.width, frame.height):
        what = "no whole picture" if size is None else f"a picture of {size[0]}x{size[1]}"
        said = verdict.last_words(ended.stderr)
        raise ProgramFailed(
            f"ffmpeg made {what} of a frame of {frame.width}x{frame.height}" + (f", saying: {said}" if said else ""),
            "see which ffmpeg is in PATH, and ask again",
        )
    return data


def _png_size(data: bytes) -> tuple[int, int] | None:
    # PNG, section 5.6: IHDR, which begins with the size, comes first and IEND last.
    if not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR" or not data.endswith(_END):
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    picture = jpeg.examine(data)
    return None if isinstance(picture, str) else (picture.width, picture.height)
