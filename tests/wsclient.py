"""A JSON-RPC client over a real WebSocket that believes nothing.

Every reply is held against the contract that the service itself publishes (``rpc.discover``): a result against its
method's result schema, an error against the codes of its method and the data of its code. Every notification is held
against API.md. What breaks the contract fails the call that it answers, or the next thing that the test does.

    client = await Client.connect(reactor, service.url)
    cameras = await client.call("get_camera_list")
    plugged = await client.wait_for(status_of("usb-1d6b-0102-tb0000", "CONNECTED"), deadline=10)
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any, NoReturn

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, UNIXClientEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JSON = Any
_factory: Any = WebSocketClientFactory  # it has no types
#: What any call may be answered with, whatever its method lists.
_ANYWHERE = frozenset({-32700, -32600, -32601, -32602, -32603, -32040})
#: The members that the data of each code has, by API.md.
_DATA: dict[int, tuple[str, ...]] = {
    -32602: ("param", "rule", "hint"),
    -32603: ("correlation_id",),
    -32001: ("reason",),
    -32002: ("required_role", "have_role"),
    -32010: ("resource", "id"),
    -32020: ("reason",),
    -32030: ("feature",),
    -32040: ("retry_after_ms",),
    -32050: ("reason", "detail", "remedy"),
    -32060: ("available_space", "required"),
    -32070: ("deadline_s",),
}
_STATUSES = {"CONNECTED", "DISCONNECTED", "ERROR"}


class RPCFailed(Exception):  # noqa: N818 - an answer, often the expected one
    """The service answered with an error."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        super().__init__(f"{method}: {error['code']} {error['message']} {error.get('data')}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: dict[str, Any] = error.get("data") or {}


class Closed(Exception):  # noqa: N818 - what happened to the connection, often the expected thing
    """The connection ended; ``code`` is the close code, None without a close frame."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code = code
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class Notification:
    """One notification, and when it arrived on the monotonic clock."""

    method: str
    params: dict[str, Any]
    at: float


def status_of(camera_id: str | None, status: str, *, whole: bool = True) -> Callable[[Notification], bool]:
    """Recognise the announcement that a camera (any, for None) now has this status; initial states are not news.

    A camera whose probe takes long is announced CONNECTED first and then again with resolution and fps; ``whole`` waits
    for these.
    """

    def matches(notification: Notification) -> bool:
        params = notification.params
        return (
            notification.method == "camera_status_update"
            and params["status"] == status
            and camera_id in (None, params["camera_id"])
            and not params.get("initial")
            and not (whole and status == "CONNECTED" and "resolution" not in params)
        )

    return matches


class Contract:
    """What the service promises: an OpenRPC document, and what API.md says of errors and notifications."""

    def __init__(self, document: dict[str, Any]) -> None:
        import referencing  # noqa: PLC0415 - slow to load on an emulated machine, and not every test connects
        import referencing.jsonschema  # noqa: PLC0415
        from jsonschema import Draft202012Validator  # noqa: PLC0415

        self.document = document
        resource = referencing.Resource.from_contents(document, referencing.jsonschema.DRAFT202012)
        registry = referencing.Registry().with_resource("urn:openrpc", resource)
        self._methods: dict[str, dict[str, Any]] = {}
        self._results: dict[str, Any] = {}
        for place, method in enumerate(document["methods"]):
            self._methods[method["name"]] = method
            pointer = f"urn:openrpc#/methods/{place}/result/schema"
            self._results[method["name"]] = Draft202012Validator({"$ref": pointer}, registry=registry)

    @property
    def methods(self) -> frozenset[str]:
        """The names of the methods that there are."""
        return frozenset(self._methods)

    def check_result(self, method: str, result: JSON) -> None:
        """Fail unless ``result`` is what ``method`` promises."""
        if method not in self._results:
            text = f"{method} is not in rpc.discover, but was answered with a result"
            raise AssertionError(text)
        for error in self._results[method].iter_errors(result):
            text = f"{method}: its result breaks its schema at {error.json_path}: {error.message}\nresult: {result}"
            raise AssertionError(text)

    def check_error(self, method: str, error: JSON) -> None:
        """Fail unless ``error`` is one of the method's, with the data of its code."""
        _expect(isinstance(error, dict) and set(error) <= {"code", "message", "data"}, f"{method}: {error} is no error")
        code = error.get("code")
        _expect(type(code) is int, f"{method}: an error's code is an integer, not {code!r}")
        _expect(isinstance(error.get("message"), str), f"{method}: an error has a message: {error}")
        if method in self._methods:
            listed = {self._resolve(one)["code"] for one in self._methods[method].get("errors", ())}
            _expect(code in listed | _ANYWHERE, f"{method} lists {sorted(listed)}, and was answered with {error}")
        elif method:
            _expect(code == -32601, f"{method} is not in rpc.discover and was answered with {error}")
            _expect(error["message"] == f"Method not found: {method}", f"the wrong words: {error}")
        data = error.get("data") or {}
        missing = [name for name in _DATA.get(code, ()) if name not in data]
        _expect(not missing, f"{method}: the data of {code} lacks {missing}: {error}")

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            where, part = part["$ref"].removeprefix("#/").split("/"), self.document
            for name in where:
                part = part[name.replace("~1", "/").replace("~0", "~")]
        return part


