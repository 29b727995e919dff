"""The door: tokens on requests and sockets, roles that change while a connection is open, wrong tokens, rates."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.address import IPv4Address

from tests.web.case import JSON, WebTestCase, post, request, response
from tests.web.mediacase import MediaCase
from tests.web.wire import CLOSE, ELSEWHERE, TEXT, UPGRADE, Wire, frame, head
from webcam_rpc import config
from webcam_rpc.api.access import AccessMethods
from webcam_rpc.media.sidecar import utc
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import Identity, TokenRefused
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.lockout import FAILURES, LOCKED
from webcam_rpc.web.login import Login, Logout
from webcam_rpc.web.site import make_site

NOW = 1.7e9
PROXY = IPv4Address("TCP", "10.0.0.1", 700)


class AdmissionCase(WebTestCase):
    """A site with the methods of access beside the others."""

    def setUp(self) -> None:
        """Put it together."""
        super().setUp()
        self.shots: list[tuple[Identity, float]] = []
        table = MethodTable((*self.methods.table(), *AccessMethods(self.one_shot).methods()))
        self.calls = Calls(table, self.clock, new_id=lambda: "c0ffee")
        self.site = make_site(self.clock, self.limits, self.admission, self.clients, self.calls, lambda: b"{}")

    def one_shot(self, identity: Identity, ttl: float) -> tuple[str, float]:
        """Make a one-shot token."""
        self.shots.append((identity, ttl))
        return "wro_once", NOW + ttl

    def rpc(self, method: str, *lines: str, peer: Any = ELSEWHERE) -> tuple[int, dict[str, str], bytes]:
        """Call a method by POST."""
        return self.request(post(request(method), JSON, *lines), peer)

    def role(self, wire: Wire) -> str:
        """Ask a connection for the role that it has."""
        reply = self.call(wire, "admin")
        return str(reply["error"]["data"]["have_role"]) if "error" in reply else "admin"

    def guess(self, wire: Wire, token: str = "wrong") -> Any:
        """Show a token on a connection; give the error's data."""
        return self.call(wire, "authenticate", auth_token=token)["error"]["data"]


