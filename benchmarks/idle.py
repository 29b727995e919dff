"""Connections that do nothing: what each takes of memory, and ten thousand of them that are all told something."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.broadcasts import middle
from benchmarks.crowd import Crowd, Told
from benchmarks.report import Section, number
from benchmarks.roster import CEILING, OURS, STOCK, running
from benchmarks.rounds import Results, measured
from benchmarks.wire import connect, hang_up

if TYPE_CHECKING:
    import socket

    from benchmarks.plan import Plan
    from benchmarks.roster import Entrant

#: Connections before the first look at the memory: what the first need is there for all.
_FIRST = 100
_SOME, _MANY = 2000, 10_000
_SETTLED = 0.5


class Held(NamedTuple):
    """What one server did with many connections.

    :ivar size: KiB of each.
    :ivar connecting: seconds for all of them.
    :ivar told: a broadcast to all; None where that is not asked for.
    """

    size: float
    connecting: float
    told: Told | None


def idle(plan: Plan) -> Section:
    """Hold connections. Each server is started anew: what it has used before would be there for these."""
    many = _SOME if plan.quick else _MANY

    def hold(entrant: Entrant) -> Held:
        with running([entrant], plan.core):
            # Moonraker hangs up on the first before the last have come.
            return _hold(entrant, many if entrant.publishes else _SOME)

    results: Results[Held] = measured("idle", plan.entrants, 1 if plan.quick else 3, hold)
    head = (
        "server",
        "KiB a connection",
        f"{many} connected in s",
        f"broadcast to {many}: ms",
        "against stock",
        "CPU ms",
    )
    section = Section("idle", f"{many} idle connections", head)
    for entrant in plan.entrants:
        name = entrant.name
        if name in results.problems:
            section.rows.append((name, results.problems[name], *[""] * (len(head) - 2)))
            continue
        publishes = entrant.publishes
        section.rows.append(
            (
                name if publishes or many == _SOME else f"{name}, {_SOME} of them",
                number(results.median(name, lambda held: held.size), "{:.1f}"),
                number(results.median(name, lambda held: held.connecting), "{:.1f}"),
                number(results.median(name, _told) if publishes else None, "{:.0f}"),
                number(results.ratio(name, STOCK, _told) if publishes else None, "{:.2f}×"),
                number(results.median(name, _used) if publishes else None, "{:.0f}"),
            )
        )
        if name != CEILING:
            section.bars[name] = results.median(name, lambda held: held.size) or 0.0
    section.at_most("idle connection, RSS", results.median(OURS, lambda held: held.size), 7, "{:.1f} KiB")
    section.at_most(f"broadcast to {many} held connections, time against stock", results.ratio(OURS, STOCK, _told), 0.5)
    return section


def _hold(entrant: Entrant, many: int) -> Held:
    server = entrant.up()
    connections: list[socket.socket] = []
    try:
        connections += connect(server.port, server.path, _FIRST)
        time.sleep(_SETTLED)
        before = server.memory("Rss")
        start = time.monotonic()
        connections += connect(server.port, server.path, many - _FIRST)
        connecting = time.monotonic() - start
        time.sleep(_SETTLED)
        size = (server.memory("Rss") - before) / (many - _FIRST)
        told = None
        if entrant.publishes:
            crowd = Crowd(server, connections)
            try:
                crowd.hear(1)
                told = middle([crowd.hear(1) for _ in range(3)])
            finally:
                crowd.close()
        return Held(size, connecting, told)
    finally:
        hang_up(connections)


def _told(held: Held) -> float:
    return 1000 * held.told.seconds if held.told is not None else 0.0


def _used(held: Held) -> float:
    return 1000 * held.told.used if held.told is not None else 0.0
