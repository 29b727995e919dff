"""What the service costs beside others, in one run: a table for each measurement, and one of all targets.

    scripts/bench [--quick] [--only pipelined,closed,...] [--rounds N] [--write]

Everything runs on this machine's loopback: the servers on one core, the load generator on another. Each round measures
every server once, in changing order, and what counts are the medians of the rounds' ratios. Nothing is judged by an
absolute time. The exit status is 0 when everything could be measured that this machine allows, whatever was missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import calls, page
from benchmarks.base import base, watching
from benchmarks.broadcasts import broadcast
from benchmarks.cameras import cameras
from benchmarks.idle import idle
from benchmarks.plan import Plan
from benchmarks.process import ROOT, cores
from benchmarks.report import count, section_text, targets_text
from benchmarks.roster import Peers, entrants, running
from benchmarks.snapshots import snapshots
from benchmarks.streams import streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report import Section

#: The measurements, in their order. Those of the first kind have all servers running while they measure.
TOGETHER: dict[str, Callable[[Plan], Section]] = {
    "pipelined": calls.pipelined,
    "closed": calls.closed,
    "single": calls.single,
    "broadcast": broadcast,
}
APART: dict[str, Callable[[Plan], Section]] = {
    "idle": idle,
    "base": base,
    "watching": watching,
    "snapshots": snapshots,
    "streams": streams,
    "cameras": cameras,
}


def parser() -> argparse.ArgumentParser:
    """Give the command line."""

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in {*TOGETHER, *APART}:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join((*TOGETHER, *APART))}")
        return chosen

    made = argparse.ArgumentParser(prog="scripts/bench", description="What the service costs beside others.")
    made.add_argument("--quick", action="store_true", help="one short round of everything")
    made.add_argument("--only", type=names, help=", ".join((*TOGETHER, *APART)))
    made.add_argument("--rounds", type=int, help="how often each is measured (5)")
    made.add_argument("--write", action="store_true", help="write the results into docs/performance.md")
    made.add_argument("--peers", type=Path, default=ROOT / ".venv-bench", help="the venv of the other servers")
    made.add_argument("--moonraker", type=Path, help="the command of Moonraker")
    made.add_argument("--device", help="a webcam that gives MJPEG 1280x720 at 30 a second, for the streams")
    made.add_argument(
        "--streams-env",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an environment variable for the streams alone, such as LD_PRELOAD of what stands in for a webcam",
    )
    made.add_argument("--ustreamer", default="ustreamer", help="the command of µStreamer")
    made.add_argument("--testbed", help="runs a command in a virtual machine with webcams")
    made.add_argument("--site", default="", help="the packages for it")
    made.add_argument("--no-testbed", default="this machine has none with webcams", help="why there is none")
    return made


def main() -> int:
    """Measure; give the exit status."""
    command = parser()
    options = command.parse_args()
    if options.write and options.only:
        command.error("what is written is everything, of one run")
    chosen = options.only or [*TOGETHER, *APART]
    # So that servers are ended then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    generator, core = cores()
    # Ten thousand clients have as many descriptors here, and as many in the server.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    peers = Peers(
        options.peers / "bin" / "python", options.moonraker or options.peers / "moonraker" / "bin" / "moonraker"
    )
    everyone = list(entrants(peers).values())
    plan = Plan(
        everyone,
        peers,
        core,
        options.rounds or (1 if options.quick else 5),
        quick=options.quick,
        device=options.device,
        ustreamer=options.ustreamer,
        streams_env=dict(assignment.partition("=")[::2] for assignment in options.streams_env),
        testbed=options.testbed,
        site=options.site,
        no_testbed=options.no_testbed,
    )
    sections: list[Section] = []
    began = time.monotonic()

    def measure(measurement: Callable[[Plan], Section]) -> None:
        sections.append(measurement(plan))
        print(section_text(sections[-1]), flush=True)

    if generator is not None:
        os.sched_setaffinity(0, {generator})
    together = [name for name in TOGETHER if name in chosen]
    if together:
        with running(everyone, core):
            for name in together:
                measure(TOGETHER[name])
    for name, measurement in APART.items():
        if name in chosen:
            measure(measurement)
    about = page.machine(peers)
    print(f"### Targets\n\n{targets_text(sections)}\n\n{count(sections)}; {time.monotonic() - began:.0f} s\n{about}")
    if options.write:
        page.write(sections, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
