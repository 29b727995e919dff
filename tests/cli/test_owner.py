"""Whose files they are that root writes, and which it does not touch."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from click.testing import CliRunner
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from webcam_rpc.cli import commands
from webcam_rpc.cli.owner import owner_of

_SOMEBODY = 12345


class OwnerTests(SynchronousTestCase):
    """A state directory that is somebody else's."""

    def setUp(self) -> None:
        """Make it."""
        if os.geteuid() != 0:
            raise SkipTest("only root can be somebody else")
        # Not below the tests' own directory, through which nobody else may come.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.state = Path(directory.name)
        os.chown(self.state, _SOMEBODY, _SOMEBODY)

    def owner(self, path: Path) -> tuple[int, int]:
        """Give user and group."""
        found = path.stat()
        return found.st_uid, found.st_gid

    def test_somebody(self) -> None:
        """Root writes as the owner, also what is not there yet, and may no more than he may."""
        roots = Path(self.mktemp()).absolute()
        roots.touch(0o600)
        with owner_of(self.state / "not" / "yet"):
            (self.state / "not" / "yet").mkdir(parents=True)
            self.assertRaises(PermissionError, roots.read_bytes)
        self.assertEqual(self.owner(self.state / "not" / "yet"), (_SOMEBODY, _SOMEBODY))

    def test_itself_again(self) -> None:
        """Root is root again in the end, whatever happens."""
        before = os.geteuid(), os.getegid(), os.getgroups()

        def fail() -> None:
            with owner_of(self.state):
                self.assertEqual((os.geteuid(), os.getegid()), (_SOMEBODY, _SOMEBODY))
                raise KeyError

        self.assertRaises(KeyError, fail)
        self.assertEqual((os.geteuid(), os.getegid(), os.getgroups()), before)

    def test_token(self) -> None:
        """All that a command leaves is the owner's, so that the service can read it."""
        made = CliRunner().invoke(commands, ["token", "create", "--role", "viewer", "--state-dir", str(self.state)])
        self.assertEqual(made.exit_code, 0, made.output)
        self.assertEqual(
            {path.name: self.owner(path) for path in self.state.iterdir()},
            dict.fromkeys(("tokens.json", "tokens.lock", "jwt-secrets.json"), (_SOMEBODY, _SOMEBODY)),
        )

    def test_links(self) -> None:
        """Where the owner has put links to what is not his, root neither writes there nor gives it away."""
        for name in "tokens.lock", "tokens.json.part", "tokens.json":
            roots = Path(self.mktemp()).absolute()
            roots.write_bytes(b"root's")
            roots.chmod(0o600)
            (self.state / name).symlink_to(roots)
            CliRunner().invoke(commands, ["token", "create", "--role", "viewer", "--state-dir", str(self.state)])
            self.assertEqual((roots.read_bytes(), self.owner(roots)), (b"root's", (0, 0)), name)
            (self.state / name).unlink()
