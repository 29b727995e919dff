"""How the service is, in one line: what ``systemctl status`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webcam_rpc.api.server import Component, look_at, worst
from webcam_rpc.cameras.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.config import LiveConfig
    from webcam_rpc.media.recorder import Recorder
    from webcam_rpc.web.clients import Clients


def in_a_line(
    registry: CameraRegistry,
    clients: Clients,
    recorder: Recorder,
    looks: Mapping[str, Callable[[], Component]],
) -> str:
    """Count cameras, clients and recordings, and name what is not well."""
    present = registry.present()
    failing = sum(camera.status is Status.ERROR for camera in present)
    counts = (
        _count(len(present), "camera") + (f" ({failing} in error)" if failing else ""),
        _count(len(clients), "client"),
        _count(len(recorder.active()), "recording"),
    )
    components = look_at(looks)
    unwell = [name for name, component in components.items() if component.status != "HEALTHY"]
    return f"{worst(components)}{': ' if unwell else ''}{', '.join(unwell)}; {', '.join(counts)}"


def configuration(live: LiveConfig) -> Component:
    """Tell whether the configuration that was read last is in force. Not what is wrong in it: anybody may read this."""
    problem = live.problem
    if problem is not None:
        where = f"line {problem.line} of the file" if problem.line is not None else problem.key or "the file"
        return Component("DEGRADED", f"not taken over, for {where}; the log says why, the one before is in force")
    if live.failed:
        return Component("DEGRADED", f"not applied wholly: {', '.join(sorted(live.failed))}; the log says why")
    if live.pending:
        return Component("HEALTHY", f"a restart is needed for {', '.join(live.pending)}")
    return Component("HEALTHY", "in force")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
