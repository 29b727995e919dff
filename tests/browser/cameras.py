"""Cameras to plug in where there is no hardware: device nodes without a device, and two programs that act as if.

``v4l2-ctl`` prints what the real one printed (:mod:`tests.captures`) and remembers what it is told to set; ``ffmpeg``
draws a test pattern in the mode in which it is to capture. The rest of the service is as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.trial.unittest import SkipTest

from tests.browser.window import WANTED, BrowserCase

if TYPE_CHECKING:
    from tests.service import Service

CAPTURES = Path(__file__).parent.parent / "captures"
#: V4L2's major number, and minors that no real device here has.
_MAJOR, _MINOR = 81, 200

_V4L2_CTL = r'''#!{python} -SE
import re, sys
from pathlib import Path

node = Path({reports!r}) / Path(sys.argv[sys.argv.index("-d") + 1]).name
text = node.read_text()


def change(name, value):
    """Set a control as the driver would: within its range, and what it turns off is off."""
    global text
    line = re.search(rf"^ +{{name}} .*$", text, re.M)[0]
    low, high = (re.search(rf"{{end}}=(-?\d+)", line) for end in ("min", "max"))
    if low:
        value = min(max(int(value), int(low[1])), int(high[1]))
    new = re.sub(r"(?<= )value=\S+", f"value={{value}}", line)
    if "(menu)" in line:
        menu = re.search(rf"^ +{{name}} .*\n(?:\t\t\t\t.*\n)*?\t\t\t\t{{value}}: (.*)$", text, re.M)
        new = re.sub(r" \(\D[^)]*\)$|(?<=value=\d) \([^)]*\)$", "", new) + f" ({{menu[1]}})"
    text = text.replace(line, new)
    for other, active in (
        ("white_balance_temperature", {{"0": True, "1": False}} if name == "white_balance_automatic" else None),
        ("exposure_time_absolute", {{"1": True, "3": False}} if name == "auto_exposure" else None),
        ("focus_absolute", {{"0": True, "1": False}} if name == "focus_automatic_continuous" else None),
    ):
        if active:
            old = re.search(rf"^ +{{other}} .*$", text, re.M)[0]
            flags = "" if active[str(value)] else " flags=inactive"
            text = text.replace(old, old.replace(" flags=inactive", "") + flags)


for argument in sys.argv[1:]:
    option, _, rest = argument.partition("=")
    if option == "--set-ctrl":
        change(*rest.split("=", 1))
    elif option == "--set-fmt-video":
        mode = dict(pair.split("=") for pair in rest.split(","))
        size = f"Width/Height      : {{mode['width']}}/{{mode['height']}}"
        text = re.sub(r"Width/Height      : .*", size, text, count=1)
        text = re.sub(r"(Pixel Format      : )'....'.*", rf"\1'{{mode['pixelformat']}}'", text, count=1)
    elif option == "--set-parm":
        text = re.sub(r"Frames per second: .*", f"Frames per second: {{float(rest):.3f}} ({{float(rest):g}}/1)", text)
node.write_text(text)
if "--all" in sys.argv or "--list-ctrls-menus" in sys.argv:
    print(text, end="")
'''

_FFMPEG = r"""#!{python} -SE
import os, sys

argv = sys.argv[1:]
if "v4l2" in argv:
    option = dict(zip(argv, argv[1:]))
    begin, end = argv.index("-analyzeduration"), argv.index("-i") + 2
    drawn = f"testsrc2=size={{option['-video_size']}}:rate={{option.get('-framerate', '30')}}"
    argv[begin:end] = ["-re", "-f", "lavfi", "-i", drawn]
    if "copy" in argv:
        argv[argv.index("copy")] = "mjpeg"
os.execv({ffmpeg!r}, [{ffmpeg!r}, *argv])
"""


class CamerasCase(BrowserCase):
    """A browser, and cameras that come and go."""

    def setUp(self) -> None:
        """Make a device directory under ``/dev``: elsewhere nodes may be forbidden, and paths are not a device's."""
        super().setUp()
        try:
            self.devices = Path(tempfile.mkdtemp(prefix="webcam-rpc-", dir="/dev"))
            self.addCleanup(shutil.rmtree, self.devices)
            self.plug(9)
            self.unplug(9)
        except OSError as error:
            if os.environ.get(WANTED) == "required":
                raise
            raise SkipTest(f"needs root, to make device nodes: {error.strerror}") from None
        self.programs = Path(self.mktemp()).absolute()
        self.reports = self.programs / "reports"
        self.reports.mkdir(parents=True)
        ffmpeg = shutil.which("ffmpeg")
        for name, text in ("v4l2-ctl", _V4L2_CTL), ("ffmpeg", _FFMPEG):
            program = self.programs / name
            program.write_text(text.format(python=sys.executable, reports=str(self.reports), ffmpeg=ffmpeg))
            program.chmod(0o755)

    def plug(self, number: int, capture: str | None = None, name: str = "") -> str:
        """Make videoN appear, as the camera of a capture, perhaps with another name."""
        path = self.devices / f"video{number}"
        if capture is not None:
            text = (CAPTURES / capture).read_text("utf-8")
            text = re.sub(
                r"(?m)^(\t(?:Card type|Model) +: ).*$", lambda line: line[1] + (name or "Testbed Camera"), text
            )
            text = text.replace("usb-vhci_hcd.0-1", f"usb-vhci_hcd.0-{number + 1}")  # a port of its own
            (self.reports / path.name).write_text(text, "utf-8")
        os.mknod(path, stat.S_IFCHR | 0o660, os.makedev(_MAJOR, _MINOR + number))
        return str(path)

    def unplug(self, number: int) -> None:
        """Make videoN vanish."""
        (self.devices / f"video{number}").unlink()

    async def serve_cameras(self, *options: str, demo: bool = False) -> Service:
        """Start a service on these nodes."""
        path = os.pathsep.join((str(self.programs), os.environ["PATH"]))
        return await self.serve("--device-dir", str(self.devices), *options, demo=demo, environ={"PATH": path})
