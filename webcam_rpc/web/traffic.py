"""The log of messages as they come and go: its logger's name, its wording, and the switch that makes it cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from webcam_rpc.web.peers import Peer


class Traffic:
    """Logs messages. Whoever calls it looks at ``enabled`` first: off, it costs one look."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._log = Logger(namespace="webcam_rpc.traffic")

    def configure(self, level: str) -> None:
        """Log from now on, or do not where the level is ``OFF``: what a level lets through the log decides."""
        self.enabled = level != "OFF"

    def received(self, peer: Peer, text: bytes) -> None:
        """Log a message that came."""
        self._log.info("Received from {peer}: {text}", peer=peer.name, text=text.decode("utf-8", "replace"))

    def sending(self, peer: Peer, text: bytes) -> None:
        """Log a message that goes."""
        self._log.info("Sending to {peer}: {text}", peer=peer.name, text=text.decode("utf-8", "replace"))
