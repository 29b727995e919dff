"""The files of tokens in the state directory: ``tokens.json`` with what is known of each, ``jwt-secrets.json``.

Owns their format, who may read them, and that two programs which change them do so one after the other. Everything here
blocks.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from webcam_rpc.durable import write_whole
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import jwts, keys
from webcam_rpc.tokens.records import Content, Secret, Stored, TokenRecord, TokensError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from webcam_rpc.tokens.records import Kind

#: Tokens that count; further ones are refused.
MOST = 1000
#: Characters of a token's name.
LONGEST_NAME = 64
#: Of a JWT that names no other, in seconds; and the longest of any token.
JWT_TTL, LONGEST_TTL = 30 * 86400.0, 10 * 366 * 86400.0
#: How long what is no longer good is remembered, so that showing it is no guess.
_REMEMBERED = 30 * 86400.0
#: Seconds to wait for another program that writes.
_PATIENCE = 10.0


class _TokensFile(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    in_use: bool
    tokens: list[Stored]


class _SecretsFile(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    secrets: list[Secret]


_File = TypeVar("_File", _TokensFile, _SecretsFile)


class TokenFiles:
    """The files, read and changed.

    :param state: the state directory.
    :param now: the wall clock, in Unix seconds.
    """

    def __init__(self, state: Path, now: Callable[[], float] = time.time, hashes: keys.Hashes | None = None) -> None:
        self.state = state
        self.hashes = hashes or keys.Hashes()
        self._now = now
        self._tokens = state / "tokens.json"
        self._secrets = state / "jwt-secrets.json"
        self._lock = state / "tokens.lock"

    def read(self) -> Content:
        """Read both files; those that are not there are empty. Raises TokensError."""
        tokens = _read(self._tokens, _TokensFile)
        secrets = _read(self._secrets, _SecretsFile)
        by_id = {stored.token_id: stored for stored in tokens.tokens} if tokens is not None else {}
        return Content(
            by_id,
            tuple(secrets.secrets) if secrets is not None else (),
            tokens is not None and tokens.in_use,
        )

    def prepare(self) -> Content:
        """Read both files, and make a secret if there is none yet. Raises TokensError."""
        content = self.read()
        return content if content.secrets else self._change(lambda content: content)

    def create(
        self,
        kind: Kind,
        role: Role,
        name: str = "",
        ttl: float | None = None,
        camera_id: str | None = None,
    ) -> tuple[str, TokenRecord]:
        """Make a token; gives its text, which nobody can give again, and what is known of it.

        :raises ValueError: for what makes no sense, with a text for whoever asked.
        :raises TokensError: if it cannot be written, or there are too many.
        """
        _check(kind, role, name, ttl, camera_id)
        texts: list[str] = []

        def change(content: Content) -> Content:
            now = self._now()
            if sum(stored.revoked_at is None for stored in content.tokens.values()) >= MOST:
                raise TokensError(f"there are {MOST} tokens: revoke those that nobody uses")
            token_id = keys.new_id()
            while token_id in content.tokens:
                token_id = keys.new_id()
            lasts = JWT_TTL if ttl is None and kind == "jwt" else ttl
            # Whole seconds: what a JWT has in it.
            expires_at = None if lasts is None else float(int(now + lasts))
            stored = Stored(
                token_id=token_id,
                kind=kind,
                name=name,
                role=role.wire,  # type: ignore[arg-type]
                created_at=now,
                expires_at=expires_at,
                camera_id=camera_id,
            )
            if kind == "jwt":
                stored = msgspec.structs.replace(stored, signed_by=content.secrets[0].secret_id)
                texts.append(jwts.sign(content.secrets[0], stored))
            else:
                secret = keys.new_secret()
                stored = msgspec.structs.replace(stored, hash=self.hashes.make(secret))
                texts.append(keys.text_of(keys.PREFIX[kind], token_id, secret))
            created.append(stored)
            return msgspec.structs.replace(content, tokens={**content.tokens, token_id: stored}, in_use=True)

        created: list[Stored] = []
        self._change(change)
        return texts[0], created[0].record

    def records(self) -> tuple[TokenRecord, ...]:
        """Give what is known of each token that was not revoked, the oldest first. Raises TokensError."""
        return listed(self.read())

    def revoke(self, token_id: str) -> bool:
        """Have a token be worth nothing; tells whether there was one. Raises TokensError."""
        found: list[bool] = []

        def change(content: Content) -> Content:
            stored = content.tokens.get(token_id)
            if stored is None or stored.revoked_at is not None:
                return content
            found.append(True)
            revoked = msgspec.structs.replace(stored, revoked_at=self._now())
            tokens = {**content.tokens, token_id: revoked}
            in_use = any(other.revoked_at is None for other in tokens.values())
            return msgspec.structs.replace(content, tokens=tokens, in_use=in_use)

        self._change(change)
        return bool(found)

    def rotate(self, *, keep_old: bool) -> None:
        """Sign JWTs with another secret from now on. Raises TokensError.

        :param keep_old: let those that are recorded hold until they end; else none holds from now on.
        """

        def change(content: Content) -> Content:
            now = self._now()
            secret = jwts.new_secret(keys.new_id())
            signed = [
                stored for stored in content.tokens.values() if stored.kind == "jwt" and stored.revoked_at is None
            ]
            if not keep_old:
                revoked = {one.token_id: msgspec.structs.replace(one, revoked_at=now) for one in signed}
                tokens = {**content.tokens, **revoked}
                # Not ``in_use``: that all have become worthless at once opens nothing.
                return msgspec.structs.replace(content, tokens=tokens, secrets=(secret,))
            kept = []
            for old in content.secrets:
                ends = [
                    one.expires_at for one in signed if one.signed_by == old.secret_id and one.expires_at is not None
                ]
                kept.append(msgspec.structs.replace(old, until=max(ends, default=now)))
            return msgspec.structs.replace(content, secrets=(secret, *kept))

        self._change(change)

    def used(self, times: Mapping[str, float]) -> Content:
        """Note when tokens were used last, in Unix seconds; gives all as it is now. Raises TokensError."""

        def change(content: Content) -> Content:
            noted = {
                token_id: msgspec.structs.replace(content.tokens[token_id], last_used_at=at)
                for token_id, at in times.items()
                if token_id in content.tokens
            }
            return msgspec.structs.replace(content, tokens={**content.tokens, **noted})

        return self._change(change)

    def _change(self, change: Callable[[Content], Content]) -> Content:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            with self._alone():
                before = self.read()
                if not before.secrets:
                    before = msgspec.structs.replace(before, secrets=(jwts.new_secret(keys.new_id()),))
                    self._write(self._secrets, _SecretsFile(1, list(before.secrets)))
                after = self._without_forgotten(change(before))
                if after.secrets != before.secrets:
                    self._write(self._secrets, _SecretsFile(1, list(after.secrets)))
                if after.tokens != before.tokens or after.in_use != before.in_use:
                    self._write(self._tokens, _TokensFile(1, after.in_use, list(after.tokens.values())))
                return after
        except OSError as error:
            raise TokensError(f"cannot write to {self.state}: {error.strerror or error}") from None

    def _without_forgotten(self, content: Content) -> Content:
        now = self._now()
        tokens = {
            token_id: stored
            for token_id, stored in content.tokens.items()
            if max(stored.revoked_at or 0.0, stored.expires_at or 0.0) + _REMEMBERED > now
            or (stored.revoked_at is None and stored.expires_at is None)
            # A JWT bears its own end: forgotten before that, it would be good again.
            or (stored.kind == "jwt" and (stored.expires_at or 0.0) > now)
        }
        secrets = tuple(one for one in content.secrets if one.until is None or one.until > now)
        return msgspec.structs.replace(content, tokens=tokens, secrets=secrets)

    def _write(self, path: Path, content: _TokensFile | _SecretsFile) -> None:
        write_whole(path, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n", 0o600)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = time.monotonic() + _PATIENCE
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise TokensError(f"{self._lock}: another program has been writing for too long") from None
                    time.sleep(0.02)
            yield
        finally:
            os.close(descriptor)


def listed(content: Content) -> tuple[TokenRecord, ...]:
    """Give what may be shown of each token that was not revoked, the oldest first."""
    kept = (stored for stored in content.tokens.values() if stored.revoked_at is None)
    return tuple(stored.record for stored in sorted(kept, key=lambda stored: (stored.created_at, stored.token_id)))


def _check(kind: Kind, role: Role, name: str, ttl: float | None, camera_id: str | None) -> None:
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a name has at most {LONGEST_NAME} characters, all of them printable")
    if role is Role.NONE:
        raise ValueError("a token for nobody in particular is none")
    if ttl is not None and not 1.0 <= ttl <= LONGEST_TTL:
        raise ValueError("a token lives for a second at least and ten years at most")
    if (kind == "url") != (camera_id is not None):
        raise ValueError("a token for URLs is for one camera, and no other token is")
    if kind == "url" and role is not Role.VIEWER:
        raise ValueError("a token for URLs is a viewer's")


def _read(path: Path, shape: type[_File]) -> _File | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TokensError(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise TokensError(f"{path}: others than its owner may read or write it (chmod 600)")
    try:
        found = msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Not what it says: it may quote what is secret.
        raise TokensError(f"{path} is damaged; without it the service cannot tell who may come in") from None
    if found.version != 1:
        raise TokensError(f"{path} is of version {found.version}, of another release than this")
    return found
