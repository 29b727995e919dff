"""Where the configuration wants us to listen: endpoint strings, and the certificate of those that speak TLS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.endpoints import quoteStringArgument

from webcam_rpc.web.tls import Certificate, Files, TlsError

if TYPE_CHECKING:
    from webcam_rpc.config import Server, Tls

#: Connections that the kernel keeps for us until we accept them. Twisted's 50 are too few for all clients of a network
#: that come back at once: those beyond would wait a second and more.
_BACKLOG = "4096"
#: A piece of an endpoint string, up to a colon that is not escaped.
_PIECE = re.compile(r"((?:[^:\\]|\\.)*)(?::|\Z)")
_ASSIGNMENT = re.compile(r"([A-Za-z]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Endpoint:
    """Something to listen on: an endpoint string of Twisted's, the certificate for TLS, and how it was written."""

    text: str
    certificate: Certificate | None
    written: str


def certificate_of(tls: Tls) -> Certificate | None:
    """Read the certificate of the section ``tls``, if there is one.

    :raises TlsError: if it cannot be used.
    """
    if tls.certificate is None or tls.private_key is None:
        return None
    return Certificate(Files(tls.certificate, tls.private_key))


def endpoints_of(server: Server, certificate: Certificate | None) -> tuple[Endpoint, ...]:
    """Give what ``server.listen`` names, or else host and port, which are TLS where there is a certificate for it.

    :raises TlsError: if an ``ssl:`` endpoint's certificate cannot be used.
    """
    if server.listen:
        return tuple(_endpoint(text) for text in server.listen)
    text = _tcp(str(server.port), server.host, _BACKLOG)
    return (Endpoint(text, certificate, text),)


def _endpoint(text: str) -> Endpoint:
    """Read one string. Twisted's own ``ssl:`` reads its certificate once, and calls back where the unit forbids it."""
    kind, _, rest = text.partition(":")
    if kind != "ssl":
        return Endpoint(text, None, text)
    positional, named = _arguments(rest)
    if "port" in named:
        positional.append(named.pop("port"))
    if len(positional) != 1:
        raise TlsError(f"{text}: ssl: wants one port")
    key = named.pop("privateKey", "server.pem")
    files = Files(named.pop("certKey", key), key, named.pop("extraCertChain", None))
    tcp = _tcp(positional[0], named.pop("interface", ""), named.pop("backlog", _BACKLOG))
    if named:
        raise TlsError(f"{text}: {', '.join(sorted(named))} cannot be set here")
    return Endpoint(tcp, Certificate(files), text)


def _tcp(port: str, interface: str, backlog: str) -> str:
    return f"tcp:{port}:interface={quoteStringArgument(interface)}:backlog={backlog}"


def _arguments(text: str) -> tuple[list[str], dict[str, str]]:
    """Take the arguments of an endpoint string apart: by position, and by name."""
    positional: list[str] = []
    named: dict[str, str] = {}
    pieces = [found[1] for found in _PIECE.finditer(text)]
    # The end of the text is the end of the last piece, and an empty match of its own.
    for piece in pieces[:-1] if len(pieces) > 1 else pieces:
        assignment = _ASSIGNMENT.fullmatch(piece)
        plain = re.sub(r"\\(.)", r"\1", assignment[2] if assignment else piece, flags=re.DOTALL)
        if assignment:
            named[assignment[1]] = plain
        else:
            positional.append(plain)
    return positional, named
