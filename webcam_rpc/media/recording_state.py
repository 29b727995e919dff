"""What is asked of a recording, and how one stands."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Literal

import msgspec

from webcam_rpc.media.sidecar import Codec, RecordingFormat

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(enum.Enum):
    """Where a recording stands."""

    #: Nothing of it is on the disk yet.
    STARTING = "STARTING"
    #: A file of it grows.
    RECORDING = "RECORDING"
    #: The camera, the encoder or the disk is away: it goes on in another file.
    WAITING = "WAITING"
    #: It takes no more frames; its last file is being made whole.
    STOPPING = "STOPPING"
    #: Every file is whole.
    STOPPED = "STOPPED"
    #: The same, and it did not end as it should, or has no file at all.
    FAILED = "FAILED"


#: Where each state may lead.
MOVES: Mapping[State, frozenset[State]] = {
    State.STARTING: frozenset({State.RECORDING, State.WAITING, State.STOPPING}),
    State.RECORDING: frozenset({State.WAITING, State.STOPPING}),
    State.WAITING: frozenset({State.RECORDING, State.STOPPING}),
    State.STOPPING: frozenset({State.STOPPED, State.FAILED}),
    State.STOPPED: frozenset(),
    State.FAILED: frozenset(),
}
#: Endings that nobody asked for.
FAILURES = frozenset({"storage_low", "storage_failed", "encoder_failed"})


class RecordingWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Times in seconds; ``duration`` None goes on until it is stopped, ``segment_s`` 0 in one file.

    ``wait``: the camera need not be there yet; the duration counts from the wish, not from the first frame.
    """

    camera_id: str
    duration: float | None = None
    format: RecordingFormat = "fmp4"
    codec: Codec = "h264"
    filename: str | None = None
    segment_s: float = 0
    pre_roll_s: float = 0
    schedule_id: str | None = None
    wait: bool = False


class RecordingState(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording stands. Sizes in bytes, times in seconds.

    ``files`` are whole; ``filename`` is the one at work, or else the last. ``elapsed`` counts from the first frame
    after those of the past, also while the camera is away; ``duration`` is that of the files. ``frames`` and ``bytes``
    are on the disk. ``lost`` counts files that could not be made whole. ``pre_roll_s`` is how much of the past it
    really begins with. ``schedule_id`` is that of the schedule that began it, whoever else has joined.
    """

    recording_id: str
    camera_id: str
    device: str
    state: Literal["STARTING", "RECORDING", "WAITING", "STOPPING", "STOPPED", "FAILED"]
    filename: str | None
    files: tuple[str, ...]
    format: RecordingFormat
    codec: Codec
    start_time: str
    end_time: str | None
    elapsed: float
    remaining: float | None
    duration: float
    frames: int
    frames_dropped: int
    bytes: int
    pre_roll_s: float
    finalizing: bool
    lost: int = 0
    reason: str | None
    schedule_id: str | None