def check_notification(notification: Notification) -> None:
    """Fail unless a notification is as API.md describes it."""
    method, params = notification.method, notification.params
    text = f"{method} {params}"
    _expect(isinstance(params, dict), f"params by name: {text}")
    _expect(type(params.get("seq")) is int, f"a seq: {text}")
    _expect(isinstance(params.get("epoch"), str), f"an epoch: {text}")
    _expect(str(params.get("timestamp")).endswith("Z"), f"a timestamp in UTC: {text}")
    if method == "camera_status_update":
        _expect(params.get("status") in _STATUSES, f"a status: {text}")
        _expect(str(params.get("device", "")).startswith("/dev/"), f"a device: {text}")
        _expect(bool(params.get("camera_id")), f"a camera_id: {text}")
        connected = params["status"] == "CONNECTED"
        _expect(connected or not {"resolution", "fps"} & set(params), f"resolution and fps only CONNECTED: {text}")
        _expect("x" in params.get("resolution", "x"), f"a resolution: {text}")
        _expect("resolution" in params or "fps" not in params, f"fps of no mode: {text}")
        fps = params.get("fps")
        _expect(not isinstance(fps, float) or not fps.is_integer(), f"whole fps are integers: {text}")
        _expect(params["status"] != "ERROR" or bool(params.get("reason")), f"a reason for ERROR: {text}")


