"""The pages for operators against the code: docs/operations.md and docs/troubleshooting.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
_LEVELS = {"warn", "error", "failure", "critical"}


def lines(source: str) -> Iterator[str]:
    """Give the formats of the lines that a module writes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS:
            whose = node.func.value
            name = whose.attr if isinstance(whose, ast.Attribute) else whose.id if isinstance(whose, ast.Name) else ""
            if name == "_log" and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


class LogLineTests(SynchronousTestCase):
    """docs/operations.md knows every line that the service writes at the level WARNING or above."""

    def test_each_is_told(self) -> None:
        """Whoever finds a line in the log finds it on the page, with what to do."""
        page = (ROOT / "docs" / "operations.md").read_text("utf-8")
        found = {line for path in (ROOT / "webcam_rpc").rglob("*.py") for line in lines(path.read_text("utf-8"))}
        self.assertGreater(len(found), 50)
        shown = {line: f"`{re.sub(r'{[^}]*}', '…', line)}`" for line in found}
        self.assertEqual([line for line in sorted(found) if shown[line] not in page], [])


def texts(source: str) -> Iterator[str]:
    """Give all that a module may say."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


class TroubleTests(SynchronousTestCase):
    """docs/troubleshooting.md against the code."""

    def test_in_its_own_words(self) -> None:
        """What the page says that the service says is what it says; what differs is … there."""
        page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
        rows = re.findall(r"^\|[^|]*\|([^|]*)\|[^|]*\|$", page, re.MULTILINE)
        said = [
            piece.strip()
            for row in rows
            if not row.startswith(" nothing")
            for words in re.findall(r"`([^`]+)`", row)
            for piece in words.split("…")
            if piece.strip()
        ]
        self.assertGreater(len(said), 40)
        found = {
            # A line of the log has names where the page has dots.
            re.sub(r"{[^}]*}", "…", text)
            for path in (ROOT / "webcam_rpc").rglob("*.py")
            for text in texts(path.read_text("utf-8"))
        }
        self.assertEqual([piece for piece in said if not any(piece in text for text in found)], [])
