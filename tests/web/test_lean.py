"""What :mod:`webcam_rpc.web.lean` leans on, each with what to look at when a new version has moved it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from webcam_rpc.web import lean

ROOT = Path(__file__).resolve().parent.parent.parent

_SHOW = "import sys; print(sorted(name for name in {names!r} if sys.modules.get(name) is not None))"


def run(script: str, **environ: str) -> str:
    """Run a script in a Python of its own, and give what it prints."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {key: value for key, value in os.environ.items() if key != "AUTOBAHN_USE_NVX"}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**ours, "PYTHONPATH": paths, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode:
        raise AssertionError(ran.stderr)
    return ran.stdout.strip()


def source_of(module: str) -> ast.Module:
    """Read the source of a module without importing it or its package."""
    package, _, name = module.rpartition(".")
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return ast.parse((Path(spec.submodule_search_locations[0]) / f"{name}.py").read_text("utf-8"))


def attributes(tree: ast.AST, of: str) -> set[str]:
    """Give what a source asks of a name."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == of
    }


class LoadedTests(SynchronousTestCase):
    """The import of our WebSocket, in a Python where nothing was loaded before."""

    def test_nothing_else(self) -> None:
        """Neither WAMP nor cffi, nor TLS nor Perspective Broker come along."""
        names = [
            "autobahn.wamp",
            "autobahn.twisted",
            "autobahn.wamp.message",
            "cbor2",
            "cffi",
            "_cffi_backend",
            "click",
        ]
        names += ["OpenSSL", "cryptography", "twisted.protocols.tls", "twisted.spread.pb", "twisted.web.util"]
        shown = run("import webcam_rpc.web.protocol\n" + _SHOW.format(names=names))
        self.assertEqual(shown, "[]", "see the head of webcam_rpc/web/lean.py; -X importtime shows who asked for it")

    def test_octets(self) -> None:
        """Autobahn masks and validates with ours: it takes both from names of its module ``protocol``."""
        shown = run(
            "import webcam_rpc.web.protocol\n"
            "from autobahn.websocket import protocol as p\n"
            "print(p.create_xor_masker.__module__, p.Utf8Validator.__module__)"
        )
        self.assertEqual(shown, "webcam_rpc.web.octets webcam_rpc.web.octets", "Autobahn has moved them")

    def test_who_asks_for_the_extension(self) -> None:
        """With AUTOBAHN_USE_NVX=1 Autobahn's own C is used, where it was built."""
        if None in (importlib.util.find_spec("_nvx_xormasker"), importlib.util.find_spec("autobahn.nvx._xormasker")):
            raise SkipTest("this Autobahn has no C extension")
        script = (
            "import webcam_rpc.web.protocol, autobahn.websocket.protocol as p; print(p.create_xor_masker.__module__)"
        )
        self.assertEqual(run(script, AUTOBAHN_USE_NVX="1"), "autobahn.nvx._xormasker")

    def test_nothing_stays_hidden(self) -> None:
        """Who wants the rest later gets it, with the same classes."""
        script = (
            "from webcam_rpc.web.protocol import WebSocketServerProtocol as ours\n"
            "import click, OpenSSL.SSL, twisted.internet.ssl, twisted.protocols.tls, twisted.spread.pb\n"
            "import twisted.web.util, autobahn.twisted, autobahn.wamp, autobahn.wamp.message, autobahn.wamp.websocket\n"
            "assert autobahn.twisted.WebSocketServerProtocol is ours\n"
            "assert autobahn.wamp.message.Hello and autobahn.wamp.websocket.WampWebSocketProtocol\n"
            "assert twisted.spread.pb.Copyable.__mro__[1:-1] and twisted.web.util.formatFailure\n"
            "from twisted.web import server\n"
            "assert server.util.formatFailure is twisted.web.util.formatFailure\n"
            "print('had')"
        )
        self.assertEqual(run(script), "had")

    def test_too_late(self) -> None:
        """Where Autobahn and Twisted were loaded whole before, they are taken as they are."""
        script = (
            "import autobahn.twisted.websocket as theirs, twisted.web.server, twisted.internet.ssl\n"
            "from webcam_rpc.web.protocol import WebSocketServerProtocol as ours\n"
            "assert ours is theirs.WebSocketServerProtocol\n"
            "from autobahn.websocket import protocol\n"
            "print(protocol.Utf8Validator.__module__ != 'webcam_rpc.web.octets')"
        )
        self.assertEqual(run(script), "True")


class SourceTests(SynchronousTestCase):
    """What the stand-ins must have, read in the sources of those that ask for it."""

    def test_wamp(self) -> None:
        """Autobahn's WebSocket asks WAMP's for these classes, to derive from them."""
        asked = attributes(source_of("autobahn.twisted.websocket"), "websocket")
        self.assertEqual(asked, set(lean._WAMP), "autobahn.twisted.websocket asks autobahn.wamp.websocket for others")

    def test_broker(self) -> None:
        """Twisted's web server asks Perspective Broker for these classes."""
        asked = {
            alias.name
            for node in ast.walk(source_of("twisted.web.server"))
            if isinstance(node, ast.ImportFrom) and node.module == "twisted.spread.pb"
            for alias in node.names
        }
        self.assertEqual(asked, set(lean._BROKER), "twisted.web.server asks twisted.spread.pb for others")

    def test_templates(self) -> None:
        """It asks ``util`` for nothing while it is imported: only functions do."""
        tree = source_of("twisted.web.server")
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = set[str]().union(*(attributes(node, "util") for node in functions))
        self.assertEqual(attributes(tree, "util"), inside)
        self.assertIn("formatFailure", inside)


class PartsTests(SynchronousTestCase):
    """What it is made of."""

    def test_failed_import_leaves_no_trace(self) -> None:
        """What a failed attempt has loaded is loaded again by the plain import."""

        def importing() -> None:
            sys.modules["leanpackage.half"] = ModuleType("leanpackage.half")
            sys.modules["other.module"] = ModuleType("other.module")
            raise AttributeError("moved")

        self.addCleanup(sys.modules.pop, "other.module", None)
        self.assertFalse(lean._try(importing, "leanpackage"))
        self.assertNotIn("leanpackage.half", sys.modules)
        self.assertIn("other.module", sys.modules)
        self.assertTrue(lean._try(lambda: None, "leanpackage"))

    def test_hidden(self) -> None:
        """What is hidden cannot be imported for a while, unless it is there already."""
        with lean.hidden("nothing_of_that_name", "sys"):
            self.assertIn("nothing_of_that_name", sys.modules)
            self.assertRaises(ImportError, importlib.import_module, "nothing_of_that_name")
            self.assertIs(importlib.import_module("sys"), sys)
        self.assertNotIn("nothing_of_that_name", sys.modules)

    def test_later(self) -> None:
        """A module for later is the real one as soon as something of it is asked for."""
        later: Any = lean.Later("colorsys")
        import colorsys  # noqa: PLC0415

        self.assertIs(later.rgb_to_hsv, colorsys.rgb_to_hsv)
        self.assertRaises(AttributeError, getattr, later, "__path__")
