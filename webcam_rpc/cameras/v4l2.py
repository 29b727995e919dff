"""``v4l2-ctl``: how it is called, and what its answers mean.

Owns the command lines, the report of a node and what is told of failures; pure. Formats and controls have parsers of
their own. Whatever a run prints is read as far as it goes: unknown lines are skipped, since each version of v4l-utils
prints a few more, and a device unplugged during a run leaves half of a report.

Sources: v4l-utils (utils/v4l2-ctl, utils/common/v4l2-info.cpp), versions 1.18 to 1.30; kernel documentation,
userspace-api/media/v4l.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from webcam_rpc.cameras.models import CurrentMode, NodeReport
from webcam_rpc.cameras.v4l2_controls import CONTROL_NAME, parse_controls
from webcam_rpc.cameras.v4l2_formats import PIXEL_FORMAT, parse_formats, parse_rate
from webcam_rpc.cameras.v4l2_text import clean, lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webcam_rpc.cameras.models import ControlValue

__all__ = [
    "Failure",
    "ParseError",
    "failure",
    "parse_controls",
    "parse_formats",
    "parse_report",
    "probe_argv",
    "set_controls_argv",
    "set_format_argv",
]

_CAPTURE = frozenset({"Video Capture", "Video Capture Multiplanar"})
_SECTIONS = frozenset(
    {"Driver Info", "Media Driver Info"}
    | {f"Format {kind}" for kind in _CAPTURE}
    | {f"Streaming Parameters {kind}" for kind in _CAPTURE}
)
_SIZE = re.compile(r"([0-9]{1,10})/([0-9]{1,10})")
_QUOTED_FORMAT = re.compile(rf"\s*'({PIXEL_FORMAT})'")


class ParseError(ValueError):
    """The text is no report of a node."""


class Failure(enum.Enum):
    """Why ``v4l2-ctl`` could not do it."""

    PERMISSION = "may not be opened"
    GONE = "no device behind the node"
    BUSY = "another program streams from it, or holds it"
    NOT_V4L2 = "not a V4L2 device node"
    UNKNOWN = "for a reason that it did not tell, or that is not known here"


#: What strerror() says after "Failed to open NODE:" and "VIDIOC_...: failed:".
_GONE = "No such device|No such device or address|No such file or directory"
_BUSY = "Device or resource busy"
#: In this order: when an unplugged device fails, "not a v4l2 node" is said as well. EPERM is a refusal by cgroup.
#: EACCES counts at the opening alone: from a control's ioctl it means that the control is read-only or inactive.
_COMPLAINTS = (
    (Failure.GONE, rf"Failed to open .*: (?:{_GONE})|VIDIOC_\w+: failed: (?:{_GONE})|Cannot open device .*, exiting\."),
    (Failure.PERMISSION, r"Failed to open .*: (?:Permission denied|Operation not permitted)"),
    (Failure.BUSY, rf"Failed to open .*: {_BUSY}|VIDIOC_\w+: failed: {_BUSY}|[ \t]*VIDIOC_\w+ returned -1 \({_BUSY}\)"),
    (Failure.NOT_V4L2, r"Unable to detect what device .* is, exiting\.|.*: not a v4l2 node"),
)
_PATTERNS = tuple((kind, re.compile(rf"^(?:{pattern})$", re.MULTILINE | re.ASCII)) for kind, pattern in _COMPLAINTS)


def probe_argv(node: str) -> list[str]:
    """Give the command that prints all that :func:`parse_report` reads, in one run."""
    return ["v4l2-ctl", "-d", node, "--all", "--list-formats-ext"]


def set_controls_argv(node: str, assignments: Mapping[str, ControlValue]) -> list[str]:
    """Give the command that sets controls, in the order given.

    A comma would begin another assignment, and v4l2-ctl has no way to quote it: ValueError, as for a name that is none.
    """
    if not assignments:
        raise ValueError("no control to set")
    argv = ["v4l2-ctl", "-d", node]
    for name, value in assignments.items():
        # Numbers in decimal: anything else that is set on a control that is no text is taken for 0 without a word.
        text = value if isinstance(value, str) else str(int(value))
        if not re.fullmatch(CONTROL_NAME, name) or "," in text or "\0" in text:
            raise ValueError(f"cannot be told to v4l2-ctl: {name!r} = {text!r}")
        argv.append(f"--set-ctrl={name}={text}")
    return argv


def set_format_argv(node: str, pixel_format: str, width: int, height: int, fps: float | None) -> list[str]:
    """Give the command that sets format and size and then, where one is given, the rate.

    v4l2-ctl sets the rate last whatever the order, and sets it even where the format was refused.
    """
    if not re.fullmatch(PIXEL_FORMAT, pixel_format) or "," in pixel_format:
        raise ValueError(f"not a pixel format: {pixel_format!r}")
    argv = ["v4l2-ctl", "-d", node, f"--set-fmt-video=width={width},height={height},pixelformat={pixel_format}"]
    return argv if fps is None else [*argv, f"--set-parm={fps}"]


def failure(stdout: str, stderr: str, status: int | None) -> Failure | None:
    """Tell from what a run printed why it failed; None where it complained of nothing and exited with 0.

    The exit status decides nothing else: it is 0 on many failures, and complaints come on either stream.
    """
    for kind, pattern in _PATTERNS:
        if pattern.search(stdout) or pattern.search(stderr):
            return kind
    return None if status == 0 and not stderr.strip() else Failure.UNKNOWN


def parse_report(text: str) -> NodeReport:
    """Read what one run of :func:`probe_argv` printed.

    Only the device caps count; a driver that is too old to have them (before Linux 3.4) tells those of the node as its
    capabilities. Raises :class:`ParseError` where there is no "Driver Info" in the text.
    """
    sections, caps = _read(text)
    if "Driver Info" not in sections:
        raise ParseError("no Driver Info")
    info = sections["Driver Info"]
    device_caps = frozenset(caps.get("Device Caps" if "Device Caps" in info else "Capabilities", ()))
    mode = _mode(sections) if device_caps & _CAPTURE else None
    return NodeReport(
        driver=clean(info.get("Driver name", "")),
        card=clean(info.get("Card type", "")),
        bus_info=clean(info.get("Bus info", "")),
        serial=clean(sections.get("Media Driver Info", {}).get("Serial", "")),
        device_caps=device_caps,
        mode=mode,
        modes=parse_formats(text, mode),
        controls=parse_controls(text),
    )


def _read(text: str) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """Give the fields of each section that we know, and the names listed under the fields of "Driver Info"."""
    sections: dict[str, dict[str, str]] = {}
    listed: dict[str, list[str]] = {}
    fields: dict[str, str] | None = None
    last = ""
    for line in lines(text):
        if line[0] not in "\t ":
            # "Driver Info (not using libv4l2):" in old versions.
            heading = line.partition(":")[0].partition(" (")[0]
            fields = sections.setdefault(heading, {}) if heading in _SECTIONS else None
        elif fields is None:
            continue
        elif line.startswith("\t\t"):
            listed.setdefault(last, []).append(clean(line))
        else:
            name, _, value = line.partition(":")
            last = name.strip()
            fields.setdefault(last, value)
    return sections, listed


def _mode(sections: dict[str, dict[str, str]]) -> CurrentMode | None:
    for kind in sorted(_CAPTURE):
        fields = sections.get(f"Format {kind}", {})
        size = _SIZE.fullmatch(fields.get("Width/Height", "").strip())
        pixel_format = _QUOTED_FORMAT.match(fields.get("Pixel Format", ""))
        if size is None or pixel_format is None or not (int(size[1]) and int(size[2])):
            continue
        # G_PARM may be told under the other kind: "30.000 (30/1)", or "invalid (0/0)".
        rates = (sections.get(f"Streaming Parameters {kind}", {}).get("Frames per second", "") for kind in _CAPTURE)
        fps = next((fps for rate in rates if (fps := parse_rate(rate.strip().partition(" ")[0]))), None)
        return CurrentMode(pixel_format[1], int(size[1]), int(size[2]), fps)
    return None
