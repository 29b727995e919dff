"""Counts for scripts/test: what trial and pytest say that they ran, in one form.

tally.py trial FILE                what trial printed
tally.py pytest FILE [PREFIX...]   a JUnit report of pytest; each PREFIX leaves out the tests of a package

Prints "PASSED FAILED SKIPPED", or fails where there is no such result.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def trial(text: str) -> tuple[int, int, int]:
    """Read the last line: ``FAILED (failures=1, errors=2, skips=3, successes=4)``."""
    verdicts: list[str] = re.findall(r"^(?:PASSED|FAILED)(?: \((.*)\))?$", text, re.MULTILINE)
    if not verdicts:
        sys.exit("tally: trial did not get to its last line")
    counts = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", verdicts[-1])}
    failed = sum(counts.get(key, 0) for key in ("failures", "errors", "unexpectedSuccesses"))
    return counts.get("successes", 0) + counts.get("expectedFailures", 0), failed, counts.get("skips", 0)


def pytest(text: str, *without: str) -> tuple[int, int, int]:
    """Count the cases by what they hold; an expected failure is a pass."""
    passed = failed = skipped = 0
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        skip = case.find("skipped")
        if f"{case.get('classname')}.".startswith(without):
            continue
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is not None and skip.get("type") != "pytest.xfail":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    how, file, *rest = sys.argv[1:]
    print(*{"trial": trial, "pytest": pytest}[how](Path(file).read_text("utf-8", "replace"), *rest))
