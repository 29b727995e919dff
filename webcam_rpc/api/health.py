"""The watch on the parts of the service: clients are told when one is not well any more, and when it is again.

Owns the round that looks at every part. Worse is told at once, better when it has lasted: a part that comes and goes is
not news each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from webcam_rpc.api.server import WORST_FIRST, Component, Health, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.bus import Bus

#: Seconds between two rounds, and how many rounds a part has to be better for.
INTERVAL, ROUNDS = 2.0, 3


class HealthChanged(msgspec.Struct, frozen=True):
    """Event: a part of the service is in this state from now on."""

    component: str
    status: Health
    detail: str


class HealthWatch(Service):
    """Looks at each part now and then.

    :param components: gives each part's present health, by name.
    """

    def __init__(self, clock: IReactorTime, bus: Bus, components: Mapping[str, Callable[[], Component]]) -> None:
        self._log = Logger(namespace="webcam_rpc.health")
        self._bus = bus
        self._components = components
        self._told: dict[str, Health] = {}
        self._better: dict[str, int] = {}
        #: Parts that could not be looked at in the last round.
        self._unseen: set[str] = set()
        self._loop = LoopingCall(self._round)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin the rounds."""
        super().startService()
        self._loop.start(INTERVAL, now=False)

    def stopService(self) -> None:
        """End them."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _round(self) -> None:
        before, self._unseen = self._unseen, set()

        def failed(name: str) -> None:
            self._unseen.add(name)
            # It will fail in each round, and is in the log already.
            if name not in before:
                self._log.failure("Cannot tell how {name} is", level=LogLevel.error, name=name)

        for name, component in look_at(self._components, failed).items():
            self._look(name, component)

    def _look(self, name: str, now: Component) -> None:
        told = self._told.get(name, "HEALTHY")
        if now.status == told:
            self._better.pop(name, None)
            return
        if WORST_FIRST.index(now.status) > WORST_FIRST.index(told):
            self._better[name] = self._better.get(name, 0) + 1
            if self._better[name] < ROUNDS:
                return
        self._better.pop(name, None)
        self._told[name] = now.status
        if now.status == "HEALTHY":
            self._log.info("{name} is well again", name=name)
        else:
            self._log.error("{name} is {status}: {detail}", name=name, status=now.status, detail=now.detail)
        self._bus.publish(HealthChanged(name, now.status, now.detail))
