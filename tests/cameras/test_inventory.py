"""Nodes are found without opening them, and what the system says of them is read whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.cameras.case import Contract, usb
from webcam_rpc import config
from webcam_rpc.cameras.inventory import V4L2_MAJOR, Facts, Inventory, Node
from webcam_rpc.testing import FakeInventory

VIDEO_CONTROL = {"bInterfaceClass": "0e", "bInterfaceSubClass": "01"}


def write(directory: Path, **attributes: str) -> None:
    """Write attributes as sysfs shows them, a line each."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in attributes.items():
        (directory / name).write_text(text + "\n")


class Machine:
    """A device directory, a sysfs and udev's database on the disk."""

    def __init__(self, root: Path, devices: tuple[str, ...] = ("video*",)) -> None:
        root = root.resolve()
        self.dev, self.sys, self.udev = root / "dev", root / "sys", root / "udev"
        for directory in (self.dev, self.sys / "dev" / "char", self.udev):
            directory.mkdir(parents=True)
        self.inventory = Inventory(
            str(self.dev), config.device_filter(devices), sysfs=str(self.sys), udev_data=str(self.udev)
        )

    def plug(self, number: int, facts: Facts | None = None) -> Node:
        """Make videoN appear, in the place of the one that may be there."""
        new = self.dev / "new"
        try:
            os.mknod(new, stat.S_IFCHR | 0o660, os.makedev(V4L2_MAJOR, number))
        except PermissionError as error:
            raise SkipTest("device nodes are made by root alone") from error
        new.replace(self.dev / f"video{number}")
        if facts is not None:
            function = self.sys / facts.function.removeprefix("/sys/")
            write(function, bInterfaceNumber="00", **VIDEO_CONTROL)
            write(
                function.parent,
                idVendor=facts.vendor_id or "",
                idProduct=facts.product_id or "",
                serial=facts.serial or "",
                speed=f"{facts.usb_speed:g}",
            )
            self.entry(number, function, facts)
            if facts.captures is not None:
                self.udev_says(number, captures=facts.captures)
        node = self.inventory.node(self.path(number))
        assert node is not None
        return node

    def entry(self, number: int, function: Path, facts: Facts) -> None:
        """Make the entry of a video device of ``function``."""
        entry = function / "video4linux" / f"video{number}"
        write(entry, index=str(facts.index), name=facts.name)
        (self.sys / "dev" / "char" / f"{V4L2_MAJOR}:{number}").symlink_to(entry)

    def path(self, number: int) -> str:
        """Give the path of videoN."""
        return str(self.dev / f"video{number}")

    def unplug(self, number: int) -> None:
        """Make videoN vanish."""
        os.unlink(self.path(number))
        (self.sys / "dev" / "char" / f"{V4L2_MAJOR}:{number}").unlink(missing_ok=True)

    def udev_says(self, number: int, *, captures: bool | None) -> None:
        """Write into udev's database."""
        text = "S:v4l/by-path/x\nI:1\nE:ID_V4L_VERSION=2\n"
        if captures is not None:
            text += f"E:ID_V4L_CAPABILITIES={':capture:' if captures else ':'}\n"
        (self.udev / f"c{V4L2_MAJOR}:{number}").write_text(text)


