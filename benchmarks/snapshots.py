"""Pictures from a feed that runs: the newest that is there, and the next that comes."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.process import Server
from benchmarks.report import Section
from benchmarks.roster import OURS, Entrant, running, service
from benchmarks.wire import BenchmarkFailed, Calls, connect

if TYPE_CHECKING:
    from benchmarks.plan import Plan

_FPS = 30
_CACHED, _FRESH = "cached snapshot", "fresh snapshot"


def snapshots(plan: Plan) -> Section:
    """Take pictures of the test pattern, one after another."""
    head = ("", "pictures", "ms: median", "95 of 100 within", "most")
    section = Section("snapshots", f"Snapshots of a feed that runs, 640x480 at {_FPS} a second, to the disk", head)
    times: dict[str, list[float]] = {}
    why = ""
    entrant = Entrant(OURS, lambda core: Server(service("webcam_rpc"), path="/ws", core=core))
    with running([entrant], plan.core):
        try:
            times = _take(entrant.up(), 20 if plan.quick else 100)
        except BenchmarkFailed as error:
            why = str(error)
    for name, found in times.items():
        ordered = sorted(1000 * each for each in found)
        cells = (f"{median(ordered):.1f}", f"{ordered[int(0.95 * len(ordered))]:.1f}", f"{ordered[-1]:.1f}")
        section.rows.append((name, str(len(ordered)), *cells))
    if why:
        section.rows.append((why, *[""] * (len(head) - 1)))
    cached = 1000 * median(times[_CACHED]) if times else None
    fresh = _FPS * median(times[_FRESH]) if times else None
    section.at_most(f"{_CACHED}, median", cached, 10, "{:.1f} ms", why)
    section.at_most(f"{_FRESH} when the feed runs, median", fresh, 2, "{:.2f} frame times", why)
    return section


def _take(server: Server, count: int) -> dict[str, list[float]]:
    connection = connect(server.port, server.path)[0]
    calls = Calls(connection)
    times: dict[str, list[float]] = {_CACHED: [], _FRESH: []}
    try:
        for _ in range(5):
            calls.call("take_snapshot", device="demo", fresh=True)
        for _ in range(count):
            for name, found in times.items():
                start = time.monotonic()
                calls.call("take_snapshot", device="demo", fresh=name == _FRESH)
                found.append(time.monotonic() - start)
                # Not in step with the camera.
                time.sleep(0.007)
    finally:
        calls.close()
    return times
