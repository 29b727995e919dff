"""What is made of the cameras' frames: pictures, streams, recordings, schedules, and the library of files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc import config
from webcam_rpc.api.pictures import Pictures
from webcam_rpc.media.caretaker import Caretaker
from webcam_rpc.media.child import Children
from webcam_rpc.media.events import FeedChanged
from webcam_rpc.media.feeds import Feeding, Feeds
from webcam_rpc.media.finishing import Finishing
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.media.recorder import Recorder
from webcam_rpc.media.recording_state import RecordingWanted
from webcam_rpc.media.replay import Replays
from webcam_rpc.media.scaled import ScaledFeeds
from webcam_rpc.media.scheduler import Scheduler
from webcam_rpc.media.schedules import Schedules
from webcam_rpc.media.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.application.service import IService
    from twisted.internet.defer import Deferred

    from webcam_rpc.bus import Stamped
    from webcam_rpc.cameras.holder import Holders
    from webcam_rpc.composition.base import Base
    from webcam_rpc.composition.cameras import Cameras
    from webcam_rpc.media.schedule import Schedule


@dataclass(frozen=True)
class Media:
    """What is made of their frames. ``endings`` are waited for before the threads end."""

    feeds: Feeds
    scaled: ScaledFeeds
    library: MediaLibrary
    snapshots: Snapshots
    recorder: Recorder
    schedules: Schedules
    scheduler: Scheduler
    pictures: Pictures
    services: tuple[IService, ...]
    endings: tuple[Callable[[], Deferred[None] | None], ...]


def make_media(base: Base, cameras: Cameras) -> Media:
    """Put the parts of the media together."""
    settings, reactor, bus, in_thread = base.settings, base.reactor, base.bus, base.threads.run

    def holder(device: str) -> Deferred[Mapping[str, int | str] | None]:
        def first(holders: Holders) -> Mapping[str, int | str] | None:
            return msgspec.structs.asdict(holders.found[0]) if holders.found else None

        # Not to know who it is must not keep anybody from hearing that it is busy.
        return cameras.diagnosis.holders(device).addCallbacks(first, lambda _: None)

    def begun(stamped: Stamped) -> None:
        event = stamped.event
        if isinstance(event, FeedChanged) and event.delivering:
            camera = cameras.registry.get(event.camera_id)
            if camera is not None and not cameras.patterns.owns(camera):
                cameras.controls.restore(camera)

    bus.subscribe(begun)
    children = Children(reactor, base.environment)
    feeds = Feeds(
        Feeding(
            clock=reactor,
            now=time.time,
            children=children,
            bus=bus,
            media=settings.media,
            recording=settings.recording,
            holder=holder,
            blame=cameras.registry.blame,
            alias=cameras.aliases.of,
            current=cameras.registry.get,
        )
    )
    directory = config.media_directory(settings, base.environment).absolute()
    library = MediaLibrary(directory, base.state, settings.storage, bus, in_thread, time.time)
    library.prepare()
    scaled = ScaledFeeds(reactor, children, settings.media.quality)
    finishing = Finishing(reactor, directory, children, in_thread, bus, library.check_room)
    recorder = Recorder(
        reactor,
        time.time,
        children,
        in_thread,
        bus,
        feeds,
        library,
        finishing,
        settings.recording,
    )
    snapshots = Snapshots(reactor, children, library, bus, in_thread, recorder.recovered)
    schedules = Schedules(base.state / "schedules.sqlite", in_thread)

    def wanted(schedule: Schedule, seconds: float) -> RecordingWanted:
        return RecordingWanted(
            camera_id=schedule.camera_id,
            duration=seconds,
            format=schedule.format or recorder.options.format,
            codec=schedule.codec or recorder.options.codec,
            segment_s=recorder.options.segment,
            schedule_id=schedule.schedule_id,
            wait=True,
        )

    scheduler = Scheduler(reactor, time.time, in_thread, bus, schedules, recorder, wanted)
    replays = Replays(reactor, time.time, children)
    pictures = Pictures(reactor, cameras.registry, feeds, snapshots, scaled, library, settings.media.quality, replays)
    caretaker = Caretaker(library, bus, in_thread, reactor)
    return Media(
        feeds,
        scaled,
        library,
        snapshots,
        recorder,
        schedules,
        scheduler,
        pictures,
        services=(children, caretaker, finishing, feeds, scaled, snapshots, recorder, scheduler),
        endings=(recorder.settled, schedules.close, library.close),
    )
