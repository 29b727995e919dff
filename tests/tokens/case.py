"""What the tests of tokens share: a directory, a clock on the wall, and threads that run when they are told to."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.tokens import Identity, TokenFiles, TokenRefused, Tokens
from webcam_rpc.tokens.keys import Hashes

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")

#: 2026-11-23T00:00:00Z.
NOW = 1_795_392_000.0


class CountingHashes(Hashes):
    """Real hashes, as cheap as Argon2 has them, that count how often they are compared."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory=8)
        self.compared = 0

    def match(self, hashed: str | None, secret: str) -> bool:
        """Compare, and count it."""
        self.compared += 1
        return super().match(hashed, secret)


class Later:
    """Threads in which nothing happens until :meth:`run`."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = deque()
        self.at_once = True

    def __call__(self, function: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Take a function."""
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, function, args))
        if self.at_once:
            self.run()
        return done

    def run(self) -> None:
        """Do what waits."""
        while self.waiting:
            done, function, args = self.waiting.popleft()
            try:
                result = function(*args)
            except Exception:  # noqa: BLE001 - as a thread would hand it over
                done.errback()
            else:
                done.callback(result)


class TokensCase(SynchronousTestCase):
    """Files in a directory of their own."""

    def setUp(self) -> None:
        """Make the directory."""
        self.now = NOW
        self.hashes = CountingHashes()
        self.state = Path(self.mktemp())
        self.state.mkdir(mode=0o700)
        self.files = TokenFiles(self.state, lambda: self.now, self.hashes)
        self.threads = Later()

    def open(self) -> Tokens:
        """Open the tokens of the directory, as the service does at its start."""
        return Tokens(self.files, self.files.prepare(), self.threads, lambda: self.now)

    def get(self, deferred: Deferred[_Result]) -> _Result:
        """Give the result of what is done."""
        return self.successResultOf(deferred)

    def verify(self, tokens: Tokens, text: str, path: str | None = None) -> Identity:
        """Give who shows a token."""
        found = tokens.verify(text, path)
        return found if isinstance(found, Identity) else self.get(found)

    def refused(self, tokens: Tokens, text: str, path: str | None = None) -> str:
        """Give why a token is refused."""
        try:
            found = tokens.verify(text, path)
        except TokenRefused as refused:
            return refused.reason
        if isinstance(found, Identity):
            self.fail(f"it was let in: {found}")
        failed: Any = self.failureResultOf(found, TokenRefused).value
        return str(failed.reason)

    def owner_only(self, path: Path) -> bool:
        """Tell whether only the owner may read or write a file."""
        return os.stat(path).st_mode & 0o777 == 0o600