class InventoryContract(Contract):
    """What the monitor relies on, of the real inventory and of the fake one."""

    machine: Machine | FakeInventory

    def inventory(self) -> Inventory:
        """Give the one under test."""
        return self.machine if isinstance(self.machine, FakeInventory) else self.machine.inventory

    def test_plug_and_unplug(self) -> None:
        """What is plugged is listed by path, what is unplugged no more."""
        node = self.machine.plug(0)
        self.machine.plug(12)
        found = self.inventory().scan()
        self.assertEqual(set(found), {self.machine.path(0), self.machine.path(12)})
        self.assertEqual(found[node.path], node)
        self.assertEqual(self.inventory().node(node.path), node)
        self.assertEqual((node.number, node.accessible), (0, True))
        self.machine.unplug(0)
        self.assertEqual(set(self.inventory().scan()), {self.machine.path(12)})
        self.assertIsNone(self.inventory().node(node.path))

    def test_same_device(self) -> None:
        """Two looks at one node show the same device; one that took its number is another."""
        before = self.machine.plug(0)
        self.assertTrue(self.inventory().scan()[before.path].same_device(before))
        after = self.machine.plug(0)
        self.assertFalse(self.inventory().scan()[before.path].same_device(before))
        self.assertEqual(after.device, before.device)

    def test_facts(self) -> None:
        """What the system says of a node."""
        facts = usb("1-2", index=1, serial="SN1", captures=True)
        found = self.inventory().facts(self.machine.plug(3, facts))
        assert found is not None
        self.assertTrue(found.function.endswith(facts.function))
        self.assertEqual(msgspec.structs.replace(found, function=facts.function), facts)

    def test_no_facts(self) -> None:
        """Of a node that the system does not know, nothing is told."""
        node = self.machine.plug(3)
        self.assertIsNone(self.inventory().facts(node))
        self.assertIsNone(self.inventory().captures(node))

    def test_captures(self) -> None:
        """Udev's word comes later than the node, and is read anew."""
        node = self.machine.plug(0, usb("1-1"))
        self.assertIsNone(self.inventory().captures(node))
        for word in (True, False, None):
            self.machine.udev_says(0, captures=word)
            self.assertEqual(self.inventory().captures(node), word)

    def test_resolve_link(self) -> None:
        """A path that is no link leads to itself."""
        node = self.machine.plug(0)
        self.assertEqual(self.inventory().resolve_link(node.path), node.path)


class FakeInventoryTests(InventoryContract, SynchronousTestCase):
    """The fake one keeps the contract."""

    def setUp(self) -> None:
        """Make it."""
        self.machine = FakeInventory()


