"""What the tests of the network side share: a whole site in memory with a few methods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.web.wire import CLOSE, LOOPBACK, PING, TEXT, UPGRADE, Wire, frame, head
from webcam_rpc import config
from webcam_rpc.rpc.methods import Method, MethodTable
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import Identity, TokenRefused
from webcam_rpc.web.access import Access
from webcam_rpc.web.admission import Admission
from webcam_rpc.web.allowance import Rates
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.grants import Grants
from webcam_rpc.web.site import make_site
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IAddress
    from twisted.logger import LogEvent

    from webcam_rpc.web.client import Client


JSON = "Content-Type: application/json"


class Turns(Clock):
    """A clock that can turn as a reactor does: what is put off by nothing is for the next turn."""

    def turn(self) -> None:
        """Make one turn."""
        for call in [call for call in self.calls if call.getTime() <= self.seconds()]:
            if call in self.calls:
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """No parameters."""


class Text(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A text."""

    text: str


class Size(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A size."""

    size: int


class Broken(Exception):  # noqa: N818 - a defect in a test's method
    """What no client may read: secret-detail."""


class Methods:
    """A few methods that answer in each of the ways there are."""

    def __init__(self) -> None:
        self.performed: list[str] = []
        self.work: list[Deferred[object]] = []
        self.stubborn: Deferred[object] = Deferred()
        self.cancelled = 0
        #: Done by each echo before it answers.
        self.meanwhile: Callable[[], None] = lambda: None

    def table(self) -> MethodTable:
        """Give them as a table."""
        return MethodTable(
            [
                Method("ping", Role.NONE, Nothing, str, self._ping, "Answers."),
                Method("echo", Role.STATUS, Text, str, self._echo, "Gives the text back."),
                Method("big", Role.NONE, Size, str, lambda params, _: "x" * params.size, "Gives much."),
                Method("slow", Role.NONE, Nothing, str, self._slow, "Takes its time.", deadline_s=3.0),
                Method("wait", Role.NONE, Nothing, str, self._wait, "Takes its time, as a coroutine.", deadline_s=3.0),
                Method("stubborn", Role.NONE, Nothing, str, self._stubborn, "Cannot be cancelled.", deadline_s=3.0),
                Method("broken", Role.NONE, Nothing, str, self._broken, "Raises."),
                Method("unencodable", Role.NONE, Nothing, str, lambda _p, _c: object(), "Gives no JSON."),
                Method("admin", Role.ADMIN, Nothing, str, self._ping, "Is for few."),
            ]
        )

    def _ping(self, _params: Nothing, caller: Any) -> str:
        self.performed.append(caller.peer)
        return "pong"

    def _echo(self, params: Text, caller: Any) -> str:
        self.performed.append(caller.peer)
        self.meanwhile()
        return params.text

    def _slow(self, _params: Nothing, _caller: Any) -> Deferred[object]:
        self.work.append(Deferred(self._gave_up))
        return self.work[-1]

    async def _wait(self, _params: Nothing, _caller: Any) -> object:
        return await self._slow(_params, _caller)

    def _stubborn(self, _params: Nothing, _caller: Any) -> Deferred[object]:
        return Deferred().addErrback(lambda _: self.stubborn)

    def _broken(self, _params: Nothing, _caller: Any) -> str:
        raise Broken("secret-detail")

    def _gave_up(self, _: object) -> None:
        self.cancelled += 1


class Tokens:
    """Knows the tokens that a test gives it, at once or when it is told to.

    ``known`` has identities by token, ``looking`` what is waited for while ``slow``.
    """

    def __init__(self) -> None:
        self.known: dict[str, Identity] = {}
        self.revoked: set[str] = set()
        self.slow = False
        self.looking: list[tuple[Deferred[Identity], str]] = []
        self.paths: list[str | None] = []

    def verify(self, text: str, path: str | None) -> Identity | Deferred[Identity]:
        """Give whose it is."""
        self.paths.append(path)
        if self.slow:
            waiting: Deferred[Identity] = Deferred()
            self.looking.append((waiting, text))
            return waiting
        return self.of(text)

    def look(self) -> None:
        """Look at the token that was shown first."""
        waiting, text = self.looking.pop(0)
        try:
            waiting.callback(self.of(text))
        except TokenRefused as refused:
            waiting.errback(refused)

    def of(self, text: str) -> Identity:
        """Give whose it is, or refuse."""
        if text not in self.known:
            raise TokenRefused("malformed" if text.startswith("?") else "unknown")
        return self.known[text]

    def is_known(self, token_id: str) -> bool:
        """Tell whether it has not been revoked."""
        return token_id not in self.revoked

    def add(self, role: Role, token: str, **more: Any) -> str:
        """Make one."""
        self.known[token] = Identity(role=role, name=token, token_id=f"id-{token}", **{"expires_at": None, **more})
        return token


def make_admission(clock: Any, access: config.Access, tokens: Tokens, *names: str) -> Admission:
    """Make a door: where the clock is at 0, it is 1,700,000,000 in Unix seconds."""
    door = Access(access, names, lambda: bool(tokens.known))
    grants = Grants(clock, lambda: 1.7e9 + clock.seconds(), door, tokens.is_known)
    return Admission(door, grants, tokens, Rates(access.rate, clock.seconds), clock.seconds)


class WebTestCase(SynchronousTestCase):
    """Has a site in memory, and clients for it."""

    limits = config.Server()
    access = config.Access()
    traffic = False

    def setUp(self) -> None:
        """Put a site together."""
        self.clock = Turns()
        self.methods = Methods()
        self.calls = self.make_calls()
        self.greetings: list[bytes] = []
        self.clients = Clients(self.clock, self.limits, self.greet, Traffic(self.clock, enabled=self.traffic))
        self.tokens = Tokens()
        self.admission = make_admission(self.clock, self.access, self.tokens, "camera-box")
        self.site = make_site(
            self.clock,
            self.limits,
            self.admission,
            self.clients,
            self.calls,
            lambda: b'{"openrpc":"1.3.2"}',
        )
        self.site.noisy = False
        self.site.doStart()
        self.addCleanup(self.site.doStop)
        self.clients.startService()
        self.log: list[LogEvent] = []
        observer: Any = self.log.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def make_calls(self) -> Calls:
        """Give what performs the methods."""
        return Calls(self.methods.table(), self.clock, new_id=lambda: "c0ffee")

    def greet(self, _client: Client) -> Iterable[bytes]:
        """Give what a client gets at once."""
        return self.greetings

    def connect(self, peer: IAddress = LOOPBACK) -> Wire:
        """Open a connection, and say nothing yet."""
        wire = Wire(self.clock, peer)
        protocol = self.site.buildProtocol(peer)
        wire.protocol = protocol
        assert protocol is not None
        protocol.makeConnection(wire)
        return wire

    def request(self, data: bytes, peer: IAddress = LOOPBACK) -> tuple[int, dict[str, str], bytes]:
        """Make a request on a connection of its own; give status, headers and body."""
        wire = self.connect(peer)
        wire.send(data)
        return response(wire.take())

    def websocket(self, *lines: str, peer: IAddress = LOOPBACK, host: str = "127.0.0.1:8002") -> Wire:
        """Open a WebSocket; what the server writes after its handshake is still there to be taken."""
        wire = self.connect(peer)
        wire.send(head("GET", "/ws", *UPGRADE, *lines, host=host))
        answer, end, rest = wire.take().partition(b"\r\n\r\n")
        self.assertEqual(answer.split(b"\r\n")[0], b"HTTP/1.1 101 Switching Protocols", answer)
        self.assertTrue(end)
        self.handshake = answer.decode()
        wire.write(rest)
        return wire

    def call(self, wire: Wire, method: str, number: int = 1, **params: object) -> Any:
        """Make a call that is answered at once; give the reply."""
        wire.send(frame(TEXT, request(method, number, **params)))
        return self.replies(wire)[-1]

    def replies(self, wire: Wire) -> list[Any]:
        """Give what the server has written as JSON; a close frame or a ping among it is a failure."""
        found = wire.frames()
        self.assertEqual([each.opcode for each in found if each.opcode in (CLOSE, PING)], [])
        return [json.loads(each.payload) for each in found if each.opcode == TEXT]

    def settle(self, turns: int = 100) -> None:
        """Let the reactor turn, without time passing."""
        for _ in range(turns):
            self.clock.advance(0)

    def lines(self, namespace: str) -> list[str]:
        """Give what a logger wrote."""
        return [
            event["log_format"].format(**event)
            for event in self.log
            if event["log_namespace"] == namespace and event["log_level"] >= LogLevel.info
        ]


def request(method: str, number: int | None = 1, **params: object) -> bytes:
    """Write a call; without a number it is a notification."""
    members: dict[str, object] = {"jsonrpc": "2.0", "method": method}
    if params:
        members["params"] = params
    if number is not None:
        members["id"] = number
    return json.dumps(members).encode()


def post(text: bytes, *lines: str, host: str = "localhost") -> bytes:
    """Write a POST to /rpc."""
    return head("POST", "/rpc", *(lines or (JSON,)), f"Content-Length: {len(text)}", host=host) + text


def response(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Read one HTTP response."""
    first, _, body = data.partition(b"\r\n\r\n")
    status, *lines = first.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, body


def address(number: int) -> IPv4Address:
    """Give one of many addresses."""
    return IPv4Address("TCP", f"198.51.{number // 250}.{number % 250 + 1}", 5000)
