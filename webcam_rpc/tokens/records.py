"""What is known of each token, and what a token says of whoever shows it.

Pure. Nothing here can be used as a token: of a key there is the Argon2 hash, of a JWT its id.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from webcam_rpc.rpc.roles import Role

Kind = Literal["key", "jwt", "url"]
Reason = Literal["malformed", "unknown", "expired", "revoked", "busy", "other_path"]


class TokenRefused(Exception):  # noqa: N818 - an answer, often the expected one
    """A token does not do; its text never has any part of the token.

    :ivar reason: why.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class TokensError(Exception):
    """The files of tokens cannot be read, understood or written, or no further token fits in; one line."""


class Identity(msgspec.Struct, frozen=True):
    """Who shows a token.

    :ivar token_id: names the token; what signed it, for a JWT that was made elsewhere.
    :ivar expires_at: in Unix seconds; None for no end.
    :ivar camera_id: the one camera that it shows, and nothing else; None for no such limit.
    """

    role: Role
    name: str
    token_id: str | None
    expires_at: float | None
    camera_id: str | None = None


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. Times are Unix seconds; ``last_used_at`` is right to the hour."""

    token_id: str
    kind: Kind
    name: str
    role: Literal["status", "viewer", "operator", "admin"]
    created_at: float
    expires_at: float | None = None
    camera_id: str | None = None
    last_used_at: float | None = None


class Stored(TokenRecord, frozen=True, kw_only=True):
    """A record as the file has it.

    :ivar hash: Argon2's, of a key's secret; None for a JWT.
    :ivar signed_by: names the secret that signed a JWT.
    :ivar revoked_at: in Unix seconds. Such a record is kept for a while: its token is worth nothing, but is no guess.
    """

    hash: Annotated[str, msgspec.Meta(pattern=r"^\$argon2id\$")] | None = None
    signed_by: str | None = None
    revoked_at: float | None = None

    @property
    def identity(self) -> Identity:
        """Who shows it."""
        return Identity(Role.parse(self.role), self.name, self.token_id, self.expires_at, self.camera_id)

    @property
    def record(self) -> TokenRecord:
        """What may be shown of it."""
        return TokenRecord(**{name: getattr(self, name) for name in TokenRecord.__struct_fields__})


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """What signs JWTs.

    :ivar key: in hexadecimal digits.
    :ivar until: when the last JWT that it signed ends, in Unix seconds; None for the one that signs now.
    """

    secret_id: str
    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    until: float | None = None

    def __repr__(self) -> str:
        """Give nothing away."""
        return f"Secret({self.secret_id!r}, ***)"


class Content(msgspec.Struct, frozen=True):
    """All that the files have.

    :ivar in_use: whether there are tokens. One that expires is still one: its end must not open the door to whoever
        comes from this machine; only revoking the last one does.
    """

    tokens: dict[str, Stored] = {}
    secrets: tuple[Secret, ...] = ()
    in_use: bool = False

    def secret(self, secret_id: str, now: float) -> Secret | None:
        """Give the secret of that id, if it still counts."""
        for secret in self.secrets:
            if secret.secret_id == secret_id and (secret.until is None or secret.until > now):
                return secret
        return None