class RealInventoryTests(InventoryContract, SynchronousTestCase):
    """The real one on a tree of its own."""

    def setUp(self) -> None:
        """Make the tree."""
        self.machine = self.tree = Machine(Path(self.mktemp()))

    def test_not_nodes(self) -> None:
        """Files, directories, links to nowhere, nodes of other majors and other names are no nodes."""
        self.tree.plug(5)
        dev = self.tree.dev
        (dev / "video1").write_text("")
        (dev / "video2").mkdir()
        (dev / "video3").symlink_to(dev / "nowhere")
        os.mknod(dev / "video4", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        for name in ("video", "video6x", "xvideo6", "video123456", "video6\n", "vbi0"):
            os.link(self.tree.path(5), dev / name)
        self.assertEqual(set(self.tree.inventory.scan()), {self.tree.path(5)})

    def test_wanted(self) -> None:
        """Only the names that are configured are looked at."""
        tree = Machine(Path(self.mktemp()), ("video0-1", "video7"))
        for number in (0, 1, 2, 7, 10):
            tree.plug(number)
        self.assertEqual(set(tree.inventory.scan()), {tree.path(number) for number in (0, 1, 7)})

    def test_link(self) -> None:
        """A link below the device directory leads to its node."""
        node = self.tree.plug(0)
        (self.tree.dev / "by-id").symlink_to(node.path)
        self.assertEqual(self.tree.inventory.resolve_link(str(self.tree.dev / "by-id")), node.path)

    def test_accessible(self) -> None:
        """A node that this process may not open says so."""
        node = self.tree.plug(0)
        os.chmod(node.path, 0o600)
        # access(2) asks for the real user: as that one changes, so does the answer, while we stay root.
        os.setresuid(65534, 0, 0)
        try:
            found = self.tree.inventory.node(node.path)
        finally:
            os.setresuid(0, 0, 0)
        assert found is not None
        self.assertFalse(found.accessible)
        self.assertTrue(found.same_device(node))

    def test_changes(self) -> None:
        """A node is looked at anew when its mode or its inode has changed, and only then."""
        path = self.tree.plug(0).path
        first = self.tree.inventory.scan()[path]
        self.assertIs(self.tree.inventory.scan()[path], first)
        os.chmod(path, 0o600)
        changed = self.tree.inventory.scan()[path]
        self.assertIsNot(changed, first)
        self.assertTrue(changed.same_device(first))
        self.tree.plug(0)
        self.assertFalse(self.tree.inventory.scan()[path].same_device(first))
        self.tree.unplug(0)
        self.assertEqual(self.tree.inventory.scan(), {})

    def test_alsa_of_this_number(self) -> None:
        """An entry that is no video4linux device's is not taken for one."""
        node = self.tree.plug(0)
        other = self.tree.sys / "class" / "sound" / "card0"
        write(other, index="0")
        (self.tree.sys / "dev" / "char" / "81:0").symlink_to(other)
        self.assertIsNone(self.tree.inventory.facts(node))

    def test_platform(self) -> None:
        """A platform device is a function; a virtual device has none that it shares with others."""
        node = self.tree.plug(0)
        platform = self.tree.sys / "devices" / "platform" / "vivid.0"
        self.tree.entry(0, platform, Facts(function="", index=0, name="vivid"))
        self.assertEqual(self.tree.inventory.facts(node), Facts(function=str(platform), index=0, name="vivid"))
        node = self.tree.plug(1)
        virtual = self.tree.sys / "devices" / "virtual"
        self.tree.entry(1, virtual, Facts(function="", index=0, name="loop"))
        found = self.tree.inventory.facts(node)
        assert found is not None
        self.assertEqual(found.function, str(virtual / "video4linux" / "video1"))

    def test_two_functions(self) -> None:
        """Of a device with two video functions each has a suffix; the streaming interfaces do not count."""
        first = usb("1-1")
        second = msgspec.structs.replace(first, function=first.function.removesuffix("0") + "2")
        device = self.tree.sys / first.function.removeprefix("/sys/")
        write(device.with_name("1-1:1.1"), bInterfaceNumber="01", bInterfaceClass="0e", bInterfaceSubClass="02")
        one = self.tree.inventory.facts(self.tree.plug(0, first))
        assert one is not None
        self.assertEqual(one.function_suffix, "")
        node = self.tree.plug(2, second)
        write(device.with_name("1-1:1.2"), bInterfaceNumber="0a")
        other = self.tree.inventory.facts(node)
        assert other is not None
        self.assertEqual(other.function_suffix, "-if10")

    def test_strange_attributes(self) -> None:
        """Attributes that are missing or not what they should be are left out."""
        facts = usb("1-1", serial="x")
        node = self.tree.plug(0, facts)
        function = self.tree.sys / facts.function.removeprefix("/sys/")
        (function / "video4linux" / "video0" / "index").write_text("-1")
        (function.parent / "speed").write_text("fast")
        (function.parent / "serial").write_bytes(b"\xff\xfe")
        (function.parent / "idVendor").unlink()
        found = self.tree.inventory.facts(node)
        assert found is not None
        self.assertEqual((found.index, found.usb_speed, found.vendor_id), (0, None, ""))
        self.assertEqual(found.serial, "��")


class DirectoryTests(SynchronousTestCase):
    """The directory itself."""

    def test_missing(self) -> None:
        """A directory that is not there has no nodes; one that is no directory is an error."""
        self.assertEqual(Inventory(self.mktemp(), lambda _: True).scan(), {})
        path = Path(self.mktemp())
        path.write_text("")
        self.assertRaises(OSError, Inventory(str(path), lambda _: True).scan)

    def test_number(self) -> None:
        """A node knows its number."""
        self.assertEqual(Node("/dev/video64", 0, 0, accessible=True).number, 64)
        self.assertEqual(Node("/dev/odd", 0, 0, accessible=True).number, -1)
