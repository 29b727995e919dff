"""The files of tokens."""

from __future__ import annotations

import fcntl
import json

from tests.tokens.case import TokensCase
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import TokenFiles, TokensError
from webcam_rpc.tokens import files as module


class FileTests(TokensCase):
    """What is written, and what is read of it."""

    def test_modes(self) -> None:
        """Both are for their owner only, and a key is in neither."""
        text, _ = self.files.create("key", Role.OPERATOR)
        for name in ("tokens.json", "jwt-secrets.json", "tokens.lock"):
            self.assertTrue(self.owner_only(self.state / name), name)
            self.assertNotIn(text[14:], (self.state / name).read_text("utf-8"))

    def test_read_again(self) -> None:
        """What was written is what is read."""
        _, record = self.files.create("url", Role.VIEWER, "kiosk", 3600.0, "demo")
        self.assertEqual(TokenFiles(self.state, lambda: self.now, self.hashes).records(), (record,))

    def test_damaged(self) -> None:
        """A file that is no such file is no empty one; what is wrong with it is not quoted."""
        self.files.create("key", Role.OPERATOR)
        whole = (self.state / "tokens.json").read_bytes()
        document = json.loads(whole)
        wrong = (
            b"",
            b"{",
            b"[]",
            b"\xff",
            whole[:-10],
            json.dumps({**document, "more": 1}).encode(),
            json.dumps({**document, "tokens": [{**document["tokens"][0], "role": "root"}]}).encode(),
            json.dumps({**document, "tokens": [{**document["tokens"][0], "hash": "secret"}]}).encode(),
        )
        for data in wrong:
            (self.state / "tokens.json").write_bytes(data)
            error = self.assertRaises(TokensError, self.files.read)
            self.assertIn("tokens.json is damaged", str(error))
            self.assertRaises(TokensError, self.files.create, "key", Role.VIEWER)
            self.assertEqual((self.state / "tokens.json").read_bytes(), data)

    def test_later_version(self) -> None:
        """A file of a later release is not understood half."""
        self.files.create("key", Role.OPERATOR)
        path = self.state / "tokens.json"
        path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))
        self.assertIn("version 2", str(self.assertRaises(TokensError, self.files.read)))

    def test_readable_by_others(self) -> None:
        """A file that others may read or write is not believed."""
        self.files.create("key", Role.OPERATOR)
        for mode in (0o640, 0o602, 0o644):
            (self.state / "jwt-secrets.json").chmod(mode)
            self.assertIn("chmod 600", str(self.assertRaises(TokensError, self.files.read)))

    def test_one_after_the_other(self) -> None:
        """Whoever writes waits until another has, and not for ever."""
        self.files.create("key", Role.OPERATOR)
        self.patch(module, "_PATIENCE", 0.05)
        with (self.state / "tokens.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            error = self.assertRaises(TokensError, self.files.create, "key", Role.VIEWER)
        self.assertIn("another program", str(error))
        self.files.create("key", Role.VIEWER)
        self.assertEqual(len(self.files.records()), 2)

    def test_nonsense(self) -> None:
        """What makes no sense is told, and nothing is written."""
        wrong = (
            ("key", Role.NONE, "", None, None),
            ("key", Role.VIEWER, "x" * 65, None, None),
            ("key", Role.VIEWER, "a\nb", None, None),
            ("key", Role.VIEWER, "", 0.5, None),
            ("jwt", Role.VIEWER, "", 1e12, None),
            ("key", Role.VIEWER, "", None, "demo"),
            ("url", Role.VIEWER, "", None, None),
            ("url", Role.OPERATOR, "", None, "demo"),
        )
        for arguments in wrong:
            self.assertRaises(ValueError, self.files.create, *arguments)
        self.assertEqual(list(self.state.iterdir()), [])

    def test_too_many(self) -> None:
        """There is an end to tokens; those that were revoked make room."""
        self.patch(module, "MOST", 2)
        _, first = self.files.create("key", Role.VIEWER)
        self.files.create("key", Role.VIEWER)
        self.assertRaises(TokensError, self.files.create, "key", Role.VIEWER)
        self.files.revoke(first.token_id)
        self.files.create("key", Role.VIEWER)

    def test_forgotten(self) -> None:
        """What is no longer good is forgotten after a month; a JWT that was revoked not before its own end."""
        _, old = self.files.create("key", Role.VIEWER)
        _, lasting = self.files.create("jwt", Role.VIEWER, ttl=100 * 86400.0)
        _, ended = self.files.create("key", Role.VIEWER, ttl=60.0)
        _, kept = self.files.create("key", Role.VIEWER)
        for token_id in (old.token_id, lasting.token_id):
            self.assertTrue(self.files.revoke(token_id))
        self.now += 31 * 86400
        _, new = self.files.create("key", Role.VIEWER)
        self.assertEqual(set(self.files.read().tokens), {lasting.token_id, kept.token_id, new.token_id})
        self.assertNotIn(ended.token_id, self.files.read().tokens)
