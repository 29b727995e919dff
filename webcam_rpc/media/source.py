"""Where frames come from: the mode of a camera that is captured, and the ffmpeg command that does it.

Pure. A V4L2 node and the test pattern are all alike to the rest: a command that prints JPEGs as ``-f mpjpeg``. What the
camera gives as JPEG is copied; raw formats are encoded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.cameras.models import PATTERN_DRIVER, CurrentMode, Range, SizeRange, Trouble
from webcam_rpc.media.child import FFMPEG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webcam_rpc.cameras.models import Camera, Mode, NodeReport

#: V4L2's formats by ffmpeg's names for them (libavdevice/v4l2-common.c). JPEGs are copied.
_COPIED = {"MJPG": "mjpeg", "JPEG": "mjpeg"}
_ENCODED = {
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "YVYU": "yvyu422",
    "NV12": "nv12",
    "NV21": "nv21",
    "NV16": "nv16",
    "YU12": "yuv420p",
    "422P": "yuv422p",
    "GREY": "gray",
    "Y16 ": "gray16le",
    "RGB3": "rgb24",
    "BGR3": "bgr24",
    "BGR4": "bgr0",
    "BA81": "bayer_bggr8",
    "GBRG": "bayer_gbrg8",
    "GRBG": "bayer_grbg8",
    "RGGB": "bayer_rggb8",
    "H264": "h264",
}
#: A bigger picture is not worth less than this many frames a second.
_SMOOTH = 15
_ASKED = re.compile(r"(?:([A-Z0-9]{4}) )?([0-9]+)x([0-9]+)(?:@([0-9.]+))?\Z")


class Limits(msgspec.Struct, frozen=True):
    """The most that is chosen where nothing is asked for: pixels and frames per second."""

    width: int
    height: int
    fps: float


def choose(report: NodeReport, limits: Limits, asked: str | CurrentMode | None = None) -> CurrentMode | Trouble:
    """Choose the mode to capture in.

    :param asked: ``MJPG 1280x720@30`` with the first and last part optional, or a mode that is in force.
    """
    modes = [mode for each in report.modes for mode in _exactly(each, limits, asked)]
    modes = [mode for mode in modes if _is_known(mode.pixel_format)]
    if not modes:
        formats = ", ".join(sorted({mode.pixel_format for mode in report.modes})) or "none"
        detail = f"the camera has no format that can be captured, only {formats}"
        return Trouble("V4L2_FAILED", detail, "use another camera", lasting=True)
    if asked is not None:
        fitting = [mode for mode in modes if _is_asked(mode, asked)]
        if not fitting and isinstance(asked, CurrentMode) and _is_known(asked.pixel_format):
            return asked  # the driver is set to it, whatever it lists
        if not fitting:
            return _no_such_mode(asked, modes)
        return max(fitting, key=lambda mode: (mode.pixel_format in _COPIED, mode.fps or 0))
    small = [mode for mode in modes if mode.width <= limits.width and mode.height <= limits.height]
    if not small:
        smallest = min(mode.width * mode.height for mode in modes)
        return max((mode for mode in modes if mode.width * mode.height == smallest), key=_worth)
    return max(small, key=_worth)


def argv(camera: Camera, mode: CurrentMode, quality: int) -> list[str]:
    """Give the command that prints the frames of ``camera`` in ``mode``; ``quality`` (1 to 100) of what is encoded."""
    output = ["-an", "-flush_packets", "1", "-f", "mpjpeg", "pipe:1"]
    rate = f"{mode.fps:g}" if mode.fps else "30"
    if camera.driver == PATTERN_DRIVER:
        size = f"{mode.width}x{mode.height}"
        # -re: as fast as a camera would be, not as fast as it can be drawn.
        drawn = ["-re", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}"]
        return [*FFMPEG, *drawn, *_encoded(quality), *output]
    name = _COPIED.get(mode.pixel_format) or _ENCODED[mode.pixel_format]
    # A frame is passed on as it comes: nothing is learned from looking at several first, and a broken first one would
    # be waited out. Without "-fflags nobuffer", which gave the first two in the wrong order (5.1).
    options = ["-analyzeduration", "0", "-probesize", "32"]
    options += ["-f", "v4l2", "-input_format", name, "-video_size", f"{mode.width}x{mode.height}"]
    if mode.fps:
        options += ["-framerate", rate]
    encoding = ["-c:v", "copy"] if mode.pixel_format in _COPIED else _encoded(quality)
    return [*FFMPEG, *options, "-i", camera.device, *encoding, *output]


def qscale(quality: int) -> int:
    """Give the ``-q:v`` of ffmpeg's mjpeg encoder, 2 (best) to 31, for a quality of 1 to 100 (best)."""
    return 2 + round((100 - quality) * 29 / 99)


