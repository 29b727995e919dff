"""The service's WebSocket with an echo in place of JSON-RPC: what a public conformance suite can be run against.

Such a suite sends text and binary messages and wants each back as it was. The service answers JSON-RPC and refuses
binary messages, so the real one can be asked only what has no message in it. This program puts the rest of the real
parts together as tap.py does (Site, Channel, Access, Connections, Clients, the factory and protocol with their options,
pacing, codec and outbox) and changes only

- what becomes of a message: it is sent back as replies are, in place of rpc.session, CallQueue and Calls;
- binary messages: they are taken, and not refused with 1003;
- compression: where it was agreed on, messages of under 1 KiB are deflated too, which the service does not find worth
  its while, so that more cases reach the codec;
- the limits that cases of the suite go beyond by design: 16 MiB a message (1 MiB), any number of frames in one (8192);
- pings: none of our own, because the suite takes one that comes within 12.* or 13.* for the end of the case.

What is replaced, raised or left out here is tested elsewhere against the real service.

    python -m tests.integration.echo_server [--port PORT] [--stock]

listens on loopback (an ephemeral port unless told), with or without the fast path, prints the address on one line, and
ends with SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, cast

import msgspec

from webcam_rpc.config import Config
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.tokens import Identity, TokenRefused
from webcam_rpc.web.access import Access
from webcam_rpc.web.admission import Admission
from webcam_rpc.web.allowance import Rates
from webcam_rpc.web.calls import Calls
from webcam_rpc.web.client import Client
from webcam_rpc.web.clients import Clients
from webcam_rpc.web.fastpath import FastServerProtocol
from webcam_rpc.web.frames import text_frame
from webcam_rpc.web.grants import Grants
from webcam_rpc.web.protocol import WebcamServerFactory, WebcamServerProtocol
from webcam_rpc.web.resources import root
from webcam_rpc.web.site import Site
from webcam_rpc.web.traffic import Traffic

#: The largest message of the suite (9.1.6 and 9.2.6).
LARGEST = 16 * 1024 * 1024
#: The opcodes of text and binary frames differ in these bits (RFC 6455, section 5.2).
_TEXT_OR_BINARY = 0x01 ^ 0x02


class StockEchoProtocol(WebcamServerProtocol):
    """The service's WebSocket without its fast path, except that messages come back."""

    binary = False

    def onMessageBegin(self, is_binary: bool) -> None:  # noqa: FBT001 - Autobahn's signature
        """Take binary messages too: the service's check sees a text."""
        super().onMessageBegin(is_binary=False)
        self.binary = is_binary

    def onMessageFrameBegin(self, length: int) -> None:
        """Take any number of frames: 9.3.1 and 9.4.1 send 65536."""
        self.frames = 0
        super().onMessageFrameBegin(length)


class EchoProtocol(StockEchoProtocol, FastServerProtocol):
    """The service's WebSocket, except that messages come back."""

    def parse(self, data: bytes) -> int:
        """Take whole text frames past Autobahn, as the service does, which knows no other messages."""
        if not (self.inside_message or self.current_frame):
            self.binary = False
        return super().parse(data)


class EchoClient(Client):
    """The service's client, which gets back what it sends."""

    def received(self, text: bytes) -> None:
        """Send it back."""
        codec = self._codec
        frame = text_frame(text if codec is None else codec.compress(text), compressed=codec is not None)
        if cast("StockEchoProtocol", self._link).binary:
            # The service never sends such a frame.
            frame = bytes((frame[0] ^ _TEXT_OR_BINARY,)) + frame[1:]
        self._outbox.write(frame)


class EchoFactory(WebcamServerFactory):
    """The service's factory of WebSockets, with such clients."""

    client_type = EchoClient


class Nobody:
    """Knows no token."""

    def verify(self, text: str, path: str | None) -> Identity:  # noqa: ARG002 - the service's has them
        """Refuse."""
        raise TokenRefused("unknown")


def make_echo_site(reactor: Any, *, fast: bool = True) -> Site:
    """Put the site together as the service's makeService and make_site do."""
    config = Config()
    limits = msgspec.structs.replace(config.server, max_message_size=LARGEST, ping_interval=0.0, fast_path=fast)
    clients = Clients(reactor, limits, traffic=Traffic(reactor, enabled=False))
    clients.startService()
    calls = Calls(MethodTable(()), reactor)
    access = Access(config.access, ())
    grants = Grants(reactor, time.time, access, lambda _: False)
    admission = Admission(access, grants, Nobody(), Rates(config.access.rate, reactor.seconds), reactor.seconds)
    kinds = {True: EchoProtocol, False: StockEchoProtocol}
    websockets = EchoFactory(reactor, limits, clients, calls, admission, kinds.__getitem__)
    tree = root(reactor, clients, calls, admission, websockets, lambda: b"{}")
    return Site(reactor, tree, limits, admission, clients, websockets)


def main() -> None:
    """Serve until told to stop."""
    from twisted.internet import reactor as installed  # noqa: PLC0415 - a program, not a part: it may choose

    parser = argparse.ArgumentParser(description="Echo server with the service's WebSocket.")
    parser.add_argument("--port", type=int, default=0, help="the port on loopback")
    parser.add_argument("--stock", action="store_true", help="without the fast path")
    options = parser.parse_args()
    reactor: Any = installed
    port = reactor.listenTCP(options.port, make_echo_site(reactor, fast=not options.stock), interface="127.0.0.1")
    print(f"ws://127.0.0.1:{port.getHost().port}/ws", flush=True)  # noqa: T201 - what it is asked for
    reactor.run()


if __name__ == "__main__":
    main()
