"""The door: what every request and every WebSocket goes through before anything is done for it.

Owns the order of the checks (where it comes from, how much is asked for from there, which token it shows), and the
rules for wrong tokens: nobody is told more than that it is wrong, each is counted, and who tries too often is locked
out for a while.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, maybeDeferred
from twisted.logger import Logger

from webcam_rpc.rpc.errors import AuthenticationFailed, RateLimited
from webcam_rpc.tokens import TokenRefused
from webcam_rpc.web.access import Refused
from webcam_rpc.web.counts import Counts
from webcam_rpc.web.credentials import cookie, shown
from webcam_rpc.web.lockout import LOCKED, Lockout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.python.failure import Failure

    from webcam_rpc.tokens import Identity
    from webcam_rpc.web.access import Access, Visit
    from webcam_rpc.web.allowance import Allowance, Rates
    from webcam_rpc.web.channel import Request
    from webcam_rpc.web.grants import Grant, Grants

#: A token that was right once is no guess, nor is one that nobody had the time to look at.
_NO_GUESS = frozenset({"expired", "revoked", "busy", "other_path"})
#: RFC 6750, section 3.
_CHALLENGE = {b"WWW-Authenticate": b'Bearer realm="webcam-rpc"'}
#: What one HTTP request costs; what it then makes a camera do is bounded by how many there are of those.
_REQUEST_COST = 1.0
#: Tokens of one address that may wait to be looked at.
_WAITING = 64


class Verifier(Protocol):
    """Knows the tokens."""

    def verify(self, text: str, path: str | None) -> Identity | Deferred[Identity]:
        """Give whose token this is. Raises, or fails with, TokenRefused."""


class Admission:
    """Lets requests in, and those who authenticate later be somebody.

    :param access: knows where requests may come from.
    :param grants: gives what they may do.
    :param tokens: knows the tokens.
    :param rates: knows how much may be asked for.
    :param seconds: the monotonic time.
    :param counts: is told of what is refused.
    :ivar lockout: who has tried too often.
    """

    def __init__(
        self,
        access: Access,
        grants: Grants,
        tokens: Verifier,
        rates: Rates,
        seconds: Callable[[], float],
        counts: Counts | None = None,
    ) -> None:
        self.access = access
        self.grants = grants
        self.lockout = Lockout()
        self._tokens = tokens
        self._rates = rates
        self._counts = counts or Counts()
        self._seconds = seconds
        self._turns: dict[str, DeferredLock] = {}
        self._log = Logger(namespace="webcam_rpc.web")

    def allowance(self, visit: Visit) -> Allowance | None:
        """Give what a new connection may ask for; None where nothing is counted."""
        return self._rates.of(visit.peer)

    def admit(self, request: Request) -> Grant | Deferred[Grant]:
        """Let a request in. Raises, or fails with, Refused."""
        headers = request.requestHeaders
        visit = self.access.admit(request.channel.peer, headers)
        allowance = self._rates.of(visit.peer)
        if allowance is not None:
            try:
                allowance.spend(_REQUEST_COST)
            except RateLimited as limited:
                self._counts.rate_limited += 1
                wait = limited.data["retry_after_ms"] if limited.data else 0
                raise _too_many("too many requests", int(str(wait)) / 1000) from None
        token = shown(headers, request.args or {})
        if token is None:
            return self.grants.grant(visit)
        proving = self._proved(visit, token.token, request.path.decode("latin-1"))

        def proved(identity: Identity) -> Grant:
            return self.grants.grant(visit, identity)

        def failed(failure: Failure) -> Grant:
            error = failure.value
            if not isinstance(error, AuthenticationFailed):
                failure.raiseException()
            if token.by_cookie:
                # Nobody did that on purpose: the browser forgets it, and whoever sits there is nobody in particular.
                request.setHeader(b"Set-Cookie", cookie("", 0, secure=request.isSecure()))
                return self.grants.grant(visit)
            raise _refused(error)

        granted: Deferred[Grant] = proving.addCallbacks(proved, failed)
        return granted

    def authenticate(self, grant: Grant, token: str) -> Deferred[Identity]:
        """Have an open connection be somebody. Fails with AuthenticationFailed."""

        def proved(identity: Identity) -> Identity:
            grant.renew(identity)
            return identity

        return self.prove(grant.visit, token).addCallback(proved)

    def prove(self, visit: Visit, token: str) -> Deferred[Identity]:
        """Give whose token this is, of those that are good for more than one URL. Fails with AuthenticationFailed."""
        return self._proved(visit, token, None)

    @inlineCallbacks
    def _proved(self, visit: Visit, token: str, path: str | None) -> Generator[Deferred[Any], Any, Identity]:
        address = visit.peer.network or ""
        # One after the other: else a hundred guesses at once would all be looked at before the first has failed.
        turn = self._turns.setdefault(address, DeferredLock())
        if len(turn.waiting) >= _WAITING:
            raise AuthenticationFailed("busy")
        yield turn.acquire()
        try:
            identity: Identity = yield self._looked_at(address, visit, token, path)
        finally:
            turn.release()
            if not turn.locked:
                self._turns.pop(address, None)
        return identity

    def _looked_at(self, address: str, visit: Visit, token: str, path: str | None) -> Deferred[Identity]:
        wait = self.lockout.wait(address, self._seconds())
        if wait > 0:
            raise AuthenticationFailed("locked_out", retry_after_ms=math.ceil(wait * 1000))

        def refused(failure: Failure) -> Identity:
            error = failure.value
            if not isinstance(error, TokenRefused):
                failure.raiseException()
            if error.reason in _NO_GUESS:
                raise AuthenticationFailed(error.reason)
            self._counts.wrong_tokens += 1
            if self.lockout.failed(address, self._seconds()):
                self._counts.locked_out += 1
                self._log.warn(
                    "{address} is locked out for {seconds:g} s: too many wrong tokens",
                    address=address or visit.peer.name,
                    seconds=LOCKED,
                )
            # Whether it is no token at all or one that nobody has is nobody's business.
            raise AuthenticationFailed("wrong_token")

        verify: Callable[[str, str | None], Any] = self._tokens.verify
        looking: Deferred[Identity] = maybeDeferred(verify, token, path)
        return looking.addErrback(refused)


def _refused(error: AuthenticationFailed) -> Refused:
    data = error.data or {}
    if "retry_after_ms" in data:
        return _too_many("too many wrong tokens", int(str(data["retry_after_ms"])) / 1000)
    if data.get("reason") == "busy":
        return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many tokens to look at", {b"Retry-After": b"1"})
    return Refused(HTTPStatus.UNAUTHORIZED, f"this token does not do: {data.get('reason')}", _CHALLENGE)


def _too_many(reason: str, wait: float) -> Refused:
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, reason, {b"Retry-After": b"%d" % max(1, math.ceil(wait))})
