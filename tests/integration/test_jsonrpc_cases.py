"""The table of JSON-RPC cases, sent to the real service: over a WebSocket, and by POST."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.trial.unittest import TestCase

from tests.integration import jsonrpc_cases as cases
from tests.integration.jsonrpc_cases import ANY, Case, Reply
from tests.service import Service
from tests.wsclient import Client, Closed

if TYPE_CHECKING:
    from twisted.python.failure import Failure

reactor: Any = global_reactor

#: Seconds for an answer.
PATIENCE = 30.0
#: Bytes of an error beside the 8 kB that it may give back of its request.
_LONGEST_ERROR = 8192 + 1024

#: The services of all these tests, with the fast path and without: they change nothing in them but an alias.
_running: dict[bool, Service] = {}


def _directory(test: TestCase) -> Path:
    return Path(test.mktemp()).absolute()


async def service(directory: Path, *, fast: bool = True) -> Service:
    """Give the service, started by whoever asks first and ended with the process."""
    if fast not in _running:
        options = ["--demo", "--device-dir", "/nonexistent", "--set", "logging.traffic=OFF"]
        started = Service(
            reactor,
            directory,
            options=(*options, "--set", f"server.fast_path={str(fast).lower()}"),
        )
        _running[fast] = await started.start()
    return _running[fast]


@dataclass(frozen=True)
class Number:
    """A number as it stands in a text."""

    text: str


def decode(text: str | bytes) -> Any:
    """Decode strict JSON; numbers keep their text."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise AssertionError(f"a member comes twice: {pairs}")
        return dict(pairs)

    def constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=constant, object_pairs_hook=members)


def faults(case: Case, texts: list[bytes]) -> list[str]:
    """Say all that is wrong with what came in answer to a case."""
    if case.answer is None or len(texts) != 1:
        wrong = (case.answer is None) != (not texts) or len(texts) > 1
        return [f"expected {case.answer}, got {texts!r:.300}"] if wrong else []
    (text,) = texts
    try:
        got = decode(text)
    except (AssertionError, ValueError) as error:
        return [f"{error}: {text!r:.300}"]
    if isinstance(case.answer, Reply):
        found = _compare(case.answer, got)
        if case.answer.code is not None and len(text) > _LONGEST_ERROR:
            found.append(f"an error of {len(text)} bytes")
        return found
    if not isinstance(got, list) or len(got) != len(case.answer):
        return [f"expected {len(case.answer)} replies, got {text!r:.300}"]
    return [fault for expected, one in zip(case.answer, got, strict=True) for fault in _compare(expected, one)]


def _compare(expected: Reply, got: Any) -> list[str]:
    kind = "result" if expected.code is None else "error"
    wanted = (
        {"result": expected.result}
        if expected.code is None
        else {"error": {"code": Number(str(expected.code)), "message": expected.message, "data": expected.data}}
    )
    found = []
    if not isinstance(got, dict) or set(got) != {"jsonrpc", "id", kind}:
        return [f"expected {expected}, got {got!r:.300}"]
    if got["jsonrpc"] != "2.0" or got["id"] != decode(expected.id):
        found.append(f"expected the id {expected.id:.100}, got {got['jsonrpc']} {got['id']!r:.100}")
    if kind == "error" and not {"code", "message"} <= set(got["error"]) <= {"code", "message", "data"}:
        found.append(f"not an error: {got!r:.300}")
    if not _matches(wanted[kind], got[kind]):
        found.append(f"expected {wanted}, got {got!r:.600}")
    return found


