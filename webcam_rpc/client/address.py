"""Where the service is, and what is shown to it on the way in."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

#: The service on this machine, as it listens unless it is told otherwise.
DEFAULT = "ws://localhost:8002/ws"
#: What of the handshake's answers would be the same again.
REFUSALS = {
    400: "the request is not one that it takes",
    401: "the token is missing or wrong",
    403: "this client may not come in",
    404: "there is no such path",
    426: "there is no WebSocket there",
}
#: A picture may be in an answer.
MAX_MESSAGE = 16 * 1024 * 1024

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PORTS = {"ws": 80, "wss": 443}


class Address(NamedTuple):
    """Where to connect to: a URL of a WebSocket taken apart, or a unix socket that leads to the same."""

    url: str
    host: str
    port: int
    secure: bool
    unix: str | None
    headers: dict[str, str]


def address(url: str, token: str | None = None, unix: str | None = None) -> Address:
    """Read a URL: ``ws``, ``wss``, ``http`` or ``https``, with the path ``/ws`` where it has none.

    :raises ValueError: if it is none, or the token could not be sent.
    """
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address is like ws://HOST:8002/ws, and a token is given beside it")
    if token is not None and (not token or not token.isascii() or not token.isprintable() or " " in token):
        raise ValueError("this is not a token")
    port = parts.port or _PORTS[scheme]
    path = parts.path if parts.path not in {"", "/"} else "/ws"
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return Address(f"{scheme}://{parts.netloc}{path}", parts.hostname, port, scheme == "wss", unix, headers)
