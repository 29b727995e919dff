"""The sockets that clients connect to, from Twisted's endpoint strings.

Owns the listening. It begins before anything else starts and before privileges are dropped; an endpoint that cannot be
had ends the process at once with one line instead of leaving a service that listens to nothing.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.interfaces import IListeningPort
    from twisted.internet.protocol import Factory
    from twisted.python.failure import Failure


class Listener(Service):
    """Listens on every endpoint while it runs.

    :param reactor: the reactor.
    :param endpoints: endpoint strings (``tcp:8002:interface=0.0.0.0``).
    :param factory: makes a protocol for each connection.
    """

    def __init__(self, reactor: object, endpoints: Sequence[str], factory: Factory[Any]) -> None:
        self._log = Logger(namespace="webcam_rpc.web")
        self._reactor = reactor
        self._endpoints = endpoints
        self._factory = factory
        # What it would say of itself the lines below say better.
        factory.noisy = False
        self._ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """Listen. Where that is impossible one line goes to standard error, and SystemExit is raised."""
        super().privilegedStartService()
        for endpoint in self._endpoints:
            self._listen(endpoint)

    def startService(self) -> None:
        """Listen, unless that has begun already."""
        super().startService()
        if not self._ports:
            self.privilegedStartService()
        for port in self._ports:
            place = _place(port)
            self._log.info("Starting WebSocket JSON-RPC server on {place}", place=place)
            self._log.info(
                "Server started successfully at {url}", url=place if place.startswith("unix:") else f"ws://{place}"
            )

    def stopService(self) -> Deferred[Any]:
        """Take no more connections; those that are there are not this service's."""
        super().stopService()
        ports, self._ports = self._ports, []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def _listen(self, endpoint: str) -> None:
        try:
            listening: Deferred[IListeningPort] = serverFromString(self._reactor, endpoint).listen(self._factory)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the text, it is the user's to mend
            _give_up(endpoint, str(error))
        failures: list[Failure] = []
        listening.addCallbacks(self._ports.append, failures.append)
        if failures:
            _give_up(endpoint, _reason(failures[0]))


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
