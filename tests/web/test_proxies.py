"""Who is behind a proxy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from webcam_rpc.web.peers import Peer
from webcam_rpc.web.proxies import Proxies

PROXY = Peer.of(IPv4Address("TCP", "10.1.2.3", 5))


def origin(*values: str, peer: Peer = PROXY, networks: tuple[str, ...] = ("10.0.0.0/8", "::1")) -> Peer:
    """Give who asks, where these are the header's values."""
    return Proxies(networks).origin(peer, Headers({"x-forwarded-for": list(values)} if values else {}))


class ProxiesTests(SynchronousTestCase):
    """The last address that a believed proxy did not write is the client's."""

    def test_nobody_else_is_believed(self) -> None:
        """Whoever is no proxy is itself, whatever it says."""
        peer = Peer.of(IPv4Address("TCP", "192.0.2.1", 5))
        self.assertIs(origin("198.51.100.7", peer=peer), peer)
        self.assertIs(origin("198.51.100.7", networks=()), PROXY)

    def test_forms(self) -> None:
        """With a port or without, in brackets, mapped, with spaces."""
        for text, address in (
            ("198.51.100.7", "198.51.100.7"),
            (" 198.51.100.7:4711 ", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:DB8::7]:80", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ):
            self.assertEqual(origin(text).address, address, text)

    def test_a_client_that_lies(self) -> None:
        """What the client wrote itself stands before what the proxy wrote, and does not count."""
        self.assertEqual(origin("127.0.0.1, 10.9.9.9, 198.51.100.7").address, "198.51.100.7")
        self.assertEqual(origin("127.0.0.1", "198.51.100.7").address, "198.51.100.7")

    def test_proxies_in_a_row(self) -> None:
        """Proxies of ours that are behind each other are all passed over."""
        self.assertEqual(origin("203.0.113.5, 198.51.100.7, 10.0.0.2, ::1").address, "198.51.100.7")

    def test_nothing_that_makes_sense(self) -> None:
        """Then it is the last that does: the proxy itself where there is none."""
        self.assertEqual(origin().address, "10.1.2.3")
        self.assertEqual(origin("unknown").address, "10.1.2.3")
        self.assertEqual(origin("198.51.100.7, _hidden").address, "10.1.2.3")
        self.assertEqual(origin("198.51.100.7, secret, 10.0.0.2").address, "10.0.0.2")

    def test_never_local(self) -> None:
        """Through a proxy nobody is on this machine."""
        found = origin("127.0.0.1")
        self.assertEqual((found.address, found.loopback), ("127.0.0.1", False))
        self.assertEqual(found.name, "127.0.0.1 by 10.1.2.3:5")

    @given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60), max_size=60))
    def test_anything(self, values: list[str]) -> None:
        """Whatever it says, the result is an address, and none that the client could choose before a proxy's own."""
        found = origin(*values, "198.51.100.7")
        self.assertEqual(found.address, "198.51.100.7")
        self.assertIsNotNone(origin(*values).address)