def _expect(fact: bool, text: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not fact:
        raise AssertionError(text)


class _Protocol(WebSocketClientProtocol):
    def onOpen(self) -> None:
        self.factory.client._opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N803, FBT001
        self.factory.client._received(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N803, FBT001
        self.factory.client._lost(code if wasClean or code != 1006 else None, reason or "")


class Client:
    """One connection; made by :meth:`connect`."""

    def __init__(self, reactor: Any, contract: Contract | None) -> None:
        self._reactor = reactor
        self.contract = contract
        self.notifications: list[Notification] = []
        self.faults: list[str] = []
        self.closed: Closed | None = None
        self._protocol: Any = None
        self._open: Deferred[None] = Deferred()
        self._gone: list[Deferred[None]] = []
        self._calls: dict[int, tuple[str, Deferred[JSON]]] = {}
        self._unclaimed: list[Deferred[JSON]] = []
        self._waits: list[tuple[Callable[[Notification], bool], Deferred[Notification]]] = []
        self._last_id = 0
        self._last_seq: dict[str, int] = {}

    @classmethod
    async def connect(
        cls,
        reactor: Any,
        url: str,
        *,
        unix: str | None = None,
        headers: Mapping[str, str] | None = None,
        origin: str | None = None,
        contract: Contract | None = None,
        deadline: float = 30.0,
    ) -> Client:
        """Connect to ``url`` and learn its contract.

        :param unix: the path of a unix socket to connect to instead of the URL's address.
        :param contract: of this service, from an earlier connection; asked for otherwise.
        """
        client = cls(reactor, contract)
        factory = _factory(url, headers=dict(headers or {}), origin=origin, reactor=reactor)
        factory.protocol = _Protocol
        factory.client = client
        factory.noisy = False
        factory.setProtocolOptions(openHandshakeTimeout=deadline, closeHandshakeTimeout=deadline)
        tcp = TCP6ClientEndpoint if ":" in factory.host else TCP4ClientEndpoint
        endpoint = UNIXClientEndpoint(reactor, unix) if unix else tcp(reactor, factory.host, factory.port)
        await endpoint.connect(factory)
        await client._open.addTimeout(deadline, reactor)
        if client.contract is None:
            client.contract = Contract(await client.call("rpc.discover"))
        return client

    def call(
        self, method: str, params: Mapping[str, Any] | list[Any] | None = None, deadline: float = 60.0
    ) -> Deferred[JSON]:
        """Call ``method``; fires with the result, or fails with :class:`RPCFailed`, :class:`Closed` or TimeoutError."""
        self._last_id += 1
        request: dict[str, Any] = {"jsonrpc": "2.0", "id": self._last_id, "method": method}
        if params is not None:
            request["params"] = params
        answer: Deferred[JSON] = Deferred()
        if self.closed is not None:
            answer.errback(self.closed)
            return answer
        if method == "subscribe_events":
            self._last_seq = {}  # a replay goes back
        self._calls[self._last_id] = (method, answer)
        answer.addTimeout(deadline, self._reactor)
        self.send(json.dumps(request).encode())
        return answer

    def send(self, payload: bytes, *, binary: bool = False) -> None:
        """Send a message as it is."""
        self._protocol.sendMessage(payload, binary)

    def exchange(self, payload: bytes) -> Deferred[JSON]:
        """Send a message as it is; fires with the next message that answers no :meth:`call`."""
        answer: Deferred[JSON] = Deferred()
        self._unclaimed.append(answer)
        self.send(payload)
        return answer

    def mark(self) -> int:
        """Remember this moment, as the place in ``notifications`` that comes next."""
        return len(self.notifications)

    async def wait_for(
        self, predicate: Callable[[Notification], bool], deadline: float, since: int = 0, what: str = ""
    ) -> Notification:
        """Give the first notification from ``since`` on that ``predicate`` accepts, waiting for it if need be."""
        self.check()
        for notification in self.notifications[since:]:
            if predicate(notification):
                return notification
        found: Deferred[Notification] = Deferred()
        entry = (predicate, found)
        self._waits.append(entry)
        try:
            return await found.addTimeout(deadline, self._reactor, onTimeoutCancel=_give_up)
        except TimeoutError:
            came = self.notifications[since:]
            text = f"no such notification in {deadline:g} s{what and ': '}{what}; since then: {came}"
            raise AssertionError(text) from None
        finally:
            if entry in self._waits:
                self._waits.remove(entry)

    def check(self) -> None:
        """Fail if anything that came broke the contract."""
        if self.faults:
            raise AssertionError(self.faults[0])

    async def close(self, deadline: float = 30.0) -> None:
        """Close the connection, wait until it is gone, and :meth:`check`."""
        if self.closed is None:
            gone: Deferred[None] = Deferred()
            self._gone.append(gone)
            self._protocol.sendClose(1000)
            await gone.addTimeout(deadline, self._reactor)
        self.check()

    async def lost(self, deadline: float = 30.0) -> Closed:
        """Wait until the other side ends the connection and tell how it did."""
        if self.closed is None:
            gone: Deferred[None] = Deferred()
            self._gone.append(gone)
            await gone.addTimeout(deadline, self._reactor)
        assert self.closed is not None
        return self.closed

    # From the protocol.

    def _opened(self, protocol: Any) -> None:
        self._protocol = protocol
        self._open.callback(None)

    def _lost(self, code: int | None, reason: str) -> None:
        self.closed = Closed(code, reason)
        waiting: list[Deferred[Any]] = [answer for _, answer in self._calls.values()]
        waiting += [*self._unclaimed, *(found for _, found in self._waits)]
        if not self._open.called:
            waiting.append(self._open)
        self._calls, self._unclaimed, self._waits = {}, [], []
        for deferred in waiting:
            if not deferred.called:
                deferred.errback(self.closed)
        for gone in self._gone:
            gone.callback(None)

    def _received(self, payload: bytes, binary: bool) -> None:  # noqa: FBT001
        at = time.monotonic()
        try:
            _expect(not binary, f"a binary message: {payload[:200]!r}")
            message = json.loads(payload)
            if isinstance(message, dict) and "method" in message:
                self._notified(message, at)
            elif isinstance(message, dict) and message.get("id") in self._calls:
                self._answered(message)
            elif self._unclaimed:
                self._unclaimed.pop(0).callback(message)
            else:
                self.faults.append(f"an answer that nobody asked for: {message}")
        except (AssertionError, ValueError) as error:
            self.faults.append(f"{error}")

    def _answered(self, message: dict[str, Any]) -> None:
        method, answer = self._calls.pop(message["id"])
        if answer.called:
            return  # it was given up
        try:
            both = set(message)
            _expect(both in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}), f"{method}: answered {message}")
            _expect(message["jsonrpc"] == "2.0" and type(message["id"]) is int, f"{method}: answered {message}")
            if "error" in message:
                if self.contract is not None:
                    self.contract.check_error(method, message["error"])
                answer.errback(RPCFailed(method, message["error"]))
                return
            if self.contract is not None:
                self.contract.check_result(method, message["result"])
        except AssertionError as fault:
            answer.errback(fault)
        else:
            answer.callback(message["result"])

    def _notified(self, message: dict[str, Any], at: float) -> None:
        _expect(set(message) == {"jsonrpc", "method", "params"}, f"a notification has no more than that: {message}")
        notification = Notification(message["method"], message["params"], at)
        check_notification(notification)
        if not notification.params.get("initial"):
            epoch, seq = notification.params["epoch"], notification.params["seq"]
            _expect(self._last_seq.get(epoch, -1) < seq, f"seq grows: {message} after {self._last_seq}")
            self._last_seq = {epoch: seq}
        self.notifications.append(notification)
        for entry in tuple(self._waits):
            if entry[0](notification):
                self._waits.remove(entry)
                entry[1].callback(notification)


def _give_up(_result: object, _seconds: float) -> NoReturn:
    raise TimeoutError
