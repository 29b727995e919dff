"""The network side over TLS: all that holds on a plain socket, and what only TLS can get wrong."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, execute
from twisted.internet.endpoints import clientFromString, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate as TrustRoot
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue

from tests.certificates import write_pair
from tests.integration import test_web
from tests.integration.test_web import PATIENCE, Talk
from tests.web.case import Methods, request, response
from tests.web.wire import CLOSE, TEXT, UPGRADE, frame, head
from webcam_rpc import config
from webcam_rpc.web.access import Access
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.endpoints import endpoints_of
from webcam_rpc.web.listener import Listener
from webcam_rpc.web.site import make_site
from webcam_rpc.web.tls import Certificate, Certificates, Files
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

reactor: Any = global_reactor
client_factory: Any = WebSocketClientFactory


class TlsWebTests(test_web.WebTests):
    """Everything that holds on a plain socket, through TLS."""

    async def serve(self, endpoint: str = "tcp:0:interface=127.0.0.1", **limits: Any) -> None:
        """Listen."""
        if endpoint.startswith("unix:"):
            raise OSError(endpoint)
        self.directory = Path(self.mktemp())
        self.files = Files(*write_pair(self.directory))
        self.certificate = Certificate(self.files)
        await super().serve(endpoint, **limits)

    def factory(self) -> Any:
        """Put TLS before the site."""
        return self.certificate.factory(self.site, reactor)

    async def talk(self, endpoint: str | None = None) -> Talk:
        """Connect, and wait for the handshake."""
        where = endpoint or f"tcp:127.0.0.1:{self.port.getHost().port}"
        trusted = TrustRoot.loadPEM(Path(self.files.certificate).read_bytes())  # noqa: ASYNC240 - a small file
        options = optionsForClientTLS("localhost", trustRoot=trusted)
        wrapped = wrapClientTLS(options, clientFromString(reactor, where))
        talk: Talk = await wrapped.connect(Factory.forProtocol(Talk))
        self.addCleanup(talk.close)
        return talk
