"""Who is connected, what they are told, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.case import WebTestCase, address, request, response
from tests.web.wire import CLOSE, ELSEWHERE, TEXT, UPGRADE, frame, head
from webcam_rpc import config
from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.channel import LAST_REQUEST
from webcam_rpc.web.clients import GRACE
from webcam_rpc.web.connections import _ANSWERED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webcam_rpc.web.client import Client

STATUS = "camera_status_update"


class ClientsTests(WebTestCase):
    """Clients as they come and go."""

    def test_lines_of_the_log(self) -> None:
        """Coming and going are logged in the words that people search for."""
        first = self.websocket()
        second = self.websocket(peer=ELSEWHERE)
        first.hang_up()
        second.hang_up()
        self.assertEqual(
            self.lines("webcam_rpc.web"),
            [
                "Client connected: 127.0.0.1:54321 (Total clients: 1)",
                "Client connected: 192.0.2.7:40000 (Total clients: 2)",
                "Client disconnected: 127.0.0.1:54321 (Total clients: 1)",
                "Client disconnected: 192.0.2.7:40000 (Total clients: 0)",
            ],
        )

    def test_what_a_client_is(self) -> None:
        """A caller with a role, an address, a session of its own and a subscription."""
        self.websocket()
        self.websocket(peer=ELSEWHERE)
        here, there = self.clients
        self.assertEqual((here.role, there.role), (Role.OPERATOR, Role.STATUS))
        self.assertEqual((here.peer, there.peer), ("127.0.0.1:54321", "192.0.2.7:40000"))
        self.assertNotEqual(here.session_id, there.session_id)
        self.assertTrue(here.subscription.wants(STATUS, None))

    def test_calls_have_the_role_of_their_client(self) -> None:
        """A client that may less is told so, with both roles."""
        reply = self.call(self.websocket(peer=ELSEWHERE), "admin")
        self.assertEqual(reply["error"]["data"], {"required_role": "admin", "have_role": "status"})

    def test_calls_of_a_client_that_goes(self) -> None:
        """Its work is cancelled."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("slow")) + frame(TEXT, request("wait")))
        wire.hang_up()
        self.assertEqual(self.methods.cancelled, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class BroadcastTests(WebTestCase):
    """What all are told."""

    def test_to_all_that_want_it(self) -> None:
        """A notification goes to each client that subscribed to its topic and camera; their number is given."""
        everything, nothing, another = (self.websocket() for _ in range(3))
        clients = list(self.clients)
        clients[1].subscription.remove(None)
        clients[2].subscription.add([STATUS], frozenset({"b"}))
        self.assertEqual(self.clients.broadcast(b'{"n":1}', STATUS, "a"), 1)
        self.assertEqual(self.clients.broadcast(b'{"n":2}', STATUS, "b"), 2)
        self.clock.turn()
        found = [[each["n"] for each in self.replies(wire)] for wire in (everything, nothing, another)]
        self.assertEqual(found, [[1, 2], [], [2]])

    def test_line_of_the_log(self) -> None:
        """One line for all of them, in the words of the original; none if there is nobody."""
        self.clients.broadcast(b'{"n":0}', STATUS, "a")
        self.websocket()
        self.clients.broadcast(b'{"n":1}', STATUS, "a")
        self.assertEqual(self.lines("webcam_rpc.web")[1:], ['Broadcasting camera status to 1 clients: {"n":1}'])

    def test_encoded_once(self) -> None:
        """Every client gets the very same bytes."""
        wires = [self.websocket() for _ in range(2)]
        for wire in wires:
            wire.take()
        self.clients.broadcast(b'{"n":1}', STATUS, "a")
        self.clock.turn()
        (first,), (second,) = (wire.written for wire in wires)
        self.assertIs(first, second)

    def test_one_write_a_turn(self) -> None:
        """A burst goes to each client in one write, in order with what the client asked for meanwhile."""
        wire, other = self.websocket(), self.websocket()
        wire.take()
        other.take()
        for number in range(20):
            self.clients.broadcast(b'{"n":%d}' % number, STATUS, "a")
        self.assertEqual(wire.written, [])
        wire.send(frame(TEXT, request("ping", 7)))
        self.assertEqual(len(wire.written), 1)
        self.assertEqual([each.get("n", each.get("id")) for each in self.replies(wire)], [*range(20), 7])
        self.clock.turn()
        self.assertEqual((wire.written, len(other.written)), ([], 1))
        self.assertEqual([each["n"] for each in self.replies(other)], list(range(20)))

    def test_one_that_is_closed_meanwhile(self) -> None:
        """A client whose goodbye has begun is not told and not counted."""
        self.websocket().send(frame(CLOSE))
        self.assertEqual(self.clients.broadcast(b"{}", STATUS, None), 0)

    def test_an_event_in_between_the_fragments_of_a_client(self) -> None:
        """What a client is in the middle of sending does not hold up what it is told."""
        wire = self.websocket()
        wire.send(frame(TEXT, b'{"json', fin=False))
        self.assertEqual(self.clients.broadcast(b'{"n":1}', STATUS, None), 1)
        self.clock.turn()
        self.assertEqual(self.replies(wire), [{"n": 1}])


class GreetingTests(WebTestCase):
    """What a client gets at once."""

    def greet(self, client: Client) -> Iterable[bytes]:
        """Greet with who the client is, then fail if asked to."""
        yield b'{"hello":"%b"}' % client.peer.encode()
        if client.peer.startswith("192.0.2.7"):
            raise ZeroDivisionError

    def test_at_once(self) -> None:
        """The greeting is the first thing after the handshake."""
        wire = self.websocket()
        self.clock.turn()
        self.assertEqual(self.replies(wire), [{"hello": "127.0.0.1:54321"}])

    def test_one_that_fails(self) -> None:
        """A greeting that fails is logged, and the client stays."""
        wire = self.websocket(peer=ELSEWHERE)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.replies(wire)
        self.assertEqual(self.call(wire, "ping")["result"], "pong")


class NobodyTests(GreetingTests):
    """Clients without a role."""

    access = config.Access(anonymous="none", loopback="none")

    def test_at_once(self) -> None:
        """They are told nothing, neither at once nor later, and have the methods for everybody."""
        wire = self.websocket()
        self.assertEqual(self.clients.broadcast(b"{}", STATUS, None), 0)
        self.clock.turn()
        self.assertEqual(self.replies(wire), [])
        self.assertEqual(self.call(wire, "ping")["result"], "pong")
        self.assertEqual(self.call(wire, "echo", text="x")["error"]["code"], -32002)

    def test_one_that_fails(self) -> None:
        """No greeting is made for them that could fail."""
        self.websocket(peer=ELSEWHERE)


class TrafficTests(WebTestCase):
    """The log of messages."""

    traffic = True

    def greet(self, _client: Client) -> Iterable[bytes]:
        """Greet."""
        return [b'{"hello":1}']

    def test_lines(self) -> None:
        """What comes and what goes is logged with its text, whatever that is."""
        wire = self.websocket()
        wire.send(frame(TEXT, b"{x\n"))
        wire.send(frame(TEXT, request("ping")))
        lines = self.lines("webcam_rpc.traffic")
        self.assertEqual(
            lines,
            [
                'Sending to 127.0.0.1:54321: {"hello":1}',
                "Received from 127.0.0.1:54321: {x\n",
                f"Sending to 127.0.0.1:54321: {wire.frames()[1].payload.decode()}",
                f"Received from 127.0.0.1:54321: {request('ping').decode()}",
                'Sending to 127.0.0.1:54321: {"jsonrpc":"2.0","result":"pong","id":1}',
            ],
        )

    def test_off(self) -> None:
        """It can be switched off while the service runs."""
        wire = self.websocket()
        self.clients.traffic.enabled = False
        self.call(wire, "ping")
        self.assertEqual(len(self.lines("webcam_rpc.traffic")), 1)


class StopTests(WebTestCase):
    """The end of the service."""

    def test_clients_are_told(self) -> None:
        """Each gets 1001, and the service has stopped when the last has gone."""
        wires = [self.websocket() for _ in range(2)]
        stopped = self.clients.stopService()
        for wire in wires:
            self.assertEqual([each.code for each in wire.frames()], [1001])
            self.assertNoResult(stopped)
            wire.send(frame(CLOSE, b"\x03\xe9"))
            self.settle()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_does_not_answer(self) -> None:
        """It is dropped after a second."""
        self.websocket()
        stopped = self.clients.stopService()
        self.clock.advance(0.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.1)
        self.settle()
        self.successResultOf(stopped)

    def test_one_that_does_not_read(self) -> None:
        """It is dropped after a second, with all that waits for it."""
        wire = self.websocket()
        wire.blocked = True
        wire.producer.pauseProducing()
        self.clients.broadcast(b"{}", STATUS, None)
        stopped = self.clients.stopService()
        self.clock.advance(1)
        self.settle()
        self.successResultOf(stopped)

    def test_calls_under_way(self) -> None:
        """They are cancelled and not answered."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("slow")))
        self.clients.stopService()
        self.assertEqual(self.methods.cancelled, 1)
        self.assertEqual([each.opcode for each in wire.frames()], [CLOSE])

    def test_http(self) -> None:
        """An idle connection is closed at once, one whose request may be on its way after half a second, none reset."""
        silent, halfway, body, idle = (self.connect() for _ in range(4))
        halfway.send(b"GET /ws HT")
        body.send(head("POST", "/rpc", "Content-Type: application/json", "Content-Length: 10") + b"{")
        idle.send(head("GET", "/openrpc.json"))
        stopped = self.clients.stopService()
        self.settle()
        self.assertEqual([wire.lost for wire in (silent, halfway, body, idle)], [False, False, False, True])
        self.clock.advance(LAST_REQUEST)
        self.settle()
        self.successResultOf(stopped)
        self.assertFalse(any(wire.aborted for wire in (silent, halfway, body, idle)))

    def test_http_request_on_its_way(self) -> None:
        """Who had just connected is answered, and told that nothing more will be."""
        wire, second = self.connect(), self.connect()
        stopped = self.clients.stopService()
        text = request("ping")
        wire.send(head("POST", "/rpc", "Content-Type: application/json", f"Content-Length: {len(text)}") + text)
        second.send(head("GET", "/openrpc.json"))
        for answered in (wire, second):
            status, headers, _ = response(answered.take())
            self.assertEqual((status, headers["connection"]), (200, "close"))
        self.settle()
        self.successResultOf(stopped)

    def test_websocket_on_its_way(self) -> None:
        """A WebSocket whose handshake comes in the last moment is opened and gets 1001, and nothing else."""
        self.greetings = [b'{"hello":1}']
        wire = self.connect()
        stopped = self.clients.stopService()
        wire.send(head("GET", "/ws", *UPGRADE))
        answer, _, rest = wire.take().partition(b"\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
        wire.write(rest)
        self.assertEqual([each.code for each in wire.frames()], [1001])
        wire.send(frame(CLOSE, b"\x03\xe9"))
        self.settle()
        self.successResultOf(stopped)
        self.assertEqual(len(self.clients), 0)

    def test_http_request_under_way(self) -> None:
        """A request that is being answered has a second to be."""
        wire = self.connect()
        text = request("slow")
        wire.send(head("POST", "/rpc", "Content-Type: application/json", f"Content-Length: {len(text)}") + text)
        stopped = self.clients.stopService()
        self.settle()
        self.assertFalse(wire.lost)
        self.methods.work[0].callback("done")
        status, headers, _ = response(wire.take())
        self.assertEqual((status, headers["connection"]), (200, "close"))
        self.settle()
        self.assertTrue(wire.lost)
        self.successResultOf(stopped)

    def test_http_request_that_takes_too_long(self) -> None:
        """One that is not answered within that second is broken off, and the service has stopped."""
        wire = self.connect()
        text = request("slow")
        wire.send(head("POST", "/rpc", "Content-Type: application/json", f"Content-Length: {len(text)}") + text)
        stopped = self.clients.stopService()
        self.clock.advance(GRACE - 0.01)
        self.assertNoResult(stopped)
        self.clock.advance(0.01)
        self.settle()
        self.assertTrue(wire.lost)
        self.successResultOf(stopped)

    def test_nobody_is_let_in_any_more(self) -> None:
        """New connections are closed; a request on one that is there already is refused."""
        wire = self.connect()
        text = request("slow")
        body = head("POST", "/rpc", "Content-Type: application/json", f"Content-Length: {len(text)}") + text
        wire.send(body + head("GET", "/ws", *UPGRADE))
        stopped = self.clients.stopService()
        self.assertTrue(self.connect().aborted)
        self.methods.work[0].callback("done")
        self.assertNotIn(b"101 ", wire.take())
        self.settle()
        self.successResultOf(stopped)
        self.assertEqual(len(self.clients), 0)

    def test_nothing_to_do(self) -> None:
        """Without clients it has stopped at once."""
        self.successResultOf(self.clients.stopService())

    def test_again(self) -> None:
        """It can be started and stopped again."""
        for _ in range(2):
            wire = self.websocket()
            stopped = self.clients.stopService()
            wire.send(frame(CLOSE))
            self.settle()
            self.successResultOf(stopped)
            self.clients.startService()


class LimitTests(WebTestCase):
    """How many there may be."""

    limits = config.Server(max_connections=5, max_connections_per_address=2)

    def test_in_all(self) -> None:
        """Beyond the limit a connection gets 503, and has its last answer; one that goes makes room."""
        wires = [self.connect(address(number)) for number in range(5)]
        late = self.connect(address(9))
        self.assertEqual(response(late.take())[0], 503)
        self.assertTrue(late.half_closed)
        late.send(head("GET", "/ws", *UPGRADE))
        self.assertEqual(late.take(), b"")
        self.clock.advance(1)
        self.settle()
        self.assertTrue(late.lost)
        wires[0].hang_up()
        self.websocket(peer=address(9))

    def test_from_one_address(self) -> None:
        """One address has a limit of its own; others are not concerned by it."""
        self.websocket(peer=ELSEWHERE)
        second = self.connect(ELSEWHERE)
        self.assertEqual(response(self.connect(ELSEWHERE).take())[0], 503)
        self.websocket(peer=address(1))
        second.hang_up()
        self.websocket(peer=ELSEWHERE)

    def test_from_this_machine(self) -> None:
        """Loopback has no limit but that for all."""
        for _ in range(5):
            self.websocket()
        self.assertEqual(response(self.connect().take())[0], 503)

    def test_a_flood_beyond_the_limit(self) -> None:
        """So many are refused with words at a time; more are closed at once."""
        for _ in range(5 + _ANSWERED):
            self.connect()
        self.assertTrue(self.connect().aborted)
        self.clock.advance(1)
        self.settle()
        self.assertEqual(len(self.clients.connections), 5)

    def test_nothing_is_left_of_many(self) -> None:
        """Connections that come and go, from many addresses, leave nothing behind."""
        for number in range(300):
            wire = self.connect(address(number))
            if number % 2:
                wire.send(head("GET", "/ws", *UPGRADE))
            wire.hang_up()
        self.assertEqual(len(self.clients.connections), 0)
        self.assertEqual(self.clients.connections._per_address, {})
        self.assertEqual(self.clients.connections._admitted, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
