"""One WebSocket connection to a service, for the commands that listen or look at the messages themselves.

Owns the Autobahn protocol and the reactor of a command: its modules are slow to load, so commands import this one when
they run and not before.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import click
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.task import react
from twisted.python.failure import Failure

from webcam_rpc import __version__
from webcam_rpc.cli import admin
from webcam_rpc.cli.exchange import HUNG_UP, NOBODY, NOT_TRUSTED
from webcam_rpc.cli.failures import NO_PERMISSION, UNAVAILABLE, Failed, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from webcam_rpc.cli.service import Service

#: Seconds for a connection, and for an answer.
PATIENCE = 30.0
#: A machine that is gone without a word is noticed by these.
_PINGS = {"autoPingInterval": 20.0, "autoPingTimeout": 20.0}
_STATUSES = {401: NO_PERMISSION, 403: NO_PERMISSION}
#: What Autobahn says where the answer to the handshake was one of HTTP: nothing else has its status.
#: Autobahn 24.4 has it in parentheses, 26.10 in brackets.
_ANSWERED = re.compile(r"upgrade failed [\[(](?P<status>\d{3})[\]: -]*(?P<words>[^)\"]*)")


def run(work: Callable[[Any], Deferred[int]]) -> int:
    """Run ``work`` with the reactor, and give its exit status.

    :raises Failed: if it failed so.
    :raises click.Abort: if Ctrl-C ended it.
    """
    outcome: list[Any] = []

    def begin(reactor: Any) -> Deferred[None]:  # noqa: ANN401 - of several interfaces
        done: Deferred[Any] = work(reactor)
        # Before Ctrl-C ends the connections, or their ends would be told.
        reactor.addSystemEventTrigger("before", "shutdown", done.cancel)
        return done.addBoth(outcome.append)

    # It would end the process, which has more to say.
    with contextlib.suppress(SystemExit):
        react(begin)
    if not outcome or (isinstance(outcome[0], Failure) and outcome[0].check(CancelledError)):
        raise click.Abort
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return int(outcome[0])


class Wire:
    """A connection that is open; :func:`connect` makes one.

    :ivar lost: fires with the reason in words when the connection is gone.
    """

    def __init__(self, clock: Any, heard: Callable[[dict[str, Any]], object]) -> None:  # noqa: ANN401 - IReactorTime
        self.lost: Deferred[str] = Deferred()
        self._clock = clock
        self._heard = heard
        self._protocol: Any = None
        self._opened: Deferred[Wire] = Deferred()
        self._waiting: list[Deferred[dict[str, Any]]] = []

    def exchange(self, text: str) -> Deferred[dict[str, Any]]:
        """Send a text as it is; fires with the answer. Answers come in the order of what they answer."""
        answer: Deferred[dict[str, Any]] = Deferred()
        self._waiting.append(answer)
        self._protocol.sendMessage(text.encode())
        return answer.addTimeout(PATIENCE, self._clock, _too_late)

    @inlineCallbacks
    def call(
        self, method: str, params: Mapping[str, Any] | None = None
    ) -> Generator[Deferred[dict[str, Any]], dict[str, Any], Any]:
        """Call a method; fires with its result, or fails with Failed."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        answer = yield self.exchange(json.dumps(request))
        if "error" in answer:
            raise refusal(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End it."""
        self._protocol.sendClose(1000)

    # From the protocol.

    def _opens(self, protocol: Any) -> None:  # noqa: ANN401
        self._protocol = protocol
        self._opened.callback(self)

    def _receives(self, payload: bytes) -> None:
        message = json.loads(payload)
        if "method" in message:
            self._heard(message)
        elif self._waiting:
            self._waiting.pop(0).callback(message)

    def _closes(self, code: int | None, reason: str) -> None:
        answered = _ANSWERED.search(reason)
        if answered is not None:
            gone = _refused(int(answered["status"]), answered["words"])
        elif self._opened.called:
            told = reason if code not in {None, 1006} else ""
            gone = Failed(f"the connection is lost{told and f': {told}'}", UNAVAILABLE)
        else:
            gone = Failed(NOT_TRUSTED if "certificate verify failed" in reason else HUNG_UP, UNAVAILABLE)
        if not self._opened.called:
            self._opened.errback(gone)
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            answer.errback(gone)
        self.lost.callback(str(gone))


def _refused(status: int, words: str) -> Failed:
    told = {
        401: "the token is not accepted; `webcamctl token create` on the service's machine makes another",
        429: "too many wrong tokens came from here: wait a while",
    }
    return Failed(told.get(status) or f"it answered {status} {words}", _STATUSES.get(status, UNAVAILABLE))


class _Protocol(WebSocketClientProtocol):  # type: ignore[misc,unused-ignore]
    """Hands everything on."""

    def onOpen(self) -> None:
        self.factory.wire._opens(self)  # noqa: SLF001

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: ARG002, FBT001, N803
        self.factory.wire._receives(payload)  # noqa: SLF001

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: ARG002, FBT001, N803
        self.factory.wire._closes(code, reason or "")  # noqa: SLF001


@inlineCallbacks
def connect(
    reactor: Any,  # noqa: ANN401 - of several interfaces
    service: Service,
    heard: Callable[[dict[str, Any]], object],
) -> Generator[Deferred[Any], Any, Wire]:
    """Open a connection.

    :param heard: is given each notification.
    """
    wire = Wire(reactor, heard)
    make: Any = WebSocketClientFactory
    factory = make(service.url, headers=service.headers, useragent=f"webcamctl/{__version__}", reactor=reactor)
    factory.noisy, factory.protocol, factory.wire = False, _Protocol, wire
    factory.setProtocolOptions(openHandshakeTimeout=PATIENCE, closeHandshakeTimeout=1, **_PINGS)
    directory = -1
    try:
        if service.base is None:
            assert service.state is not None  # noqa: S101 - one of the two is there
            directory = os.open(service.state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            endpoint: Any = UNIXClientEndpoint(reactor, f"/proc/self/fd/{directory}/{admin.NAME}", PATIENCE)
        else:
            endpoint = _endpoint(reactor, service.base)
        yield endpoint.connect(factory)
    except (ConnectError, DNSLookupError, OSError) as error:
        raise Failed(f"{service.name}: {_words(error)}", UNAVAILABLE) from None
    finally:
        if directory >= 0:
            os.close(directory)
    try:
        opened: Wire = yield wire._opened  # noqa: SLF001
    except Failed as refused:
        raise Failed(f"{service.name}: {refused}", refused.status) from None
    return opened


def _endpoint(reactor: Any, base: str) -> Any:  # noqa: ANN401
    parts = urlsplit(base)
    host = parts.hostname or ""
    plain = HostnameEndpoint(reactor, host, parts.port or (443 if parts.scheme == "https" else 80), PATIENCE)
    if parts.scheme != "https":
        return plain
    from twisted.internet.ssl import optionsForClientTLS  # noqa: PLC0415 - pyOpenSSL, where there is TLS

    return wrapClientTLS(optionsForClientTLS(host), plain)


def _words(error: Exception) -> str:
    number = getattr(error, "osError", None) or getattr(error, "errno", None)
    if isinstance(error, DNSLookupError):
        return "there is no host of this name"
    if number == errno.ECONNREFUSED or isinstance(error, FileNotFoundError):
        return NOBODY
    return os.strerror(number) if isinstance(number, int) else "no answer in time"


def _too_late(_result: object, seconds: float) -> NoReturn:
    raise Failed(f"no answer in {seconds:g} s", UNAVAILABLE)
