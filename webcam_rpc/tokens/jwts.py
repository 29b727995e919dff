"""JWTs (RFC 7519): signed with HS256, whatever their header says, by a secret that has never left the machine."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens.records import Identity, Secret, TokenRefused

if TYPE_CHECKING:
    from webcam_rpc.tokens.records import Content, Stored

ISSUER = "webcam-rpc"
#: Pinned: what a token says of its own signature is not believed (RFC 8725, section 3.1).
_ALGORITHM = "HS256"
#: What a JWT is known by that was not made here: as long as its secret counts, it does.
_SIGNED_BY = "secret:"
#: The end of what can be written as a date, in Unix seconds; what is no number is not before it either.
_DOOMSDAY = 253402300800.0


class _Claims(msgspec.Struct, frozen=True):
    role: str
    exp: float
    iss: str
    sub: str = ""
    jti: str | None = None


def is_loaded() -> bool:
    """Whether what reads JWTs is loaded; that takes 30 ms and more, too long for a turn of the reactor."""
    return hasattr(sys.modules.get("jwt"), "decode")


def load() -> None:
    """Load it; blocks."""
    import jwt  # noqa: F401, PLC0415


def new_secret(secret_id: str) -> Secret:
    """Make a secret of 256 bits."""
    return Secret(secret_id=secret_id, key=secrets.token_hex(32))


def sign(secret: Secret, record: Stored) -> str:
    """Write the JWT of a record."""
    import jwt  # noqa: PLC0415 - see above

    claims = {
        "iss": ISSUER,
        "sub": record.name,
        "role": record.role,
        "jti": record.token_id,
        "iat": int(record.created_at),
        # The record has the end in whole seconds.
        "exp": record.expires_at,
    }
    return jwt.encode(claims, bytes.fromhex(secret.key), _ALGORITHM, {"kid": secret.secret_id})


def verify(text: str, content: Content, now: float) -> Identity:
    """Give who shows a JWT. Raises TokenRefused.

    One that was made elsewhere with our secret has no record; it holds as long as its secret does.
    """
    secret = content.secret(_secret_id(text), now)
    if secret is None:
        raise TokenRefused("unknown")
    claims = _claims(text, secret)
    try:
        role = Role.parse(claims.role)
    except ValueError:
        raise TokenRefused("malformed") from None
    if claims.iss != ISSUER or role is Role.NONE:
        raise TokenRefused("malformed")
    if not claims.exp < _DOOMSDAY:
        raise TokenRefused("malformed")
    # By our clock, which tests can set, and without leeway: both ends of it are this machine's.
    if claims.exp <= now:
        raise TokenRefused("expired")
    record = content.tokens.get(claims.jti or "")
    if record is None or record.kind != "jwt":
        return Identity(role, claims.sub, _SIGNED_BY + secret.secret_id, claims.exp)
    if record.revoked_at is not None:
        raise TokenRefused("revoked")
    return Identity(role, claims.sub, record.token_id, claims.exp)


def signs(token_id: str, content: Content, now: float) -> bool | None:
    """Tell whether what signed a token without a record still counts; None for the id of a record."""
    if not token_id.startswith(_SIGNED_BY):
        return None
    return content.secret(token_id.removeprefix(_SIGNED_BY), now) is not None


def _secret_id(text: str) -> str:
    import jwt  # noqa: PLC0415 - see above

    try:
        header: dict[str, Any] = jwt.get_unverified_header(text)
    except (jwt.InvalidTokenError, RecursionError):  # the second is an older PyJWT's
        raise TokenRefused("malformed") from None
    return str(header.get("kid", ""))


def _claims(text: str, secret: Secret) -> _Claims:
    import jwt  # noqa: PLC0415 - see above

    options: Any = {
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": True,
        "verify_aud": False,
        "verify_iss": False,
    }
    try:
        decoded = jwt.decode(text, bytes.fromhex(secret.key), algorithms=[_ALGORITHM], options=options)
        return msgspec.convert(decoded, _Claims)
    except jwt.InvalidSignatureError:
        raise TokenRefused("unknown") from None
    except (jwt.InvalidTokenError, msgspec.ValidationError):
        raise TokenRefused("malformed") from None
