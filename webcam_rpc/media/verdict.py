"""What became of a capture: from ffmpeg's last words to what happened and what to do about it.

Pure. The exit status is not asked: ffmpeg exits 0 when its camera is unplugged in mid-stream (seen with 5.1). The lines
are those of libavdevice/v4l2.c, which end with strerror(3)'s text of what the kernel said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from webcam_rpc.cameras.models import Trouble

if TYPE_CHECKING:
    from webcam_rpc.media.child import Exit

#: Codes that are told apart by those who ask; the others are for the client.
BUSY, GONE = "DEVICE_BUSY", "DEVICE_GONE"

_USB = "use MJPG, a smaller size, a lower rate, or another USB port or controller for one of the cameras"
_REPLUG = "unplug the camera and plug it in again; try another cable or port"
#: The first line that is found decides.
_TABLE: tuple[tuple[str, str, str, str], ...] = (
    (
        r"error while loading shared libraries|failed to execute",
        "FFMPEG_FAILED",
        "ffmpeg cannot be run",
        "install the distribution's ffmpeg package",
    ),
    (r"Device or resource busy", BUSY, "another program has the camera open", "end it, or let it use this service"),
    # The kernel's "no space" is the USB bus's, not the disk's (usb_submit_urb, -ENOSPC).
    (r"No space left on device", "USB_BANDWIDTH", "the USB bus has no bandwidth left for this mode", _USB),
    (
        r"Permission denied|Operation not permitted",
        "V4L2_PERMISSION",
        "the service may not open the camera",
        "add its user to the group video (SupplementaryGroups=video in the unit)",
    ),
    # It says ENODEV of the multi-planar API, which it does not speak.
    (r"Not a video capture device", "V4L2_FAILED", "ffmpeg cannot capture from such a device", "use another camera"),
    (r"No such device|No such file or directory", GONE, "the camera was unplugged", _REPLUG),
    (
        r"Cannot find a proper format|Invalid argument|not contain any stream",
        "V4L2_FAILED",
        "the camera does not take this mode",
        "set another with set_camera_format or media.cameras; see get_camera_capabilities",
    ),
    (
        r"Input/output error|Protocol error|Broken pipe",
        "V4L2_FAILED",
        "the camera does not answer right",
        _REPLUG,
    ),
    (r"Connection timed out", "V4L2_FAILED", "the camera does not answer", _REPLUG),
    (r"Cannot allocate memory", "V4L2_FAILED", "there is not enough memory for this mode", "use a smaller size"),
    (
        r"Unknown input format|Unrecognized option|Option not found|Unknown encoder",
        "FFMPEG_FAILED",
        "this ffmpeg lacks what is needed",
        "install the distribution's ffmpeg package",
    ),
    # With "-c copy" it says so at any end, so only where it says nothing else.
    (r"Bad file descriptor", GONE, "the camera was unplugged", _REPLUG),
)
_RULES = tuple((re.compile(pattern), code, detail, remedy) for pattern, code, detail, remedy in _TABLE)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u05ff]")


def capture_ended(ended: Exit, frames: int) -> Trouble:
    """Say why a capture that ended by itself did so, after ``frames`` frames."""
    for pattern, code, detail, remedy in _RULES:
        if pattern.search(ended.stderr):
            return Trouble(code, detail, remedy, lasting=code != GONE)
    said = last_words(ended.stderr)
    detail = "ffmpeg ended" + (f" with signal {ended.signal}" if ended.signal else f" with status {ended.status}")
    detail += f" after {frames} frames" if frames else " without a picture"
    return Trouble("FFMPEG_FAILED", detail + (f", saying: {said}" if said else ""), "see diagnose_camera", lasting=True)


def silent(seconds: float, *, broken: bool, started: bool) -> Trouble:
    """Say that no frame has come for ``seconds``; ``broken``: some came that were no pictures."""
    detail = f"no {'further ' if started else ''}frame in {seconds:g} s"
    if broken:
        detail += ", but broken ones"
    return Trouble("V4L2_FAILED", detail, _REPLUG, lasting=True)


def nonsense(why: str) -> Trouble:
    """Say that what ffmpeg printed is no stream of pictures."""
    detail = f"ffmpeg printed what is not pictures: {why}"
    return Trouble("FFMPEG_FAILED", detail, "see which ffmpeg is in PATH", lasting=True)


def last_words(stderr: str) -> str:
    """Give the last line that ffmpeg said, cut and without what could forge a line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return _UNPRINTABLE.sub("?", lines[-1])[:200] if lines else ""
