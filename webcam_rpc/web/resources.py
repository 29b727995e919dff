"""What the port serves: the WebSocket, the same methods by POST, and their description.

Whoever gets here has passed :mod:`.admission`; ``request.grant`` tells what it may do.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from msgspec import UNSET
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from webcam_rpc.rpc.errors import InvalidState
from webcam_rpc.rpc.roles import Role
from webcam_rpc.rpc.session import receive
from webcam_rpc.web.callqueue import CallQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.tokens import Identity
    from webcam_rpc.web.admission import Admission
    from webcam_rpc.web.allowance import Allowance
    from webcam_rpc.web.calls import Calls
    from webcam_rpc.web.channel import Request
    from webcam_rpc.web.clients import Clients
    from webcam_rpc.web.grants import Grant
    from webcam_rpc.web.protocol import WebcamServerFactory

_JSON = b"application/json"
#: The length of a Sec-WebSocket-Key, decoded (RFC 6455, section 4.1).
_KEY = 16
#: The headers of the handshake that the WebSocket has to see again.
_HANDSHAKE = (b"Sec-WebSocket-Key", b"Sec-WebSocket-Extensions", b"Sec-WebSocket-Protocol")


def answer(request: Request, status: int, body: bytes = b"", content_type: bytes | None = None) -> bytes:
    """Set status, type and length of an answer; give its body."""
    request.setResponseCode(status, HTTPStatus(status).phrase.encode())
    if content_type is not None:
        request.setHeader(b"Content-Type", content_type)
    if status != HTTPStatus.NO_CONTENT:
        request.setHeader(b"Content-Length", b"%d" % len(body))
    return b"" if request.method == b"HEAD" else body


def refuse(request: Request, status: int, reason: str) -> bytes:
    """Answer with a status and a line that says why."""
    return answer(request, status, f"{reason}\n".encode(), b"text/plain; charset=utf-8")


class Refusal(Resource):
    """Answers everything with one status."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, status: int, reason: str) -> None:
        super().__init__()
        self._status = status
        self._reason = reason

    def render(self, request: Request) -> bytes:
        """Refuse."""
        return refuse(request, self._status, self._reason)


