"""How late the reactor is: what a client waits for beyond its own call."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from webcam_rpc.histogram import Histogram

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

#: Seconds between two looks, and how many of them are remembered for :attr:`LoopLag.worst`.
_INTERVAL, _REMEMBERED = 0.5, 20


class LoopLag(Service):
    """Asks to be called at a time, and sees when it is.

    :ivar times: by how much it was late, each time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.times = Histogram()
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)
        self._expected = 0.0
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    @property
    def worst(self) -> float:
        """The most of the last ten seconds."""
        return max(self._recent, default=0.0)

    def startService(self) -> None:
        """Begin to look."""
        super().startService()
        self._expected = self._clock.seconds() + _INTERVAL
        self._loop.start(_INTERVAL, now=False)

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        now = self._clock.seconds()
        late = max(0.0, now - self._expected)
        self.times.observe(late)
        self._recent.append(late)
        # LoopingCall keeps to its rhythm: the next call is at the next multiple that is yet to come.
        self._expected += _INTERVAL * (1 + late // _INTERVAL)
