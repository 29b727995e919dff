"""``webcamctl token`` where no service runs; with one, tests.integration.test_access has it."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from webcam_rpc.cli import commands, durations, state
from webcam_rpc.cli.failures import Failed
from webcam_rpc.config import Config, State
from webcam_rpc.tokens import TokenFiles


class CommandCase(SynchronousTestCase):
    """Commands, with a state directory of their own."""

    def setUp(self) -> None:
        """Name the directory."""
        self.state = Path(self.mktemp()).absolute()

    def type(self, *arguments: str) -> Result:
        """Type a command."""
        return CliRunner().invoke(commands, [*arguments, "--state-dir", str(self.state)])

    def failed(self, *arguments: str) -> Failed:
        """Type a command that cannot be done."""
        error = self.type(*arguments).exception
        assert isinstance(error, Failed), error
        return error


class TokenTests(CommandCase):
    """Tokens, in the files."""

    def test_text_alone(self) -> None:
        """The token is alone on standard output, so that a shell can keep it."""
        made = self.type("token", "create", "--role", "operator", "--name", "robot")
        self.assertEqual((made.exit_code, made.stdout.count("\n")), (0, 1), made.output)
        self.assertTrue(made.stdout.startswith("wrk_"))
        self.assertIn("operator", made.stderr)
        self.assertNotIn(made.stdout.strip(), made.stderr)
        (record,) = TokenFiles(self.state).records()
        self.assertEqual((record.name, record.role, record.expires_at), ("robot", "operator", None))

    def test_kinds(self) -> None:
        """A JWT ends in thirty days, a token for URLs is for a viewer of one camera."""
        jwt = json.loads(self.type("token", "create", "--jwt", "--role", "admin", "--json").stdout)
        url = json.loads(self.type("token", "create", "--url", "--camera", "demo", "--json").stdout)
        self.assertEqual((jwt["kind"], jwt["role"], jwt["token"].count(".")), ("jwt", "admin", 2))
        self.assertIsNotNone(jwt["expires_at"])
        self.assertEqual((url["kind"], url["role"], url["camera_id"]), ("url", "viewer", "demo"))

    def test_listed(self) -> None:
        """What is listed is who they are, not what could be used."""
        text = self.type("token", "create", "--role", "viewer", "--name", "wall", "--ttl", "30d").stdout.strip()
        table = self.type("token", "list").stdout.splitlines()
        self.assertEqual(table[0].split()[:4], ["TOKEN_ID", "KIND", "ROLE", "NAME"])
        self.assertEqual(table[1].split()[1:4], ["key", "viewer", "wall"])
        (listed,) = json.loads(self.type("token", "list", "--json").stdout)
        self.assertNotIn(text[13:], json.dumps(listed))
        self.assertEqual(listed["token_id"], text[4:12])

    def test_revoked(self) -> None:
        """A token that was revoked is gone from the list; one that is not there is told."""
        self.type("token", "create", "--role", "viewer")
        (record,) = TokenFiles(self.state).records()
        self.assertEqual(self.type("token", "revoke", record.token_id).exit_code, 0)
        self.assertEqual(json.loads(self.type("token", "list", "--json").stdout), [])
        self.assertIn(record.token_id, str(self.failed("token", "revoke", record.token_id)))

    def test_rotated(self) -> None:
        """With ``--now`` the JWTs of before are gone."""
        self.type("token", "create", "--role", "viewer", "--jwt")
        self.type("token", "rotate")
        self.assertEqual(len(TokenFiles(self.state).records()), 1)
        self.type("token", "rotate", "--now")
        self.assertEqual(TokenFiles(self.state).records(), ())

    def test_wrong_commands(self) -> None:
        """What makes no sense is told, with status 2, and nothing is written."""
        wrong = (
            ("--name", "x"),
            ("--role", "root"),
            ("--role", "none"),
            ("--role", "viewer", "--ttl", "soon"),
            ("--role", "viewer", "--url"),
            ("--role", "viewer", "--camera", "demo"),
            ("--jwt", "--url", "--camera", "demo"),
            ("--role", "viewer", "--jwt", "--ttl", "never"),
        )
        for arguments in wrong:
            typed = self.type("token", "create", *arguments)
            self.assertEqual(typed.exit_code, 2, (arguments, typed.output))
        self.assertFalse(self.state.exists())

    def test_refused(self) -> None:
        """What the files refuse is told in one line."""
        self.assertIn("ten years", str(self.failed("token", "create", "--role", "viewer", "--ttl", "9999d")))
        self.type("token", "create", "--role", "viewer")
        (self.state / "tokens.json").write_bytes(b"{")
        self.assertIn("tokens.json is damaged", str(self.failed("token", "list")))

    def test_nobody_listens(self) -> None:
        """A socket that an earlier service has left is none."""
        self.state.mkdir()
        with socket.socket(socket.AF_UNIX) as left:
            directory = os.open(self.state, os.O_PATH)
            self.addCleanup(os.close, directory)
            left.bind(f"/proc/self/fd/{directory}/admin.sock")
        self.assertTrue(stat.S_ISSOCK((self.state / "admin.sock").stat().st_mode))
        made = self.type("token", "create", "--role", "viewer")
        self.assertEqual(made.exit_code, 0)
        self.assertIn("No service is at work", made.stderr)

    def test_other_user(self) -> None:
        """Whoever may not come near the state is told so, with a status of its own."""
        if os.geteuid() != 0:
            raise SkipTest("only root can be somebody else")
        self.type("token", "create", "--role", "viewer")
        self.state.chmod(0o700)
        command = [sys.executable, "-m", "webcam_rpc", "token", "list", "--state-dir", str(self.state)]
        own = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ran = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", *command],  # noqa: S607
            env=own,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        # 126 and 127: it cannot be started, or cannot read its own libraries (POSIX, "Exit Status for Commands").
        if ran.returncode in {126, 127} or ("Permission denied" in ran.stderr and "No module" in ran.stderr):
            raise SkipTest("nobody else may read this Python")
        self.assertEqual((ran.returncode, ran.stdout), (77, ""), ran.stderr)
        self.assertIn("only root", ran.stderr)


class StateTests(CommandCase):
    """Which service is meant."""

    def test_told(self) -> None:
        """What the command line, the configuration or the environment says."""
        self.assertEqual(
            state.state_directory(Config(state=State(directory="/srv/state")), {"STATE_DIRECTORY": "/elsewhere"}),
            Path("/srv/state"),
        )
        self.assertEqual(state.state_directory(Config(), {"STATE_DIRECTORY": "/elsewhere"}), Path("/elsewhere"))

    def test_installed(self) -> None:
        """Where nothing is said, the service that is installed, if there is one that we may look after."""
        self.patch(state, "_INSTALLED", str(self.state))
        self.assertEqual(state.state_directory(Config(), {"XDG_STATE_HOME": "/home/x"}), Path("/home/x/webcam-rpc"))
        self.state.mkdir()
        self.assertEqual(state.state_directory(Config(), {"XDG_STATE_HOME": "/home/x"}), self.state)


class CheckTests(CommandCase):
    """``webcamctl config check``."""

    def check(self, text: str) -> Result:
        """Check a file of this text."""
        path = Path(self.mktemp())
        path.write_text(text, "utf-8")
        return CliRunner().invoke(commands, ["config", "check", str(path)])

    def test_good(self) -> None:
        """A file without a mistake is good."""
        checked = self.check("server:\n  port: 8003\n")
        self.assertEqual(checked.exit_code, 0)
        self.assertIn(": good", checked.stdout)

    def test_mistake(self) -> None:
        """A mistake is told with its line and key."""
        failed = self.check("server:\n  host: 127.0.0.1\n  prot: 8003\n").exception
        self.assertIsInstance(failed, Failed)
        self.assertIn(":3", str(failed))
        self.assertIn("server.prot", str(failed))


class DurationTests(SynchronousTestCase):
    """Durations as people write them."""

    def test_units(self) -> None:
        """Each unit, and never."""
        texts = {"90s": 90.0, "15m": 900.0, "12h": 43200.0, "30d": 2592000.0, "2w": 1209600.0, "never": None}
        self.assertEqual({text: durations.parse(text) for text in texts}, texts)

    def test_nonsense(self) -> None:
        """Anything else is told."""
        for text in ("", "30", "d", "-1d", "1.5h", "1d12h", "1y", "9" * 10 + "d"):
            self.assertRaises(ValueError, durations.parse, text)


class StartTests(SynchronousTestCase):
    """The command as a process."""

    def test_no_reactor(self) -> None:
        """The command does not load what only the service needs."""
        code = "import sys, webcam_rpc.cli; sys.exit('twisted.internet.reactor' in sys.modules)"
        path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ran = subprocess.run([sys.executable, "-c", code], env=path, timeout=60, check=False)
        self.assertEqual(ran.returncode, 0)
