"""The tokens of the service that runs: who shows which, looked up without ever holding the reactor.

Owns what is in force, the threads in which keys are hashed and files are written, and the keys that were recognised
before, for which neither is needed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore, inlineCallbacks
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from webcam_rpc.tokens import jwts, keys
from webcam_rpc.tokens.files import TokenFiles, listed
from webcam_rpc.tokens.oneshots import OneShots
from webcam_rpc.tokens.records import Identity, TokenRefused, TokensError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from webcam_rpc.rpc.roles import Role
    from webcam_rpc.tokens.records import Content, Kind, Stored, TokenRecord

#: Keys that are hashed at once, and that wait for it: each takes 8 MiB and some milliseconds of a processor.
_AT_ONCE, _WAITING = 4, 64
#: Keys that were recognised and need not be hashed again.
_RECOGNISED = 1024
#: Seconds between two notes of when a token was used last.
_NOTE = 3600.0
#: and between two attempts: on a disk that is full each would fail.
_NOTE_AGAIN = 60.0


class Tokens:
    """All tokens that there are; made by :meth:`open`.

    :ivar changed: called, with nothing, after each change of what is in force.
    :ivar problem: why something could not be written; None when all could.
    """

    _log = Logger(namespace="webcam_rpc.tokens")

    def __init__(
        self,
        files: TokenFiles,
        content: Content,
        in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
    ) -> None:
        self.changed: list[Callable[[], object]] = []
        self.problem: str | None = None
        self._files = files
        self._content = content
        self._in_thread = in_thread
        self._now = now
        self._one_shots = OneShots(now, self.is_valid)
        self._writing = DeferredLock()
        self._hashing = DeferredSemaphore(_AT_ONCE)
        # A digest by a secret of this process, so that the memory of the process holds no key either.
        self._pepper = secrets.token_bytes(32)
        self._recognised: OrderedDict[bytes, str] = OrderedDict()
        self._being_hashed: dict[bytes, list[Deferred[None]]] = {}
        self._used: dict[str, float] = {}
        self._next_note = 0.0

    @classmethod
    def open(cls, state: Path, in_thread: Callable[..., Deferred[Any]], now: Callable[[], float]) -> Tokens:
        """Read the files, at the start.

        :param in_thread: runs a function in a thread and gives a Deferred of its result.
        :param now: the wall clock, in Unix seconds.
        :raises TokensError: if what is there cannot be read: then nobody can tell who may come in.
        """
        files = TokenFiles(state, now)
        content = files.read()
        problem = None
        if not content.secrets:
            try:
                content = files.prepare()
            except TokensError as error:
                # A disk that is full is no reason to have no service; without a secret there is no JWT to recognise.
                problem = str(error)
                cls._log.warn("No secret for JWTs: {problem}", problem=problem)
        tokens = cls(files, content, in_thread, now)
        tokens.problem = problem
        return tokens

    @property
    def any(self) -> bool:
        """Whether there are tokens, so that whoever is somebody can say so."""
        return self._content.in_use

    def is_valid(self, token_id: str) -> bool:
        """Tell whether the token of that id still counts."""
        signed = jwts.signs(token_id, self._content, self._now())
        if signed is not None:
            return signed
        stored = self._content.tokens.get(token_id)
        return stored is not None and stored.revoked_at is None and not _is_over(stored, self._now())

    def records(self) -> tuple[TokenRecord, ...]:
        """Give what is known of each token that was not revoked, the oldest first."""
        return listed(self._content)

    def one_shot(self, identity: Identity, ttl: float) -> tuple[str, float]:
        """Make a token for one URL in the name of an identity; gives it and its end in Unix seconds."""
        return self._one_shots.make(identity, ttl)

    def verify(self, text: str, path: str | None) -> Identity | Deferred[Identity]:
        """Give who shows a token. Raises, or fails with, TokenRefused.

        :param path: of the URL that it is shown for; None for a connection that is to be somebody from now on.
        """
        if text.startswith(keys.ONE_SHOT):
            return self._one_shots.verify(text, path)
        if text.startswith((keys.KEY, keys.URL)):
            return self._verify_key(text, path)
        if jwts.is_loaded():
            return self._verify_jwt(text)
        return self._in_thread(jwts.load).addCallback(lambda _: self._verify_jwt(text))

    def create(
        self, kind: Kind, role: Role, name: str = "", ttl: float | None = None, camera_id: str | None = None
    ) -> Deferred[tuple[str, TokenRecord]]:
        """Make a token; see :meth:`TokenFiles.create`. One that nobody waits for any more is revoked at once."""

        def made(result: tuple[str, TokenRecord]) -> tuple[str, TokenRecord]:
            if told.called:
                self.revoke(result[1].token_id).addErrback(self._not_undone)
            return result

        told: Deferred[tuple[str, TokenRecord]] = Deferred()
        making = self._changed(lambda: self._files.create(kind, role, name, ttl, camera_id))
        making.addCallback(made).addBoth(told.callback)
        return told

    def revoke(self, token_id: str) -> Deferred[bool]:
        """Have a token be worth nothing; fires with whether there was one. Fails with TokensError."""
        return self._change(lambda: self._files.revoke(token_id))

    def rotate(self, *, keep_old: bool) -> Deferred[None]:
        """Sign JWTs with another secret from now on; see :meth:`TokenFiles.rotate`."""
        return self._change(lambda: self._files.rotate(keep_old=keep_old))

    def refresh(self) -> Deferred[None]:
        """Read the files again; where that fails, all stays as it is."""

        def failed(failure: Failure) -> None:
            failure.trap(TokensError)
            self.problem = str(failure.value)
            self._log.error("Cannot read the tokens again, all stays as it is: {error}", error=self.problem)

        return self._change(lambda: None).addErrback(failed)

    def _change(self, change: Callable[[], Any]) -> Deferred[Any]:
        """Change the files, and go by them then, whoever still waits for it.

        A thread cannot be stopped: a revocation whose caller has hung up is on the disk, and has to be in force too.
        """
        told: Deferred[Any] = Deferred()
        self._changed(change).addBoth(told.callback)
        return told

    @inlineCallbacks
    def _changed(self, change: Callable[[], Any]) -> Generator[Deferred[Any], Any, Any]:
        def change_and_read() -> tuple[Any, Content]:
            return change(), self._files.read()

        yield self._writing.acquire()
        try:
            result, content = yield self._in_thread(change_and_read)
        finally:
            self._writing.release()
        self.problem = None
        self._take(content)
        return result

    def _take(self, content: Content) -> None:
        before, self._content = self._content, content
        # When a token was used last is no news to who has shown it.
        if _matter(content) != _matter(before):
            for changed in self.changed:
                changed()

    def _verify_jwt(self, text: str) -> Identity:
        identity = jwts.verify(text, self._content, self._now())
        self._note_use(identity.token_id)
        return identity

    def _verify_key(self, text: str, path: str | None) -> Identity | Deferred[Identity]:
        parsed = keys.parse(text)
        if parsed is None:
            raise TokenRefused("malformed")
        token_id, secret = parsed
        digest = hashlib.blake2b(text.encode(), key=self._pepper, digest_size=32).digest()
        if self._recognised.get(digest) == token_id:
            self._recognised.move_to_end(digest)
            return self._of_record(token_id, text, path)
        waiter: Deferred[None] = Deferred()
        identified = waiter.addCallback(lambda _: self._of_record(token_id, text, path))
        waiting = self._being_hashed.get(digest)
        if len(self._being_hashed if waiting is None else waiting) >= _AT_ONCE + _WAITING:
            raise TokenRefused("busy")
        if waiting is None:
            self._being_hashed[digest] = [waiter]
            self._hash(digest, token_id, secret).addErrback(self._defect)
        else:
            waiting.append(waiter)
        return identified

    @inlineCallbacks
    def _hash(self, digest: bytes, token_id: str, secret: str) -> Generator[Deferred[Any], Any, None]:
        stored = self._content.tokens.get(token_id)
        hashed = stored.hash if stored is not None else None
        outcome: Failure | None = None
        try:
            right: bool = yield self._hashing.run(self._in_thread, self._files.hashes.match, hashed, secret)
        except Exception:  # noqa: BLE001 - told to who waits, whatever it is
            outcome = Failure()
        else:
            if right:
                self._recognised[digest] = token_id
                if len(self._recognised) > _RECOGNISED:
                    self._recognised.popitem(last=False)
            else:
                outcome = Failure(TokenRefused("unknown"))
        for waiter in self._being_hashed.pop(digest):
            waiter.callback(None) if outcome is None else waiter.errback(outcome)

    def _of_record(self, token_id: str, text: str, path: str | None) -> Identity:
        stored = self._content.tokens.get(token_id)
        if stored is None or not text.startswith(keys.PREFIX.get(stored.kind, "?")):
            raise TokenRefused("unknown")
        if stored.revoked_at is not None:
            raise TokenRefused("revoked")
        if _is_over(stored, self._now()):
            raise TokenRefused("expired")
        if path is None and stored.kind == "url":
            raise TokenRefused("other_path")
        self._note_use(token_id)
        return stored.identity

    def _note_use(self, token_id: str | None) -> None:
        stored = self._content.tokens.get(token_id or "")
        if stored is None:
            return
        now = self._now()
        self._used[stored.token_id] = now
        if now >= self._next_note and now - (stored.last_used_at or 0.0) >= _NOTE:
            self._next_note = now + _NOTE_AGAIN
            used, self._used = self._used, {}
            self._change(lambda: self._files.used(used)).addErrback(self._not_noted)

    def _not_noted(self, failure: Failure) -> None:
        # Tried again later; who may come in does not depend on it.
        self._log.debug("Cannot note when tokens were used: {error}", error=failure.getErrorMessage())

    def _not_undone(self, failure: Failure) -> None:
        self._log.failure("A token that nobody was told could not be revoked", failure, LogLevel.error)

    def _defect(self, failure: Failure) -> None:
        self._log.failure("A key could not be looked at", failure, LogLevel.error)


def _matter(content: Content) -> object:
    """Give all but when each was used."""
    tokens = [msgspec.structs.replace(stored, last_used_at=None) for stored in content.tokens.values()]
    return tokens, content.secrets, content.in_use


def _is_over(stored: Stored, now: float) -> bool:
    return stored.expires_at is not None and stored.expires_at <= now
