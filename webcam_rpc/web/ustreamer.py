"""How a camera stands, as µStreamer tells it at ``/state``: the members that its clients look for, with its types.

Of a client's switches only ``extra_headers`` exists here; the others are told as off. There are no sinks, no H.264 and
no DRM, and so none of their members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webcam_rpc.web.media import CameraState
    from webcam_rpc.web.stream import Stream


class Encoder(msgspec.Struct, frozen=True):
    """What makes the JPEGs."""

    type: str = "CPU"
    quality: int = 0


class Resolution(msgspec.Struct, frozen=True):
    """In pixels."""

    width: int = 0
    height: int = 0


class Source(msgspec.Struct, frozen=True):
    """The camera; rates are whole numbers."""

    resolution: Resolution = Resolution()
    online: bool = False
    desired_fps: int = 0
    captured_fps: int = 0


class ClientStat(msgspec.Struct, frozen=True):
    """One viewer."""

    fps: int
    extra_headers: bool
    advance_headers: bool = False
    dual_final_frames: bool = False
    zero_data: bool = False
    key: str = "0"


class StreamState(msgspec.Struct, frozen=True):
    """All viewers; ``queued_fps`` is what the one with most gets."""

    queued_fps: int
    clients: int
    clients_stat: dict[str, ClientStat]


class Result(msgspec.Struct, frozen=True):
    """All of it."""

    encoder: Encoder
    source: Source
    stream: StreamState
    instance_id: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The document."""

    result: Result
    ok: bool = True


def state_document(state: CameraState | None, streams: Mapping[str, Stream]) -> bytes:
    """Write it; without a camera it is that of one that is offline."""
    encoder, source = Encoder(), Source()
    if state is not None:
        encoder = Encoder(state.encoder, state.quality)
        source = Source(
            Resolution(state.width, state.height), state.online, round(state.desired_fps), round(state.captured_fps)
        )
    stats = {key: ClientStat(stream.fps, stream.extra) for key, stream in streams.items()}
    fps = max((stat.fps for stat in stats.values()), default=0)
    return msgspec.json.encode(Answer(Result(encoder, source, StreamState(fps, len(stats), stats))))
