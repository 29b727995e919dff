"""The network side over TLS: all that holds on a plain socket, and what only TLS can get wrong."""

from __future__ import annotations

import signal
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, wrapClientTLS
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.ssl import Certificate as TrustRoot
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from tests.certificates import write_pair
from tests.integration import test_web
from tests.integration.test_service import PATIENCE, ServiceCase
from tests.service import eventually
from webcam_rpc.web.fastpath import FastServerProtocol
from webcam_rpc.web.tls import Certificate, Files

if TYPE_CHECKING:
    from tests.service import Service

reactor: Any = global_reactor
client_factory: Any = WebSocketClientFactory


class TlsWebTests(test_web.WebTests):
    """Everything that holds on a plain socket, through TLS."""

    fast = True

    async def serve(self, endpoint: str = "tcp:0:interface=127.0.0.1", **limits: Any) -> None:
        """Listen."""
        self.directory = Path(self.mktemp())
        self.files = Files(*write_pair(self.directory))
        self.certificate = Certificate(self.files)
        await super().serve(endpoint, **limits)

    def factory(self) -> Any:
        """Put TLS before the site."""
        return self.certificate.factory(self.site, reactor)

    def reach(self, where: str | None = None) -> Any:
        """Put TLS before the endpoint."""
        trusted = TrustRoot.loadPEM(Path(self.files.certificate).read_bytes())
        return wrapClientTLS(optionsForClientTLS("localhost", trustRoot=trusted), super().reach(where))

    async def test_nothing_goes_past_tls(self) -> None:
        """With the fast path too, what is sent goes through the transport that encrypts."""
        await self.serve()
        talk = await self.websocket()
        (client,) = self.clients
        link: Any = client._link
        self.assertEqual(isinstance(link, FastServerProtocol), self.fast)
        self.assertTrue(ISSLTransport.providedBy(link.transport))
        self.assertEqual(client._outbox._write, link.transport.write)
        self.assertEqual(link.writer(), link.transport.write)
        await self.ping(talk)
        self.assertEqual(self.clients.counts.fast_path, self.fast)


class StockTlsWebTests(TlsWebTests):
    """All of it without the fast path."""

    fast = False

    async def serve(self, endpoint: str = "tcp:0:interface=127.0.0.1", **limits: Any) -> None:
        """Listen."""
        await super().serve(endpoint, fast_path=False, **limits)


