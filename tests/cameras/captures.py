"""What v4l2-ctl printed on real V4L2 devices (tests/captures), for the tests to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from webcam_rpc.cameras import v4l2

if TYPE_CHECKING:
    from webcam_rpc.cameras.models import NodeReport

CAPTURES = Path(__file__).parent.parent / "captures"
#: Captures that are the report of a node.
REPORTS = sorted(
    path.stem
    for path in CAPTURES.glob("*.txt")
    if not path.stem.endswith((".stdout", ".stderr", "-controls")) and not path.stem.startswith("sample-")
)


def capture(name: str) -> str:
    """Give a capture's text, or none where that stream was empty."""
    path = CAPTURES / f"{name}.txt"
    return path.read_bytes().decode() if path.exists() else ""


def report(name: str) -> NodeReport:
    """Parse the capture of a report."""
    return v4l2.parse_report(capture(name))
