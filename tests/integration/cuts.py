"""A proxy that breaks the connections that it carries, and a process of Python that runs into that."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.protocols.portforward import ProxyFactory, ProxyServer

from tests.integration.test_service import PATIENCE, reactor
from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure


class Leaky(ProxyServer):
    """One connection by way of the proxy: it breaks when as many bytes as it may carry have gone to the client."""

    #: Twisted's types say less of transports than there is.
    transport: Any
    peer: Any

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._left = proxy.budget()

    def connectionMade(self) -> None:
        """Connect to the service, or break at once."""
        self._proxy.open.add(self)
        if self._left == 0:
            self.transport.abortConnection()
            return
        super().connectionMade()
        write = self.transport.write

        def leak(data: bytes) -> None:
            if self._left is not None:
                data, self._left = data[: self._left], self._left - min(self._left, len(data))
            write(data)
            if self._left == 0:
                self._proxy.cuts += 1
                # Behind what was written, and in the middle of whatever that is; the client sees a reset or an end.
                reactor.callLater(0, self.cut)

        # What comes from the service is written here by the other half.
        self.transport.write = leak

    def cut(self) -> None:
        """Break it."""
        if self in self._proxy.open:
            self.transport.loseConnection()
            if self.peer is not None:
                self.peer.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override] # it has a default there
        """Forget it."""
        self._proxy.open.discard(self)
        if self.peer is not None:
            super().connectionLost(reason)


class Proxy(ProxyFactory):
    """Carries bytes to the service, each connection as many as ``budget`` says: None for no end of them."""

    noisy = False

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.open: set[Leaky] = set()
        self.cuts = 0
        self.budget: Callable[[], int | None] = lambda: None

    def buildProtocol(self, addr: IAddress | None) -> Leaky:  # noqa: ARG002 - Twisted's signature
        """Make a connection."""
        protocol = Leaky(self)
        protocol.factory = self
        return protocol

    def cut(self) -> None:
        """Break all that there are."""
        for one in tuple(self.open):
            self.cuts += 1
            one.cut()


class Follower(ProcessProtocol):
    """A process of Python, such as :mod:`tests.client.follower`, and what it has written."""

    def __init__(self, output: Path, *arguments: str) -> None:
        self._output = output
        self.ended: Deferred[int] = Deferred()
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(":"),
        }
        argv = [sys.executable, "-W", "error", *arguments]
        with output.open("wb") as out, open(os.devnull, "rb") as null:
            files = {0: null.fileno(), 1: out.fileno(), 2: 2}
            self.process: Any = reactor.spawnProcess(self, argv[0], argv, env=environ, path=str(ROOT), childFDs=files)

    def processEnded(self, reason: Failure) -> None:
        """Keep the exit status."""
        reason.trap(ProcessDone, ProcessTerminated)
        value: Any = reason.value
        self.ended.callback(value.status)

    def told(self) -> list[dict[str, Any]]:
        """Give every event that it has written so far."""
        whole, _, _ = self._output.read_text("utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def kill(self) -> None:
        """End it at once."""
        if not self.ended.called:
            self.process.signalProcess("KILL")

    async def stop(self) -> list[dict[str, Any]]:
        """End it in good order and give what it had to say."""
        self.process.signalProcess(signal.SIGTERM)
        await self.ended.addTimeout(PATIENCE, reactor)
        return self.told()
