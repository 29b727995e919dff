"""TLS: certificates with their keys, read at the start and again when they change, and what is negotiated with them.

A new certificate is for new handshakes; connections that are open stay as they are. Where the files cannot be read, or
do not fit together, the service goes on with what it has and says why.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.protocol import Factory
    from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

#: The seconds between two looks at the files. Certificates are renewed weeks before they end.
_LOOK = 60.0
#: What TLS 1.2 may use; TLS 1.3 has no others. Each has forward secrecy and authenticates what it encrypts.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: Neither the limits of the HTTP side nor the WebSocket know HTTP/2.
_PROTOCOLS = ("http/1.1",)


class TlsError(Exception):
    """A certificate or its key cannot be used; the text names the file and the reason."""


@dataclass(frozen=True)
class Files:
    """Where a certificate and its key are, in PEM.

    ``chain`` has the certificates between it and the root's, if the certificate's own file does not.
    """

    certificate: str
    private_key: str
    chain: str | None = None

    def stamp(self) -> tuple[object, ...]:
        """Give what changes when a file is written or replaced; None for a file that is not there."""
        return tuple(_stamp(path) for path in (self.certificate, self.private_key, self.chain) if path is not None)


@dataclass(frozen=True)
class Loaded:
    """What was read: the context of new connections, and the Unix time at which the certificate ends."""

    context: ssl.SSLContext
    expires_at: float


def load(files: Files) -> Loaded:
    """Read a certificate and its key.

    :raises TlsError: if they cannot be used.
    """
    certificate = _read(files.certificate, b"-----BEGIN CERTIFICATE-----", "certificate")
    key = _read(files.private_key, b"PRIVATE KEY-----", "private key")
    if b"ENCRYPTED" in key:
        raise TlsError(f"{files.private_key} is encrypted: there is nobody here to type its passphrase")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(list(_PROTOCOLS))
    try:
        # Without a passphrase of ours OpenSSL would ask the terminal for one.
        context.load_cert_chain(files.certificate, files.private_key, password=lambda: b"")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        if reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"{files.private_key} is not the key of {files.certificate}") from None
        raise TlsError(f"{files.certificate} with {files.private_key}: {reason}") from None
    if files.chain is not None:
        _read(files.chain, b"-----BEGIN CERTIFICATE-----", "certificate")
        try:
            # Where the certificate comes alone, OpenSSL sends what leads to it from here.
            context.load_verify_locations(files.chain)
        except (OSError, ValueError) as error:
            raise TlsError(f"{files.chain}: {getattr(error, 'reason', None) or error}") from None
    return Loaded(context, _expiry(certificate))


@implementer(IOpenSSLServerConnectionCreator)
class Certificate:
    """A certificate in use.

    :raises TlsError: if it cannot be read at the start.
    :ivar files: where it comes from; to be changed before the next look.
    :ivar problem: why the files are not used as they are now; None if they are.
    """

    _log = Logger(namespace="webcam_rpc.web")

    def __init__(self, files: Files) -> None:
        self.files = files
        self.problem: str | None = None
        self._seen: object = (files, files.stamp())
        self._loaded = load(files)

    @property
    def expires_at(self) -> float:
        """The Unix time at which it ends."""
        return self._loaded.expires_at

    def factory(self, wrapped: Factory[Any], clock: IReactorTime) -> TLSMemoryBIOFactory:
        """Put TLS before the protocols that ``wrapped`` makes."""
        from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415 - brings pyOpenSSL, see below

        return TLSMemoryBIOFactory(self, isClient=False, wrappedFactory=wrapped, clock=clock)

    def serverConnectionForTLS(self, _protocol: TLSMemoryBIOProtocol) -> Any:  # noqa: ANN401, N802 - Twisted's
        """Make the TLS side of a new connection."""
        from webcam_rpc.web.tlsconnection import Connection  # noqa: PLC0415 - the same

        return Connection(self._loaded.context)

    def look(self) -> Loaded | TlsError | None:
        """Read the files again if they have changed; blocks, and changes nothing that is in use."""
        return None if (self.files, self.files.stamp()) == self._seen else self.read()

    def read(self) -> Loaded | TlsError:
        """Read the files again; blocks, and changes nothing that is in use."""
        # Noted before they are read: what is written meanwhile is for the next look.
        self._seen = (self.files, self.files.stamp())
        try:
            return load(self.files)
        except TlsError as error:
            return error

    def take(self, found: Loaded | TlsError | None) -> None:
        """Use what a look has found, or go on as it is."""
        if isinstance(found, Loaded):
            self.problem = None
            self._loaded = found
            self._log.info(
                "The certificate {file} is in use, until {until}", file=self.files.certificate, until=self._until()
            )
        elif found is not None:
            self.problem = str(found)
            self._log.error("The old certificate stays in use: {problem}", problem=self.problem)

    def trouble(self, now: float) -> str | None:
        """Say what an administrator should see to, if there is something."""
        if self.problem is not None:
            return f"the old certificate is in use: {self.problem}"
        if now >= self.expires_at:
            return f"the certificate {self.files.certificate} has ended on {self._until()}"
        return None

    def _until(self) -> str:
        return datetime.fromtimestamp(self.expires_at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Certificates(Service):
    """All the certificates, looked after while it runs.

    :param in_thread: runs what blocks.
    :param now: gives the Unix time.
    """

    _log = Logger(namespace="webcam_rpc.web")

    def __init__(
        self,
        certificates: Sequence[Certificate],
        clock: IReactorTime,
        in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
    ) -> None:
        self._certificates = tuple(certificates)
        self._in_thread = in_thread
        self._now = now
        self._looking: Deferred[None] | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def __len__(self) -> int:
        """Count them."""
        return len(self._certificates)

    @property
    def trouble(self) -> str | None:
        """What an administrator should see to, if there is something."""
        return "; ".join(filter(None, (each.trouble(self._now()) for each in self._certificates))) or None

    def startService(self) -> None:
        """Look once a minute."""
        super().startService()
        if self._certificates:
            self._loop.start(_LOOK, now=False).addErrback(
                lambda failure: self._log.failure("Nobody looks at the certificates any more", failure=failure)
            )

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    @inlineCallbacks
    def reload(self) -> Generator[Deferred[Any], Any, str | None]:
        """Read every certificate again; gives what is wrong, None if nothing is."""
        for certificate in self._certificates:
            certificate.take((yield self._in_thread(certificate.read)))
        return self.trouble

    def _look(self) -> None:
        if self._looking is None:
            self._looking = self._look_at_all()
            self._looking.addErrback(
                lambda failure: self._log.failure(
                    "The look at the certificates failed", level=LogLevel.error, failure=failure
                )
            ).addBoth(self._looked)

    @inlineCallbacks
    def _look_at_all(self) -> Generator[Deferred[Any], Any, None]:
        for certificate in self._certificates:
            certificate.take((yield self._in_thread(certificate.look)))

    def _looked(self, _: object) -> None:
        self._looking = None


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _read(path: str, mark: bytes, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise TlsError(f"{path}: {error.strerror}") from None
    if mark not in data:
        raise TlsError(f"{path} has no {what} in PEM")
    return data


def _expiry(certificate: bytes) -> float:
    # Here at the start, and for who has a certificate alone: 8 MiB.
    from OpenSSL import crypto  # noqa: PLC0415

    try:
        # Bytes as ASN.1 has them: 20301231235959Z.
        text = crypto.load_certificate(crypto.FILETYPE_PEM, certificate).get_notAfter() or b""
        return datetime.strptime(text.decode(), "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    except (crypto.Error, ValueError) as error:
        raise TlsError(f"the certificate cannot be understood: {error}") from None
