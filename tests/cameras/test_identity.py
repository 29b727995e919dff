"""A camera has one id wherever it is plugged, and two cameras never have the same one."""

from __future__ import annotations

import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import report
from tests.cameras.case import usb
from webcam_rpc.cameras.identity import Identities, Owner, Place, place, slug
from webcam_rpc.cameras.inventory import Facts


class PlaceTests(SynchronousTestCase):
    """What a node may claim."""

    def test_usb_with_serial(self) -> None:
        """The id is made of vendor, product and serial; the port is kept for a twin."""
        self.assertEqual(
            place(usb("1-2.4", serial="SN_00:1 Ä"), None, "video0"),
            Place("usb-0bda-5634-sn-00-1", "usb-0bda-5634-at-1-2-4", "1-2.4"),
        )

    def test_no_serial(self) -> None:
        """Empty serials and those of makers who give none are no serials."""
        for serial in ("", "0", "000000", "None", "null", "---", "Ä"):
            self.assertIsNone(place(usb("1-1", serial=serial), None, "video0").by_serial, serial)
        self.assertEqual(place(usb("1-1", serial="200901010001"), None, "").by_serial, "usb-0bda-5634-200901010001")

    def test_suffixes(self) -> None:
        """A function of several and an infrared sensor are told apart."""
        facts = msgspec.structs.replace(usb("1-1"), function_suffix="-if2")
        self.assertEqual(place(facts, None, "", infrared=True).suffix, "-if2-ir")
        self.assertEqual(place(usb("1-1"), None, "").suffix, "")

    def test_platform(self) -> None:
        """Other buses are named by the device, its further nodes by their index."""
        facts = Facts(function="/sys/devices/platform/vivid.0", index=0)
        self.assertEqual(place(facts, None, "video0").by_port, "platform-vivid-0")
        second = msgspec.structs.replace(facts, index=1)
        self.assertEqual(place(second, None, "video1").by_port, "platform-vivid-0-index1")

    def test_without_sysfs(self) -> None:
        """Where the system tells nothing, v4l2-ctl's report does, and at the last the name of the node."""
        self.assertEqual(place(None, report("uvc-serial"), "video0").by_serial, "usb-0000-0000-sn0001")
        self.assertEqual(place(None, report("uvc-hd"), "video0").by_port, "usb-0000-0000-at-vhci-hcd-0-1")
        self.assertEqual(place(None, report("vivid-webcam"), "video0").by_port, "platform-vivid-000")
        self.assertEqual(place(None, None, "video7").by_port, "platform-video7")

    @settings(max_examples=100, derandomize=True, deadline=None)
    @given(st.text(max_size=200), st.text(max_size=40), st.booleans())
    def test_alphabet(self, serial: str, port: str, infrared: bool) -> None:  # noqa: FBT001 - hypothesis gives it
        """Whatever a camera says of itself, its id is lower-case letters, digits and hyphens, and of bounded length."""
        found = Identities().assign(place(usb(port, serial=serial), None, "video0", infrared=infrared))
        self.assertTrue(re.fullmatch(r"usb-0bda-5634-[a-z0-9-]{0,90}", found), found)

    def test_slug_is_cut(self) -> None:
        """A name that is too long is cut, and ends in no hyphen."""
        self.assertEqual(slug("a" * 63 + "/" + "b" * 9), "a" * 63)


def serial_at(port: str, serial: str = "S1") -> Place:
    """Give the claim of a camera with a serial."""
    return place(usb(port, serial=serial), None, "video0")


class IdentitiesTests(SynchronousTestCase):
    """Who gets the id of a serial."""

    def test_moves(self) -> None:
        """A camera that is plugged elsewhere keeps its id."""
        identities = Identities()
        first = identities.assign(serial_at("1-1"))
        identities.release(first)
        self.assertEqual(identities.assign(serial_at("2-3")), first)
        self.assertEqual(identities.owners, {"usb-0bda-5634-s1": Owner("2-3")})

    def test_twin(self) -> None:
        """A second camera with the same serial is named by its port; the first keeps its name."""
        identities = Identities()
        first = identities.assign(serial_at("1-1"))
        second = identities.assign(serial_at("1-2"))
        self.assertEqual((first, second), ("usb-0bda-5634-s1", "usb-0bda-5634-at-1-2"))

    def test_twin_alone(self) -> None:
        """Once a serial is known to be shared, the twin that is left does not take the first one's name."""
        identities = Identities()
        first = identities.assign(serial_at("1-1"))
        second = identities.assign(serial_at("1-2"))
        for camera_id in (first, second):
            identities.release(camera_id)
        self.assertEqual(identities.assign(serial_at("1-2")), second)
        self.assertEqual(identities.assign(serial_at("1-1")), first)

    def test_remembered(self) -> None:
        """What an earlier run knew of a serial holds in this one."""
        identities = Identities({"usb-0bda-5634-s1": Owner("1-1", shared=True)})
        self.assertEqual(identities.assign(serial_at("1-2")), "usb-0bda-5634-at-1-2")
        self.assertEqual(identities.assign(serial_at("1-1")), "usb-0bda-5634-s1")

    def test_owners_are_a_copy(self) -> None:
        """What is given at the start is not written into."""
        given_owners = {"usb-0bda-5634-s1": Owner("1-1")}
        Identities(given_owners).assign(serial_at("1-2"))
        self.assertEqual(given_owners, {"usb-0bda-5634-s1": Owner("1-1")})

    def test_functions_of_one_device(self) -> None:
        """Two functions of one device share its serial and port and are no twins."""
        identities = Identities()
        found = [identities.assign(Place("usb-s", "usb-at-1", "1-1", suffix)) for suffix in ("-if0", "-if2", "-if2-ir")]
        self.assertEqual(found, ["usb-s-if0", "usb-s-if2", "usb-s-if2-ir"])
        self.assertEqual(identities.owners, {"usb-s": Owner("1-1")})

    def test_same_claim(self) -> None:
        """Two that nothing tells apart still have two ids, and the second is free again when it goes."""
        identities = Identities()
        claims = [Place(None, "platform-video0", "video0")] * 3
        found = [identities.assign(claim) for claim in claims]
        self.assertEqual(len(set(found)), 3)
        identities.release(found[1])
        self.assertEqual(identities.assign(claims[0]), found[1])

    def test_release_of_nobody(self) -> None:
        """To release what is not held is harmless: pattern cameras come from elsewhere."""
        Identities().release("demo")

    @settings(max_examples=80, derandomize=True, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(("1-1", "1-2", "1-3")), st.sampled_from(("", "S1", "S2"))), max_size=30))
    def test_never_two_alike(self, moves: list[tuple[str, str]]) -> None:
        """In whatever order cameras come and go, those present have different ids."""
        identities = Identities()
        present: dict[str, str] = {}
        for port, serial in moves:
            if port in present:
                identities.release(present.pop(port))
            else:
                present[port] = identities.assign(serial_at(port, serial))
            self.assertEqual(len(set(present.values())), len(present))
            self.assertTrue(all("twin" not in camera_id for camera_id in present.values()))
