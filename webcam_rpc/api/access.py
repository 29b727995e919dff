"""The methods by which a client becomes somebody: authenticate, and tokens for what a browser opens by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec

from webcam_rpc.api.cameras import NoParams
from webcam_rpc.media.sidecar import utc
from webcam_rpc.rpc.errors import AuthenticationFailed, InvalidState
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

#: What each role adds to the one below it, in words that clients can show.
_PERMISSIONS = ((Role.STATUS, "status"), (Role.VIEWER, "view"), (Role.OPERATOR, "control"), (Role.ADMIN, "admin"))
_AUTHENTICATE_COST = 20.0


class Granted(Protocol):
    """What a caller may do."""

    @property
    def identity(self) -> Identity | None:
        """Who it has shown to be."""


class Authenticating(Caller, Protocol):
    """A caller that can become somebody."""

    @property
    def session_id(self) -> str | None:
        """Names its connection; None where there is none that lasts (POST)."""

    @property
    def grant(self) -> Granted:
        """What it may do."""

    def authenticate(self, token: str) -> Deferred[Identity]:
        """Be somebody."""


class AuthenticateParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token: an API key or a JWT."""

    auth_token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class OneShotParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many seconds the token can be used."""

    ttl_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0


class Authenticated(msgspec.Struct, frozen=True):
    """Who the connection is from now on. ``expires_at`` is RFC 3339 UTC, null for a token without an end."""

    authenticated: bool
    role: str
    permissions: tuple[str, ...]
    expires_at: str | None
    session_id: str


class Session(msgspec.Struct, frozen=True):
    """Who the caller is, and what it may do; ``name`` and ``expires_at`` are those of the token that it has shown."""

    authenticated: bool
    role: str
    permissions: tuple[str, ...]
    name: str | None
    expires_at: str | None


class OneShotToken(msgspec.Struct, frozen=True):
    """A token for one URL: bound to the first path that it is shown for, until ``expires_at`` (RFC 3339 UTC)."""

    token: str
    expires_at: str


class AccessMethods:
    """Becoming somebody.

    :param one_shot: makes a one-shot token in the name of an identity; gives it and when it expires (Unix seconds).
    """

    def __init__(self, one_shot: Callable[[Identity, float], tuple[str, float]]) -> None:
        self._one_shot = one_shot

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "authenticate",
                Role.NONE,
                AuthenticateParams,
                Authenticated,
                self.authenticate,
                "Show a token on this connection, and have its role from now on.",
                (AuthenticationFailed, InvalidState),
                cost=_AUTHENTICATE_COST,
            ),
            Method(
                "get_session",
                Role.NONE,
                NoParams,
                Session,
                self.get_session,
                "Tell who the caller is, and what it may do.",
            ),
            Method(
                "get_oneshot_token",
                Role.VIEWER,
                OneShotParams,
                OneShotToken,
                self.get_oneshot_token,
                "Get a token for one URL that a browser opens by itself: a picture, a stream, a file.",
            ),
        )

    def authenticate(self, params: AuthenticateParams, caller: Authenticating) -> Deferred[Authenticated]:
        """Be somebody from now on."""

        def proved(identity: Identity) -> Authenticated:
            return Authenticated(
                authenticated=True,
                role=identity.role.wire,
                permissions=_permissions(identity.role),
                expires_at=utc(identity.expires_at) if identity.expires_at is not None else None,
                session_id=caller.session_id or "",
            )

        return caller.authenticate(params.auth_token).addCallback(proved)

    def get_session(self, params: NoParams, caller: Authenticating) -> Session:  # noqa: ARG002
        """Tell what a browser cannot know of the cookie that it shows."""
        identity = caller.grant.identity
        expires_at = identity.expires_at if identity is not None else None
        return Session(
            authenticated=identity is not None,
            role=caller.role.wire,
            permissions=_permissions(caller.role),
            name=identity.name if identity is not None else None,
            expires_at=utc(expires_at) if expires_at is not None else None,
        )

    def get_oneshot_token(self, params: OneShotParams, caller: Authenticating) -> OneShotToken:
        """Make a token that can do no more than its caller, and only look."""
        identity = caller.grant.identity or Identity(caller.role, "", None, None)
        token, expires_at = self._one_shot(identity, params.ttl_s)
        return OneShotToken(token, utc(expires_at))


def _permissions(role: Role) -> tuple[str, ...]:
    return tuple(word for least, word in _PERMISSIONS if least <= role)
