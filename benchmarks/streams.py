"""Fifty viewers of one camera's MJPEG, against µStreamer's: :mod:`benchmarks.stream_fanout` in the suite."""

from __future__ import annotations

import argparse
import os
import shutil
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import stream_fanout
from benchmarks.process import on_all_cores
from benchmarks.report import Section, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from benchmarks.plan import Plan

_VIEWERS = 50
_OURS, _THEIRS = "webcam_rpc", "µStreamer"


def streams(plan: Plan) -> Section:
    """Show one camera to many, in turns."""
    why = ""
    if plan.device is None or not os.path.exists(plan.device):
        why = "no webcam here for µStreamer (--device)"
    elif shutil.which(plan.ustreamer) is None:
        why = "µStreamer is not installed"
    options = argparse.Namespace(
        size=(1280, 720), fps=30, device=None if why else plan.device, ustreamer=plan.ustreamer, ustreamer_option=[]
    )
    servers: dict[str, Callable[[argparse.Namespace], AbstractContextManager[stream_fanout.Server]]] = {
        _OURS: stream_fanout.service
    }
    if not why:
        servers[_THEIRS] = stream_fanout.ustreamer
    found: dict[str, list[stream_fanout.Figures]] = {name: [] for name in servers}
    try:
        with on_all_cores(), _environment(plan.streams_env):
            for _ in range(1 if plan.quick else 3):
                for name, run in servers.items():
                    with run(options) as server:
                        figures = stream_fanout.measure(server, _VIEWERS, 3.0 if plan.quick else 10.0)
                        found[name].append(figures)
    except SystemExit as error:
        why = str(error).partition("\n")[0]
    return _section(found, why, _source(plan) if options.device else "the test pattern")


def _source(plan: Plan) -> str:
    return "what stands in for a webcam" if plan.streams_env else "a webcam"


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    """Give it to what is started meanwhile."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _section(found: dict[str, list[stream_fanout.Figures]], why: str, source: str) -> Section:
    head = (
        "server",
        "pictures/s, worst viewer",
        "lost, worst viewer",
        "CPU s per 1000 pictures",
        "viewers' CPU",
        "machine idle",
    )
    section = Section("streams", f"{_VIEWERS} viewers of one 1280x720 MJPEG stream at 30 a second, of {source}", head)
    for name, figures in found.items():
        if figures:
            section.rows.append(
                (
                    name,
                    number(median(min(each.got) / each.seconds for each in figures), "{:.1f}"),
                    str(max(each.worst for each in figures)),
                    number(median(each.per_thousand for each in figures), "{:.3f}"),
                    number(max(each.generator for each in figures), "{:.0%}"),
                    number(min(each.idle for each in figures), "{:.0%}"),
                )
            )
            section.bars[name] = median(each.per_thousand for each in figures)
    if why:
        section.rows.append((_THEIRS, why, *[""] * (len(head) - 2)))
    ours, theirs = found[_OURS], found.get(_THEIRS, [])
    pairs = list(zip(ours, theirs, strict=False))
    ratio = median(mine.per_thousand / other.per_thousand for mine, other in pairs) if pairs else None
    lost = max((each.worst for each in ours), default=None)
    section.at_most(f"{_VIEWERS} viewers of one 720p30 stream, pictures lost", lost, 0, "{:.0f}", why)
    section.at_most(f"{_VIEWERS} viewers of one 720p30 stream, CPU against µStreamer's", ratio, 1.5, why=why)
    return section
