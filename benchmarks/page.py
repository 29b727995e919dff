"""docs/performance.md: its results, between two markers, and the chart beside it."""

from __future__ import annotations

import platform
import re
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.chart import chart
from benchmarks.process import ALL_CORES, ROOT
from benchmarks.report import count, section_text, targets_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.report import Section
    from benchmarks.roster import Peers

PAGE, CHART = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.svg"
_BEGIN, _END = "<!-- results: written by scripts/bench --write -->", "<!-- end of the results -->"
_MINE = ("Twisted", "autobahn", "msgspec")
_THEIRS = ("websockets", "aiohttp", "picows", "uvloop", "orjson")


def results_text(sections: Sequence[Section], machine: str) -> str:
    """Write all that was found."""
    tables = "\n".join(section_text(section) for section in sections)
    return f"{machine}\n\n### Targets\n\n{count(sections)}.\n\n{targets_text(sections)}\n\n{tables}"


def put(page: str, results: str) -> str:
    """Give the page with these results in the place of those that it had. Raises ValueError."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("the page has no markers")
    return f"{before}{_BEGIN}\n\n{results}\n{_END}{after}"


def write(sections: Sequence[Section], machine: str) -> None:
    """Write page and chart."""
    PAGE.write_text(put(PAGE.read_text("utf-8"), results_text(sections, machine)), "utf-8")
    CHART.write_text(chart(sections), "utf-8")


def machine(peers: Peers) -> str:
    """Say when and on what this was measured."""
    mine = ", ".join(f"{name} {_version(name)}" for name in _MINE)
    return (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}: {_processor()}, {len(ALL_CORES)} cores, "
        f"Linux {platform.release()}, Python {platform.python_version()}. {mine}; {_theirs(peers)}."
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"


def _theirs(peers: Peers) -> str:
    program = (
        "import sys\nfrom importlib.metadata import PackageNotFoundError, version\nfor name in sys.argv[1:]:\n"
        "    try: print(name, version(name))\n    except PackageNotFoundError: print(name, 'not installed')\n"
    )
    try:
        argv = [str(peers.python), "-c", program, *_THEIRS]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - ours
    except (OSError, subprocess.SubprocessError):
        return "the others are not installed"
    return ", ".join(ran.stdout.split("\n")[:-1])
