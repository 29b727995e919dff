"""Where a request shows its token: two headers, the query of its URL, or the dashboard's cookie.

Pure. A token in a URL ends up in histories and in the logs of proxies; the one-shot tokens and those for one camera,
which are made for it, can do least.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import cookies
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    class Headers(Protocol):
        """The part of Twisted's ``Headers`` that is read here."""

        def getRawHeaders(self, name: bytes) -> Sequence[bytes] | None:  # noqa: N802 - Twisted's name
            """Give every value of a header."""


#: The dashboard's cookie. JavaScript cannot read it, and no page of another site can have it sent.
COOKIE = "webcam_rpc_token"
#: No token is longer, a JWT included.
_LONGEST = 4096


@dataclass(frozen=True)
class Shown:
    """A token as it was shown; ``by_cookie``: by the browser itself, perhaps long after the token has expired."""

    token: str
    by_cookie: bool = False

    def __repr__(self) -> str:
        """Give nothing away."""
        return "Shown(***)"


def shown(headers: Headers, args: Mapping[bytes, Sequence[bytes]]) -> Shown | None:
    """Give the token of a request: what is most deliberate first. None where it shows none.

    An ``Authorization`` header with another scheme is somebody else's, a proxy's for example.
    """
    for value in headers.getRawHeaders(b"authorization") or ():
        scheme, _, token = value.strip().partition(b" ")
        if scheme.lower() == b"bearer":
            return Shown(_text(token.strip()))
    for value in headers.getRawHeaders(b"x-api-key") or args.get(b"token") or ():
        return Shown(_text(value.strip()))
    for value in headers.getRawHeaders(b"cookie") or ():
        jar: cookies.SimpleCookie = cookies.SimpleCookie()
        try:
            jar.load(_text(value))
        except cookies.CookieError:
            continue
        if COOKIE in jar:
            return Shown(jar[COOKIE].value, by_cookie=True)
    return None


def cookie(token: str, max_age: int | None, *, secure: bool) -> bytes:
    """Write the Set-Cookie header that makes a browser show a token (RFC 6265); ``max_age`` 0 takes it back."""
    age = "" if max_age is None else f"; Max-Age={max_age}"
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}{age}".encode()


def _text(value: bytes) -> str:
    return value[:_LONGEST].decode("latin-1")