def _encoded(quality: int) -> list[str]:
    # Standard Huffman tables: optimal ones cost time, and are for few frames a second.
    return ["-c:v", "mjpeg", "-q:v", str(qscale(quality)), "-huffman", "default", "-pix_fmt", "yuvj420p"]


def _is_known(pixel_format: str) -> bool:
    return pixel_format in _COPIED or pixel_format in _ENCODED


def _exactly(mode: Mode, limits: Limits, asked: str | CurrentMode | None) -> Iterator[CurrentMode]:
    """Give the single modes that a mode of the report stands for, as far as they matter."""
    wanted = _size_of(asked)
    size = wanted if wanted is not None else (limits.width, limits.height)
    width, height = _within(mode.width, size[0]), _within(mode.height, size[1])
    if not width or not height:
        return
    if isinstance(mode.fps, Range):
        rates: tuple[float | int | None, ...] = (max(mode.fps.min, min(mode.fps.max, limits.fps)),)
        asked_rate = _rate_of(asked)
        if asked_rate is not None and mode.fps.min <= asked_rate <= mode.fps.max:
            rates = (asked_rate,)
    else:
        rates = mode.fps or (None,)
    slow = [rate for rate in rates if rate is None or rate <= limits.fps]
    chosen = rates if asked is not None else slow or (min(rate for rate in rates if rate is not None),)
    for rate in chosen:
        yield CurrentMode(mode.pixel_format, width, height, rate)


def _within(pixels: int | SizeRange, most: int) -> int:
    if isinstance(pixels, int):
        return pixels
    step = max(1, pixels.step)
    top = max(pixels.min, min(pixels.max, most))
    return pixels.min + (top - pixels.min) // step * step


def _size_of(asked: str | CurrentMode | None) -> tuple[int, int] | None:
    if isinstance(asked, CurrentMode):
        return asked.width, asked.height
    match = _ASKED.match(asked) if asked is not None else None
    return (int(match[2]), int(match[3])) if match is not None else None


def _rate_of(asked: str | CurrentMode | None) -> float | None:
    if isinstance(asked, CurrentMode):
        return asked.fps
    match = _ASKED.match(asked) if asked is not None else None
    return float(match[4]) if match is not None and match[4] else None


def _is_asked(mode: CurrentMode, asked: str | CurrentMode) -> bool:
    if (mode.width, mode.height) != _size_of(asked):
        return False
    if isinstance(asked, CurrentMode):
        pixel_format: str | None = asked.pixel_format
    else:
        match = _ASKED.match(asked)
        pixel_format = match[1] if match is not None else None
    rate = _rate_of(asked)
    same_rate = rate is None or mode.fps is None or abs(mode.fps - rate) < 0.01  # noqa: PLR2004 - 29.97 is 29.970
    return pixel_format in (None, mode.pixel_format) and same_rate


def _worth(mode: CurrentMode) -> tuple[bool, bool, int, float]:
    copied = mode.pixel_format in _COPIED
    fps = mode.fps if mode.fps is not None else _SMOOTH
    return (copied, fps >= _SMOOTH, mode.width * mode.height, fps)


def _no_such_mode(asked: str | CurrentMode, modes: list[CurrentMode]) -> Trouble:
    text = asked if isinstance(asked, str) else _text(asked)
    known = sorted({_text(mode) for mode in modes})
    some = ", ".join(known[:8]) + (" and more" if len(known) > 8 else "")  # noqa: PLR2004 - a line of text
    remedy = f"it has {some}: see get_camera_capabilities"
    return Trouble("V4L2_FAILED", f"the camera has no mode {text} that can be captured", remedy, lasting=True)


def _text(mode: CurrentMode) -> str:
    return f"{mode.pixel_format} {mode.resolution}" + (f"@{mode.fps:g}" if mode.fps else "")