class _Greeted(WebSocketClientProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803, FBT001
        self.factory.told(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803, FBT001
        self.factory.over(wasClean, code, reason)


class CertificateTests(ServiceCase):
    """The service with a certificate, as people configure it."""

    def pair(self, name: str) -> Path:
        """Write a certificate where the service looks for it."""
        self.directory = getattr(self, "directory", None) or Path(self.mktemp()).absolute()
        certificate, _ = write_pair(self.directory, name)
        return Path(certificate)

    async def secured(self) -> Service:
        """Start a service that speaks TLS on its port."""
        certificate = self.pair("first")
        chosen = await deferToThread(_free_port)
        return await self.serve(
            "--set",
            f"tls.certificate={certificate}",
            "--set",
            f"tls.private_key={certificate.with_suffix('.key')}",
            "--set",
            f"server.port={chosen}",
            "--set",
            "server.host=127.0.0.1",
            listen=(),
        )

    def address(self, service: Service) -> tuple[str, int]:
        """Give where it listens."""
        return "127.0.0.1", int(service.url.split(":")[2].partition("/")[0])

    async def shown(self, service: Service) -> str:
        """Shake hands as a client that is new; gives the subject of the certificate."""

        def shake() -> str:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(self.directory / "own.pem")
            with (
                socket.create_connection(self.address(service), PATIENCE) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secure,
            ):
                certificate: Any = secure.getpeercert()
                return str(dict(pair[0] for pair in certificate["subject"])["commonName"])

        return str(await deferToThread(shake))

    async def test_clients(self) -> None:
        """``wss://`` and ``https://`` work for real clients, ``ws://`` and old TLS do not."""
        service = await self.secured()
        self.assertTrue(service.url.startswith("wss://127.0.0.1:"), service.url)
        factory = client_factory(service.url, reactor=reactor)
        factory.protocol = _Greeted
        heard: Deferred[bytes] = Deferred()
        closed: Deferred[object] = Deferred()
        factory.told = lambda payload, _: None if heard.called else heard.callback(payload)
        factory.over = lambda clean, code, _: closed.callback((clean, code))
        trusted = TrustRoot.loadPEM((self.directory / "own.pem").read_bytes())
        options = optionsForClientTLS("localhost", trustRoot=trusted)
        host, port = self.address(service)
        wrapped = wrapClientTLS(options, clientFromString(reactor, f"tcp:{host}:{port}"))
        client: Any = await wrapped.connect(factory)
        self.assertIn(b'"camera_status_update"', await heard.addTimeout(PATIENCE, reactor))
        client.sendClose(1000)
        self.assertEqual(await closed.addTimeout(PATIENCE, reactor), (True, 1000))

        curl = ["-sS", "--max-time", "20", "--cacert", str(self.directory / "own.pem"), "--resolve"]
        arguments = [*curl, f"localhost:{port}:127.0.0.1", f"https://localhost:{port}/snapshot", "-o", "/dev/null"]
        out, err, status = await getProcessOutputAndValue(
            "curl", [*arguments, "-w", "%{http_code} %{content_type}"], service.environ, str(service.directory)
        )
        self.assertEqual((out, status), (b"200 image/jpeg", 0), err)

        old = await deferToThread(_handshake, self.address(service), ssl.TLSVersion.TLSv1_1)
        new = await deferToThread(_handshake, self.address(service), ssl.TLSVersion.TLSv1_2)
        self.assertEqual((old, new), (None, "TLSv1.2"))
        # Python says that nobody should speak these any more, which is why they are tried.
        self.assertEqual({each["category"] for each in self.flushWarnings()}, {DeprecationWarning})

    async def test_renewed(self) -> None:
        """A certificate that is renewed is shown to new clients after SIGHUP; one that is broken is not taken."""
        service = await self.secured()
        self.assertEqual(await self.shown(service), "first")
        connected = socket.create_connection(self.address(service), PATIENCE)
        self.addCleanup(connected.close)
        context = ssl.create_default_context(cafile=str(self.directory / "own.pem"))
        secure = await deferToThread(context.wrap_socket, connected, server_hostname="localhost")
        self.addCleanup(secure.close)

        before = service.log.count("Configuration read again")
        self.pair("second")
        service.send_signal(signal.SIGHUP)
        await eventually(
            reactor, lambda: service.log.count("Configuration read again") > before, PATIENCE, "read the configuration"
        )
        await eventually(reactor, lambda: "certificate" in service.log.lower(), PATIENCE, "told of the certificate")
        self.assertEqual(await self.shown(service), "second")

        (self.directory / "own.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
        service.send_signal(signal.SIGHUP)
        await eventually(reactor, lambda: "the old certificate is in use" in service.log, PATIENCE, "said why not")
        self.assertEqual(await self.shown(service), "second")
        admin = await self.administer(service)
        self.assertEqual((await admin.call("get_status"))["components"]["tls"]["status"], "DEGRADED")

        def ask() -> bytes:
            secure.sendall(b"GET /openrpc.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return secure.recv(15)

        self.assertEqual(await deferToThread(ask), b"HTTP/1.1 200 OK")


def _handshake(address: tuple[str, int], highest: ssl.TLSVersion) -> str | None:
    """Shake hands as a client that knows nothing newer; gives the version, None if it is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = highest
    try:
        with socket.create_connection(address, PATIENCE) as plain, context.wrap_socket(plain) as secure:
            return secure.version()
    except (ssl.SSLError, ConnectionError):
        return None


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