def _matches(expected: Any, got: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(
            value is None or (name in got and _matches(value, got[name])) for name, value in expected.items()
        )
    return expected is ANY or (type(expected) is type(got) and bool(expected == got))


class Talk(Client):
    """A WebSocket client that keeps answers as they came; notifications it judges as usual."""

    def __init__(self, clock: Any, contract: Any) -> None:
        super().__init__(clock, contract)
        self._answers: list[bytes] = []
        self._wanted = 0
        self._mark = b""
        self._asked: Deferred[None] | None = None

    async def ask(self, text: str, count: int) -> list[bytes]:
        """Send ``text`` and a ping after it; give what came when the ping's answer and ``count`` texts have."""
        self._mark, self._wanted = b'"mark %d"' % (int(self._mark[6:-1] or 0) + 1), count + 1
        self._asked = Deferred()
        self.send(text.encode())
        self.send(cases.call(id=self._mark.decode()).encode())
        await self._asked.addTimeout(PATIENCE, reactor)
        self._asked, answers, self._answers = None, self._answers, []
        return [answer for answer in answers if self._mark not in answer]

    def _received(self, payload: bytes, binary: bool) -> None:  # noqa: FBT001 - as the base class has it
        if not self._mark or payload.startswith(b'{"jsonrpc":"2.0","method":'):
            super()._received(payload, binary)
            return
        self._answers.append(payload)
        marked = any(self._mark in answer for answer in self._answers)
        if self._asked is not None and not self._asked.called and marked and len(self._answers) >= self._wanted:
            self._asked.callback(None)

    def _lost(self, code: int | None, reason: str) -> None:
        super()._lost(code, reason)
        if self._asked is not None and not self._asked.called:
            self._asked.errback(Closed(code, reason))


async def talk(to: Service, headers: dict[str, str] | None = None) -> Talk:
    """Connect."""
    connected: Any = await Talk.connect(reactor, to.url, headers=headers)
    made: Talk = connected
    return made


class Cases:
    """The groups of the table; a transport says how a text is sent."""

    async def ask(self, text: str, count: int) -> list[bytes]:
        """Send ``text``; give all that comes back, of which ``count`` texts are expected."""
        raise NotImplementedError

    async def hold(self, group: tuple[Case, ...]) -> None:
        """Send each case of a group, and tell of all that fail."""
        found = []
        for case in group:
            answers = await self.ask(case.text, case.answer is not None)
            found += [f"{case.text:.200}\n    {fault}" for fault in faults(case, answers)]
        if found:
            raise AssertionError("\n".join([f"{len(found)} faults", *found]))

    async def test_specification(self) -> None:
        """Every example of the specification is answered as it says."""
        await self.hold(cases.SPECIFICATION)

    async def test_ids(self) -> None:
        """An id of any kind comes back with its value and its type; what can be no id is refused."""
        await self.hold(cases.IDS)

    async def test_not_json(self) -> None:
        """What is not strict JSON is a parse error, wherever in the text it stands."""
        await self.hold(cases.NOT_JSON)

    async def test_requests(self) -> None:
        """What is a request is answered, and what is none is told so."""
        await self.hold(cases.REQUESTS)

    async def test_params(self) -> None:
        """Parameters come by name and by position; one that is wrong is named."""
        await self.hold(cases.PARAMS)

    async def test_limits(self) -> None:
        """Up to each limit a text is answered, beyond it refused, and no error gives it all back."""
        await self.hold(cases.LIMITS)


class WebSocketCaseTests(Cases, TestCase):
    """Over a WebSocket, where each case shares the connection with all the others of its group."""

    timeout = 120
    fast = True

    async def setUp(self) -> None:  # type: ignore[override]
        """Connect."""
        self.service = await service(_directory(self), fast=self.fast)
        self.talk = await talk(self.service)

    async def tearDown(self) -> None:  # type: ignore[override]
        """Go, unless the service has sent us away."""
        await self.talk.close()

    async def ask(self, text: str, count: int) -> list[bytes]:
        """Send a text message."""
        return await self.talk.ask(text, count)

    async def _sent_away(self, payload: bytes, code: int, *, binary: bool = False) -> None:
        self.talk.send(payload, binary=binary)
        self.assertEqual((await self.talk.lost(PATIENCE)).code, code)

    async def test_too_big(self) -> None:
        """A message of one byte too many is not answered: close 1009."""
        await self._sent_away(b" " * (cases.LARGEST + 1), 1009)

    async def test_bad_utf8(self) -> None:
        """A text message that is not UTF-8, here half a surrogate pair, is not answered: close 1007."""
        await self._sent_away(cases.call(id='"?"').encode().replace(b"?", b"\xed\xa0\x80"), 1007)

    async def test_binary(self) -> None:
        """A binary message is not answered, even if it has a request in it: close 1003."""
        await self._sent_away(cases.call().encode(), 1003, binary=True)

    async def test_role(self) -> None:
        """A caller whose role does not suffice is told which one would."""
        proxied = await talk(self.service, {"X-Forwarded-For": "192.0.2.1"})
        self.addCleanup(proxied.close)
        for case in cases.DENIED:
            self.assertEqual(faults(case, await proxied.ask(case.text, 1)), [])


class StockWebSocketCaseTests(WebSocketCaseTests):
    """All of it without the fast path."""

    fast = False


class PostCaseTests(Cases, TestCase):
    """By POST, where each case has a connection of its own."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        """Find the service."""
        self.service = await service(_directory(self))

    async def ask(self, text: str, count: int) -> list[bytes]:
        """Post a text."""
        status, body = await self._post(text.encode())
        self.assertEqual(status, 200 if count else 204, f"{text:.200}: {body!r:.200}")
        return [body] if body else []

    async def _post(self, text: bytes, *headers: str) -> tuple[int, bytes]:
        """Post a text; give status and body."""
        address = self.service.http_url.removeprefix("http://")
        head = [
            "POST /rpc HTTP/1.1",
            f"Host: {address}",
            "Connection: close",
            "Content-Type: application/json",
            *headers,
        ]
        host, _, port = address.partition(":")
        connecting = TCP4ClientEndpoint(reactor, host, int(port)).connect(Factory.forProtocol(_Exchange))
        exchange: Any = await connecting
        exchange.transport.write("\r\n".join([*head, *headers, f"Content-Length: {len(text)}", "", ""]).encode() + text)
        answer, _, body = (await exchange.ended.addTimeout(PATIENCE, reactor)).partition(b"\r\n\r\n")
        return int(answer.split()[1]), body

    async def test_too_big(self) -> None:
        """A body of one byte too many gets no JSON-RPC answer: 413."""
        status, _ = await self._post(b" " * (cases.LARGEST + 1))
        self.assertEqual(status, 413)

    async def test_bad_utf8(self) -> None:
        """A body that is not UTF-8 is a parse error, as nothing on the way has checked it."""
        for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            for text in (cases.call(id='"?"'), cases.call(more='"?":1'), cases.call(more='"more":"?"')):
                _, body = await self._post(text.encode().replace(b"?", bad))
                self.assertEqual(faults(Case(text, cases.PARSE), [body]), [], bad)
        _, body = await self._post(cases.call().encode("utf-16"))
        self.assertEqual(faults(Case("", cases.PARSE), [body]), [])
        _, body = await self._post(b"")
        self.assertEqual(faults(Case("", cases.PARSE), [body]), [])

    async def test_role(self) -> None:
        """A caller whose role does not suffice is told which one would."""
        for case in cases.DENIED:
            _, body = await self._post(case.text.encode(), "Forwarded: for=192.0.2.1")
            self.assertEqual(faults(case, [body]), [])


class _Exchange(Protocol):
    """A connection for one request and its answer, as bytes."""

    def __init__(self) -> None:
        self.ended: Deferred[bytes] = Deferred()
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give what came, unless the connection was reset."""
        if reason.check(ConnectionDone):
            self.ended.callback(self._data)
        else:
            self.ended.errback(reason)
