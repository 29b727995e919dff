"""The package stands alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import webcam_rpc.rpc

PACKAGE = Path(webcam_rpc.rpc.__file__).resolve().parent


class IsolationTests(SynchronousTestCase):
    """What JSON-RPC needs to be imported."""

    def _imports(self, path: Path) -> set[str]:
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                self.assertEqual(node.level, 0, f"{path.name} has a relative import")
                names.add(node.module or "")
        return names

    def test_imports(self) -> None:
        """No module imports Twisted, Autobahn or anything of ours outside of the package, not even for types."""
        modules = sorted(PACKAGE.glob("*.py"))
        self.assertGreater(len(modules), 6)
        for path in modules:
            for name in self._imports(path):
                top = name.split(".")[0]
                self.assertNotIn(
                    top, {"twisted", "autobahn", "txaio", "zope", "asyncio", "threading", "time", "socket"}
                )
                if top == "webcam_rpc":
                    self.assertTrue(name.startswith("webcam_rpc.rpc"), f"{path.name} imports {name}")

    def test_loads_alone(self) -> None:
        """Importing all of it loads neither Twisted nor the rest of ours."""
        names = [f"webcam_rpc.rpc.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
        program = (
            f"import sys, importlib\nsys.path.insert(0, {str(PACKAGE.parents[1])!r})\n"
            f"for name in {names!r}: importlib.import_module(name)\n"
            "print(*(n for n in sys.modules if n.split('.')[0] in ('twisted', 'autobahn', 'webcam_rpc') and '.' in n))"
        )
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual([name for name in run.stdout.split() if not name.startswith("webcam_rpc.rpc")], [])
        self.assertIn("webcam_rpc.rpc.session", run.stdout.split())
