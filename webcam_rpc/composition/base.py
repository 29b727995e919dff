"""What every part stands on: configuration, environment, reactor, threads and the bus of events."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from webcam_rpc import config
from webcam_rpc.bus import Bus

if TYPE_CHECKING:
    from pathlib import Path

    from webcam_rpc.threads import Threads


@dataclass(frozen=True)
class Base:
    """What all else stands on."""

    settings: config.Config
    environment: dict[str, str]
    reactor: Any
    threads: Threads
    bus: Bus

    @property
    def state(self) -> Path:
        """The directory of what must outlive a restart."""
        return config.state_directory(self.settings, self.environment).absolute()


def make_bus() -> Bus:
    """Give the bus of this run, whose epoch nobody has had before."""
    return Bus(secrets.token_hex(8), now)


def now() -> str:
    """Give the time in RFC 3339, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
