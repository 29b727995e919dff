"""The cameras: which there are, what they can do, how they are set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webcam_rpc import config
from webcam_rpc.cameras.aliases import Aliases
from webcam_rpc.cameras.controls import CameraControls
from webcam_rpc.cameras.device import V4L2Device
from webcam_rpc.cameras.diagnosis import Diagnosis
from webcam_rpc.cameras.identity import Identities
from webcam_rpc.cameras.inventory import Inventory
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.cameras.monitor import CameraMonitor
from webcam_rpc.cameras.pattern import TestPatterns
from webcam_rpc.cameras.probe import V4L2Ctl
from webcam_rpc.cameras.registry import CameraRegistry
from webcam_rpc.cameras.udev import UdevMonitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.composition.base import Base


@dataclass(frozen=True)
class Cameras:
    """Which cameras there are, what they can do, how they are set."""

    registry: CameraRegistry
    memory: CameraMemory
    aliases: Aliases
    controls: CameraControls
    diagnosis: Diagnosis
    device_of: Callable[[Camera], Device]
    v4l2ctl: V4L2Ctl
    patterns: TestPatterns
    monitor: CameraMonitor


def make_cameras(base: Base) -> Cameras:
    """Put the parts of the cameras together."""
    settings, reactor, in_thread = base.settings.cameras, base.reactor, base.threads.run
    memory = CameraMemory(base.state / "cameras.json", in_thread)
    memory.load()
    inventory = Inventory(settings.directory, config.device_filter(settings.devices))
    aliases = Aliases(settings.aliases, memory)
    registry = CameraRegistry(base.bus, inventory.resolve_link, settings.directory, aliases.camera_id, inventory.node)
    identities = Identities(memory.content.owners)
    v4l2ctl = V4L2Ctl(reactor, in_thread, base.environment)
    patterns = TestPatterns(settings.sources, registry)

    def remember() -> Deferred[None]:
        memory.content.owners = identities.owners
        return memory.save()

    monitor = CameraMonitor(
        reactor,
        settings,
        inventory,
        v4l2ctl,
        registry,
        identities,
        lambda announced: UdevMonitor(reactor, announced),
        remember,
    )
    node = V4L2Device(v4l2ctl, registry.is_there, monitor.updated)

    def device_of(camera: Camera) -> Device:
        return patterns if patterns.owns(camera) else node

    controls = CameraControls(base.bus, memory, device_of)
    diagnosis = Diagnosis(inventory, v4l2ctl, in_thread, base.environment)
    return Cameras(registry, memory, aliases, controls, diagnosis, device_of, v4l2ctl, patterns, monitor)
