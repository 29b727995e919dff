"""How the service is: its components, its figures, and the pages that tell of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webcam_rpc import __version__
from webcam_rpc.api.components import components
from webcam_rpc.api.server import Component, look_at, worst
from webcam_rpc.metrics.calls import CallTally
from webcam_rpc.metrics.events import EventTally
from webcam_rpc.metrics.figures import Figures, Sources
from webcam_rpc.metrics.lag import LoopLag
from webcam_rpc.web.health import Metrics, health_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime
    from twisted.web.resource import Resource

    from webcam_rpc.composition.base import Base
    from webcam_rpc.composition.cameras import Cameras
    from webcam_rpc.composition.listening import Listening
    from webcam_rpc.composition.media import Media
    from webcam_rpc.web.clients import Clients

#: The reactor was late by so many seconds: clients notice.
_LATE = 1.0


@dataclass(frozen=True)
class Watching:
    """How the service is.

    :ivar looks: gives each component's present health, by name; more may be added.
    """

    calls: CallTally
    lag: LoopLag
    looks: dict[str, Callable[[], Component]]
    figures: Figures

    def health(self) -> Mapping[str, Component]:
        """Look at every component."""
        return look_at(self.looks)


def make_watching(base: Base, cameras: Cameras, media: Media, clients: Clients) -> Watching:
    """Put the parts together."""
    calls, lag, events = CallTally(base.reactor.seconds), LoopLag(base.reactor), EventTally()
    base.bus.subscribe(events.published)
    looks = {
        **components(
            cameras.monitor,
            cameras.registry,
            cameras.memory,
            media.library,
            cameras.diagnosis,
            media.schedules,
            media.feeds,
        ),
        "rpc": lambda: rpc(calls),
        "loop": lambda: loop(lag),
    }
    sources = Sources(
        __version__,
        clients,
        calls,
        lag,
        events,
        cameras.registry,
        cameras.monitor,
        media.feeds,
        media.recorder,
        media.library,
        lambda: {name: component.status for name, component in look_at(looks).items()},
    )
    return Watching(calls, lag, looks, Figures(sources, base.threads.run))


def rpc(calls: CallTally) -> Component:
    """Tell whether methods fail again and again: a persistent failure is never masked."""
    failing = calls.failing()
    if failing:
        return Component("DEGRADED", f"internal errors again and again: {', '.join(failing)}; the log has each")
    return Component("HEALTHY", "no method fails again and again")


def loop(lag: LoopLag) -> Component:
    """Tell whether the reactor turns in time."""
    if lag.worst > _LATE:
        return Component(
            "DEGRADED", f"the service was {lag.worst:.1f} s late: something holds it, or the machine is busy"
        )
    return Component("HEALTHY", f"{lag.worst * 1000:.0f} ms late at most, in the last ten seconds")


def health_pages(
    watching: Watching, clock: IReactorTime, waits_for: Callable[[], Mapping[str, bool]], detailed: Callable[[], object]
) -> dict[bytes, Resource]:
    """Give the pages, by the first part of their path."""
    return {
        **health_resources(lambda: worst(watching.health()), waits_for, detailed),
        b"metrics": Metrics(clock, watching.figures.text),
    }


def waits_for(listening: Listening, cameras: Cameras, media: Media, clients: Clients) -> dict[str, bool]:
    """Tell what has to be before the service is ready, and whether it is."""
    return {
        "listening": bool(listening.listener.running) and bool(clients.running),
        "monitoring": bool(cameras.monitor.running),
        "recovered": media.recorder.is_recovered,
    }
