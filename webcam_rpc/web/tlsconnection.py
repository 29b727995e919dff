"""One TLS connection as Twisted's TLS transport wants it, made of Python's own ssl.

That transport (twisted.protocols.tls) talks to a pyOpenSSL ``Connection``, which calls back into Python by libffi's
closures, for ALPN among others. Those need memory that is writable and executable at once, which the unit forbids
(MemoryDenyWriteExecute) and SELinux may: then they raise MemoryError. Python's ssl does the same in C.

Owns the translation, call by call and error by error; knows no certificates and no sockets.
"""

from __future__ import annotations

import contextlib
import ssl
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from OpenSSL import SSL

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What Twisted takes for the end of a connection that did not say goodbye.
_EOF = "unexpected eof while reading"
_PIECE = 1 << 15


class Connection:
    """The server's side of one connection, between two buffers. The methods are those of ``OpenSSL.SSL.Connection``."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        #: What was read ahead at the goodbye, the end of it as b"".
        self._ahead: deque[bytes] = deque()

    def set_accept_state(self) -> None:
        """Be the server, which it is from the start."""

    def set_app_data(self, _data: object) -> None:
        """Keep nothing: it is for callbacks, of which there are none."""

    def bio_write(self, data: bytes) -> int:
        """Take what came from the socket."""
        return self._incoming.write(data)

    def bio_read(self, size: int) -> bytes:
        """Give what is for the socket."""
        data = self._outgoing.read(size)
        if not data:
            raise SSL.WantReadError
        return data

    def bio_shutdown(self) -> None:
        """Know that nothing more comes from the socket."""
        self._incoming.write_eof()

    def do_handshake(self) -> None:
        """Go on with the handshake, as far as what has come allows."""
        with _translated():
            self._tls.do_handshake()

    def recv(self, size: int) -> bytes:
        """Give what the other end has said."""
        if self._ahead:
            return self._ended() if not self._ahead[0] else self._ahead.popleft()
        with _translated():
            data = self._tls.read(size)
        return data or self._ended()

    def send(self, data: bytes) -> int:
        """Say something; gives how much of it was taken."""
        with _translated():
            return self._tls.write(data)

    def shutdown(self) -> bool:
        """Say goodbye; tell whether the other end has done so too.

        Python's ``unwrap`` also looks for the other end's goodbye, and takes anything else for a fatal error. So what
        has come before is read first.
        """
        try:
            with _translated():
                while not self._ahead or self._ahead[-1]:
                    self._ahead.append(self._tls.read(_PIECE))
        except SSL.Error:
            pass  # nothing more has come, or nothing that makes sense
        try:
            with _translated():
                self._tls.unwrap()
        except SSL.WantReadError:
            return False
        return True

    def get_alpn_proto_negotiated(self) -> bytes:
        """Name the protocol that was agreed on."""
        return (self._tls.selected_alpn_protocol() or "").encode()

    def get_peer_certificate(self) -> None:
        """Give none: clients are not asked for one."""

    @staticmethod
    def _ended() -> NoReturn:
        raise SSL.ZeroReturnError


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn ssl's exceptions into those of pyOpenSSL, which Twisted catches."""
    try:
        yield
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        raise SSL.WantReadError from None
    except ssl.SSLZeroReturnError:
        raise SSL.ZeroReturnError from None
    except ssl.SSLEOFError:
        raise SSL.Error([("SSL routines", "", _EOF)]) from None
    except ssl.SSLError as error:
        raise SSL.Error([(error.library or "", "", error.reason or str(error))]) from None
