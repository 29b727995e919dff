"""The device nodes: which ``/dev/videoN`` are there, and what sysfs and udev's database say of each.

Owns every look at the file system that finds cameras. A scan is cheap enough for ten a second (one listing and one
``stat`` a node) and never opens a node: opening one wakes the camera and can block for seconds. The facts of a node are
read once, when it appears.

Sources: Linux Documentation/admin-guide/devices.txt (character major 81 is video4linux), Documentation/ABI/testing/
sysfs-bus-usb and sysfs-dev, and the format of ``/run/udev/data`` as systemd-udevd writes it.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

V4L2_MAJOR = 81
_NAME = re.compile(r"video([0-9]{1,5})\Z")
#: bInterfaceClass Video and bInterfaceSubClass Video Control (USB Video Class 1.5, section A.1 and A.2).
_VIDEO_CONTROL = ("0e", "01")


class Node(msgspec.Struct, frozen=True):
    """A device node as ``stat`` sees it; two that differ in ``inode`` or ``device`` are not the same camera.

    ``accessible`` says whether this process may open it for reading and writing.
    """

    path: str
    device: int
    inode: int
    accessible: bool

    def same_device(self, other: Node) -> bool:
        """Tell whether nothing was plugged between the two looks: devtmpfs gives each new node a new inode."""
        return self.device == other.device and self.inode == other.inode

    @property
    def number(self) -> int:
        """N of videoN."""
        match = _NAME.search(self.path)
        return int(match[1]) if match else -1


class Facts(msgspec.Struct, frozen=True):
    """What the system says of a node without opening it.

    ``function`` names what the node is a part of (a USB video function, a platform device); nodes of one function are
    one camera. ``index`` is the node's place in it, ``name`` what the driver calls it. ``captures`` is udev's word,
    None where udev has none. ``function_suffix`` tells the functions of one USB device apart.
    """

    function: str
    index: int
    name: str = ""
    vendor_id: str | None = None
    product_id: str | None = None
    serial: str | None = None
    usb_path: str | None = None
    usb_speed: float | None = None
    function_suffix: str = ""
    captures: bool | None = None


class _Seen(NamedTuple):
    """A node as the last scan found it, and what tells whether it still is that."""

    marks: tuple[int, ...]
    node: Node


class Inventory:
    """Looks at the device directory, sysfs and udev's database.

    :param directory: where the nodes are, ``/dev``.
    :param wanted: which names (``video0``) are to be watched.
    """

    def __init__(
        self, directory: str, wanted: Callable[[str], bool], *, sysfs: str = "/sys", udev_data: str = "/run/udev/data"
    ) -> None:
        self.directory = directory
        self._wanted = wanted
        self._sysfs = Path(sysfs)
        self._udev_data = Path(udev_data)
        self._seen: dict[str, _Seen] = {}

    def scan(self) -> dict[str, Node]:
        """Find the nodes that are there now, by path.

        A directory that is not there has no nodes. Raises OSError where the directory cannot be read.
        """
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return {}
        seen = {}
        for name in names:
            if name.startswith("video") and _NAME.match(name) and self._wanted(name):
                found = self._look(os.path.join(self.directory, name))
                if found is not None:
                    seen[found.node.path] = found
        self._seen = seen
        return {path: found.node for path, found in seen.items()}

    def _look(self, path: str) -> _Seen | None:
        """Look at a node; all but ``stat`` is done anew only where that tells of a change."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        # All that access(2) goes by, but for who we are: whatever changes mode, owner or ACL sets the time.
        marks = status.st_ctime_ns, status.st_ino, status.st_rdev, status.st_mode, status.st_uid, status.st_gid
        before = self._seen.get(path)
        if before is not None and before.marks == marks:
            return before
        node = _node(path, status)
        return _Seen(marks, node) if node is not None else None

    def node(self, path: str) -> Node | None:
        """Look at one node; None unless it is a character device of V4L2's."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        return _node(path, status)

    def resolve_link(self, path: str) -> str:
        """Follow links such as ``/dev/v4l/by-id/…`` to the node that they lead to."""
        return os.path.realpath(path)

    def facts(self, node: Node) -> Facts | None:
        """Read what sysfs and udev say of ``node``; None where they know no such device number."""
        number = f"{os.major(node.device)}:{os.minor(node.device)}"
        try:
            entry = (self._sysfs / "dev" / "char" / number).resolve(strict=True)
        except OSError:
            return None
        if entry.parent.name != "video4linux":
            return None
        function = entry.parent.parent
        index = _read(entry / "index")
        facts = Facts(
            function=str(function) if function.parent != self._sysfs / "devices" else str(entry),
            index=int(index) if index.isdecimal() else 0,
            name=_read(entry / "name"),
            captures=self._captures(number),
        )
        interface = _read(function / "bInterfaceNumber")
        return _usb(facts, function, interface) if interface else facts

    def captures(self, node: Node) -> bool | None:
        """Tell what udev's database says now of ``node``: it is written a moment after the node appears."""
        return self._captures(f"{os.major(node.device)}:{os.minor(node.device)}")

    def _captures(self, number: str) -> bool | None:
        for line in _read(self._udev_data / f"c{number}").splitlines():
            if line.startswith("E:ID_V4L_CAPABILITIES="):
                return ":capture:" in line
        return None


def _node(path: str, status: os.stat_result) -> Node | None:
    if not stat.S_ISCHR(status.st_mode) or os.major(status.st_rdev) != V4L2_MAJOR:
        return None
    return Node(path, status.st_rdev, status.st_ino, os.access(path, os.R_OK | os.W_OK))


def _usb(facts: Facts, function: Path, interface: str) -> Facts:
    device = function.parent
    controls = [
        path
        for path in device.glob(f"{device.name}:*")
        if (_read(path / "bInterfaceClass"), _read(path / "bInterfaceSubClass")) == _VIDEO_CONTROL
    ]
    speed = _read(device / "speed")
    return msgspec.structs.replace(
        facts,
        vendor_id=_read(device / "idVendor").lower(),
        product_id=_read(device / "idProduct").lower(),
        serial=_read(device / "serial"),
        usb_path=device.name,
        usb_speed=float(speed) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", speed) else None,
        function_suffix=f"-if{int(interface, 16)}" if len(controls) > 1 else "",
    )


def _read(path: Path) -> str:
    """Give an attribute's text, empty where there is none: it can vanish between two reads."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
