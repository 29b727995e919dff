"""The sockets that clients connect to, from Twisted's endpoint strings or from systemd, with TLS before them or not.

Owns the listening. It begins before anything else starts and before privileges are dropped; an endpoint that cannot be
had ends the process at once with one line instead of leaving a service that listens to nothing.
"""

from __future__ import annotations

import os
import sys
from socket import AF_UNIX
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from webcam_rpc.web.passed import listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from twisted.internet.interfaces import IListeningPort
    from twisted.internet.protocol import Factory
    from twisted.python.failure import Failure

    from webcam_rpc.web.endpoints import Endpoint
    from webcam_rpc.web.tls import Certificate


class Listener(Service):
    """Listens on every endpoint while it runs.

    :param reactor: the reactor.
    :param endpoints: what to listen on.
    :param factory: makes a protocol for each connection.
    :param passed: sockets that listen already, instead of ``endpoints``.
    :param certificate: for those of them that are TCP.
    """

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - of several interfaces
        endpoints: Sequence[Endpoint],
        factory: Factory[Any],
        passed: Sequence[socket.socket] = (),
        certificate: Certificate | None = None,
    ) -> None:
        self._log = Logger(namespace="webcam_rpc.web")
        self._reactor = reactor
        self._endpoints = endpoints
        self._factory = factory
        self._passed = passed
        self._certificate = certificate
        # What it would say of itself the lines below say better.
        factory.noisy = False
        self._ports: list[tuple[IListeningPort, Certificate | None]] = []

    def privilegedStartService(self) -> None:
        """Listen. Where that is impossible one line goes to standard error, and SystemExit is raised."""
        super().privilegedStartService()
        if self._passed:
            for passed in self._passed:
                # Over a unix socket there is nobody to listen in.
                certificate = None if passed.family == AF_UNIX else self._certificate
                self._ports.append((listen(self._reactor, passed, self._with(certificate)), certificate))
        else:
            for endpoint in self._endpoints:
                self._listen(endpoint)

    def startService(self) -> None:
        """Listen, unless that has begun already."""
        super().startService()
        if not self._ports:
            self.privilegedStartService()
        for port, certificate in self._ports:
            place = _place(port)
            self._log.info("Starting WebSocket JSON-RPC server on {place}", place=place)
            scheme = "ws" if certificate is None else "wss"
            self._log.info(
                "Server started successfully at {url}",
                url=place if place.startswith("unix:") else f"{scheme}://{place}",
            )

    def stopService(self) -> Deferred[Any]:
        """Take no more connections; those that are there are not this service's."""
        super().stopService()
        ports, self._ports = self._ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port, _ in ports])

    def _with(self, certificate: Certificate | None) -> Any:  # noqa: ANN401 - Twisted's factories have no common type
        return self._factory if certificate is None else certificate.factory(self._factory, self._reactor)

    def _listen(self, endpoint: Endpoint) -> None:
        try:
            server = serverFromString(self._reactor, endpoint.text)
            listening: Deferred[IListeningPort] = server.listen(self._with(endpoint.certificate))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the text, it is the user's to mend
            _give_up(endpoint.written, str(error))
        failures: list[Failure] = []
        listening.addCallbacks(lambda port: self._ports.append((port, endpoint.certificate)), failures.append)
        if failures:
            _give_up(endpoint.written, _reason(failures[0]))


def _give_up(endpoint: str, reason: str) -> NoReturn:
    # By now twistd has turned sys.stderr into the log; whoever typed the command looks at the real one.
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"Cannot listen on {endpoint}: {reason}\n")
    raise SystemExit(1)


def _reason(failure: Failure) -> str:
    error = failure.value
    if isinstance(error, CannotListenError):
        return str(getattr(error.socketError, "strerror", None) or error.socketError)
    return failure.getErrorMessage()


def _place(port: IListeningPort) -> str:
    """Name where ``port`` listens, without the scheme: ``0.0.0.0:8002/ws``."""
    address: Any = port.getHost()
    host = getattr(address, "host", None)
    if host is None:
        # UNIXAddress has bytes.
        return f"unix:{os.fsdecode(getattr(address, 'name', '?'))}"
    return f"{f'[{host}]' if ':' in host else host}:{address.port}/ws"
