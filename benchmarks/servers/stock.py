"""Autobahn on Twisted's epoll reactor with stdlib json, as its own examples have it.

A program, and a ``twistd -y`` file: the first is the least that it can be, the second what one installs.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.application.service import Application
from twisted.internet import reactor as installed
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from benchmarks.servers.job import answer, asked, event

reactor: Any = installed


class Ping(WebSocketServerProtocol):  # type: ignore[misc,unused-ignore]
    """One client."""

    def onOpen(self) -> None:
        """Count it in."""
        self.factory.clients[self] = None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: ARG002, FBT001, N803 - Autobahn's signature
        """Answer a call."""
        self.sendMessage(json.dumps(answer(json.loads(payload))).encode())

    def onClose(self, *_: object) -> None:
        """Count it out."""
        self.factory.clients.pop(self, None)


@implementer(IReadDescriptor)
class Publisher:
    """Reads standard input."""

    def __init__(self, clients: dict[Ping, None]) -> None:
        self._clients = clients
        self._seq = 0

    def fileno(self) -> int:
        """Give standard input's descriptor."""
        return 0

    def doRead(self) -> None:
        """Publish."""
        for line in os.read(0, 4096).decode().splitlines():
            for _ in range(asked(line)):
                self._seq += 1
                payload = json.dumps(event(self._seq)).encode()
                for client in self._clients:
                    client.sendMessage(payload)

    def connectionLost(self, reason: object) -> None:  # noqa: ARG002 - Twisted's signature
        """End: who started this has gone."""
        with suppress(ReactorNotRunning):
            reactor.stop()

    def logPrefix(self) -> str:
        """Name this reader."""
        return "stdin"


def listen() -> int:
    """Serve; gives the port."""
    make_factory: Any = WebSocketServerFactory
    factory = make_factory()
    factory.protocol = Ping
    factory.clients = {}
    reactor.addReader(Publisher(factory.clients))
    port: int = reactor.listenTCP(0, factory, interface="127.0.0.1", backlog=1024).getHost().port
    return port


def announce() -> None:
    """Serve, and say where."""
    print(f"ws://127.0.0.1:{listen()}/", file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    announce()
    reactor.run()
else:
    application: Any = Application("stock")
    reactor.callWhenRunning(announce)