class RequestTests(AdmissionCase):
    """A token on a request."""

    def test_each_place(self) -> None:
        """Header, other header, query, cookie: the request has the token's role."""
        self.tokens.add(Role.ADMIN, "good")
        for line in ("Authorization: Bearer good", "X-API-Key: good", "Cookie: a=b; webcam_rpc_token=good"):
            self.assertIn(b'"result":"pong"', self.rpc("admin", line)[2], line)
            self.assertEqual(self.role(self.websocket(line, peer=ELSEWHERE)), "admin", line)
        wire = self.connect(ELSEWHERE)
        wire.send(head("GET", "/ws?token=good", *UPGRADE))
        self.assertEqual(wire.take().split(b"\r\n")[0], b"HTTP/1.1 101 Switching Protocols")
        self.assertEqual(self.tokens.paths[-1], "/ws")

    def test_session(self) -> None:
        """Whoever cannot read its own cookie is told who it is, and who is nobody that too."""
        status = {"authenticated": False, "role": "status", "permissions": ["status"], "name": None, "expires_at": None}
        self.assertEqual(json.loads(self.rpc("get_session")[2])["result"], status)
        self.assertEqual(self.call(self.websocket(peer=ELSEWHERE), "get_session")["result"], status)
        self.tokens.add(Role.VIEWER, "good", expires_at=NOW + 60)
        told = self.call(self.websocket("Cookie: webcam_rpc_token=good", peer=ELSEWHERE), "get_session")["result"]
        identity = self.tokens.known["good"]
        self.assertEqual((told["authenticated"], told["role"], told["name"]), (True, "viewer", identity.name))
        self.assertEqual(told["permissions"], ["status", "view"])
        self.assertEqual(told["expires_at"], utc(NOW + 60))

    def test_wrong(self) -> None:
        """Refused, with a challenge, and with the same words whatever is wrong with it; the WebSocket too."""
        for token in ("wrong", "?nonsense", ""):
            status, headers, body = self.rpc("ping", f"Authorization: Bearer {token}")
            self.assertEqual((status, headers["www-authenticate"]), (401, 'Bearer realm="webcam-rpc"'))
            self.assertEqual(body, b"this token does not do: wrong_token\n")
        wire = self.connect(ELSEWHERE)
        wire.send(head("GET", "/ws", *UPGRADE, "Authorization: Bearer wrong"))
        self.assertEqual(response(wire.take())[0], 401)
        self.assertEqual(len(self.clients), 0)

    def test_not_looked_at_yet(self) -> None:
        """While a token is looked at nothing is done; what comes behind the handshake meanwhile is not lost."""
        self.tokens.add(Role.OPERATOR, "good")
        self.tokens.slow = True
        wire = self.connect(ELSEWHERE)
        wire.send(head("GET", "/ws", *UPGRADE, "X-API-Key: good"))
        wire.send(frame(TEXT, request("admin")))
        self.assertEqual((wire.take(), len(self.clients)), (b"", 0))
        self.tokens.look()
        head_, _, rest = wire.take().partition(b"\r\n\r\n")
        self.assertTrue(head_.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b'"have_role":"operator"', rest)

    def test_gone_before_it_was_looked_at(self) -> None:
        """Nobody is let in who has left."""
        self.tokens.add(Role.OPERATOR, "good")
        self.tokens.slow = True
        wire = self.connect(ELSEWHERE)
        wire.send(head("GET", "/ws", *UPGRADE, "X-API-Key: good"))
        wire.hang_up()
        self.tokens.look()
        self.assertEqual((len(self.clients), len(self.clients.connections)), (0, 0))
        self.assertEqual(self.admission._turns, {})

    def test_a_stale_cookie(self) -> None:
        """A browser that still has one is nobody in particular, and forgets it; its user could not log in else."""
        status, headers, body = self.rpc("admin", "Cookie: webcam_rpc_token=old")
        self.assertEqual(status, 200)
        self.assertIn(b'"have_role":"status"', body)
        self.assertEqual(headers["set-cookie"], "webcam_rpc_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")

    def test_origin_all_the_same(self) -> None:
        """A page of another site that has got hold of a token is still one of another site."""
        self.tokens.add(Role.ADMIN, "good")
        for peer in (ELSEWHERE, IPv4Address("TCP", "127.0.0.1", 9)):
            status, _, _ = self.rpc("admin", "Authorization: Bearer good", "Origin: https://evil.example", peer=peer)
            self.assertEqual(status, 403)
        self.assertEqual(self.tokens.paths, [])

    def test_no_more_loopback(self) -> None:
        """Once there is a token, a client on this machine has to show one too; connections that are open lose it."""
        wire = self.websocket()
        self.assertEqual(self.role(wire), "operator")
        self.tokens.add(Role.VIEWER, "first")
        self.assertEqual(self.role(self.websocket()), "status")
        self.admission.grants.recheck()
        self.assertEqual(self.role(wire), "status")


