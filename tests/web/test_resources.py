"""What is served by HTTP: ``POST /rpc`` with the limits of its body, and the description of the methods."""

from __future__ import annotations

import json

from tests.web.case import JSON, WebTestCase, post, request, response
from tests.web.wire import ELSEWHERE, UPGRADE, head
from webcam_rpc import config
from webcam_rpc.web.channel import REQUESTS_PER_TURN


class PostTests(WebTestCase):
    """``POST /rpc``."""

    def test_a_call(self) -> None:
        """The same methods answer, as JSON that nobody may keep or guess at."""
        status, headers, body = self.request(post(request("echo", text="é")))
        self.assertEqual((status, json.loads(body)["result"]), (200, "é"))
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(int(headers["content-length"]), len(body))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["server"], "webcam-rpc")

    def test_errors_of_calls(self) -> None:
        """They are answers like any other."""
        for text, code in (
            (b"{", -32700),
            (b"", -32700),
            (b"[]", -32600),
            (request("nope"), -32601),
            (request("admin"), -32002),
        ):
            status, _, body = self.request(post(text))
            self.assertEqual((status, json.loads(body)["error"]["code"]), (200, code))

    def test_notification(self) -> None:
        """It has no answer, and is performed."""
        for text in (request("ping", None), b"[%b]" % request("ping", None)):
            status, headers, body = self.request(post(text))
            self.assertEqual((status, body), (204, b""))
            self.assertNotIn("transfer-encoding", headers)
        self.assertEqual(len(self.methods.performed), 2)

    def test_batch(self) -> None:
        """A long batch takes several turns; notifications in it get no answer."""
        wire = self.connect()
        texts = [request("ping", number if number % 2 else None) for number in range(100)]
        wire.send(post(b"[" + b",".join(texts) + b"]"))
        self.assertEqual(wire.take(), b"")
        self.settle()
        self.assertEqual(len(json.loads(response(wire.take())[2])), 50)
        self.assertEqual(len(self.methods.performed), 100)

    def test_one_after_another_on_one_connection(self) -> None:
        """The connection stays, and requests that come together are answered in order."""
        wire = self.connect()
        wire.send(b"".join(post(request("ping", number)) for number in range(3)))
        answers = wire.take()
        self.assertEqual([int(part[1:2]) for part in answers.split(b'"id"')[1:]], [0, 1, 2])
        self.assertEqual(answers.count(b"HTTP/1.1 200 OK"), 3)
        wire.send(post(request("ping", 7)))
        self.assertEqual(json.loads(response(wire.take())[2])["id"], 7)

    def test_a_flood_on_one_connection(self) -> None:
        """Requests that come together are begun a few a turn, and nothing more is read meanwhile."""
        wire = self.connect()
        wire.send(b"".join(post(request("ping", number)) for number in range(100)))
        self.assertEqual(len(self.methods.performed), REQUESTS_PER_TURN)
        self.assertTrue(wire.paused)
        self.clock.turn()
        self.assertEqual(len(self.methods.performed), 2 * REQUESTS_PER_TURN)
        self.settle()
        self.assertEqual(len(self.methods.performed), 100)
        self.assertFalse(wire.paused)
        wire.send(head("GET", "/openrpc.json") * REQUESTS_PER_TURN + head("GET", "/ws", *UPGRADE) * 2)
        wire.take()
        self.settle()
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 101 "))
        self.assertFalse(wire.paused)

    def test_a_client_that_goes_amid_a_flood(self) -> None:
        """The rest goes with it."""
        wire = self.connect()
        wire.send(b"".join(post(request("ping", number)) for number in range(100)))
        wire.hang_up()
        self.settle()
        self.assertEqual(len(self.methods.performed), REQUESTS_PER_TURN)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_content_type(self) -> None:
        """Only JSON is taken: any other type a page of another site could send without asking."""
        for lines, status in (
            ((JSON,), 200),
            (("Content-Type: Application/JSON; charset=utf-8",), 200),
            (("Content-Type: text/plain",), 415),
            (("Content-Type: application/x-www-form-urlencoded",), 415),
            (("Content-Type: multipart/form-data; boundary=x",), 415),
            (("Content-Type: application/jsonx",), 415),
            ((JSON, JSON), 415),
            (("X: y",), 415),
        ):
            self.assertEqual(self.request(post(request("ping"), *lines))[0], status, lines)

    def test_access(self) -> None:
        """The same checks as for the WebSocket, and the same roles."""
        self.assertEqual(self.request(post(request("ping"), JSON, "Origin: http://evil.example"))[0], 403)
        self.assertEqual(self.request(post(request("ping"), JSON, "Origin: null"))[0], 403)
        self.assertEqual(self.request(post(request("ping"), host="evil.example"))[0], 403)
        _, _, body = self.request(post(request("admin")), ELSEWHERE)
        self.assertEqual(json.loads(body)["error"]["data"]["have_role"], "status")
        _, _, body = self.request(post(request("admin"), JSON, "X-Forwarded-For: 127.0.0.1"))
        self.assertEqual(json.loads(body)["error"]["data"]["have_role"], "status")

    def test_a_client_that_goes(self) -> None:
        """Its calls are cancelled."""
        wire = self.connect()
        wire.send(post(b"[%b,%b]" % (request("slow"), request("wait"))))
        wire.hang_up()
        self.assertEqual(self.methods.cancelled, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_other_verbs(self) -> None:
        """A preflight gets no permission."""
        for verb in ("GET", "OPTIONS", "PUT", "DELETE", "BREW"):
            status, headers, _ = self.request(head(verb, "/rpc"))
            self.assertEqual((status, headers["allow"]), (405, "POST"), verb)
            self.assertNotIn("access-control-allow-origin", headers)

    def test_below(self) -> None:
        """There is nothing below it."""
        self.assertEqual(self.request(head("POST", "/rpc/x", JSON, "Content-Length: 0"))[0], 404)


class BodyTests(WebTestCase):
    """Limits of the body."""

    limits = config.Server(max_message_size=2048)

    def test_too_long(self) -> None:
        """A length that is too much is refused before anything of it has come."""
        wire = self.connect()
        wire.send(head("POST", "/rpc", JSON, "Content-Length: 2049"))
        self.assertEqual(response(wire.take())[0], 413)
        self.assertTrue(wire.half_closed)
        wire.send(b" " * 2049 + post(request("ping")))
        self.assertEqual(wire.take(), b"")
        self.clock.advance(1)
        self.settle()
        self.assertTrue(wire.lost)
        self.assertEqual(self.methods.performed, [])

    def test_too_long_in_the_same_read(self) -> None:
        """A body that has come already is not looked at either."""
        status, _, body = self.request(post(request("ping") + b" " * 2048))
        self.assertEqual((status, body), (413, b""))
        self.assertEqual(self.methods.performed, [])

    def test_too_long_in_chunks(self) -> None:
        """A body that does not tell its length is refused when it has become too long."""
        wire = self.connect()
        wire.send(head("POST", "/rpc", JSON, "Transfer-Encoding: chunked"))
        text = request("ping")
        for each in (text + b" " * (1024 - len(text)), b" " * 1024):
            wire.send(b"400\r\n" + each + b"\r\n")
            self.assertEqual(wire.take(), b"")
        wire.send(b"1\r\n \r\n0\r\n\r\n")
        status, _, rest = response(wire.take())
        self.assertEqual((status, rest), (413, b""))
        self.assertEqual(self.methods.performed, [])

    def test_the_longest(self) -> None:
        """A body of just the limit is taken, in one piece or in chunks."""
        text = request("ping")
        text += b" " * (2048 - len(text))
        self.assertEqual(self.request(post(text))[0], 200)
        chunked = head("POST", "/rpc", JSON, "Transfer-Encoding: chunked") + b"800\r\n" + text + b"\r\n0\r\n\r\n"
        self.assertEqual(self.request(chunked)[0], 200)

    def test_lengths_that_are_none(self) -> None:
        """A length of thousands of digits is no more than too long; what is no number is a bad request."""
        for length, expected in (("9" * 20, 413), ("9" * 5000, 413), ("+5", 400), ("0x5", 400), ("-" + "1" * 30, 400)):
            status, _, body = self.request(head("POST", "/rpc", JSON, f"Content-Length: {length}"))
            self.assertEqual((status, body), (expected, b""), length[:30])

    def test_where_the_body_ends_is_beyond_doubt(self) -> None:
        """What a proxy might read in another way is refused with all that comes behind it."""
        chunked, behind = "Transfer-Encoding: chunked", b"0\r\n\r\n" + head("GET", "/openrpc.json")
        for lines, expected in (
            ((chunked, "Transfer-Encoding: identity"), 501),
            (("Transfer-Encoding: identity", "Content-Length: 5"), 501),
            (("Transfer-Encoding: gzip, chunked",), 501),
            ((chunked, chunked), 400),
            ((chunked, "Content-Length: 5"), 400),
            (("Content-Length: 5", chunked), 400),
            (("Content-Length: 5", "Content-Length: 5"), 400),
        ):
            wire = self.connect()
            wire.send(head("POST", "/rpc", JSON, *lines) + behind)
            answer = wire.take()
            self.assertEqual((response(answer)[0], answer.count(b"HTTP/1.1 ")), (expected, 1), lines)
        self.assertEqual(self.methods.performed, [])

    def test_a_body_that_nobody_wants(self) -> None:
        """The limit holds everywhere."""
        self.assertEqual(self.request(head("GET", "/ws", "Content-Length: 2049"))[0], 413)


class OpenRPCTests(WebTestCase):
    """``/openrpc.json``."""

    def test_get_and_head(self) -> None:
        """The document is given to everybody, its head alone too."""
        status, headers, body = self.request(head("GET", "/openrpc.json"), ELSEWHERE)
        self.assertEqual((status, body, headers["content-type"]), (200, b'{"openrpc":"1.3.2"}', "application/json"))
        status, headers, body = self.request(head("HEAD", "/openrpc.json"))
        self.assertEqual((status, body, headers["content-length"]), (200, b"", "19"))

    def test_other_verbs(self) -> None:
        """Nothing else can be done with it."""
        status, headers, _ = self.request(head("POST", "/openrpc.json"))
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))
