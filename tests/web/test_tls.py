"""Certificates: what is read, what is refused and why, and what becomes of files that change."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.logger import LogLevel

from tests.cameras.case import LogCase
from tests.certificates import write_pair
from webcam_rpc import config
from webcam_rpc.web.endpoints import certificate_of, endpoints_of
from webcam_rpc.web.tls import Certificate, Certificates, Files, TlsError, load
from webcam_rpc.web.tlsconnection import Connection

NOW = 1_700_000_000.0


def shake(server: Any, client: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
    """Make the handshake in memory."""
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        carry(server, incoming, outgoing)
        with contextlib.suppress(SSL.WantReadError):
            server.do_handshake()
        carry(server, incoming, outgoing)


def carry(server: Any, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
    """Bring each what the other has sent."""
    server.bio_write(outgoing.read())
    try:
        while True:
            incoming.write(server.bio_read(1 << 15))
    except SSL.WantReadError:
        pass


class LoadTests(LogCase):
    """Reading a certificate and its key."""

    def setUp(self) -> None:
        """Write a pair."""
        super().setUp()
        self.directory = Path(self.mktemp())
        self.certificate, self.key = write_pair(self.directory)

    def refused(self, certificate: str | None = None, key: str | None = None, chain: str | None = None) -> str:
        """Read files that are wrong, and give what is said of them."""
        files = Files(certificate or self.certificate, key or self.key, chain)
        return str(self.assertRaises(TlsError, load, files))

    def write(self, text: str) -> str:
        """Write a file."""
        (self.directory / "file.pem").write_text(text)
        return str(self.directory / "file.pem")

    def test_modern(self) -> None:
        """TLS 1.2 at least, no renegotiation, no compression, and only ciphers with forward secrecy."""
        context = load(Files(self.certificate, self.key)).context
        self.assertEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        for option in (ssl.OP_NO_RENEGOTIATION, ssl.OP_NO_COMPRESSION):
            self.assertTrue(context.options & option)
        ciphers = context.get_ciphers()
        self.assertTrue(all(cipher["aead"] for cipher in ciphers), ciphers)
        forward = {"kx-ecdhe", "kx-any"}
        self.assertTrue(all(cipher["kea"] in forward for cipher in ciphers), ciphers)

    def test_refused(self) -> None:
        """What cannot be used is told with its file and its reason, and no part of its contents."""
        other = write_pair(self.directory / "other")
        self.assertEqual(self.refused("/nowhere"), "/nowhere: No such file or directory")
        self.assertEqual(self.refused(key="/nowhere"), "/nowhere: No such file or directory")
        self.assertEqual(self.refused(chain="/nowhere"), "/nowhere: No such file or directory")
        self.assertEqual(self.refused(key=other[1]), f"{other[1]} is not the key of {self.certificate}")
        self.assertEqual(self.refused(certificate=self.key), f"{self.key} has no certificate in PEM")
        self.assertEqual(self.refused(key=self.certificate), f"{self.certificate} has no private key in PEM")
        broken = self.write("-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n")
        self.assertNotIn("secret", self.refused(certificate=broken))
        self.assertNotIn("secret", self.refused(chain=broken))
        self.assertNotIn("secret", self.refused(key=self.write("-----BEGIN PRIVATE KEY-----\nsecret\n")))

    def test_encrypted(self) -> None:
        """A key with a passphrase is refused: OpenSSL would ask for it on the terminal."""
        path = str(self.directory / "encrypted.pem")
        for form in (["ec"], ["pkcs8", "-topk8"]):
            command = ["openssl", *form, "-in", self.key, "-out", path, "-passout", "pass:secret"]
            subprocess.run([*command, *(["-aes128"] if form == ["ec"] else [])], check=True, capture_output=True)
            said = f"{path} is encrypted: there is nobody here to type its passphrase"
            self.assertEqual(self.refused(key=path), said)

    def test_configuration(self) -> None:
        """``tls`` is for host and port; ``ssl:`` endpoints bring their own; explicit ones are what they say."""
        main = certificate_of(config.Tls(certificate=self.certificate, private_key=self.key))
        (own,) = endpoints_of(config.Server(host="::1", port=8443), main)
        self.assertEqual((own.text, own.certificate), ("tcp:8443:interface=\\:\\:1:backlog=4096", main))
        key = self.key.replace(":", "\\:")
        text = f"ssl:9443:privateKey={key}:certKey={self.certificate}:interface=\\:\\:1:backlog=7"
        plain, given = endpoints_of(config.Server(listen=("tcp:8002", text)), main)
        self.assertEqual((plain.text, plain.certificate), ("tcp:8002", None))
        self.assertEqual((given.text, given.written), ("tcp:9443:interface=\\:\\:1:backlog=7", text))
        assert given.certificate is not None
        self.assertEqual(given.certificate.files, Files(self.certificate, self.key))
        self.assertIsNone(certificate_of(config.Tls()))

    def test_ssl_endpoint(self) -> None:
        """An ``ssl:`` endpoint without a port, or with what cannot be set, is refused; a chain may be apart."""
        pair = f"privateKey={self.key}:certKey={self.certificate}"
        chain = write_pair(self.directory / "chain")[0]
        (endpoint,) = endpoints_of(config.Server(listen=(f"ssl:port=1:{pair}:extraCertChain={chain}",)), None)
        assert endpoint.certificate is not None
        self.assertEqual(endpoint.certificate.files.chain, chain)
        for wrong, said in (
            (f"ssl:{pair}", "ssl: wants one port"),
            (f"ssl:1:2:{pair}", "ssl: wants one port"),
            (f"ssl:1:{pair}:sslmethod=SSLv3_METHOD", "sslmethod cannot be set here"),
            ("ssl:1:privateKey=/nowhere", "/nowhere: No such file or directory"),
        ):
            error = self.assertRaises(TlsError, endpoints_of, config.Server(listen=(wrong,)), None)
            self.assertIn(said, str(error))


class CertificatesTests(LogCase):
    """A certificate in use whose files change."""

    def setUp(self) -> None:
        """Use one."""
        super().setUp()
        self.directory = Path(self.mktemp())
        self.files = Files(*write_pair(self.directory))
        self.clock = Clock()
        self.certificate = Certificate(self.files)
        self.certificates = Certificates([self.certificate], self.clock, self.in_thread, lambda: NOW)
        self.work: list[Deferred[Any]] | None = None

    def in_thread(self, function: Any, *args: Any) -> Deferred[Any]:
        """Do it here, at once or when it is fired."""
        if self.work is None:
            return execute(function, *args)
        self.work.append(Deferred())
        return self.work[-1].addCallback(lambda _: function(*args))

    def replace(self, name: str) -> None:
        """Write another certificate over the one that is there."""
        write_pair(self.directory, name)

    def used(self) -> ssl.SSLContext:
        """Give the context of new connections."""
        return self.certificate._loaded.context

    def test_changed(self) -> None:
        """Files that have changed are used within a minute; those that have not are not even read."""
        self.certificates.startService()
        first = self.used()
        self.clock.advance(60)
        self.assertIs(self.used(), first)
        self.replace("new")
        self.clock.advance(59)
        self.assertIs(self.used(), first)
        self.clock.advance(1)
        self.assertIsNot(self.used(), first)
        self.assertIn(f"The certificate {self.files.certificate} is in use, until ", self.lines()[-1])
        self.certificates.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_broken(self) -> None:
        """A pair that does not fit, as in the middle of a renewal, is said once, and the old one stays in use."""
        self.certificates.startService()
        self.addCleanup(self.certificates.stopService)
        first = self.used()
        kept = Path(self.files.private_key).read_bytes()
        self.replace("new")
        fitting = Path(self.files.private_key).read_bytes()
        Path(self.files.private_key).write_bytes(kept)
        self.clock.pump([60.0] * 3)
        self.assertIs(self.used(), first)
        said = f"{self.files.private_key} is not the key of {self.files.certificate}"
        self.assertEqual(self.lines(LogLevel.error), [f"The old certificate stays in use: {said}"])
        self.assertEqual(self.certificates.trouble, f"the old certificate is in use: {said}")
        Path(self.files.private_key).write_bytes(fitting)
        self.clock.advance(60)
        self.assertIsNot(self.used(), first)
        self.assertIsNone(self.certificates.trouble)

    def test_gone(self) -> None:
        """Files that are gone are trouble, too."""
        Path(self.files.certificate).unlink()
        self.assertEqual(
            self.successResultOf(self.certificates.reload()),
            f"the old certificate is in use: {self.files.certificate}: No such file or directory",
        )

    def test_reload(self) -> None:
        """It reads at once, changed or not, also from elsewhere, and whether the service runs or not."""
        first = self.used()
        self.assertIsNone(self.successResultOf(self.certificates.reload()))
        second = self.used()
        self.assertIsNot(second, first)
        self.certificate.files = Files(*write_pair(self.directory / "elsewhere"))
        self.assertIsNone(self.successResultOf(self.certificates.reload()))
        self.assertIsNot(self.used(), second)

    def test_ended(self) -> None:
        """A certificate that has ended is used all the same, and is trouble."""
        old = Certificate(Files(*write_pair(self.directory, days=-1)))
        certificates = Certificates([old], self.clock, self.in_thread, lambda: old.expires_at)
        self.assertIn("has ended on ", str(certificates.trouble))
        certificates = Certificates([old], self.clock, self.in_thread, lambda: old.expires_at - 1)
        self.assertIsNone(certificates.trouble)

    def test_slow_disk(self) -> None:
        """While a look has not come back no other begins; one that fails does not end them."""
        self.work = []
        self.certificates.startService()
        self.addCleanup(self.certificates.stopService)
        self.clock.pump([60.0] * 3)
        self.assertEqual(len(self.work), 1)
        self.work[0].errback(OSError("the thread is broken"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.clock.advance(60)
        self.assertEqual(len(self.work), 2)


class ConnectionTests(LogCase):
    """One connection in memory."""

    def setUp(self) -> None:
        """Make both ends, and the handshake."""
        super().setUp()
        files = Files(*write_pair(Path(self.mktemp())))
        self.server = Connection(load(files).context)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=files.certificate)
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        shake(self.server, self.client, self.incoming, self.outgoing)

    def carry(self) -> None:
        """Bring each what the other has sent."""
        carry(self.server, self.incoming, self.outgoing)

    def test_talk(self) -> None:
        """What is said arrives, both ways, and HTTP/1.1 was agreed on."""
        self.assertEqual(self.server.get_alpn_proto_negotiated(), b"http/1.1")
        self.assertEqual(self.client.selected_alpn_protocol(), "http/1.1")
        self.client.write(b"ask")
        self.assertEqual(self.server.send(b"answer"), 6)
        self.carry()
        self.assertEqual(self.server.recv(100), b"ask")
        self.assertEqual(self.client.read(100), b"answer")
        self.assertRaises(SSL.WantReadError, self.server.recv, 100)

    def test_goodbye(self) -> None:
        """It is over when both have said so, whoever was first."""
        self.assertFalse(self.server.shutdown())
        self.carry()
        self.client.unwrap()
        self.carry()
        self.assertRaises(SSL.ZeroReturnError, self.server.recv, 100)
        self.assertRaises(SSL.ZeroReturnError, self.server.recv, 100)
        self.assertTrue(self.server.shutdown())

    def test_goodbye_in_the_middle(self) -> None:
        """What the other end was saying at our goodbye is heard in order, and then its own goodbye."""
        for word in (b"one", b"two"):
            self.client.write(word)
        self.carry()
        self.assertFalse(self.server.shutdown())
        self.client.write(b"three")
        self.carry()
        self.assertEqual(self.client.read(10), b"")
        self.client.unwrap()
        self.carry()
        self.assertEqual([self.server.recv(10) for _ in range(3)], [b"one", b"two", b"three"])
        self.assertRaises(SSL.ZeroReturnError, self.server.recv, 10)

    def test_without_goodbye(self) -> None:
        """The end of the socket is an error that Twisted knows for that."""
        self.server.bio_shutdown()
        error = self.assertRaises(SSL.Error, self.server.recv, 10)
        self.assertEqual(error.args[0][-1][2], "unexpected eof while reading")

    def test_garbage(self) -> None:
        """What is no TLS is an error, in the handshake and after it."""
        self.server.bio_write(b"GET / HTTP/1.1\r\n\r\n")
        self.assertRaises(SSL.Error, self.server.recv, 10)
        files = Files(*write_pair(Path(self.mktemp())))
        other = Connection(load(files).context)
        other.bio_write(b"GET / HTTP/1.1\r\n\r\n")
        self.assertRaises(SSL.Error, other.do_handshake)
