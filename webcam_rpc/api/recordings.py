"""The methods about recordings that go on: begin one, end it, tell how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import camera_of, present_camera
from webcam_rpc.api.troubles import media_troubles_told
from webcam_rpc.api.wire import DeviceName, Number
from webcam_rpc.media.recording_state import RecordingState, RecordingWanted
from webcam_rpc.media.sidecar import Codec, RecordingFormat
from webcam_rpc.media.troubles import StorageBroken
from webcam_rpc.rpc.errors import (
    DeadlinePassed,
    DependencyFailed,
    InvalidParams,
    InvalidState,
    NotFound,
    ShuttingDown,
    StorageLow,
)
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.recorder import Recorder

_Duration = Annotated[float, msgspec.Meta(ge=1, le=86400)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class StartRecordingParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera, for how long (until it is stopped, where nothing is said), and how it is kept.

    ``segment_s`` is the length of each file; 0 is one file for all.
    """

    device: DeviceName
    duration: _Duration | UnsetType = UNSET
    format: RecordingFormat | UnsetType = UNSET
    filename: _Name | UnsetType = UNSET
    segment_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] | UnsetType = UNSET
    pre_roll_s: Annotated[float, msgspec.Meta(ge=0)] | UnsetType = UNSET
    codec: Codec | UnsetType = UNSET


class StopRecordingParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which recording: that of a camera, or the one of this id."""

    device: DeviceName | UnsetType = UNSET
    recording_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | UnsetType = UNSET


class RecordingStatusParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera."""

    device: DeviceName


class RecordingStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A recording whose first frame is on the disk. ``session_id`` is ``recording_id``, as older clients know it.

    ``duration`` is all of it, None until it is stopped. ``pre_roll_s`` is how much of the past it really begins with.
    ``joined``: a schedule was recording already, and that recording is now for both, until the later end.
    """

    device: str
    camera_id: str
    recording_id: str
    session_id: str
    filename: str | None
    status: Literal["RECORDING"]
    start_time: str
    format: RecordingFormat
    codec: Codec
    duration: Number | None
    pre_roll_s: Number
    joined: bool


class RecordingStopped(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that is over: every file of it is whole. ``finalizing``: one is still to be rewritten as MP4."""

    device: str
    camera_id: str
    recording_id: str
    session_id: str
    filename: str | None
    files: tuple[str, ...]
    download_urls: tuple[str, ...]
    finalizing: bool
    status: Literal["STOPPED"]
    start_time: str
    end_time: str | None
    duration: Number
    frames: int
    frames_dropped: int
    file_size: int
    format: RecordingFormat
    metadata_file: str | None


class RecordingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the recording of a camera stands; all but the camera is empty while ``state`` is IDLE.

    WAITING: the camera, or an encoder, is away (``reason``), and it goes on in another file. ``elapsed`` and
    ``remaining`` are seconds of the time asked for, ``frames`` and ``bytes`` what is on the disk.
    """

    device: str
    camera_id: str
    state: Literal["IDLE", "STARTING", "RECORDING", "WAITING", "STOPPING", "STOPPED", "FAILED"]
    recording_id: str | None = None
    session_id: str | None = None
    filename: str | None = None
    files: tuple[str, ...] = ()
    format: RecordingFormat | None = None
    codec: Codec | None = None
    start_time: str | None = None
    elapsed: Number = 0
    remaining: Number | None = None
    frames: int = 0
    frames_dropped: int = 0
    bytes: int = 0
    reason: str | None = None
    schedule_id: str | None = None


class RecordingMethods:
    """What clients can do with recordings that go on.

    :param recorder: has what a recording is like where nothing else is asked for, too.
    """

    def __init__(self, registry: CameraRegistry, recorder: Recorder) -> None:
        self._registry = registry
        self._recorder = recorder

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        one = (InvalidParams, NotFound)
        doing = (*one, InvalidState, DependencyFailed, StorageLow, DeadlinePassed, ShuttingDown)
        return (
            Method(
                "start_recording",
                Role.OPERATOR,
                StartRecordingParams,
                RecordingStarted,
                self.start_recording,
                "Begin a recording; answered when its first frame is on the disk.",
                doing,
                cost=20.0,
            ),
            Method(
                "stop_recording",
                Role.OPERATOR,
                StopRecordingParams,
                RecordingStopped,
                self.stop_recording,
                "End a recording; answered when its file is whole.",
                doing,
                cost=5.0,
            ),
            Method(
                "get_recording_status",
                Role.STATUS,
                RecordingStatusParams,
                RecordingStatus,
                self.get_recording_status,
                "Tell how the recording of a camera stands.",
                one,
            ),
        )

    @inlineCallbacks
    def start_recording(
        self,
        params: StartRecordingParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, RecordingStarted]:
        """Begin a recording, or make a scheduled one that goes on one for this client too."""
        camera = present_camera(self._registry, params.device)
        pre_roll = 0.0 if params.pre_roll_s is UNSET else params.pre_roll_s
        options = self._recorder.options
        if pre_roll > options.pre_roll:
            hint = f"at most {options.pre_roll:g}: recording.pre_roll seconds are kept"
            raise InvalidParams("pre_roll_s", "maximum", hint)
        segment_s = options.segment if params.segment_s is UNSET else params.segment_s
        if 0 < segment_s < 1:
            raise InvalidParams("segment_s", "minimum", "at least 1, or 0 for one file")
        wanted = RecordingWanted(
            camera_id=camera.camera_id,
            duration=None if params.duration is UNSET else params.duration,
            format=options.format if params.format is UNSET else params.format,
            codec=options.codec if params.codec is UNSET else params.codec,
            filename=None if params.filename is UNSET else params.filename,
            segment_s=segment_s,
            pre_roll_s=pre_roll,
        )
        with media_troubles_told():
            state: RecordingState = yield self._recorder.start(wanted)
        return _started(state)

    @inlineCallbacks
    def stop_recording(
        self,
        params: StopRecordingParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, RecordingStopped]:
        """End a recording."""
        recording_id = self._meant(params)
        with media_troubles_told():
            state: RecordingState = yield self._recorder.stop(recording_id)
            if state.lost and not state.files:
                raise StorageBroken("no file of the recording could be made whole; what is there is kept in its parts")
        camera = self._registry.get(state.camera_id)
        return RecordingStopped(
            device=camera.device if camera is not None else state.device,
            camera_id=state.camera_id,
            recording_id=state.recording_id,
            session_id=state.recording_id,
            filename=state.files[0] if state.files else None,
            files=state.files,
            download_urls=tuple(f"/files/recordings/{name}" for name in state.files),
            finalizing=state.finalizing,
            status="STOPPED",
            start_time=state.start_time,
            end_time=state.end_time,
            duration=state.duration,
            frames=state.frames,
            frames_dropped=state.frames_dropped,
            file_size=state.bytes,
            format=state.format,
            metadata_file=f"{state.files[0]}.json" if state.files else None,
        )

    def get_recording_status(self, params: RecordingStatusParams, caller: Caller) -> RecordingStatus:  # noqa: ARG002
        """Tell how the recording of a camera stands."""
        camera = camera_of(self._registry, params.device)
        state = self._recorder.of_camera(camera.camera_id)
        if state is None:
            return RecordingStatus(device=camera.device, camera_id=camera.camera_id, state="IDLE")
        return RecordingStatus(
            device=camera.device,
            camera_id=camera.camera_id,
            state=state.state,
            recording_id=state.recording_id,
            session_id=state.recording_id,
            filename=state.filename,
            files=state.files,
            format=state.format,
            codec=state.codec,
            start_time=state.start_time,
            elapsed=state.elapsed,
            remaining=state.remaining,
            frames=state.frames,
            frames_dropped=state.frames_dropped,
            bytes=state.bytes,
            reason=state.reason,
            schedule_id=state.schedule_id,
        )

    def _meant(self, params: StopRecordingParams) -> str:
        if (params.device is UNSET) == (params.recording_id is UNSET):
            raise InvalidParams("device", "either", "name either device or recording_id")
        if not isinstance(params.recording_id, UnsetType):
            if self._recorder.by_id(params.recording_id) is None:
                raise NotFound("recording", params.recording_id)
            return params.recording_id
        assert isinstance(params.device, str)  # noqa: S101 - one of the two is there
        state = self._recorder.of_camera(camera_of(self._registry, params.device).camera_id)
        if state is None:
            raise InvalidState("NOT_RECORDING")
        return state.recording_id


def _started(state: RecordingState) -> RecordingStarted:
    return RecordingStarted(
        device=state.device,
        camera_id=state.camera_id,
        recording_id=state.recording_id,
        session_id=state.recording_id,
        filename=state.filename,
        status="RECORDING",
        start_time=state.start_time,
        format=state.format,
        codec=state.codec,
        duration=None if state.remaining is None else round(state.elapsed + state.remaining, 3),
        pre_roll_s=state.pre_roll_s,
        joined=state.schedule_id is not None,
    )
