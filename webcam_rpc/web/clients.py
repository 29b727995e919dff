"""Who is connected: the clients as a service, what they are all told, and how they are sent away at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.logger import Logger, LogLevel

from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.client import GOING_AWAY, Client
from webcam_rpc.web.connections import Connections
from webcam_rpc.web.counts import Counts
from webcam_rpc.web.frames import text_frame
from webcam_rpc.web.outbox import Turn
from webcam_rpc.web.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.config import Server as Limits

#: How long the peers have to answer our close frame at the end.
GRACE = 1.0

#: The least role that is told of anything; by a name of its own, as it is looked at once for each client and event.
_STATUS = Role.STATUS
_CAMERA_STATUS = "camera_status_update"


def _nothing(_: Client) -> Iterable[bytes]:
    return ()


class Clients(Service):
    """The connected clients.

    :param clock: the reactor.
    :param limits: the section ``server`` of the configuration.
    :param greeting: gives the notifications that a client gets at once.
    :param traffic: the log of messages.
    :ivar connections: every socket, those of plain HTTP too.
    :ivar counts: what was done for them.
    :ivar turn: sends what they are sent when a turn of the reactor ends.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        greeting: Callable[[Client], Iterable[bytes]] = _nothing,
        traffic: Traffic | None = None,
        counts: Counts | None = None,
    ) -> None:
        self.connections = Connections(clock, limits.max_connections, limits.max_connections_per_address)
        self.counts = counts or Counts()
        self.turn = Turn(clock)
        self.traffic = traffic or Traffic(clock)
        self._greeting = greeting
        # A dict for its order: who came first is told first.
        self._clients: dict[Client, None] = {}
        self._log = Logger(namespace="webcam_rpc.web")

    def __len__(self) -> int:
        """Count the clients."""
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        """Give the clients as they are now."""
        return iter(tuple(self._clients))

    def startService(self) -> None:
        """Let clients in."""
        super().startService()
        self.connections.reopen()

    def stopService(self) -> Deferred[None]:
        """Send everybody away; done when no socket is left."""
        super().stopService()
        for client in self:
            client.close(GOING_AWAY, "shutting down")
        return self.connections.close(GRACE).addCallback(lambda _: self.traffic.flush())

    def configure(self, limits: Limits) -> None:
        """Go by these limits from now on; nobody who is connected has to go."""
        self.connections.configure(limits.max_connections, limits.max_connections_per_address)

    def add(self, client: Client) -> None:
        """Let a client in and send it the states as they are."""
        self._clients[client] = None
        self._log.info("Client connected: {peer} (Total clients: {total})", peer=client.peer, total=len(self._clients))
        client.promoted = self._greet
        if not self.running:
            # It came in the last moment.
            client.close(GOING_AWAY, "shutting down")
        elif client.role >= Role.STATUS:
            self._greet(client)

    def remove(self, client: Client) -> None:
        """Forget a client that has gone."""
        client.lost()
        if client in self._clients:
            del self._clients[client]
            total = len(self._clients)
            self._log.info("Client disconnected: {peer} (Total clients: {total})", peer=client.peer, total=total)

    def broadcast(self, payload: bytes, topic: str, camera_id: str | None) -> int:
        """Send a notification to every client that wants it; give their number."""
        self.counts.broadcasts += 1
        frame = text_frame(payload)
        told = 0
        for client in self:
            if client.role >= _STATUS and client.subscription.wants(topic, camera_id) and client.push(frame):
                told += 1
        if told:
            what = "camera status" if topic == _CAMERA_STATUS else topic
            text = payload.decode("utf-8", "replace")
            self._log.info("Broadcasting {what} to {told} clients: {text}", what=what, told=told, text=text)
        return told

    def _greet(self, client: Client) -> None:
        try:
            for payload in self._greeting(client):
                client.send(payload)
        except Exception:  # noqa: BLE001 - without its greeting a client still has its methods
            self._log.failure("The greeting of {peer} failed", level=LogLevel.error, peer=client.peer)
