"""Judge the report of a WebSocket conformance suite.

    python scripts/verdict.py index.json [--at-least CASES]

prints how many cases there were of each behaviour and what went wrong in those that failed; exits non-zero if any did,
or if there were fewer cases than there should be, as there are when a suite could not connect or broke off.

The report is the index.json of Autobahn's test suite, which its descendants write too: for each server and case the
behaviour, that of the closing handshake, and the file that has the details.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

#: NON-STRICT breaks no rule of RFC 6455, but could be done better; INFORMATIONAL asks what the RFC leaves open.
_PASSED = ("OK", "NON-STRICT", "INFORMATIONAL")


def _worse(case: dict[str, Any]) -> str:
    """Give the behaviour of a case, or that of its close where that is what failed."""
    behaviour, closing = str(case["behavior"]), str(case["behaviorClose"])
    return closing if behaviour in _PASSED and closing not in _PASSED else behaviour


def _order(name: str) -> list[int]:
    return [int(part) for part in name.split(".")]


def _explain(directory: Path, case: dict[str, Any]) -> str:
    """Say in a line what a case expected, and got."""
    try:
        detail = json.loads((directory / case["reportfile"]).read_text("utf-8"))
    except (OSError, ValueError):
        return "no details"
    said = (detail.get(key) for key in ("description", "result", "resultClose"))
    return " | ".join(" ".join(str(text).split()) for text in said if text)


def main() -> int:
    """Judge; give the exit status."""
    parser = argparse.ArgumentParser(description="Judge the report of a WebSocket conformance suite.")
    parser.add_argument("index", type=Path)
    parser.add_argument("--at-least", type=int, default=1, metavar="CASES")
    options = parser.parse_args()
    try:
        agents = json.loads(options.index.read_text("utf-8"))
    except (OSError, ValueError) as error:
        print(f"no report: {error}")
        return 1
    cases: dict[str, Any] = {name: case for agent in agents.values() for name, case in agent.items()}
    counts = Counter(map(_worse, cases.values()))
    failed = sorted((name for name, case in cases.items() if _worse(case) not in _PASSED), key=_order)
    for name in failed:
        print(f"{name} {_worse(cases[name])}: {_explain(options.index.parent, cases[name])}")
    print(f"{len(cases)} cases: " + ", ".join(f"{count} {behaviour}" for behaviour, count in counts.most_common()))
    if len(cases) < options.at_least:
        print(f"there should be {options.at_least}: the suite broke off, or did not find its cases")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
