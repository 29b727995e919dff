"""Who may come in, and with which role."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from webcam_rpc import config
from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.access import Access, Refused
from webcam_rpc.web.peers import Peer

HERE = Peer.of(IPv4Address("TCP", "127.0.0.1", 5))
THERE = Peer.of(IPv4Address("TCP", "192.0.2.1", 5))


def role(settings: config.Access, peer: Peer = HERE, /, **headers: str | list[str]) -> Role:
    """Admit a request; an underscore in a header's name is a hyphen."""
    named = {"host": "localhost:8002", **headers}
    raw = {name.replace("_", "-"): [value] if isinstance(value, str) else value for name, value in named.items()}
    access = Access(settings, ["Camera-Box", "camera-box.lan"])
    return access.role(access.admit(peer, Headers(raw)))


class RoleTests(SynchronousTestCase):
    """Roles without credentials."""

    def test_a_fresh_install(self) -> None:
        """The machine itself operates the cameras, every other sees that they are there."""
        self.assertEqual(role(config.Access()), Role.OPERATOR)
        self.assertEqual(role(config.Access(), THERE), Role.STATUS)

    def test_as_configured(self) -> None:
        """Both roles are options."""
        settings = config.Access(anonymous="none", loopback="viewer")
        self.assertEqual(role(settings), Role.VIEWER)
        self.assertEqual(role(settings, THERE), Role.NONE)

    def test_each_way_to_be_on_loopback(self) -> None:
        """All of 127.0.0.0/8, ::1, an IPv4 client of an IPv6 socket, and a unix socket."""
        for address in (
            IPv4Address("TCP", "127.8.8.8", 5),
            IPv6Address("TCP", "::1", 5),
            IPv6Address("TCP", "::ffff:127.0.0.1", 5),
            UNIXAddress(None),
        ):
            self.assertEqual(role(config.Access(), Peer.of(address)), Role.OPERATOR, address)

    def test_what_only_looks_like_loopback(self) -> None:
        """An address of elsewhere stays one, mapped or not."""
        for host in ("::ffff:192.0.2.1", "fe80::1%eth0", "2001:db8::1"):
            self.assertEqual(role(config.Access(), Peer.of(IPv6Address("TCP", host, 5))), Role.STATUS, host)

    def test_a_proxy_on_loopback(self) -> None:
        """Whoever comes through a proxy is not on this machine, whatever it claims."""
        for name in ("Forwarded", "X_Forwarded_For", "x_forwarded_proto", "X_Forwarded_Anything", "X_Real_IP", "Via"):
            self.assertEqual(role(config.Access(), **{name: "127.0.0.1"}), Role.STATUS, name)

    def test_another_name_for_this_machine(self) -> None:
        """A name in access.hosts means that there may be a proxy that adds no header."""
        self.assertEqual(role(config.Access(hosts=("cams.example",))), Role.STATUS)
        self.assertEqual(role(config.Access(hosts=("localhost", "127.0.0.1"))), Role.OPERATOR)

    def test_a_page_of_another_site_is_anonymous_even_here(self) -> None:
        """An origin that is let in does not become an operator by running in a browser on this machine."""
        settings = config.Access(origins=("https://panel.example",))
        self.assertEqual(role(settings, origin="https://panel.example"), Role.STATUS)


class HostTests(SynchronousTestCase):
    """The Host header, by which rebound names are noticed."""

    def test_names_of_this_machine(self) -> None:
        """Addresses, localhost, this machine's names and the configured ones, with any port, in any case."""
        for host in (
            "localhost",
            "LOCALHOST:80",
            "localhost.",
            "127.0.0.1:8002",
            "192.168.1.9",
            "[::1]:8002",
            "[fe80::1]",
            "camera-box",
            "CAMERA-BOX.lan:8002",
            "cams.example",
        ):
            role(config.Access(hosts=("Cams.example",)), host=host)

    def test_other_names(self) -> None:
        """What a page of somebody else can be called is refused, on loopback too."""
        for host in (
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "2130706433",
            "0x7f.1",
            "camera-box.evil.example",
        ):
            error = self.assertRaises(Refused, role, config.Access(), host=host)
            self.assertEqual(error.status, 403, host)

    def test_malformed(self) -> None:
        """One Host header there must be, and it must be one."""
        hosts: list[str | list[str]] = [
            [],
            ["localhost", "localhost"],
            "",
            ":8002",
            "::1",
            "[::1",
            "[]",
            "[localhost]",
            "[127.0.0.1]",
            "localhost:x",
            "localhost:\u0661",
            "localhost:999999",
            "user@localhost:1:2",
            "é",
        ]
        for host in hosts:
            error = self.assertRaises(Refused, role, config.Access(), host=host)
            self.assertEqual(error.status, 400, host)


class OriginTests(SynchronousTestCase):
    """The Origin header, by which other pages are noticed."""

    def test_our_own_page(self) -> None:
        """A page that came from here keeps its role."""
        for host, origin in (
            ("localhost:8002", "http://localhost:8002"),
            ("192.168.1.9:8002", "http://192.168.1.9:8002"),
            ("[::1]:8002", "http://[::1]:8002"),
            ("[::1]:8002", "http://[0:0::1]:8002"),
            ("camera-box", "http://camera-box"),
            ("camera-box:80", "http://Camera-Box"),
            # Through a proxy that ends TLS.
            ("camera-box", "https://camera-box"),
        ):
            self.assertEqual(role(config.Access(), host=host, origin=origin), Role.OPERATOR, origin)

    def test_foreign(self) -> None:
        """Every other page is refused, on loopback too: another port or name is another page."""
        for origin in (
            "null",
            "",
            "http://evil.example",
            "http://localhost",
            "http://localhost:8003",
            "http://127.0.0.1:8002",
            "https://localhost:8002.evil.example",
            "file://localhost:8002",
            "chrome-extension://localhost:8002",
            "localhost:8002",
            "http://user@localhost:8002",
            "http://localhost:8002/",
            "http://[",
        ):
            for peer in (HERE, THERE):
                error = self.assertRaises(Refused, role, config.Access(), peer, origin=origin)
                self.assertEqual(error.status, 403, origin)

    def test_two(self) -> None:
        """Two origins are none that is known."""
        self.assertRaises(Refused, role, config.Access(), origin=["http://localhost:8002"] * 2)

    def test_configured(self) -> None:
        """An origin of access.origins is let in, just as it is written there, but for its case."""
        settings = config.Access(origins=("https://Panel.example",))
        self.assertEqual(role(settings, THERE, origin="https://panel.Example"), Role.STATUS)
        for origin in ("http://panel.example", "https://panel.example:444", "https://a.panel.example"):
            self.assertRaises(Refused, role, settings, THERE, origin=origin)


class PeerTests(SynchronousTestCase):
    """How connections are named and counted."""

    def test_names(self) -> None:
        """As the original wrote them; IPv6 in brackets; an IPv4 client is one on either kind of socket."""
        for address, name, counted in (
            (IPv4Address("TCP", "192.0.2.1", 99), "192.0.2.1:99", "192.0.2.1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 99), "192.0.2.1:99", "192.0.2.1"),
            (IPv6Address("TCP", "2001:DB8:0::1", 99), "[2001:db8::1]:99", "2001:db8::1"),
            (UNIXAddress(b"/run/x"), "unix", None),
        ):
            peer = Peer.of(address)
            self.assertEqual((str(peer), peer.address), (name, counted))
