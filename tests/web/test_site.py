"""The HTTP side before it knows what is asked for: handshakes, heads and deadlines."""

from __future__ import annotations

from twisted.internet.address import UNIXAddress

from tests.web.case import JSON, WebTestCase, post, request, response
from tests.web.wire import TEXT, UPGRADE, frame, head
from webcam_rpc.web.channel import BODY_TIMEOUT, HEAD_LIMIT


class UpgradeTests(WebTestCase):
    """The opening handshake."""

    def test_the_key_is_answered(self) -> None:
        """The example of RFC 6455, section 1.3; and no software names its version."""
        self.websocket()
        self.assertIn("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", self.handshake)
        self.assertIn("Server: webcam-rpc\r\n", self.handshake)

    def test_a_transport_that_was_paused(self) -> None:
        """Twisted may have paused it while it spoke HTTP; the WebSocket reads on."""
        wire = self.connect()
        wire.pauseProducing()
        wire.send(head("GET", "/ws", *UPGRADE))
        self.assertFalse(wire.paused)

    def test_as_loose_as_allowed(self) -> None:
        """Tokens in lists and in any case, a query, subprotocols that are not chosen."""
        wire = self.connect()
        wire.send(
            head(
                "GET",
                "/ws?x=1",
                "upgrade: foo, WebSocket",
                "CONNECTION: keep-alive, UPGRADE",
                *UPGRADE[2:],
                "Sec-WebSocket-Protocol: a, b",
                "X-Big: " + "x" * 8000,
            )
        )
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 101 "))

    def test_not_a_handshake(self) -> None:
        """A plain GET is told to upgrade."""
        status, headers, _ = self.request(head("GET", "/ws"))
        self.assertEqual((status, headers["upgrade"]), (426, "websocket"))

    def test_malformed(self) -> None:
        """A handshake that lacks something, or has it wrong, is a bad request; the connection may try again."""
        upgrade, connection, version, key = UPGRADE
        for lines in (
            (upgrade, version, key),
            (upgrade, connection, key),
            (upgrade, connection, version),
            ("Upgrade: h2c", connection, version, key),
            (upgrade, "Connection: close", version, key),
            (upgrade, connection, "Sec-WebSocket-Version: 8", key),
            (upgrade, connection, version, version, key),
            (upgrade, connection, version, key, key),
            (upgrade, connection, version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"),
            (upgrade, connection, version, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZX=="[:-6] + "=="),
            (upgrade, connection, version, "Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ=="),
            (upgrade, connection, version, "Sec-WebSocket-Key:"),
            (*UPGRADE, "Content-Length: 1"),
        ):
            wire = self.connect()
            wire.send(head("GET", "/ws", *lines) + (b"x" if "Content-Length: 1" in lines else b""))
            self.assertEqual(response(wire.take())[0], 400, lines)
            wire.send(head("GET", "/ws", *UPGRADE))
            self.assertTrue(lines[1] == "Connection: close" or wire.take().startswith(b"HTTP/1.1 101 "), lines)

    def test_version(self) -> None:
        """Another version is told which one there is."""
        _, headers, _ = self.request(head("GET", "/ws", *UPGRADE[:2], "Sec-WebSocket-Version: 8", UPGRADE[3]))
        self.assertEqual(headers["sec-websocket-version"], "13")

    def test_http_1_0(self) -> None:
        """HTTP/1.0 knows no upgrade."""
        data = head("GET", "/ws", *UPGRADE).replace(b"HTTP/1.1", b"HTTP/1.0")
        self.assertEqual(self.request(data)[0], 400)

    def test_elsewhere(self) -> None:
        """Only /ws is a WebSocket."""
        for path in ("/", "/ws/", "/ws/x", "/WS", "/x", "//ws", "/%2e%2e/ws", "http://localhost/ws", "*"):
            self.assertEqual(self.request(head("GET", path, *UPGRADE))[0], 404, path)
        for path, status in (("/rpc", 405), ("/openrpc.json", 200)):
            self.assertEqual(self.request(head("GET", path, *UPGRADE))[0], status)

    def test_other_verbs(self) -> None:
        """A handshake is a GET."""
        for verb in ("POST", "HEAD", "OPTIONS", "BREW"):
            status, headers, _ = self.request(head(verb, "/ws", *UPGRADE))
            self.assertEqual((status, headers["allow"]), (405, "GET"), verb)

    def test_access(self) -> None:
        """A foreign page is refused before it has a WebSocket."""
        for lines in (("Origin: http://evil.example",), ("Origin: null",)):
            self.assertEqual(self.request(head("GET", "/ws", *UPGRADE, *lines))[0], 403)
        self.assertEqual(self.request(head("GET", "/ws", *UPGRADE, host="evil.example"))[0], 403)
        self.assertEqual(self.request(head("GET", "/ws", *UPGRADE, host=None))[0], 400)
        self.websocket("Origin: http://127.0.0.1:8002")
        self.assertEqual(len(self.clients), 1)

    def test_unix_socket(self) -> None:
        """A client on a unix socket is one of this machine."""
        wire = self.websocket(peer=UNIXAddress(None))
        self.assertEqual(self.call(wire, "echo", text="x")["result"], "x")
        self.assertEqual(self.lines("webcam_rpc.web"), ["Client connected: unix (Total clients: 1)"])


class HeadTests(WebTestCase):
    """Limits of the head."""

    def test_one_long_line(self) -> None:
        """A line beyond the limit is refused before it has ended."""
        wire = self.connect()
        wire.send(b"GET /" + b"x" * HEAD_LIMIT)
        self.assertEqual(response(wire.take())[0], 431)
        self.assertTrue(wire.half_closed)
        self.clock.advance(1)
        self.assertTrue(wire.aborted)

    def test_many_lines(self) -> None:
        """All lines count together, the unfinished one too."""
        wire = self.connect()
        wire.send(b"GET /ws HTTP/1.1\r\n")
        for _ in range(15):
            wire.send(b"X-Y: " + b"x" * 1017 + b"\r\n")
        self.assertEqual(wire.take(), b"")
        wire.send(b"X-Z: " + b"x" * 1018)
        self.assertEqual(response(wire.take())[0], 431)
        wire.send(b"\r\n\r\n")
        self.assertEqual(wire.take(), b"")

    def test_the_longest(self) -> None:
        """A head of just the limit is served, and so is the next on the same connection."""
        wire = self.connect()
        rest = HEAD_LIMIT - len(head("GET", "/openrpc.json", "X: "))
        data = head("GET", "/openrpc.json", "X: " + "x" * rest)
        self.assertEqual(len(data), HEAD_LIMIT)
        for _ in range(2):
            wire.send(data)
            self.assertEqual(response(wire.take())[0], 200)
        wire.send(data.replace(b"X:", b"XX:"))
        self.assertEqual(response(wire.take())[0], 431)

    def test_garbage(self) -> None:
        """What is no HTTP is a bad request, and the connection ends."""
        for data in (b"\x16\x03\x01\x02\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
            wire = self.connect()
            wire.send(data)
            self.assertTrue(wire.take().startswith(b"HTTP/1.1 400 "), data)
            self.clock.advance(6)
            self.settle()
            self.assertTrue(wire.lost)
        self.assertEqual(len(self.clients.connections), 0)


class DeadlineTests(WebTestCase):
    """Time for a request."""

    def test_silence(self) -> None:
        """A connection that says nothing is dropped."""
        wire = self.connect()
        self.clock.advance(4.9)
        self.assertFalse(wire.disconnecting)
        self.clock.advance(0.1)
        self.settle()
        self.assertTrue(wire.lost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_slow_trickle(self) -> None:
        """The deadline counts from the connection, whatever comes meanwhile."""
        wire = self.connect()
        data = head("GET", "/ws", *UPGRADE)
        for index in range(10):
            wire.send(data[index : index + 1])
            self.clock.advance(0.5)
        self.assertTrue(wire.disconnecting)

    def test_idle_after_a_request(self) -> None:
        """A connection that is kept alive has the same time for its next request."""
        wire = self.connect()
        self.clock.advance(4)
        wire.send(head("GET", "/openrpc.json"))
        self.clock.advance(4)
        wire.send(head("GET", "/openrpc.json"))
        self.clock.advance(4.9)
        self.assertFalse(wire.disconnecting)
        self.clock.advance(0.1)
        self.assertTrue(wire.disconnecting)

    def test_a_slow_body(self) -> None:
        """A body has more time, but not for ever."""
        wire = self.connect()
        wire.send(head("POST", "/rpc", JSON, "Content-Length: 10000"))
        for _ in range(int(BODY_TIMEOUT)):
            self.assertFalse(wire.disconnecting)
            wire.send(b" ")
            self.clock.advance(1)
        self.assertTrue(wire.disconnecting)

    def test_an_answer_that_nobody_reads(self) -> None:
        """A client that does not take its answer is dropped."""
        wire = self.connect()
        wire.blocked = True
        wire.send(head("GET", "/openrpc.json", "Connection: close"))
        self.clock.advance(5)
        self.clock.advance(1)
        self.settle()
        self.assertTrue(wire.lost)

    def test_a_call_that_takes_longer(self) -> None:
        """While we have the request, the client has all the time."""
        wire = self.connect()
        wire.send(post(request("slow")))
        self.clock.advance(2.9)
        self.methods.work[0].callback("done")
        self.assertEqual(response(wire.take())[0], 200)

    def test_an_open_websocket(self) -> None:
        """It has none of these deadlines."""
        wire = self.websocket()
        self.clock.advance(10)
        self.assertEqual(self.call(wire, "ping")["result"], "pong")


class SiteTests(WebTestCase):
    """The site as a factory."""

    def test_starts_the_websockets(self) -> None:
        """Their factory starts and stops with the site."""
        self.assertEqual(self.site._websockets.numPorts, 1)

    def test_no_timer_of_its_own(self) -> None:
        """An idle site wakes nobody."""
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_http_1_only(self) -> None:
        """TLS is told so, or clients would speak HTTP/2."""
        self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])

    def test_headers_of_refusals(self) -> None:
        """No answer tells versions, or may be taken for a page."""
        for path in ("/", "/x", "*", "/ws"):
            _, headers, _ = self.request(head("GET", path))
            self.assertEqual(headers["server"], "webcam-rpc")
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")

    def test_frames_without_a_handshake(self) -> None:
        """Frames are no request."""
        wire = self.connect()
        wire.send(frame(TEXT, request("ping")) + b"\r\n\r\n")
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 400 "))
