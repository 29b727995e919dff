"""Who has a camera open: the process that keeps others from streaming.

Owns the search through ``/proc/PID/fd`` (Linux, proc(5)). It takes milliseconds where many processes run, so it is
called in a thread. A service that is neither root nor the holder's user cannot see it; then the reason says so.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Holder(msgspec.Struct, frozen=True):
    """A process that has the device open, and the name of its program."""

    pid: int
    comm: str


class Holders(msgspec.Struct, frozen=True):
    """Who was found, ourselves and our children left out, and how many processes could not be looked into."""

    found: tuple[Holder, ...]
    hidden: int

    @property
    def reason(self) -> str | None:
        """Say in words why nobody is named although somebody may be there; None where that is certain or found."""
        if self.found or not self.hidden:
            return None
        return f"{self.hidden} processes of other users cannot be looked into"


def find_holders(device: str, own_pid: int, proc: str = "/proc") -> Holders:
    """Find the processes that have ``device`` open; blocks for as long as a walk through ``/proc`` takes."""
    try:
        wanted = os.stat(device).st_rdev
    except OSError:
        return Holders((), 0)
    found = []
    hidden = 0
    for entry in os.scandir(proc):
        if not entry.name.isdecimal():
            continue
        pid = int(entry.name)
        try:
            held = _holds(Path(entry.path) / "fd", device, wanted)
        except PermissionError:
            hidden += 1
            continue
        except OSError:
            continue  # it ended while we looked
        if held and pid != own_pid and _parent(Path(entry.path)) != own_pid:
            found.append(Holder(pid, _comm(Path(entry.path))))
    return Holders(tuple(sorted(found, key=lambda holder: holder.pid)), hidden)


def _holds(descriptors: Path, device: str, wanted: int) -> bool:
    with os.scandir(descriptors) as listed:
        for descriptor in listed:
            try:
                target = os.readlink(descriptor.path)
                # Another name for the same node (a chroot's /dev, a bind mount) counts as well.
                if target == device or (target.startswith("/dev/video") and os.stat(descriptor.path).st_rdev == wanted):
                    return True
            except FileNotFoundError:
                continue
    return False


def _comm(process: Path) -> str:
    try:
        text = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
    # A program names itself: what it says is shown to people and must not forge their terminal.
    return "".join(character if character.isprintable() else "?" for character in text)


def _parent(process: Path) -> int:
    try:
        after_name = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return int(after_name[1])
    except (OSError, IndexError, ValueError):
        return -1
