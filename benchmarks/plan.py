"""What a run is to do: with which servers, how often, and where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.roster import Entrant, Peers


@dataclass
class Plan:
    """A run.

    :ivar quick: one short round of everything.
    :ivar entrants: all servers, running while a measurement wants them.
    :ivar core: that of the servers.
    :ivar device: a webcam for the streams.
    :ivar ustreamer: the command of µStreamer.
    :ivar streams_env: environment variables for the streams alone.
    :ivar testbed: the command that runs something in a virtual machine with webcams.
    :ivar site: the packages for it.
    :ivar no_testbed: why there is none.
    """

    entrants: list[Entrant]
    peers: Peers
    core: int | None
    rounds: int
    quick: bool = False
    device: str | None = None
    ustreamer: str = "ustreamer"
    streams_env: dict[str, str] = field(default_factory=dict)
    testbed: str | None = None
    site: str = ""
    no_testbed: str = "there is no virtual machine with webcams"
