"""The figures, put together when they are asked for.

Owns the late import of what writes them: a service that nobody measures does without, and where somebody does it is
loaded in a thread, since it takes as long as some hundred calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prometheus_client.core import Metric

    from webcam_rpc.cameras.monitor import CameraMonitor
    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.recorder import Recorder
    from webcam_rpc.metrics.calls import CallTally
    from webcam_rpc.metrics.events import EventTally
    from webcam_rpc.metrics.exposition import Exposition
    from webcam_rpc.metrics.lag import LoopLag
    from webcam_rpc.web.clients import Clients


@dataclass(frozen=True)
class Sources:
    """Where the figures come from.

    :ivar health: gives the status of each component in words, by its name.
    """

    version: str
    clients: Clients
    calls: CallTally
    lag: LoopLag
    events: EventTally
    registry: CameraRegistry
    monitor: CameraMonitor
    feeds: Feeds
    recorder: Recorder
    library: MediaLibrary
    health: Callable[[], Mapping[str, str]]


class Figures:
    """Gives them to whoever asks.

    :param in_thread: runs what blocks.
    """

    def __init__(self, sources: Sources, in_thread: Callable[..., Deferred[Any]]) -> None:
        self._sources = sources
        self._in_thread = in_thread
        self._exposition: Exposition | None = None

    def text(self) -> Deferred[tuple[bytes, bytes]]:
        """Give the content type of Prometheus' format, and the figures in it."""
        return self._loaded().addCallback(lambda exposition: (exposition.content_type, exposition.text()))

    def metrics(self) -> Deferred[Iterable[Metric]]:
        """Give every metric."""
        return self._loaded().addCallback(lambda exposition: exposition.collect())

    def _loaded(self) -> Deferred[Exposition]:
        if self._exposition is not None:
            return succeed(self._exposition)
        return self._in_thread(_load, self._sources).addCallback(self._take)

    def _take(self, exposition: Exposition) -> Exposition:
        # Two may have asked before it was there.
        self._exposition = self._exposition or exposition
        return self._exposition


def _load(sources: Sources) -> Exposition:
    from webcam_rpc.metrics.exposition import Exposition  # noqa: PLC0415 - see above
    from webcam_rpc.metrics.families import families  # noqa: PLC0415 - the same

    return Exposition(lambda: families(sources))
