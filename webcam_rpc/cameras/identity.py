"""What a camera *is*: the id that controls, aliases, schedules and recordings hang on.

Owns the rule and the memory of it, not the file that holds the memory. Pure.

``usb-VVVV-PPPP-SERIAL`` where the camera has a serial that tells it from others, ``usb-VVVV-PPPP-at-PORT`` where it
has none or shares it (whole product lines carry one serial), ``platform-NAME`` on other buses; ``-ifN`` where one USB
device has several video functions, ``-ir`` for an infrared sensor. Lower case, ``[a-z0-9-]``.
"""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webcam_rpc.cameras.inventory import Facts
    from webcam_rpc.cameras.models import NodeReport

#: What a maker leaves who gives no serials. One that a whole line shares is known for that once a second shows it.
_PLACEHOLDER = re.compile(r"[0-]*|none|null")
_LONGEST = 64


class Owner(msgspec.Struct, frozen=True):
    """Who has a serial's id: the camera at ``port``; ``shared`` once a second camera has shown the same serial."""

    port: str
    shared: bool = False


class Place(msgspec.Struct, frozen=True):
    """A camera's claim to an id: the id by its serial (None without one), the id by its port, and the port."""

    by_serial: str | None
    by_port: str
    port: str
    suffix: str = ""


class Identities:
    """Gives ids to cameras that appear, so that a twin's arrival never renames the one that was there first.

    :param owners: what earlier runs remember, by the id that a serial gives.
    """

    def __init__(self, owners: Mapping[str, Owner] | None = None) -> None:
        self.owners = dict(owners or {})
        self._present: dict[str, Place] = {}

    def assign(self, place: Place) -> str:
        """Give the camera at ``place`` its id, and hold it until :meth:`release`."""
        camera_id = self._base(place) + place.suffix
        while camera_id in self._present:
            # Only where there is no sysfs to tell two cameras apart, so that neither hides the other.
            camera_id += "-twin"
        self._present[camera_id] = place
        return camera_id

    def release(self, camera_id: str) -> None:
        """Let go of an id: its camera is unplugged."""
        self._present.pop(camera_id, None)

    def _base(self, place: Place) -> str:
        if place.by_serial is None:
            return place.by_port
        owner = self.owners.get(place.by_serial)
        if owner is not None and owner.port != place.port:
            held = any(
                other.by_serial == place.by_serial and other.port == owner.port for other in self._present.values()
            )
            if held or owner.shared:
                self.owners[place.by_serial] = Owner(owner.port, shared=True)
                return place.by_port
        if owner is None or owner.port != place.port:
            self.owners[place.by_serial] = Owner(place.port)
        return place.by_serial


def place(facts: Facts | None, report: NodeReport | None, node_name: str, *, infrared: bool = False) -> Place:
    """Derive the claim of a node from sysfs, or from what ``v4l2-ctl`` reported where sysfs does not know it."""
    suffix = "-ir" if infrared else ""
    if facts is not None and facts.usb_path is not None:
        suffix = facts.function_suffix + suffix
        prefix = f"usb-{slug(facts.vendor_id or '0000')}-{slug(facts.product_id or '0000')}"
        return _usb_place(prefix, facts.serial or "", facts.usb_path, suffix)
    if facts is not None:
        by_port = "platform-" + slug(os.path.basename(facts.function))
        return Place(None, by_port + (f"-index{facts.index}" if facts.index else ""), facts.function, suffix)
    bus, _, port = (report.bus_info if report is not None else "").partition("-")
    if bus == "usb" and report is not None:
        return _usb_place("usb-0000-0000", report.serial, port, suffix)
    name = report.bus_info.removeprefix("platform:") if report is not None and report.bus_info else node_name
    return Place(None, "platform-" + slug(name), name, suffix)


def _usb_place(prefix: str, serial: str, port: str, suffix: str) -> Place:
    usable = slug(serial)
    by_serial = None if _PLACEHOLDER.fullmatch(usable) else f"{prefix}-{usable}"
    return Place(by_serial, f"{prefix}-at-{slug(port)}", port, suffix)


def slug(text: str) -> str:
    """Write ``text`` in the alphabet of ids, at most 64 characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-")
