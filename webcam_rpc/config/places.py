"""What the paths and patterns of a configuration stand for on this machine.

Owns where the service keeps its state and its media, and which names in the device directory it looks at. Pure: the
environment is an argument, nothing is created or looked up.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webcam_rpc.config.schema import Config

_DIRECTORY = "webcam-rpc"
# As the kernel names them; there is no video01.
_NODE = re.compile(r"video(0|[1-9][0-9]{0,8})")


def state_directory(config: Config, environ: Mapping[str, str]) -> Path:
    """Give the directory of what must outlive a restart.

    That is ``state.directory``, else the first of ``$STATE_DIRECTORY`` (systemd.exec(5) separates several by colons),
    else ``$XDG_STATE_HOME/webcam-rpc`` where that is absolute (the XDG specification says to ignore it otherwise), else
    ``~/.local/state/webcam-rpc``.
    """
    if config.state.directory is not None:
        return _expanded(config.state.directory, environ)
    from_systemd = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if from_systemd:
        return Path(from_systemd)
    from_xdg = environ.get("XDG_STATE_HOME", "")
    if from_xdg.startswith("/"):
        return Path(from_xdg, _DIRECTORY)
    return _home(environ) / ".local/state" / _DIRECTORY


def media_directory(config: Config, environ: Mapping[str, str]) -> Path:
    """Give the directory of pictures and recordings: ``media.directory``, else ``media`` below the state."""
    if config.media.directory is not None:
        return _expanded(config.media.directory, environ)
    return state_directory(config, environ) / "media"


def device_filter(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Give a function that tells whether a name (``video0``) is meant by one of ``cameras.devices``."""
    ranges: list[tuple[int, float]] = []
    for pattern in patterns:
        low, _, high = pattern.removeprefix("video").partition("-")
        ranges.append((0, float("inf")) if low == "*" else (int(low), int(high or low)))

    def meant(name: str) -> bool:
        found = _NODE.fullmatch(name)
        return found is not None and any(low <= int(found[1]) <= high for low, high in ranges)

    return meant


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "")
    return Path(home) if home.startswith("/") else Path.home()


def _expanded(path: str, environ: Mapping[str, str]) -> Path:
    return _home(environ) / path[2:] if path.startswith("~/") else Path(path)
