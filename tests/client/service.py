"""A service in memory, for what a client is told: the bus, a subscription and a queue for each connection.

Its camera ``front`` changes its frame rate at each event, so that each event is told from the others.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from webcam_rpc.bus import Bus, Stamped, Subscription

_TOPIC = "camera_status_update"


class Connection:
    """One connection: what the client has sent is performed at once, what it is sent waits until it is read."""

    def __init__(self, service: MemoryService) -> None:
        self.service = service
        self.subscription = Subscription()
        self.waiting: deque[str] = deque()
        self.asked: list[dict[str, Any]] = []
        service.connections.append(self)
        self.send_states()

    def push(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.waiting.append(json.dumps({"jsonrpc": "2.0", **message}))

    def notify(self, stamped: Stamped, **more: object) -> None:
        """Send an event, if it is wanted."""
        if self.subscription.wants(_TOPIC, "front"):
            self.push({"method": _TOPIC, "params": {**self.service.params(stamped), **more}})

    def send_states(self) -> None:
        """Send the states of now."""
        last = self.service.last
        if last is not None:
            self.notify(last, initial=True)

    def ask(self, text: str) -> None:
        """Take a call from the client."""
        call = json.loads(text)
        self.asked.append(call)
        params = call.get("params", {})
        if call["method"] == "unsubscribe_events":
            self.subscription.remove(None)
            self.push({"id": call["id"], "result": {"topics": []}})
        elif call["method"] == "subscribe_events":
            self.push({"id": call["id"], "result": self._subscribe(params)})
        elif call["method"] == "ping":
            self.push({"id": call["id"], "result": "pong"})

    def _subscribe(self, params: dict[str, Any]) -> dict[str, Any]:
        bus = self.service.bus
        self.subscription.add(params["topics"], None)
        missed = bus.since(params["since_seq"], params["epoch"])
        if missed is None:
            self.send_states()
        for stamped in missed or ():
            self.notify(stamped)
        return {"seq": bus.seq, "epoch": bus.epoch, "full_state": missed is None}


class MemoryService:
    """What there is but for connections; may be restarted."""

    def __init__(self, ring: int = 1000) -> None:
        self.connections: list[Connection] = []
        self._ring = ring
        self._runs = 0
        self.restart()

    def restart(self) -> None:
        """Be another run of the service."""
        self._runs += 1
        self.bus = Bus(f"run {self._runs}", lambda: "2026-11-23T10:00:00Z", self._ring)
        self.last: Stamped | None = None
        self.bus.subscribe(self._published)

    def publish(self) -> None:
        """Let something happen."""
        self.bus.publish(None)

    def params(self, stamped: Stamped) -> dict[str, Any]:
        """Give what a client is told of an event."""
        return {
            "status": "CONNECTED",
            "device": "/dev/video0",
            "fps": stamped.seq,
            "camera_id": "front",
            "name": "Front",
            "reason": None,
            "seq": stamped.seq,
            "epoch": self.bus.epoch,
            "timestamp": stamped.timestamp,
        }

    def _published(self, stamped: Stamped) -> None:
        self.last = stamped
        for connection in self.connections:
            connection.notify(stamped)
