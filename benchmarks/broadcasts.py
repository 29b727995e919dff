"""Events for a thousand clients: one, and twenty in one turn."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.crowd import Told, gathered
from benchmarks.report import Section, number
from benchmarks.roster import CEILING, DEFAULTS, OURS, STOCK, WEBSOCKETS
from benchmarks.rounds import Results, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Plan
    from benchmarks.roster import Entrant

_CLIENTS = 1000
_BURST = 20


class Heard(NamedTuple):
    """The medians of one round: of one event, and of a burst."""

    one: Told
    burst: Told


def broadcast(plan: Plan) -> Section:
    """Tell a thousand clients."""

    def hear(entrant: Entrant) -> Heard:
        times = 3 if plan.quick else 7
        with gathered(entrant.up(), _CLIENTS) as crowd:
            return Heard(
                middle([crowd.hear(1) for _ in range(times)]), middle([crowd.hear(_BURST) for _ in range(times)])
            )

    able = [entrant for entrant in plan.entrants if entrant.publishes]
    results: Results[Heard] = measured("broadcast", able, plan.rounds, hear)
    head = (
        "server",
        "one event: ms",
        "against stock",
        "CPU ms",
        "20 events: ms",
        "rate against stock",
        "CPU ms",
        "generator busy",
    )
    section = Section("broadcast", f"Events to {_CLIENTS} clients: the time to the last byte at the last of them", head)
    for entrant in plan.entrants:
        name = entrant.name
        if not entrant.publishes or name in results.problems:
            why = results.problems.get(name, "sends no events on demand")
            section.rows.append((name, why, *[""] * (len(head) - 2)))
            continue
        section.rows.append(
            (
                name,
                number(results.median(name, _one), "{:.1f}"),
                number(results.ratio(name, STOCK, _one), "{:.2f}×"),
                number(results.median(name, lambda heard: 1000 * heard.one.used), "{:.1f}"),
                number(results.median(name, _burst), "{:.1f}"),
                number(results.ratio(STOCK, name, _burst), "{:.2f}×"),
                number(results.median(name, lambda heard: 1000 * heard.burst.used), "{:.1f}"),
                number(results.median(name, lambda heard: heard.one.own / heard.one.seconds), "{:.0%}"),
            )
        )
        if name != CEILING:
            section.bars[name] = results.ratio(name, STOCK, _one) or 0.0
    for other, name, limit in ((WEBSOCKETS, "websockets.broadcast", 1.1), (STOCK, "sendMessage to each (stock)", 0.45)):
        used = results.ratio(OURS, other, lambda heard: heard.one.used)
        form = "{:.2f}× (CPU " + number(used) + "×)"
        what = f"broadcast to {_CLIENTS} clients, time against {name}"
        section.at_most(what, results.ratio(OURS, other, _one), limit, form, results.problems.get(other, ""))
    section.at_least(
        f"burst of {_BURST} events to {_CLIENTS} clients, rate against sendMessage's",
        results.ratio(STOCK, OURS, _burst),
        8,
    )
    section.at_most(
        "broadcast, CPU with the traffic logged (the default)",
        results.ratio(DEFAULTS, OURS, lambda heard: heard.one.used),
        4 / 3,
    )
    return section


def middle(told: Sequence[Told]) -> Told:
    """Give the median of each figure."""
    return Told(*(median(figures) for figures in zip(*told, strict=True)))


def _one(heard: Heard) -> float:
    return 1000 * heard.one.seconds


def _burst(heard: Heard) -> float:
    return 1000 * heard.burst.seconds