class Endpoint(Resource):
    """A resource with nothing below it; knows its verbs, and who may have it.

    :cvar role: the least role.
    :cvar of_a_camera: whether it shows one camera, so that a token for one camera may be enough for it.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    verbs: ClassVar[tuple[bytes, ...]] = (b"GET",)
    role: ClassVar[Role] = Role.NONE
    of_a_camera: ClassVar[bool] = False

    def render(self, request: Request) -> bytes | int:
        """Serve the verbs that there are, at this very path."""
        if request.postpath:
            return refuse(request, HTTPStatus.NOT_FOUND, "not found")
        if request.method not in self.verbs:
            request.setHeader(b"Allow", b", ".join(self.verbs))
            return refuse(request, HTTPStatus.METHOD_NOT_ALLOWED, "method not allowed")
        grant = request.grant
        if grant.only_camera is not None and not self.of_a_camera:
            return refuse(request, HTTPStatus.FORBIDDEN, "this token is for the pictures of one camera")
        if grant.role < self.role:
            return _not_enough(request, grant, self.role)
        return self.serve(request)

    def serve(self, request: Request) -> bytes | int:
        """Answer the request."""
        raise NotImplementedError


def _not_enough(request: Request, grant: Grant, needed: Role) -> bytes:
    """Refuse who may not have it. Whoever has shown no token may have one."""
    if grant.identity is None:
        request.setHeader(b"WWW-Authenticate", b'Bearer realm="webcam-rpc"')
        status = HTTPStatus.UNAUTHORIZED
    else:
        status = HTTPStatus.FORBIDDEN
    return refuse(request, status, f"this needs the role {needed.wire}; yours is {grant.role.wire}")


class Root(Resource):
    """The root, or a branch with nothing at its own path: what is not there is a plain 404."""

    def render(self, request: Request) -> bytes:
        """Refuse."""
        return refuse(request, HTTPStatus.NOT_FOUND, "not found")

    def getChild(self, path: bytes, request: Request) -> Resource:  # noqa: ARG002 - Twisted's signature
        """Give what has no other resource."""
        return Refusal(HTTPStatus.NOT_FOUND, "not found")


class WebSockets(Endpoint):
    """``/ws``: checks the opening handshake, then hands the socket over."""

    def __init__(self, factory: WebcamServerFactory) -> None:
        super().__init__()
        self._factory = factory

    def serve(self, request: Request) -> bytes | int:
        """Upgrade, or say what the request lacks (RFC 6455, section 4.2)."""
        headers = request.requestHeaders
        if not headers.hasHeader(b"Upgrade"):
            request.setHeader(b"Upgrade", b"websocket")
            request.setHeader(b"Connection", b"Upgrade")
            return refuse(request, HTTPStatus.UPGRADE_REQUIRED, "this is a WebSocket")
        fault = _fault(request)
        if fault is not None:
            if headers.getRawHeaders(b"Sec-WebSocket-Version") != [b"13"]:
                request.setHeader(b"Sec-WebSocket-Version", b"13")
            return refuse(request, HTTPStatus.BAD_REQUEST, fault)
        self._upgrade(request)
        return NOT_DONE_YET

    def _upgrade(self, request: Request) -> None:
        link = self._factory.buildProtocol(request.channel.transport.getPeer())
        link.grant = request.grant
        rest = request.channel.hand_over(link)
        link.dataReceived(_head(request))
        if rest:
            link.dataReceived(rest)


def _fault(request: Request) -> str | None:
    """Say what is wrong with an opening handshake."""
    headers = request.requestHeaders
    if request.clientproto != b"HTTP/1.1":
        return "HTTP/1.1 is needed"
    if b"websocket" not in _tokens(headers.getRawHeaders(b"Upgrade")):
        return "the Upgrade header does not say websocket"
    if b"upgrade" not in _tokens(headers.getRawHeaders(b"Connection")):
        return "the Connection header does not say Upgrade"
    if headers.getRawHeaders(b"Sec-WebSocket-Version") != [b"13"]:
        return "Sec-WebSocket-Version must be 13"
    if request.content.read(1):
        return "an opening handshake has no body"
    keys = headers.getRawHeaders(b"Sec-WebSocket-Key") or ()
    try:
        valid = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == _KEY
    except ValueError:
        valid = False
    return None if valid else "Sec-WebSocket-Key must be 16 bytes in base64"


def _tokens(values: Iterable[bytes] | None) -> list[bytes]:
    return [token.strip().lower() for value in values or () for token in value.split(b",")]


def _head(request: Request) -> bytes:
    """Write the handshake again for Autobahn, with nothing in it that has been checked already."""
    lines = [
        b"GET /ws HTTP/1.1",
        b"Host: localhost",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
    ]
    for name in _HANDSHAKE:
        values = request.requestHeaders.getRawHeaders(name)
        if values:
            lines.append(name + b": " + b", ".join(values))
    return b"\r\n".join((*lines, b"", b""))


@dataclass(frozen=True)
class Poster:
    """The caller of a method by HTTP: there is no connection that events could be sent on."""

    role: Role
    peer: str
    grant: Grant
    allowance: Allowance | None
    session_id: None = None
    subscription: None = None

    def authenticate(self, token: str) -> Deferred[Identity]:  # noqa: ARG002 - as of one that can
        """Refuse: there is nothing that it would last for."""
        raise InvalidState("NOT_A_WEBSOCKET", hint="show the token in the header Authorization of each request")


class Post(Endpoint):
    """``POST /rpc``: one JSON-RPC text and its answer."""

    verbs = (b"POST",)

    def __init__(self, clock: IReactorTime, clients: Clients, calls: Calls, admission: Admission) -> None:
        super().__init__()
        self._clock = clock
        self._traffic = clients.traffic
        self._calls = calls
        self._admission = admission

    def serve(self, request: Request) -> bytes | int:
        """Perform the calls in the body.

        A page of another site can post without asking first, but not with this content type (Fetch, section
        "CORS-safelisted request-header").
        """
        types = request.requestHeaders.getRawHeaders(b"Content-Type") or ()
        if [kind.partition(b";")[0].strip().lower() for kind in types] != [_JSON]:
            return refuse(request, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
        grant, text = request.grant, request.content.read()
        peer = grant.visit.peer
        if self._traffic.enabled:
            self._traffic.received(peer, text)

        def reply(body: bytes) -> None:
            if self._traffic.enabled:
                self._traffic.sending(peer, body)
            request.setHeader(b"Cache-Control", b"no-store")
            request.write(answer(request, HTTPStatus.OK, body, _JSON))
            request.finish()

        exchange = receive(text)
        poster = Poster(grant.role, peer.name, grant, self._admission.allowance(grant.visit))
        queue = CallQueue(self._calls, self._clock, poster, reply, lambda: None)
        request.notifyFinish().addErrback(lambda _: queue.cancel())
        if exchange.reply is not None:
            reply(exchange.reply)
        elif all(call.id is UNSET for call in exchange.calls):
            request.write(answer(request, HTTPStatus.NO_CONTENT))
            request.finish()
        queue.add(exchange)
        return NOT_DONE_YET


class OpenRPC(Endpoint):
    """``/openrpc.json``: what ``rpc.discover`` gives."""

    verbs = (b"GET", b"HEAD")

    def __init__(self, document: Callable[[], bytes]) -> None:
        super().__init__()
        self._document = document

    def serve(self, request: Request) -> bytes:
        """Give the document."""
        return answer(request, HTTPStatus.OK, self._document(), _JSON)


def root(
    clock: IReactorTime,
    clients: Clients,
    calls: Calls,
    admission: Admission,
    websockets: WebcamServerFactory,
    openrpc: Callable[[], bytes],
    more: Mapping[bytes, Resource] | None = None,
) -> Root:
    """Put the resources together.

    :param more: further resources by the first part of their path.
    """
    tree = Root()
    tree.putChild(b"ws", WebSockets(websockets))
    tree.putChild(b"rpc", Post(clock, clients, calls, admission))
    tree.putChild(b"openrpc.json", OpenRPC(openrpc))
    for name, resource in (more or {}).items():
        tree.putChild(name, resource)
    return tree
