"""The site: lets each request in or not, and finds what it asks for. :mod:`.resources` has what is served."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web import http, server
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from webcam_rpc.web import fastpath
from webcam_rpc.web.access import Refused
from webcam_rpc.web.channel import Channel, Request
from webcam_rpc.web.protocol import WebcamServerFactory
from webcam_rpc.web.resources import Refusal, root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure
    from twisted.web.resource import IResource

    from webcam_rpc.config import Server as Limits
    from webcam_rpc.web.admission import Admission
    from webcam_rpc.web.calls import Calls
    from webcam_rpc.web.clients import Clients
    from webcam_rpc.web.grants import Grant


#: What a script of a page that is listed may read beside the answer: when a picture was taken, and how big it is.
_READABLE = b"X-Timestamp, X-Age-Ms, X-UStreamer-Online, X-UStreamer-Width, X-UStreamer-Height"


class Site(server.Site):
    """All that the port serves.

    :param clock: the reactor.
    :param resource: the root.
    :param limits: the section ``server`` of the configuration.
    :param admission: lets requests in.
    :param clients: has the sockets too.
    :param websockets: is started and stopped with the site, which Twisted would not do.
    """

    protocol = Channel  # type: ignore[assignment]

    def __init__(
        self,
        clock: IReactorTime,
        resource: IResource,
        limits: Limits,
        admission: Admission,
        clients: Clients,
        websockets: WebcamServerFactory,
    ) -> None:
        # No timeout of Twisted's: it starts again with every byte. The channel has its own.
        super().__init__(resource, requestFactory=Request, reactor=clock, timeout=None)
        self.limits = limits
        self.clients = clients
        self._admission = admission
        self._websockets = websockets
        clients.connections.is_proxy = admission.access.is_proxy

    def startFactory(self) -> None:  # noqa: N802 - Twisted's name
        """Start the WebSockets; Twisted's own keeps a clock for its access log."""
        self._websockets.doStart()

    def stopFactory(self) -> None:  # noqa: N802 - Twisted's name
        """Stop the WebSockets."""
        self._websockets.doStop()

    def configure(self, limits: Limits) -> None:
        """Go by these limits from now on; a WebSocket that is open keeps those that it began with."""
        self.limits = limits
        self.clients.configure(limits)
        self._websockets.configure(limits)

    def log(self, request: http.Request) -> None:
        """Write no access log: calls are in the traffic log."""

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802 - Twisted's name
        """Speak HTTP/1.1 only: neither the channel's limits nor the WebSocket know HTTP/2."""
        return [b"http/1.1"]

    def getResourceFor(self, request: Request) -> IResource:  # noqa: N802 - Twisted's name
        """Let the request in, then find what it asks for."""
        request.setHeader(b"Server", b"webcam-rpc")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Cross-Origin-Resource-Policy", b"same-origin")
        request.setHeader(b"Referrer-Policy", b"no-referrer")
        try:
            granted = self._admission.admit(request)
        except Refused as refused:
            return _refusal(request, refused)
        if isinstance(granted, Deferred):
            return Proving(request, granted, self._found)
        return self._found(request, granted)

    def _found(self, request: Request, grant: Grant) -> IResource:
        """Find what is asked for by somebody who is let in."""
        request.grant = grant
        peer = grant.visit.peer
        if peer is not request.channel.peer and not self.clients.connections.belongs_to(
            request.channel.transport, peer
        ):
            self.clients.counts.refused += 1
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")
        access, headers = self._admission.access, request.requestHeaders
        # With same-origin the browser would not show what we have just let another page have.
        request.setHeader(b"Cross-Origin-Resource-Policy", access.shown_by(headers))
        reader = access.reader(headers)
        if reader is not None:
            # Nor would it let a script of that page read it, which is how Mainsail shows a stream. No credentials: the
            # cookie is for our own pages.
            request.setHeader(b"Access-Control-Allow-Origin", reader)
            request.setHeader(b"Access-Control-Expose-Headers", _READABLE)
            request.setHeader(b"Vary", b"Origin")
        resource: IResource = super().getResourceFor(request)
        return resource


class Proving(Resource):
    """Stands for what is asked for while the token that was shown is looked at.

    :param granted: gives what whoever asks may do, or fails with Refused.
    :param find: gives the resource then.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    _log = Logger(namespace="webcam_rpc.web")

    def __init__(self, request: Request, granted: Deferred[Grant], find: Callable[[Request, Grant], IResource]) -> None:
        super().__init__()
        self._granted = granted
        self._find = find
        self._gone = False
        request.notifyFinish().addErrback(self._left)

    def render(self, request: Request) -> int:
        """Render it when it is known, if there is still anybody to see it."""

        def found(grant: Grant) -> IResource | None:
            return None if self._gone else self._find(request, grant)

        def failed(failure: Failure) -> IResource:
            if isinstance(failure.value, Refused):
                return _refusal(request, failure.value)
            self._log.failure("A token could not be looked at", failure)
            return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

        def show(resource: IResource | None) -> None:
            if resource is not None and not self._gone:
                request.render(resource)

        self._granted.addCallback(found).addErrback(failed).addCallback(show)
        return NOT_DONE_YET

    def _left(self, _: Failure) -> None:
        self._gone = True


def _refusal(request: Request, refused: Refused) -> Refusal:
    for name, value in refused.headers.items():
        request.setHeader(name, value)
    return Refusal(refused.status, refused.reason)


def make_site(
    reactor: IReactorTime,
    limits: Limits,
    admission: Admission,
    clients: Clients,
    calls: Calls,
    openrpc: Callable[[], bytes],
    more: Mapping[bytes, Resource] | None = None,
) -> Site:
    """Put the site together.

    :param openrpc: gives the text of /openrpc.json.
    :param more: further resources by the first part of their path.
    """
    websockets = WebcamServerFactory(reactor, limits, clients, calls, admission, fastpath.protocol_for)
    tree = root(reactor, clients, calls, admission, websockets, openrpc, more)
    return Site(reactor, tree, limits, admission, clients, websockets)
