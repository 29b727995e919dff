"""What a run is to do: with which servers, how often, and where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.roster import Entrant, Peers


@dataclass
class Plan:
    """A run.

    :ivar quick: one short round of everything.
    :ivar entrants: all servers, running while a measurement wants them.
    :ivar core: that of the servers.
    :ivar device: a webcam for the streams.
    """

    entrants: list[Entrant]
    peers: Peers
    core: int | None
    rounds: int
    quick: bool = False
    device: Path | None = None
    options: dict[str, str] = field(default_factory=dict)
