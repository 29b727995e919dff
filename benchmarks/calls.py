"""Calls: many under way on each connection, many clients with one each, and one client alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.request import urlopen

from benchmarks.load import Answered, call_closely, ping_alone
from benchmarks.report import Section, number
from benchmarks.roster import CEILING, DEFAULTS, OURS, PICOWS, STOCK, WEBSOCKETS
from benchmarks.rounds import Results, measured
from benchmarks.wire import PATIENCE, BenchmarkFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Plan
    from benchmarks.roster import Entrant

#: A generator that works for more than this share of the time may itself be what was measured.
BUSY = 0.9
#: A server that does could not do more, whatever the generator does.
SATURATED = 0.97
#: Of its cores; with more than this used by others, the rates are not what they could be.
QUIET = 0.1
#: What the targets call them.
AGAINST = {STOCK: "stock", PICOWS: "picows + uvloop + orjson", WEBSOCKETS: "websockets + uvloop + orjson"}
#: What logging the traffic may cost.
DEFAULT_COST = 4 / 3

_COUNTERS = re.compile(r"^webcam_messages_(fast_path|received)_total (\S+)$", re.MULTILINE)


def rate(answered: Answered) -> float:
    """Give the replies a second."""
    return answered.rate


def cost(answered: Answered) -> float:
    """Give the CPU time of a reply."""
    return answered.cost


def pipelined(plan: Plan) -> Section:
    """Have fifty connections with sixteen calls under way on each."""
    results = _loaded("pipelined", plan, 50, 16)
    section = _section("pipelined", "Pipelined ping: 50 connections, 16 calls under way on each", results, plan)
    _against(section, "pipelined ping", results, ((PICOWS, 1.5), (STOCK, 7.0)))
    _default_cost(section, "pipelined ping", results)
    share, why = _fast_share(next(entrant for entrant in plan.entrants if entrant.name == OURS))
    section.at_least("of these calls, on the fast path", share, 99, "{:.2f} %", why)
    return section


def closed(plan: Plan) -> Section:
    """Have a hundred clients, each of which waits for its answer."""
    results = _loaded("100 clients", plan, 100, 1)
    section = _section("closed", "100 clients, each with one call under way", results, plan)
    _against(section, "100-client ping", results, ((PICOWS, 0.6), (WEBSOCKETS, 1.2), (STOCK, 3.5)))
    _default_cost(section, "100-client ping", results)
    return section


def single(plan: Plan) -> Section:
    """Have one client."""
    pings = 300 if plan.quick else 2000
    results: Results[float] = measured(
        "one client",
        plan.entrants,
        plan.rounds,
        lambda entrant: ping_alone(entrant.up(), entrant.method, pings, chatty=entrant.chatty),
    )
    section = Section("single", "One client's ping, nobody else", ("server", "p50 µs", "against stock"))
    for entrant in plan.entrants:
        name = entrant.name
        if name in results.problems:
            section.rows.append((name, results.problems[name], ""))
            continue
        p50, against = results.median(name, float), results.ratio(name, STOCK, float)
        section.rows.append((name, number(p50 and 1e6 * p50, "{:.0f}"), number(against, "{:.2f}×")))
        if against is not None and name != CEILING:
            section.bars[name] = against
    section.at_most("one client's ping, p50, against stock", results.ratio(OURS, STOCK, float), 0.65)
    return section


def _loaded(what: str, plan: Plan, clients: int, in_flight: int) -> Results[Answered]:
    seconds = 0.5 if plan.quick else 1.5
    return measured(
        what,
        plan.entrants,
        plan.rounds,
        lambda entrant: call_closely(entrant.up(), entrant.method, clients, in_flight, seconds, chatty=entrant.chatty),
    )


def _section(name: str, title: str, results: Results[Answered], plan: Plan) -> Section:
    head = ("server", "replies/s", "against stock", "CPU µs a reply", "against stock", "server busy", "generator busy")
    section = Section(name, title, head)
    bounded = False
    for each in (entrant.name for entrant in plan.entrants):
        if each in results.problems:
            section.rows.append((each, results.problems[each], *[""] * (len(head) - 2)))
            continue
        busy = results.median(each, lambda answered: answered.busy) or 0.0
        server = results.median(each, lambda answered: answered.rate * answered.cost / 1e6) or 0.0
        at_least = "≥ " if busy >= BUSY and server < SATURATED else ""
        bounded = bounded or bool(at_least)
        against = results.ratio(each, STOCK, rate)
        section.rows.append(
            (
                each,
                at_least + number(results.median(each, rate), "{:,.0f}"),
                at_least + number(against, "{:.2f}×"),
                number(results.median(each, cost), "{:.2f}"),
                number(results.ratio(each, STOCK, cost), "{:.2f}×"),
                f"{server:.0%}",
                f"{busy:.0%}",
            )
        )
        if against is not None and each != CEILING:
            section.bars[each] = against
    others = max(
        (results.median(each, lambda answered: answered.others) or 0.0 for each in results.figures), default=0.0
    )
    if others > QUIET:
        section.notes.append(f"The machine was not quiet: others used {others:.2f} of its cores.")
    if bounded:
        section.notes.append("≥: the generator was busy and the server was not, so that it may do better than this.")
    return section


def _against(section: Section, what: str, results: Results[Answered], others: Sequence[tuple[str, float]]) -> None:
    for other, limit in others:
        why = results.problems.get(other, results.problems.get(OURS, ""))
        # By the server's own time, which is as good as the clock where the server has its core for itself, and better
        # where it has not.
        found, by_clock = results.ratio(other, OURS, cost), results.ratio(OURS, other, rate)
        form = "{:.2f}× (by the clock " + number(by_clock) + "×)"
        section.at_least(f"{what}, replies per CPU second against {AGAINST[other]}", found, limit, form, why)


def _default_cost(section: Section, what: str, results: Results[Answered]) -> None:
    why = results.problems.get(DEFAULTS, results.problems.get(OURS, ""))
    found = results.ratio(DEFAULTS, OURS, cost)
    section.at_most(f"{what}, CPU a reply with the traffic logged (the default)", found, DEFAULT_COST, why=why)


def _fast_share(entrant: Entrant) -> tuple[float | None, str]:
    """Ask the service how much of what it received took the fast path."""
    try:
        with urlopen(f"http://127.0.0.1:{entrant.up().port}/metrics", timeout=PATIENCE) as response:
            text: str = response.read().decode()
    except (BenchmarkFailed, OSError) as error:
        return None, str(error)
    found = {name: float(value) for name, value in _COUNTERS.findall(text)}
    if "fast_path" not in found or not found.get("received"):
        return None, "there is no such counter"
    return 100 * found["fast_path"] / found["received"], ""
