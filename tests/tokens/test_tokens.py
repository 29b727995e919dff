"""The tokens of the service that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import CancelledError

from tests.tokens.case import Later, TokensCase
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import Identity, TokenRefused, Tokens, TokensError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred


class KeyTests(TokensCase):
    """API keys and the tokens of URLs."""

    def test_made_and_shown(self) -> None:
        """A key that was made is somebody, with the role and the name that it was made for."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.OPERATOR, "robot"))
        self.assertTrue(text.startswith(f"wrk_{record.token_id}_"))
        self.assertEqual(self.verify(tokens, text), Identity(Role.OPERATOR, "robot", record.token_id, None))
        self.assertEqual([one.name for one in tokens.records()], ["robot"])

    def test_hashed_once(self) -> None:
        """A key that was recognised is not hashed again; a wrong one is each time."""
        tokens = self.open()
        text, _ = self.get(tokens.create("key", Role.VIEWER))
        for _ in range(3):
            self.verify(tokens, text)
        self.assertEqual(self.hashes.compared, 1)
        wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
        self.assertEqual([self.refused(tokens, wrong) for _ in range(2)], ["unknown"] * 2)
        self.assertEqual(self.hashes.compared, 3)

    def test_unknown_takes_as_long(self) -> None:
        """An id that nobody has costs one hash, as a wrong secret does: which ids there are cannot be measured."""
        tokens = self.open()
        self.assertEqual(self.refused(tokens, "wrk_aaaaaaaa_" + 43 * "A"), "unknown")
        self.assertEqual(self.hashes.compared, 1)

    def test_hashed_together(self) -> None:
        """Whoever shows a key while it is being hashed waits for that."""
        tokens = self.open()
        text, _ = self.get(tokens.create("key", Role.VIEWER))
        self.threads.at_once = False
        looks = [tokens.verify(text, None) for _ in range(5)]
        for look in looks:
            self.assertNotIsInstance(look, Identity)
        self.threads.run()
        self.assertEqual(self.hashes.compared, 1)
        for look in looks:
            self.assertIs(self.get(look).role, Role.VIEWER)  # type: ignore[arg-type]
        self.threads.run()

    def test_many_unknown(self) -> None:
        """Four are hashed at once, 64 wait, and whoever comes then is told that there is no time."""
        tokens = self.open()
        self.threads.at_once = False
        looks = [tokens.verify(f"wrk_{number:08d}_" + 43 * "A", None) for number in range(68)]
        self.assertEqual(len(self.threads.waiting), 4)
        error = self.assertRaises(TokenRefused, tokens.verify, "wrk_aaaaaaaa_" + 43 * "A", None)
        self.assertEqual(error.reason, "busy")
        self.threads.run()
        for look in looks:
            self.assertIsInstance(look, type(looks[0]))
            self.failureResultOf(look, TokenRefused)
        self.assertEqual(self.hashes.compared, 68)
        self.threads.at_once = True
        self.assertEqual(self.refused(tokens, "wrk_aaaaaaaa_" + 43 * "A"), "unknown")

    def test_revoked(self) -> None:
        """A key that was revoked is worth nothing, at once, though it was recognised before; showing it is no guess."""
        tokens = self.open()
        told: list[bool] = []
        text, record = self.get(tokens.create("key", Role.VIEWER))
        tokens.changed.append(lambda: told.append(tokens.is_valid(record.token_id)))
        self.verify(tokens, text)
        self.assertTrue(self.get(tokens.revoke(record.token_id)))
        self.assertEqual(told[-1], False)
        self.assertEqual(self.refused(tokens, text), "revoked")
        self.assertEqual(tokens.records(), ())
        self.assertFalse(self.get(tokens.revoke(record.token_id)))
        self.assertEqual(self.refused(self.open(), text), "revoked")

    def test_revoked_while_hashed(self) -> None:
        """A key that is revoked while it is being hashed lets nobody in."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.VIEWER))
        self.threads.at_once = False
        look = tokens.verify(text, None)
        hashing = self.threads.waiting.popleft()
        revoking = tokens.revoke(record.token_id)
        self.threads.run()
        self.assertTrue(self.get(revoking))
        self.threads.waiting.append(hashing)
        self.threads.run()
        failed = self.failureResultOf(look, TokenRefused)
        self.assertEqual(failed.value.reason, "revoked")

    def test_expired(self) -> None:
        """A key is worth nothing from its end on."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.VIEWER, ttl=60.0))
        self.now += 59.0
        self.assertEqual(self.verify(tokens, text).expires_at, record.expires_at)
        self.now += 1.0
        self.assertEqual(self.refused(tokens, text), "expired")
        self.assertFalse(tokens.is_valid(record.token_id))

    def test_one_camera(self) -> None:
        """A token for URLs shows one camera, and makes no connection somebody."""
        tokens = self.open()
        text, record = self.get(tokens.create("url", Role.VIEWER, camera_id="demo"))
        self.assertEqual(self.verify(tokens, text, "/stream").camera_id, "demo")
        self.assertEqual(self.refused(tokens, text), "other_path")
        self.assertEqual(self.refused(tokens, text.replace("wru_", "wrk_"), "/stream"), "unknown")
        self.assertEqual(record.role, "viewer")

    def test_malformed(self) -> None:
        """What is no token is refused, and nothing is hashed for it."""
        tokens = self.open()
        texts = (
            "",
            "wrk_",
            "wrk_aaaaaaaa",
            "wrk_aaaaaaaa_short",
            "wrk_AAAAAAAA_" + 43 * "A",
            "wrk_\0",
            "é",
            "a.b",
            "..",
        )
        self.assertEqual([self.refused(tokens, text) for text in texts], ["malformed"] * len(texts))
        self.assertEqual(self.hashes.compared, 0)


