"""One-shot tokens: for one URL that a browser opens by itself, for a minute at most. They are only in memory."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens.keys import ONE_SHOT
from webcam_rpc.tokens.records import Identity, TokenRefused

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many at once; of more, the oldest are worth nothing.
_MOST = 1000


@dataclass
class _OneShot:
    identity: Identity
    expires_at: float
    path: str | None = None


class OneShots:
    """All that there are.

    :param now: the wall clock, in Unix seconds.
    :param is_valid: tells whether the token that asked for it still is one.
    """

    def __init__(self, now: Callable[[], float], is_valid: Callable[[str], bool]) -> None:
        self._now = now
        self._is_valid = is_valid
        # Looked up by its digest: how long a look takes tells nothing about the token.
        self._by_digest: OrderedDict[bytes, _OneShot] = OrderedDict()

    def __len__(self) -> int:
        """Count those that were made and have not been seen to be over."""
        return len(self._by_digest)

    def make(self, identity: Identity, ttl: float) -> tuple[str, float]:
        """Make one in the name of an identity, which it does not outlive; gives it and its end in Unix seconds."""
        ends = [self._now() + ttl, *([identity.expires_at] if identity.expires_at is not None else [])]
        lesser = Identity(
            min(identity.role, Role.VIEWER), identity.name, identity.token_id, identity.expires_at, identity.camera_id
        )
        text = ONE_SHOT + secrets.token_urlsafe(24)
        self._by_digest[_digest(text)] = _OneShot(lesser, min(ends))
        if len(self._by_digest) > _MOST:
            self._by_digest.popitem(last=False)
        return text, min(ends)

    def verify(self, text: str, path: str | None) -> Identity:
        """Give in whose name it is, whose own end is the end of what it opens. Raises TokenRefused."""
        digest = _digest(text)
        found = self._by_digest.get(digest)
        if found is None:
            raise TokenRefused("unknown")
        if found.expires_at <= self._now():
            # Whoever shows it late is no guesser, as long as we remember it.
            raise TokenRefused("expired")
        if found.identity.token_id is not None and not self._is_valid(found.identity.token_id):
            raise TokenRefused("revoked")
        if path is None or found.path not in (None, path):
            raise TokenRefused("other_path")
        found.path = path
        return found.identity


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
