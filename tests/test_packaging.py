"""What is installed is what is used: the metadata, the drop-in, the unit and the commands against the source."""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import webcam_rpc
from webcam_rpc import config

ROOT = Path(__file__).resolve().parent.parent

#: The name to install, where it is not the name to import in lower case.
DISTRIBUTIONS = {
    "argon2": "argon2-cffi",
    "jwt": "pyjwt",
    "prometheus_client": "prometheus-client",
    "OpenSSL": "pyopenssl",
    "yaml": "pyyaml",
    "zope": "zope.interface",
}


def setup_cfg() -> configparser.ConfigParser:
    """Read the metadata."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


def listed(text: str) -> set[str]:
    """Give the lower-case names of the distributions in a list of requirements."""
    names = (re.match(r"[A-Za-z0-9._-]+", line.strip()) for line in text.splitlines())
    return {name[0].lower() for name in names if name}


def imported() -> set[str]:
    """Give the top-level modules that the package and the drop-in import, but for the standard library and us."""
    found: set[str] = set()
    for path in [*(ROOT / "webcam_rpc").rglob("*.py"), *(ROOT / "twisted").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"webcam_rpc"}


def unit() -> dict[str, list[str]]:
    """Read the [Service] section of the unit; a key may stand there several times, which configparser does not read."""
    text = (ROOT / "etc/webcam-service.service").read_text("utf-8")
    keys: dict[str, list[str]] = {}
    for line in text.partition("[Service]\n")[2].partition("\n[")[0].splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            keys.setdefault(key, []).append(value)
    return keys


def run(*arguments: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
    """Run this Python with the package on its path."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(":")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


class MetadataTests(SynchronousTestCase):
    """setup.cfg against the source."""

    def test_requirements_are_what_is_imported(self) -> None:
        """Nothing is imported that is not asked for, and nothing is asked for that is not imported."""
        # tzdata is data: zoneinfo finds the time zones in it where the machine has none (a container, say).
        wanted = {DISTRIBUTIONS.get(name, name) for name in imported()} | {"tzdata"}
        # Only the client for asyncio needs it, and a service has none.
        extra = listed(setup_cfg()["options.extras_require"]["asyncio"])
        self.assertEqual(listed(setup_cfg()["options"]["install_requires"]) | extra, wanted)

    def test_oldest_python_is_the_checkers_too(self) -> None:
        """Ruff and mypy check for the oldest Python that may install it."""
        floor = setup_cfg()["options"]["python_requires"].removeprefix(">=")
        settings = (ROOT / "pyproject.toml").read_text("utf-8")
        self.assertIn(f'python_version = "{floor}"', settings)
        self.assertIn(f'target-version = "py{floor.replace(".", "")}"', settings)
        self.assertIn(f"Programming Language :: Python :: {floor}\n", setup_cfg()["metadata"]["classifiers"] + "\n")

    def test_twisted_stays_a_namespace(self) -> None:
        """An ``__init__.py`` of ours beside the drop-in would hide Twisted, or the drop-in."""
        self.assertEqual([str(p) for p in (ROOT / "twisted").rglob("__init__.py")], [])

    def test_version(self) -> None:
        """The version can be read without importing the package, as setup.cfg asks for, and is a version."""
        self.assertEqual(setup_cfg()["metadata"]["version"], "attr: webcam_rpc.__version__")
        self.assertRegex(webcam_rpc.__version__, r"^[0-9]+\.[0-9]+\.[0-9]+\Z")
        self.assertIn(
            f'\n__version__ = "{webcam_rpc.__version__}"\n', (ROOT / "webcam_rpc/__init__.py").read_text("utf-8")
        )