class JwtTests(TokensCase):
    """What reads JWTs is loaded when there is one to read."""

    def test_first_waits(self) -> None:
        """The first JWT waits for a thread that loads it; from then on none does."""
        tokens = self.open()
        text, record = self.get(tokens.create("jwt", Role.VIEWER, "panel", 60.0))
        loaded = sys.modules.pop("jwt")
        self.addCleanup(sys.modules.__setitem__, "jwt", loaded)
        self.threads.at_once = False
        first: Any = tokens.verify(text, None)
        wrong: Any = tokens.verify("a.b.c", None)
        self.assertNoResult(first)
        self.threads.run()
        self.assertEqual(self.get(first).token_id, record.token_id)
        self.assertEqual(self.failureResultOf(wrong, TokenRefused).value.reason, "malformed")
        self.assertIsInstance(tokens.verify(text, None), Identity)


class OneShotTests(TokensCase):
    """Tokens for one URL."""

    def test_bound_to_path(self) -> None:
        """The first path that it is shown for is its own, until it ends."""
        tokens = self.open()
        text, expires_at = tokens.one_shot(Identity(Role.ADMIN, "me", None, None), 5.0)
        self.assertEqual(expires_at, self.now + 5)
        self.assertIs(self.verify(tokens, text, "/stream").role, Role.VIEWER)
        self.verify(tokens, text, "/stream")
        self.assertEqual(self.refused(tokens, text, "/snapshot"), "other_path")
        self.assertEqual(self.refused(tokens, text), "other_path")
        self.now += 5
        self.assertEqual(self.refused(tokens, text, "/stream"), "expired")

    def test_dies_with_token(self) -> None:
        """It does not outlive the token that asked for it, and what it opens ends when that does."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.VIEWER, ttl=30.0))
        identity = self.verify(tokens, text)
        one, expires_at = tokens.one_shot(identity, 60.0)
        self.assertEqual(expires_at, record.expires_at)
        shown = self.verify(tokens, one, "/stream")
        self.assertEqual((shown.token_id, shown.expires_at), (record.token_id, record.expires_at))
        self.get(tokens.revoke(record.token_id))
        self.assertEqual(self.refused(tokens, one, "/stream"), "revoked")

    def test_bounded(self) -> None:
        """There are a thousand at most: the oldest are forgotten."""
        tokens = self.open()
        nobody = Identity(Role.VIEWER, "", None, None)
        first = tokens.one_shot(nobody, 60.0)[0]
        others = [tokens.one_shot(nobody, 60.0)[0] for _ in range(1000)]
        self.assertEqual(self.refused(tokens, first, "/"), "unknown")
        self.verify(tokens, others[0], "/")

    def test_lesser_stays_lesser(self) -> None:
        """Whoever sees one camera, or less than pictures, gives no more away."""
        tokens = self.open()
        text, _ = tokens.one_shot(Identity(Role.STATUS, "", None, None, "demo"), 5.0)
        shown = self.verify(tokens, text, "/state")
        self.assertEqual((shown.role, shown.camera_id), (Role.STATUS, "demo"))


class ChangeTests(TokensCase):
    """Changes, and who hears of them."""

    def test_in_use(self) -> None:
        """There are tokens from the first on until the last is revoked; that one ends opens nothing."""
        tokens = self.open()
        self.assertFalse(tokens.any)
        self.get(tokens.create("key", Role.VIEWER, ttl=10.0))
        self.now += 3600 * 24 * 365
        self.assertTrue(tokens.any)
        self.get(tokens.create("key", Role.VIEWER))
        self.assertTrue(self.open().any)
        for one in tokens.records():
            self.get(tokens.revoke(one.token_id))
        self.assertFalse(tokens.any)

    def test_refreshed(self) -> None:
        """What another program has written is in force after a refresh; who listens is told once."""
        tokens = self.open()
        told: list[None] = []
        tokens.changed.append(lambda: told.append(None))
        text, _ = self.files.create("key", Role.VIEWER)
        self.assertEqual(self.refused(tokens, text), "unknown")
        self.get(tokens.refresh())
        self.verify(tokens, text)
        self.get(tokens.refresh())
        self.assertEqual(len(told), 1)

    def test_refresh_damaged(self) -> None:
        """A file that was damaged meanwhile changes nothing, and is logged."""
        tokens = self.open()
        text, _ = self.get(tokens.create("key", Role.VIEWER))
        (self.state / "tokens.json").write_bytes(b'{"version":1,"secret')
        self.get(tokens.refresh())
        self.verify(tokens, text)
        self.assertIn("tokens.json is damaged", tokens.problem or "")
        self.assertNotIn("secret", tokens.problem or "")

    def test_caller_has_gone(self) -> None:
        """What is on the disk is in force, whoever waits for it: a revocation, another secret, no token of nobody's."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.OPERATOR))
        signed, _ = self.get(tokens.create("jwt", Role.OPERATOR))
        self.verify(tokens, text)
        told: list[None] = []
        tokens.changed.append(lambda: told.append(None))
        self.threads.at_once = False
        begun: tuple[Callable[[], Deferred[Any]], ...] = (
            lambda: tokens.revoke(record.token_id),
            lambda: tokens.rotate(keep_old=False),
            lambda: tokens.create("key", Role.ADMIN),
        )
        for begin in begun:
            change = begin()
            change.cancel()
            self.failureResultOf(change, CancelledError)
            self.threads.run()
        self.assertFalse(tokens.is_valid(record.token_id))
        self.assertEqual((self.refused(tokens, text), self.refused(tokens, signed)), ("revoked", "unknown"))
        self.assertEqual((tokens.records(), self.files.records()), ((), ()))
        # The last of them was made before it was revoked.
        self.assertEqual(len(told), 4)

    def test_use_noted(self) -> None:
        """When a token was used last is written, once an hour at most."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.VIEWER))
        self.now += 10
        self.verify(tokens, text)
        self.assertEqual([one.last_used_at for one in self.files.records()], [self.now])
        before = (self.state / "tokens.json").stat().st_mtime_ns
        self.now += 3599
        self.verify(tokens, text)
        self.assertEqual((self.state / "tokens.json").stat().st_mtime_ns, before)
        self.now += 1
        self.verify(tokens, text)
        self.assertEqual([one.last_used_at for one in self.files.records()], [self.now])
        self.assertEqual(record.last_used_at, None)

    def test_use_not_noted(self) -> None:
        """Where that cannot be written, it is tried again once a minute, and nobody is kept waiting."""
        tokens = self.open()
        text, _ = self.get(tokens.create("key", Role.VIEWER))
        self.verify(tokens, text)
        (self.state / "tokens.json.part").mkdir()
        self.threads.at_once = False
        self.now += 3600
        for _ in range(5):
            self.verify(tokens, text)
            self.threads.run()
        self.now += 59
        self.verify(tokens, text)
        self.assertEqual(len(self.threads.waiting), 0)
        self.now += 1
        self.verify(tokens, text)
        self.assertEqual(len(self.threads.waiting), 1)
        (self.state / "tokens.json.part").rmdir()
        self.threads.run()
        self.assertEqual([one.last_used_at for one in self.files.records()], [self.now])

    def test_disk_full(self) -> None:
        """Where nothing can be written, making and revoking say so, and who has a token comes in as before."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.VIEWER))
        self.verify(tokens, text)
        (self.state / "tokens.json.part").mkdir()
        for attempt in (tokens.create("key", Role.VIEWER), tokens.revoke(record.token_id)):
            self.assertIn("cannot write", str(self.failureResultOf(attempt, TokensError).value))
        self.verify(tokens, text)

    def test_no_state(self) -> None:
        """A state directory that cannot be written is no reason not to start; JWTs there are none."""
        (self.state / "jwt-secrets.json.part").mkdir()
        tokens = Tokens.open(self.state, Later(), lambda: self.now)
        self.assertFalse(tokens.any)
        self.assertIn("cannot write", tokens.problem or "")

    def test_nothing_secret(self) -> None:
        """What may be logged of a token or a secret is nothing that could be used."""
        tokens = self.open()
        text, record = self.get(tokens.create("key", Role.VIEWER, "robot"))
        (secret,) = self.files.read().secrets
        shown = repr((tokens, record, self.files, secret, msgspec.json.encode(tokens.records())))
        self.assertNotIn(text[14:], shown)
        self.assertNotIn(secret.key, shown)
