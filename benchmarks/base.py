"""The service by itself: memory when it is ready to serve, the time until it listens, and what it takes to watch.

Compared with a plain Autobahn server under ``twistd``, and with Moonraker. Each is started anew each time.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.process import ROOT, Server, free_port
from benchmarks.report import Section, number
from benchmarks.roster import MOONRAKER, OURS, Entrant, moonraker, running, service
from benchmarks.rounds import Results, measured
from benchmarks.wire import BenchmarkFailed, Calls, connect, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.plan import Plan

_TWISTD = "twistd, Autobahn"
_CAMERAS = 10
_V4L2_MAJOR, _MINOR = 81, 100
#: What a real v4l2-ctl told of a webcam.
_CAPTURE = ROOT / "tests" / "captures" / "uvc-hd.txt"
_SETTLED = 1.0
_PATIENCE = 30.0


class Base(NamedTuple):
    """What a server takes that nobody uses."""

    kib: float
    seconds: float


def base(plan: Plan) -> Section:
    """Start them, ask one thing, and look."""

    def look(entrant: Entrant) -> Base:
        with running([entrant], plan.core):
            server = entrant.up()
            connections = connect(server.port, server.path)
            Calls(connections[0]).ask(request(entrant.method, 10), 10)
            connections[0].close()
            time.sleep(_SETTLED)
            return Base(server.memory("Private_Clean", "Private_Dirty"), server.took)

    def ours(core: int | None) -> Server:
        port = free_port()
        argv = service("webcam_rpc", "--listen", f"tcp:{port}:interface=127.0.0.1")
        argv.remove("tcp:0:interface=127.0.0.1")
        argv.remove("--listen")
        return Server(argv, path="/ws", port=port, core=core)

    run = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
    file = str(ROOT / "benchmarks" / "servers" / "stock.py")
    chosen = [
        Entrant(OURS, ours),
        Entrant(_TWISTD, lambda core: Server([sys.executable, "-c", run, "-n", "--pidfile=", "-y", file], core=core)),
        Entrant(MOONRAKER, lambda core: moonraker(plan.peers.moonraker, core), "server.websocket.id"),
    ]
    if not plan.peers.moonraker.exists():
        chosen[-1].problem = "not installed"
    results: Results[Base] = measured("base", chosen, 2 if plan.quick else 7, look)
    section = Section("base", "Ready to serve, with nobody there", ("server", "USS MiB", "listening after s"))
    for name in (entrant.name for entrant in chosen):
        mebibytes = results.median(name, lambda found: found.kib / 1024)
        seconds = results.median(name, lambda found: found.seconds)
        section.rows.append((name, results.problems.get(name) or number(mebibytes, "{:.1f}"), number(seconds)))
        if mebibytes is not None:
            section.bars[name] = mebibytes
    section.at_most(
        "base, USS against stock twistd with Autobahn", results.ratio(OURS, _TWISTD, lambda found: found.kib), 0.8
    )
    section.at_most(
        "listening, time against Moonraker's",
        results.ratio(OURS, MOONRAKER, lambda found: found.seconds),
        0.7,
        why=results.problems.get(MOONRAKER, ""),
    )
    return section


def watching(plan: Plan) -> Section:
    """Watch ten cameras, and serve nobody."""
    what = f"idle, {_CAMERAS} cameras watched, no client"
    section = Section("watching", f"{_CAMERAS} cameras watched, no client", ("seconds", "CPU ms", "of a core"))
    share, why = None, ""
    try:
        with _cameras() as (devices, programs):
            environ = {"PATH": os.pathsep.join((str(programs), os.environ["PATH"]))}
            argv = service("webcam_rpc", "--device-dir", str(devices))
            argv.remove("--demo")
            entrant = Entrant(OURS, lambda core: Server(argv, path="/ws", environ=environ, core=core))
            with running([entrant], plan.core):
                seconds, used = _watch(entrant.up(), 3.0 if plan.quick else 20.0)
        share = 100 * used / seconds
        section.rows.append((f"{seconds:.0f}", f"{1000 * used:.0f}", f"{share:.2f} %"))
    except (BenchmarkFailed, OSError) as error:
        why = f"device nodes cannot be made here: {error}" if isinstance(error, OSError) else str(error)
        section.rows.append((why, "", ""))
    section.at_most(what, share, 0.5, "{:.2f} % of a core", why)
    return section


def _watch(server: Server, seconds: float) -> tuple[float, float]:
    calls = Calls(connect(server.port, server.path)[0])
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        listed: object = calls.call("get_camera_list")
        if isinstance(listed, dict) and listed["connected"] == _CAMERAS:
            break
        time.sleep(0.1)
    else:
        raise BenchmarkFailed(f"the service does not see {_CAMERAS} cameras")
    calls.close()
    time.sleep(_SETTLED)
    start, used = time.monotonic(), server.used()
    time.sleep(seconds)
    return time.monotonic() - start, server.used() - used


@contextmanager
def _cameras() -> Iterator[tuple[Path, Path]]:
    """Make device nodes, and a ``v4l2-ctl`` that says of each what the real one said of a webcam."""
    # Elsewhere than under /dev nodes may be forbidden.
    devices = Path(tempfile.mkdtemp(prefix="webcam-rpc-", dir="/dev"))
    try:
        for place in range(_CAMERAS):
            os.mknod(devices / f"video{place}", stat.S_IFCHR | 0o660, os.makedev(_V4L2_MAJOR, _MINOR + place))
        with tempfile.TemporaryDirectory() as programs:
            script = Path(programs, "v4l2-ctl")
            script.write_text(f"#!/bin/sh\nexec cat '{_CAPTURE}'\n", "utf-8")
            script.chmod(0o755)
            yield devices, Path(programs)
    finally:
        with suppress(OSError):
            shutil.rmtree(devices)
