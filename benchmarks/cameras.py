"""From the plug to the client: ``tests/hardware/test_latency.py`` in a virtual machine with webcams."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from benchmarks.process import ROOT, on_all_cores
from benchmarks.report import Section

if TYPE_CHECKING:
    from benchmarks.plan import Plan

_SECONDS = 300
#: Milliseconds: what is known of a node without v4l2-ctl is announced then (webcam_rpc/cameras/monitor.py).
_WAITED_FOR = 120.0
#: What the test says it has measured, in seconds.
_SAID = re.compile(
    r"plug to udev's announcement (?P<udev>[\d.]+) s, one v4l2-ctl run then (?P<probe>[\d.]+) s; "
    r"plug to CONNECTED (?P<connected>[\d.]+) s, with resolution and fps (?P<complete>[\d.]+) s"
    r".*udev's announcement to CONNECTED (?P<told>[\d.]+) s"
)


def cameras(plan: Plan) -> Section:
    """Plug a camera, some times."""
    section = Section("cameras", "From the plug of a webcam to the client, in a virtual machine", ("", "ms"))
    found, why = (None, plan.no_testbed) if plan.testbed is None else _plug(plan.testbed, plan.site)
    told = own = None
    if found is None:
        section.rows.append((why, ""))
    else:
        told, probe = found["told"], found["probe"]
        # After so long the news does not wait for v4l2-ctl any more.
        own = told - min(probe, _WAITED_FOR)
        section.rows += [
            ("plug to udev's announcement (the kernel's and udev's)", f"{found['udev']:.0f}"),
            ("udev's announcement to the client's CONNECTED", f"{told:.0f}"),
            ("one v4l2-ctl --all --list-formats-ext by itself", f"{probe:.0f}"),
            ("plug to the client's CONNECTED", f"{found['connected']:.0f}"),
            ("plug to the client's CONNECTED with resolution and fps", f"{found['complete']:.0f}"),
        ]
        if probe > _WAITED_FOR:
            section.notes.append(f"v4l2-ctl took more than {_WAITED_FOR:.0f} ms, and CONNECTED did not wait for it.")
    section.at_most("camera announced by udev to the client's CONNECTED", told, 200, "{:.0f} ms", why)
    section.at_most("of these ours, without v4l2-ctl's own time", own, 20, "{:.0f} ms", why)
    return section


def _plug(testbed: str, site: str) -> tuple[dict[str, float] | None, str]:
    argv = [testbed, "--project", str(ROOT), "--site", site, "--env", "PYTHONPATH=/project:/site"]
    argv += ["--env", "WEBCAM_HARDWARE_REQUIRED=1", "--timeout", str(_SECONDS), "--"]
    argv += ["python3", "-m", "twisted.trial", "--temp-directory=/tmp/trial", "tests.hardware.test_latency"]
    try:
        with on_all_cores():
            ran = subprocess.run(  # noqa: S603 - ours
                argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS + 30, check=False
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"the virtual machine: {error}"
    found = said(ran.stdout + ran.stderr)
    return found, "" if found else "the test in the virtual machine failed"


def said(text: str) -> dict[str, float] | None:
    """Read what the test says, in milliseconds."""
    found = _SAID.search(text)
    return {name: round(1000 * float(seconds)) for name, seconds in found.groupdict().items()} if found else None