class SocketTests(AdmissionCase):
    """Roles on a connection that is open."""

    limits = config.Server(ping_interval=3600.0)

    def test_authenticate(self) -> None:
        """The connection is somebody from then on, and its calls have the role."""
        self.tokens.add(Role.OPERATOR, "good", expires_at=NOW + 3600)
        wire = self.websocket(peer=ELSEWHERE)
        self.assertEqual(self.role(wire), "status")
        reply = self.call(wire, "authenticate", auth_token="good")["result"]
        self.assertEqual(
            reply,
            {
                "authenticated": True,
                "role": "operator",
                "permissions": ["status", "view", "control"],
                "expires_at": "2023-11-14T23:13:20.000Z",
                "session_id": next(iter(self.clients)).session_id,
            },
        )
        self.assertEqual(self.role(wire), "operator")
        self.assertEqual(self.tokens.paths, [None])

    def test_another_role(self) -> None:
        """The last token counts, also where its role is less."""
        self.tokens.add(Role.ADMIN, "much")
        self.tokens.add(Role.VIEWER, "little")
        wire = self.websocket("X-API-Key: much", peer=ELSEWHERE)
        self.assertEqual(self.role(wire), "admin")
        self.call(wire, "authenticate", auth_token="little")
        self.assertEqual(self.role(wire), "viewer")

    def test_expiry(self) -> None:
        """At the second in which a token expires its role is gone, also if the time until then is long."""
        self.tokens.add(Role.ADMIN, "good", expires_at=NOW + 1000)
        wire = self.websocket("X-API-Key: good", peer=ELSEWHERE)
        for _ in range(9):
            self.clock.advance(111)
            self.assertEqual(self.role(wire), "admin")
        self.clock.advance(1)
        self.assertEqual(self.role(wire), "status")

    def test_revoked(self) -> None:
        """A token that is revoked is worth nothing on the connections that have shown it."""
        self.tokens.add(Role.ADMIN, "good")
        self.tokens.add(Role.ADMIN, "other")
        wire = self.websocket("X-API-Key: good", peer=ELSEWHERE)
        other = self.websocket("X-API-Key: other", peer=ELSEWHERE)
        self.tokens.revoked.add("id-good")
        self.admission.grants.recheck()
        self.assertEqual((self.role(wire), self.role(other)), ("status", "admin"))

    def test_nothing_is_left(self) -> None:
        """Connections that have gone are not watched, and leave no timer."""
        self.tokens.add(Role.ADMIN, "good", expires_at=NOW + 1000)
        for _ in range(5):
            self.websocket("X-API-Key: good", peer=ELSEWHERE).hang_up()
            self.websocket(peer=ELSEWHERE).hang_up()
        self.assertEqual(self.admission.grants.watched, {})
        self.clock.advance(2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_by_post(self) -> None:
        """A request is no connection: it says where the token belongs."""
        self.tokens.add(Role.ADMIN, "good")
        text = request("authenticate", auth_token="good")
        body = self.request(post(text, JSON), ELSEWHERE)[2]
        self.assertIn(b'"reason":"NOT_A_WEBSOCKET"', body)

    def test_one_shot(self) -> None:
        """A one-shot token is made in the name of whoever asks, who has to be a viewer."""
        self.tokens.add(Role.VIEWER, "good")
        wire = self.websocket("X-API-Key: good", peer=ELSEWHERE)
        reply = self.call(wire, "get_oneshot_token", ttl_s=30)
        self.assertEqual(reply["result"], {"token": "wro_once", "expires_at": "2023-11-14T22:13:50.000Z"})
        ((identity, ttl),) = self.shots
        self.assertEqual((identity.token_id, identity.role, ttl), ("id-good", Role.VIEWER, 30.0))
        self.assertIn("error", self.call(wire, "get_oneshot_token", ttl_s=61))
        self.assertEqual(self.call(self.websocket(peer=ELSEWHERE), "get_oneshot_token")["error"]["code"], -32002)


class NoneTests(AdmissionCase):
    """Nobody in particular has no role."""

    access = config.Access(anonymous="none")

    def test_greeted_when_it_is_somebody(self) -> None:
        """It is told nothing until it is somebody; then what everybody is told at once, and all that follows."""
        self.tokens.add(Role.STATUS, "good")
        self.greetings.append(b'{"hello":1}')
        wire = self.websocket(peer=ELSEWHERE)
        self.clients.broadcast(b'{"first":1}', "camera_status_update", None)
        self.clock.turn()
        self.assertEqual(self.replies(wire), [])
        wire.send(frame(TEXT, request("authenticate", auth_token="good")))
        first, second = self.replies(wire)
        self.assertEqual((first, second["result"]["role"]), ({"hello": 1}, "status"))
        self.clients.broadcast(b'{"second":1}', "camera_status_update", None)
        self.clock.turn()
        self.assertEqual(self.replies(wire), [{"second": 1}])
        self.tokens.revoked.add("id-good")
        self.admission.grants.recheck()
        self.clients.broadcast(b'{"third":1}', "camera_status_update", None)
        self.clock.turn()
        self.assertEqual(self.replies(wire), [])


class GuessTests(AdmissionCase):
    """Wrong tokens."""

    def test_three_on_a_connection(self) -> None:
        """The third ends the connection with 1008, behind its answer."""
        wire = self.websocket(peer=ELSEWHERE)
        self.assertEqual(self.guess(wire), {"reason": "wrong_token"})
        self.assertEqual(self.guess(wire, "?"), {"reason": "wrong_token"})
        wire.send(frame(TEXT, request("authenticate", auth_token="wrong")))
        self.settle(2)
        answer, close = wire.frames()
        self.assertIn(b'"code":-32001', answer.payload)
        self.assertEqual((close.opcode, close.code), (CLOSE, 1008))

    def test_many_at_once(self) -> None:
        """A hundred in one batch are three."""
        self.tokens.slow = True
        wire = self.websocket(peer=ELSEWHERE)
        wire.send(frame(TEXT, b"[" + b",".join([request("authenticate", auth_token="wrong")] * 100) + b"]"))
        self.settle(20)
        while self.tokens.looking:
            self.tokens.look()
            self.settle(2)
        self.assertEqual(len(self.tokens.paths), 3)
        self.assertEqual([each.code for each in wire.frames() if each.opcode == CLOSE], [1008])

    def test_a_right_one_between(self) -> None:
        """Whoever finds the right one may err again."""
        self.tokens.add(Role.VIEWER, "good")
        wire = self.websocket(peer=ELSEWHERE)
        for _ in range(3):
            self.guess(wire)
            self.guess(wire)
            self.assertEqual(self.call(wire, "authenticate", auth_token="good")["result"]["role"], "viewer")

    def lock(self) -> None:
        """Show as many wrong tokens as one may."""
        for _ in range(FAILURES):
            self.assertEqual(self.rpc("ping", "X-API-Key: wrong")[0], 401)

    def test_locked_out(self) -> None:
        """Then not even the right one is looked at from there for a minute; the log names the address."""
        self.tokens.add(Role.ADMIN, "good")
        self.lock()
        status, headers, body = self.rpc("ping", "X-API-Key: good")
        self.assertEqual((status, headers["retry-after"], body), (429, "60", b"too many wrong tokens\n"))
        wire = self.websocket(peer=ELSEWHERE)
        reply = self.call(wire, "authenticate", auth_token="good")
        self.assertEqual(reply["error"]["data"], {"reason": "locked_out", "retry_after_ms": 60_000})
        self.assertEqual(len(self.tokens.paths), FAILURES)
        self.assertIn("192.0.2.7 is locked out for 60 s: too many wrong tokens", self.lines("webcam_rpc.web"))
        self.assertNotIn("wrong,", str(self.log))
        self.clock.advance(LOCKED)
        self.assertEqual(self.rpc("ping", "X-API-Key: good")[0], 200)

    def test_the_rest_is_not(self) -> None:
        """Whoever shows no token there is who it was, and so is every other address."""
        self.tokens.add(Role.ADMIN, "good")
        self.lock()
        self.assertIn(b"pong", self.rpc("ping")[2])
        self.assertIn(b"pong", self.rpc("admin", "X-API-Key: good", peer=IPv4Address("TCP", "192.0.2.8", 5))[2])

    def test_all_at_once(self) -> None:
        """Guesses by many connections at once are looked at one by one: the eleventh finds the door shut."""
        self.tokens.slow = True
        wires = []
        for _ in range(FAILURES + 5):
            wires.append(self.connect(ELSEWHERE))
            wires[-1].send(post(request("ping"), JSON, "X-API-Key: wrong"))
        while self.tokens.looking:
            self.assertEqual(len(self.tokens.looking), 1)
            self.tokens.look()
        statuses = [response(wire.take())[0] for wire in wires]
        self.assertEqual(statuses, [401] * FAILURES + [429] * 5)
        self.assertEqual(self.admission._turns, {})

    def test_expired_ones_are_no_guesses(self) -> None:
        """A client that goes on with a token of yesterday is told so, and locks nobody out."""
        self.tokens.add(Role.ADMIN, "good")

        def expired(text: str, path: str | None) -> Any:  # noqa: ARG001 - as of the real one
            raise TokenRefused("expired")

        self.tokens.verify = expired  # type: ignore[method-assign]
        for _ in range(FAILURES + 1):
            self.assertEqual(self.rpc("ping", "X-API-Key: good")[2], b"this token does not do: expired\n")


class ProxyTests(AdmissionCase):
    """A configured proxy is believed, and makes nobody an operator."""

    access = config.Access(proxies=("10.0.0.0/8", "127.0.0.1"))
    limits = config.Server(max_connections_per_address=2)

    def test_who_it_is(self) -> None:
        """The log and the lock-out know the client, not the proxy."""
        self.websocket("X-Forwarded-For: 198.51.100.7", peer=PROXY)
        self.assertEqual(next(iter(self.clients)).peer, "198.51.100.7 by 10.0.0.1:700")
        for _ in range(FAILURES):
            self.rpc("ping", "X-Forwarded-For: 198.51.100.7", "X-API-Key: wrong", peer=PROXY)
        self.assertEqual(self.rpc("ping", "X-Forwarded-For: 198.51.100.7", "X-API-Key: x", peer=PROXY)[0], 429)
        self.assertEqual(self.rpc("ping", "X-Forwarded-For: 198.51.100.8", "X-API-Key: x", peer=PROXY)[0], 401)

    def test_no_operator(self) -> None:
        """Neither through it nor beside it: from loopback anybody might come."""
        for line in ("X-Forwarded-For: 127.0.0.1", "Accept: */*"):
            self.assertEqual(self.role(self.websocket(line)), "status")

    def test_connections(self) -> None:
        """They are counted for the client; the proxy itself has no limit."""
        wires = [self.websocket("X-Forwarded-For: 198.51.100.7", peer=PROXY) for _ in range(2)]
        late = self.connect(PROXY)
        late.send(head("GET", "/ws", *UPGRADE, "X-Forwarded-For: 198.51.100.7"))
        self.assertEqual(response(late.take())[0], 503)
        for number in range(5):
            self.websocket(f"X-Forwarded-For: 203.0.113.{number}", peer=PROXY)
        wires[0].hang_up()
        self.websocket("X-Forwarded-For: 198.51.100.7", peer=PROXY)

    def test_reused(self) -> None:
        """A connection of the proxy that serves one client after the other is counted for the one it serves."""
        wire = self.connect(PROXY)
        for number in range(6):
            wire.send(post(request("ping"), JSON, f"X-Forwarded-For: 198.51.100.{number}"))
            self.assertEqual(response(wire.take())[0], 200)
            self.clock.advance(0)
        wire.hang_up()
        self.assertEqual(dict(self.clients.connections._per_address), {})


class RateTests(AdmissionCase):
    """How much may be asked for."""

    access = config.Access(rate=config.Rate(connection=5, address=20))

    def test_calls(self) -> None:
        """A client that asks for more is told when to try again; what is dear counts for more."""
        wire = self.websocket(peer=ELSEWHERE)
        replies = [self.call(wire, "ping") for _ in range(11)]
        self.assertEqual([reply.get("result") for reply in replies[:10]], ["pong"] * 10)
        error = replies[10]["error"]
        self.assertEqual((error["code"], error["data"]), (-32040, {"retry_after_ms": 200}))
        self.clock.advance(0.2)
        self.assertEqual(self.call(wire, "ping")["result"], "pong")
        self.clock.advance(10)
        self.guess(wire)
        self.assertEqual(self.call(wire, "ping")["error"]["code"], -32040)

    def test_methods_that_are_not_there(self) -> None:
        """They are paid for too."""
        wire = self.websocket(peer=ELSEWHERE)
        codes = [self.call(wire, "no_such")["error"]["code"] for _ in range(11)]
        self.assertEqual(codes, [-32601] * 10 + [-32040])

    def test_requests(self) -> None:
        """Requests by HTTP are paid for by the address."""
        statuses = [self.request(head("GET", "/openrpc.json"), ELSEWHERE)[0] for _ in range(41)]
        self.assertEqual((statuses[:40], statuses[40]), ([200] * 40, 429))
        self.assertEqual(self.request(head("GET", "/openrpc.json"), ELSEWHERE)[1]["retry-after"], "1")

    def test_not_here(self) -> None:
        """On this machine nothing is counted."""
        wire = self.websocket()
        for _ in range(100):
            self.assertEqual(self.call(wire, "ping")["result"], "pong")


class LoginTests(AdmissionCase):
    """A browser's log-in."""

    def setUp(self) -> None:
        """Have the pages too."""
        super().setUp()
        pages = {b"login": Login(self.clock, self.admission, self.admission.grants.now), b"logout": Logout()}
        self.site = make_site(self.clock, self.limits, self.admission, self.clients, self.calls, lambda: b"{}", pages)

    def log_in(self, body: bytes, *lines: str) -> tuple[int, dict[str, str], bytes]:
        """Post a body."""
        return self.request(head("POST", "/login", f"Content-Length: {len(body)}", *lines) + body, ELSEWHERE)

    def test_in_and_out(self) -> None:
        """The cookie that it gives is good for everything, as long as the token; then it is taken back."""
        self.tokens.add(Role.OPERATOR, "good", expires_at=NOW + 100)
        status, headers, body = self.log_in(b'{"token":"good"}')
        self.assertEqual((status, body), (200, b'{"role":"operator"}'))
        jar = headers["set-cookie"]
        self.assertEqual(jar, "webcam_rpc_token=good; Path=/; HttpOnly; SameSite=Strict; Max-Age=100")
        wire = self.websocket("Cookie: " + jar.partition(";")[0], peer=ELSEWHERE)
        self.assertEqual(self.role(wire), "operator")
        status, headers, _ = self.request(head("POST", "/logout", "Content-Length: 0"), ELSEWHERE)
        self.assertEqual(status, 204)
        self.assertIn("webcam_rpc_token=; Path=/", headers["set-cookie"])

    def test_wrong(self) -> None:
        """A wrong token is one, and counts; a body that is none says what it should be."""
        for _ in range(FAILURES):
            status, headers, body = self.log_in(b'{"token":"wrong"}')
            self.assertEqual(status, 401)
            self.assertNotIn("set-cookie", headers)
            self.assertNotIn(b"wrong\n", body)
        self.assertIn(b"locked_out", self.log_in(b'{"token":"wrong"}')[2])
        for bad in (b"", b"[]", b'{"token":1}', b'{"password":"x"}', b"token=good"):
            self.assertEqual(self.log_in(bad)[0], 400, bad)

    def test_of_another_site(self) -> None:
        """No page of another site can log anybody in."""
        self.tokens.add(Role.OPERATOR, "good")
        self.assertEqual(self.log_in(b'{"token":"good"}', "Origin: https://evil.example")[0], 403)


class PictureTests(MediaCase):
    """Tokens and what goes on for long."""

    def test_a_stream_ends(self) -> None:
        """A viewer whose token is revoked sees nothing more; the other goes on."""
        self.tokens.add(Role.VIEWER, "good")
        self.tokens.add(Role.VIEWER, "other")
        wire = self.slow("/stream?token=good", peer=ELSEWHERE)
        other = self.slow("/stream?token=other", peer=ELSEWHERE)
        self.media.give()
        self.tokens.revoked.add("id-good")
        self.admission.grants.recheck()
        self.assertEqual((wire.aborted, other.aborted), (True, False))
        self.assertEqual(len(self.media.watching), 1)
        other.hang_up()
        self.assertEqual(self.admission.grants.watched, {})

    def test_a_stream_expires(self) -> None:
        """So it is when the token expires, and before the first picture that is answered in words."""
        self.tokens.add(Role.VIEWER, "good", expires_at=NOW + 5)
        wire = self.slow("/stream?token=good", peer=ELSEWHERE)
        early = self.slow("/stream?device=usb-2&token=good", peer=ELSEWHERE)
        self.media.give()
        self.clock.advance(5)
        self.assertTrue(wire.aborted)
        self.assertEqual(response(early.take())[0], 403)
        self.assertEqual(self.media.watching, [])

    def test_one_camera(self) -> None:
        """A token for the URLs of one camera shows this one, and nothing else."""
        self.tokens.add(Role.VIEWER, "cam", camera_id="usb-2")
        for path in (
            "/cameras/usb-2/stream.mjpg?token=cam",
            "/stream?token=cam",
            "/?action=stream&token=cam",
            "/?action=stream&camera=1&token=cam",
        ):
            wire = self.slow(path, peer=ELSEWHERE)
            self.assertEqual([watching.camera_id for watching in self.media.watching], ["usb-2"], path)
            wire.hang_up()
        for path, status in (
            ("/cameras/usb-1/stream.mjpg", 404),
            ("/cameras/gate/snapshot.jpg", 404),
            ("/stream?device=usb-1", 404),
            ("/state?device=video0", 404),
            ("/?action=snapshot&camera=0", 404),
            ("/files/recordings/a.mp4", 403),
            ("/rpc", 405),
            ("/ws", 403),
            ("/openrpc.json", 403),
        ):
            asked = path + ("&" if "?" in path else "?") + "token=cam"
            lines = UPGRADE if path == "/ws" else ()
            self.assertEqual(self.get(asked, *lines, peer=ELSEWHERE)[0], status, path)
        self.assertEqual(self.request(post(request("ping"), JSON, "X-API-Key: cam"), ELSEWHERE)[0], 403)

    def test_a_file_ends(self) -> None:
        """A file that is being sent is broken off: its rest is not for whoever may not have it."""
        (self.directory / "recordings" / "a.mp4").write_bytes(bytes(1_000_000))
        self.tokens.add(Role.VIEWER, "good")
        wire = self.slow("/files/recordings/a.mp4?token=good", peer=ELSEWHERE)
        wire.full = True
        self.threads.work()
        self.tokens.revoked.add("id-good")
        self.admission.grants.recheck()
        self.assertTrue(wire.aborted)
        self.assertLess(len(wire.take()), 1_000_000)
        self.assertEqual(self.admission.grants.watched, {})