class CommandTests(SynchronousTestCase):
    """What a person types."""

    def test_twistd_lists_the_service_once(self) -> None:
        """The drop-in is found by its folder, and only once."""
        ran = run("-c", "from twisted.scripts.twistd import run; run()", "--help", cwd="/")
        self.assertEqual(len(re.findall(r"^ +webcam ", ran.stdout, re.MULTILINE)), 1, ran)

    def test_module_without_a_command(self) -> None:
        """``python -m webcam_rpc`` says how it is used and fails; with ``--help`` it says so and does not."""
        for arguments, status in ([], 2), (["sever"], 2), (["--help"], 0):
            ran = run("-m", "webcam_rpc", *arguments)
            self.assertEqual(ran.returncode, status, ran)
            self.assertIn("Usage: webcamctl ", ran.stdout + ran.stderr)
            self.assertEqual("python -m webcam_rpc serve" in ran.stdout + ran.stderr, arguments != ["sever"])

    def test_module_serves(self) -> None:
        """``python -m webcam_rpc serve`` takes the service's own options."""
        ran = run("-m", "webcam_rpc", "serve", "--help")
        self.assertEqual(ran.returncode, 0, ran)
        self.assertIn("--demo", ran.stdout)

    def test_scripts_are_commands(self) -> None:
        """Each script can be typed, and its shell can read it."""
        scripts = [ROOT / ".ci/run", *(ROOT / "scripts").iterdir()]
        self.assertTrue({"demo", "test", "install"} <= {path.name for path in scripts})
        for path in scripts:
            if path.suffix == ".py":
                continue
            ran = subprocess.run(["/bin/bash", "-n", str(path)], capture_output=True, timeout=60, check=False)
            self.assertEqual((ran.returncode, ran.stderr), (0, b""), path)
            self.assertEqual(os.access(path, os.X_OK), path.suffix != ".sh", path)


class ExampleTests(SynchronousTestCase):
    """The configurations that come along."""

    def test_demo_configuration(self) -> None:
        """It is one, and has two cameras, for this machine alone."""
        loaded = config.load(ROOT / "etc/demo.yaml", {}, [])
        self.assertEqual([source.kind for source in loaded.cameras.sources], ["test_pattern"] * 2)
        self.assertEqual(loaded.server.host, "127.0.0.1")


class UnitTests(SynchronousTestCase):
    """The unit against the rest: what stands in two places is the same."""

    def test_installer_substitutes_the_prefix(self) -> None:
        """The unit's paths are below the installer's default prefix, which is what it replaces."""
        (default,) = re.findall(r"^PREFIX=(.*)$", (ROOT / "scripts/install").read_text("utf-8"), re.MULTILINE)
        (command,) = unit()["ExecStart"]
        self.assertTrue(command.startswith(f"{default}/bin/twistd -n --pidfile= webcam "), command)
        self.assertIn(f"-{default}/logs", unit()["ReadWritePaths"])

    def test_installer_turns_the_log_file_on(self) -> None:
        """The two lines of the configuration that the installer changes are in it, each once."""
        lines = (ROOT / "etc/webcam.yaml").read_text("utf-8").splitlines()
        installer = (ROOT / "scripts/install").read_text("utf-8")
        for line in "  #format: text", "  #file: null":
            self.assertEqual(lines.count(line), 1, line)
            self.assertIn(f"s|^{line}$|", installer)

    def test_hardening_keeps_cameras_usable(self) -> None:
        """Without the media device v4l2-ctl drops the serial and says nothing; without netlink there is no udev."""
        self.assertEqual(unit()["DeviceAllow"], ["char-video4linux rw", "char-media rw"])
        self.assertIn("AF_NETLINK", unit()["RestrictAddressFamilies"][0].split())
        self.assertEqual(unit()["SupplementaryGroups"], ["video"])
        self.assertEqual(unit()["KillMode"], ["mixed"])

    def test_mistakes_do_not_loop(self) -> None:
        """A mistake in the configuration has a status of its own, which is not tried again."""
        self.assertEqual(unit()["RestartPreventExitStatus"], ["78"])
        self.assertEqual(unit()["Restart"], ["on-failure"])
