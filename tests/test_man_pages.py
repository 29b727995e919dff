"""The man pages say what the commands and the configuration's page say, and man(1) finds no fault with them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.test_packaging import setup_cfg
from webcam_rpc.cli import commands

ROOT = Path(__file__).resolve().parent.parent
MAN = ROOT / "man"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("man_pages", ROOT / "scripts" / "man_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ManPageTests(SynchronousTestCase):
    """man/."""

    def test_current(self) -> None:
        """The pages in the tree are those that would be written now, and no other is there."""
        made = _script().pages()
        self.assertEqual({path.name for path in MAN.iterdir()}, set(made))
        for name, text in made.items():
            told = f"man/{name} is out of date: scripts/man_pages.py"
            self.assertTrue((MAN / name).read_text("utf-8") == text, told)

    def test_shipped(self) -> None:
        """Each is installed where man(1) looks, in the section of its name."""
        shipped = setup_cfg()["options.data_files"]
        for path in MAN.iterdir():
            self.assertIn(f"man/{path.name}", shipped[f"share/man/man{path.suffix[1:]}"].split())

    def test_no_fault(self) -> None:
        """man(1) shows each without a warning."""
        if shutil.which("man") is None or shutil.which("groff") is None:
            raise SkipTest("no man or groff here")
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
        for path in MAN.iterdir():
            argv = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(path)]
            ran = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), path.name)

    def test_every_command_is_told(self) -> None:
        """Each command has its lines, and each option a help."""

        def leaves(path: str, command: click.Command) -> list[tuple[str, click.Command]]:
            if isinstance(command, click.Group):
                return [leaf for name, one in command.commands.items() for leaf in leaves(f"{path} {name}", one)]
            return [(path, command)]

        page = (MAN / "webcamctl.1").read_text("utf-8").replace("\\-", "-")
        for path, command in leaves("webcamctl", commands):
            self.assertIn(f"\\fB{path}\\fR", page)
            for param in command.params:
                if isinstance(param, click.Option):
                    self.assertTrue(param.help, f"{path} {param.opts}")
            self.assertTrue(command.help, path)
