"""The direction of the imports, walked in the source: nothing is imported here but the standard library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "webcam_rpc"

#: Each part of the package and what it may import of the others; a part is a module or a package with all below it.
#: Within itself each may import as it likes. A new part says here where it stands; ``tap``, where they all meet, and
#: ``testing``, which is for tests, may import any of the others, and nobody imports these two.
MAY_IMPORT = {
    "api": {"bus", "cameras", "config", "media", "rpc", "tokens"},
    "web": {"bus", "config", "rpc", "tokens"},
    "tokens": {"durable", "rpc.roles"},
    "cli": {"config", "rpc.roles", "tokens"},
    "client": {"rpc"},
    "media": {"bus", "cameras.models", "config", "durable"},
    "cameras": {"bus", "config", "durable", "histogram"},
    "bus": set[str](),
    "histogram": set[str](),
    "metrics": {"bus", "cameras", "histogram", "media", "web"},
    "config": set[str](),
    "descriptors": set[str](),
    "durable": set[str](),
    "logs": set[str](),
    "options": {"config"},
    "reloading": {"config"},
    "rpc": set[str](),
    "signals": set[str](),
    "systemd": set[str](),
    "threads": set[str](),
    "__main__": {"cli"},
}
MAY_IMPORT["composition"] = set(MAY_IMPORT) - {"__main__", "cli", "options", "reloading", "signals", "systemd"}
MAY_IMPORT["tap"] = MAY_IMPORT["testing"] = set(MAY_IMPORT) - {"__main__", "cli"}


class Import(NamedTuple):
    """One imported module, and where that stands."""

    importer: str
    imported: str
    place: str


def imports_in(source: str, importer: str, *, is_package: bool, file: str) -> Iterator[Import]:
    """Give every module that a source text imports, wherever in it: in functions and for type checkers too.

    ``from package import name`` gives ``package`` and ``package.name``, since the name may be a module.
    """
    package = importer.split(".") if is_package else importer.split(".")[:-1]
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*package[: len(package) - node.level + 1], *base.split(".")]).rstrip(".")
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield Import(importer, name, f"{file}:{node.lineno}")


def modules() -> Iterator[tuple[str, Path]]:
    """Give the name and the file of each module of the package."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def all_imports() -> list[Import]:
    """Give every import of the package."""
    return [
        found
        for name, path in modules()
        for found in imports_in(
            path.read_text("utf-8"), name, is_package=path.name == "__init__.py", file=str(path.relative_to(ROOT))
        )
    ]


def part(module: str) -> str | None:
    """Give the part of the package that a module is in; None for the package itself and for modules of others."""
    names = module.split(".")
    return names[1] if names[0] == PACKAGE and len(names) > 1 else None


def may(importer: str, imported: str) -> bool:
    """Tell whether the table allows a module of ours to import another."""
    name = imported.removeprefix(f"{PACKAGE}.")
    return part(imported) == part(importer) or any(
        f"{name}.".startswith(f"{allowed}.") for allowed in MAY_IMPORT.get(part(importer) or "", ())
    )


class DirectionTests(SynchronousTestCase):
    """``tap`` knows every part; ``rpc``, ``bus``, ``config`` and ``logs`` know none."""

    def test_every_part_has_a_place(self) -> None:
        """No part of the package is without a line in the table, and no line is without its part."""
        parts = {part(name) for name, _ in modules()} - {None}
        self.assertEqual(parts - set(MAY_IMPORT), set(), "say in MAY_IMPORT what these may import")
        self.assertEqual(set(MAY_IMPORT) - parts, set(), "these are gone")

    def test_direction(self) -> None:
        """Each part imports only what the table says; names of the package itself, such as its version, are free."""
        parts = {part(name) for name, _ in modules()} - {None}
        wrong = [
            f"{found.place}: {found.importer} imports {found.imported}"
            for found in all_imports()
            if part(found.imported) in parts and not may(found.importer, found.imported)
        ]
        self.assertEqual(wrong, [])

    def test_table_is_a_direction(self) -> None:
        """Nothing in the table leads back to where it came from."""
        for start, first in MAY_IMPORT.items():
            seen: set[str] = set()
            waiting = {name.split(".")[0] for name in first}
            while waiting:
                seen |= waiting
                waiting = {name.split(".")[0] for at in waiting for name in MAY_IMPORT[at]} - seen
            self.assertNotIn(start, seen)

    def test_rpc_does_no_io(self) -> None:
        """JSON-RPC is text in and text out: no Twisted, no sockets, no files."""
        io = {"asyncio", "autobahn", "io", "os", "pathlib", "select", "socket", "subprocess", "threading", "twisted"}
        wrong = [
            f"{found.place}: {found.imported}"
            for found in all_imports()
            if part(found.importer) == "rpc" and found.imported.split(".")[0] in io
        ]
        self.assertEqual(wrong, [])

    def test_walk_sees_every_form(self) -> None:
        """Absolute, relative, nested and type-checking imports are all found, or the tests above say nothing."""
        source = (
            "import webcam_rpc.a\n"
            "from webcam_rpc import b\n"
            "from ..c import thing\n"
            "from .. import d\n"
            "def f():\n    from webcam_rpc.e import x\n"
            "if TYPE_CHECKING:\n    from . import g\n"
        )
        found = {part(i.imported) for i in imports_in(source, "webcam_rpc.web.m", is_package=False, file="m.py")}
        self.assertEqual(found - {None}, {"a", "b", "c", "d", "e", "web"})
        (_, own) = imports_in("from . import h", "webcam_rpc.web", is_package=True, file="__init__.py")
        self.assertEqual(own.imported, "webcam_rpc.web.h")


class ReactorTests(SynchronousTestCase):
    """Who names the global reactor: one function. Everything else is given one."""

    def test_only_make_service_imports_the_reactor(self) -> None:
        """``tap.makeService`` has the one import, not at the module's level, where it would be chosen on import."""
        found = {i.place for i in all_imports() if i.imported.startswith("twisted.internet.reactor")}
        self.assertEqual(len(found), 1, found)
        tree = ast.parse((ROOT / PACKAGE / "tap.py").read_text("utf-8"))
        (make_service,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "makeService")
        inside = imports_in(ast.unparse(make_service), f"{PACKAGE}.tap", is_package=False, file="makeService")
        self.assertIn("twisted.internet.reactor", {i.imported for i in inside})

    def test_drop_in_installs_no_reactor(self) -> None:
        """``twistd --help`` loads every drop-in of the machine: ours brings neither a reactor nor our package along."""
        script = (
            "import runpy, sys\n"
            f"names = runpy.run_path({str(ROOT / 'twisted/plugins/webcam_rpc_dropin.py')!r})\n"
            "assert names['webcam'].tapname == 'webcam' and names['webcam'].module == 'webcam_rpc.tap', names\n"
            "print(sorted({'twisted.internet.reactor', 'webcam_rpc', 'autobahn'} & set(sys.modules)))\n"
        )
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((ran.stdout, ran.stderr, ran.returncode), ("[]\n", "", 0))
