"""Which part hears of which section when the configuration changes while the service runs.

A part that is to hear of one has a line in :func:`wire`: its method and the sections that this takes. They are those in
force: what needs a restart is in them as it was at the start. Files that belong to the configuration and change by
themselves, such as certificates, have a line in tap.py: ``reloading.also(certificates.reload)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.descriptors import connections_possible

if TYPE_CHECKING:
    from webcam_rpc import config
    from webcam_rpc.composition.admission import Admitting
    from webcam_rpc.composition.cameras import Cameras
    from webcam_rpc.composition.media import Media
    from webcam_rpc.logs import LoggedService
    from webcam_rpc.web.site import Site
    from webcam_rpc.web.traffic import Traffic


@dataclass(frozen=True)
class Parts:
    """What hears of changes."""

    log: LoggedService
    traffic: Traffic
    admitting: Admitting
    site: Site
    cameras: Cameras
    media: Media


def wire(live: config.LiveConfig, parts: Parts) -> None:
    """Let the parts hear of what changes. They do in this order."""
    cameras, media = parts.cameras, parts.media
    live.on(lambda logging: parts.log.set_levels(logging.level, logging.traffic), "logging")
    live.on(lambda logging: parts.traffic.configure(logging.traffic), "logging")
    live.on(parts.admitting.configure, "access")
    live.on(lambda server: parts.site.configure(within_limits(server)), "server")
    live.on(lambda section: cameras.aliases.configure(section.aliases), "cameras")
    live.on(cameras.monitor.configure, "cameras")
    # What is configured for one camera may be so by its alias.
    live.on(lambda section, recording, _: media.feeds.configure(section, recording), "media", "recording", "cameras")
    live.on(lambda section: media.scaled.configure(section.quality), "media")
    live.on(lambda section: media.pictures.configure(section.quality), "media")
    live.on(media.recorder.configure, "recording")
    live.on(media.library.configure, "storage")


def within_limits(server: config.Server) -> config.Server:
    """Give the section with as many connections as this process may have."""
    return msgspec.structs.replace(server, max_connections=connections_possible(server.max_connections))
