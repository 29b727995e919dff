"""The methods about tokens: making, listing and revoking them, and another secret for those that are signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.cameras import NoParams
from webcam_rpc.media.sidecar import utc
from webcam_rpc.rpc.errors import InvalidParams, InvalidState, NotFound
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import TokenRecord, TokensError

if TYPE_CHECKING:
    from collections.abc import Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.tokens import Tokens

#: A thread hashes, and the disk is waited for.
_COST = 10.0


class CreateParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the token is for. ``ttl_s``: seconds until it ends; a JWT has 30 days if that is missing, others no end."""

    role: Literal["status", "viewer", "operator", "admin"]
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    kind: Literal["key", "jwt", "url"] = "key"
    ttl_s: Annotated[float, msgspec.Meta(ge=1)] | None = None
    camera_id: Annotated[str, msgspec.Meta(max_length=128)] | None = None


class RevokeParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which token."""

    token_id: Annotated[str, msgspec.Meta(max_length=64)]


class RotateParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``keep_old``: whether JWTs that were made before hold until they end."""

    keep_old: bool = True


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. Times are RFC 3339 UTC, null for no end and never; last use is right to the hour."""

    token_id: str
    kind: Literal["key", "jwt", "url"]
    name: str
    role: str
    created_at: str
    expires_at: str | None
    camera_id: str | None
    last_used_at: str | None


class TokenCreated(TokenInfo, frozen=True, kw_only=True):
    """A new token: this is the only time that its text is told."""

    token: str


class TokenList(msgspec.Struct, frozen=True):
    """The tokens that were not revoked, the oldest first."""

    tokens: tuple[TokenInfo, ...]


class TokenRevoked(msgspec.Struct, frozen=True):
    """It is worth nothing from now on, on open connections neither."""

    token_id: str
    revoked: bool


class SecretRotated(msgspec.Struct, frozen=True):
    """JWTs are signed with another secret from now on."""

    rotated: bool


class TokenMethods:
    """What an administrator can do with tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "create_token",
                Role.ADMIN,
                CreateParams,
                TokenCreated,
                self.create_token,
                "Make a token, and tell it this once.",
                (InvalidState,),
                cost=_COST,
            ),
            Method(
                "list_tokens",
                Role.ADMIN,
                NoParams,
                TokenList,
                self.list_tokens,
                "List the tokens, without what could be used as one.",
            ),
            Method(
                "revoke_token",
                Role.ADMIN,
                RevokeParams,
                TokenRevoked,
                self.revoke_token,
                "Have a token be worth nothing, on open connections too.",
                (NotFound, InvalidState),
                cost=_COST,
            ),
            Method(
                "rotate_secret",
                Role.ADMIN,
                RotateParams,
                SecretRotated,
                self.rotate_secret,
                "Sign JWTs with another secret from now on.",
                (InvalidState,),
                cost=_COST,
            ),
        )

    @inlineCallbacks
    def create_token(
        self,
        params: CreateParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, TokenCreated]:
        """Make a token."""
        role = Role.parse(params.role)
        try:
            made: tuple[str, TokenRecord] = yield self._tokens.create(
                params.kind, role, params.name, params.ttl_s, params.camera_id
            )
        except ValueError as error:
            raise InvalidParams("kind", "sensible", str(error)) from None
        except TokensError as error:
            raise _unwritten(error) from None
        text, record = made
        return TokenCreated(token=text, **msgspec.structs.asdict(_info(record)))

    def list_tokens(self, params: NoParams, caller: Caller) -> TokenList:  # noqa: ARG002
        """List the tokens."""
        return TokenList(tuple(_info(record) for record in self._tokens.records()))

    @inlineCallbacks
    def revoke_token(
        self,
        params: RevokeParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, TokenRevoked]:
        """Have a token be worth nothing."""
        try:
            found: bool = yield self._tokens.revoke(params.token_id)
        except TokensError as error:
            raise _unwritten(error) from None
        if not found:
            raise NotFound("token", params.token_id)
        return TokenRevoked(params.token_id, revoked=True)

    @inlineCallbacks
    def rotate_secret(
        self,
        params: RotateParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, SecretRotated]:
        """Sign JWTs with another secret."""
        try:
            yield self._tokens.rotate(keep_old=params.keep_old)
        except TokensError as error:
            raise _unwritten(error) from None
        return SecretRotated(rotated=True)


def _unwritten(error: TokensError) -> InvalidState:
    return InvalidState("TOKENS_NOT_WRITTEN", detail=str(error))


def _info(record: TokenRecord) -> TokenInfo:
    def time(at: float | None) -> str | None:
        return None if at is None else utc(at)

    return TokenInfo(
        token_id=record.token_id,
        kind=record.kind,
        name=record.name,
        role=record.role,
        created_at=utc(record.created_at),
        expires_at=time(record.expires_at),
        camera_id=record.camera_id,
        last_used_at=time(record.last_used_at),
    )
