"""What the service answers and announces, as frozen Structs. Made by ``scripts/client_methods.py``: don't edit.

Words of the service (a ``status``, a ``reason``) are plain ``str``, and members that are not known are ignored: a newer
service may say more. ``UNSET`` is a member that was left out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What serves; ``start_time`` is RFC 3339 UTC, ``uptime`` seconds."""

    name: str
    version: str
    api_version: str
    capabilities: tuple[str, ...]
    python: str
    twisted: str
    start_time: str
    uptime: float


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the service: how it is, and why in words."""

    status: str
    detail: str


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the service is: as well as its worst component. ``seq`` and ``epoch`` are what a replay starts from."""

    status: str
    uptime: float
    version: str
    components: dict[str, Component]
    seq: int
    epoch: str


class CameraInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A camera. ``resolution`` and ``fps`` are the mode in which frames come, else the one that the driver told last.

    Both are null unless CONNECTED and known.
    """

    camera_id: str
    device: str
    name: str
    status: str
    resolution: str | None
    fps: int | float | None
    alias: str | None
    vendor_id: str | None
    product_id: str | None
    serial: str | None
    usb_path: str | None
    driver: str | None
    snapshot_url: str
    stream_url: str
    reason: str | None


class CameraList(msgspec.Struct, frozen=True, kw_only=True):
    """The cameras that were seen since the start; ``connected`` counts those that work now."""

    cameras: tuple[CameraInfo, ...]
    total: int
    connected: int


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A process that has the device open, and the name of its program."""

    pid: int
    comm: str


class CameraStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A camera with who uses it: ``consumers`` counts our own by kind, ``holder`` is a foreign program that has it.

    ``holder_reason`` says why nobody is named although somebody may be there. Frame age and rate are null while nobody
    wants frames; ``recording`` is the id of the recording that goes on. ``frames``, ``broken_frames`` and ``restarts``
    count since the service began.
    """

    camera_id: str
    device: str
    name: str
    status: str
    resolution: str | None
    fps: int | float | None
    alias: str | None
    vendor_id: str | None
    product_id: str | None
    serial: str | None
    usb_path: str | None
    driver: str | None
    snapshot_url: str
    stream_url: str
    reason: str | None
    last_frame_age_ms: int | float | None
    measured_fps: int | float | None
    consumers: dict[str, int]
    recording: str | None
    frames: int
    broken_frames: int
    restarts: int
    holder: Holder | None
    holder_reason: str | None


class SizeRange(msgspec.Struct, frozen=True, kw_only=True):
    """A stepwise or continuous range of pixels (``v4l2_frmsize_stepwise``)."""

    min: int
    max: int
    step: int


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A stepwise or continuous range (``v4l2_frmsize_stepwise``, ``v4l2_frmival_stepwise``); step 0 is continuous.

    Rates always have step 0: a step of the interval is not one of the rate.
    """

    min: float
    max: float
    step: float


class Mode(msgspec.Struct, frozen=True, kw_only=True):
    """A size of a pixel format with the rates at which it is delivered.

    ``width`` and ``height`` are pixels, or a range of them. ``fps`` lists frames per second, each an integer where it
    is whole, or is one range of them. Empty where the driver enumerates no intervals; 0x0 where it names no size.
    """

    pixel_format: str
    width: int | SizeRange
    height: int | SizeRange
    fps: tuple[float | int, ...] | Range


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """All that a camera can do. ``modes`` is exact; the three lists before it are what people choose from.

    ``validation_status``: confirmed (v4l2-ctl told it of this camera), provisional (there is a camera, it has not told
    yet), none (it could not be asked).
    """

    device: str
    camera_id: str
    formats: tuple[str, ...]
    resolutions: tuple[str, ...]
    fps_options: tuple[int | float, ...]
    validation_status: str
    modes: tuple[Mode, ...]


class ModeInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The mode that a camera is set to, as the driver gave it."""

    device: str
    camera_id: str
    pixel_format: str
    width: int
    height: int
    resolution: str
    fps: int | float | None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what was looked at, whether it is well (None: could not be told), what was seen, what to do."""

    check: str
    ok: bool | None
    detail: str
    remedy: str | None = None


class CameraDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The checks, from the outside in; ``camera_id`` is null where the node is not a camera."""

    device: str
    camera_id: str | None
    checks: tuple[Check, ...]


class MenuItem(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of a menu control; an integer menu's name is its number."""

    value: int
    name: str


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A control (``v4l2_queryctrl``) with its value; ``min``, ``max``, ``step``, ``default`` where it has them.

    ``value`` is None for buttons, arrays and compound types, and for a write-only control.
    """

    name: str
    id: int
    type: str
    min: int | None = None
    max: int | None = None
    step: int | None = None
    default: bool | int | str | None = None
    value: bool | int | str | None = None
    flags: tuple[str, ...] = ()
    menu: tuple[MenuItem, ...] = ()


class ControlList(msgspec.Struct, frozen=True, kw_only=True):
    """The controls, with their values as the driver has them now."""

    device: str
    camera_id: str
    controls: tuple[Control, ...]


class ControlsSet(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver really has now, and why the other values were not taken."""

    device: str
    camera_id: str
    applied: dict[str, bool | int | str]
    rejected: dict[str, str]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is there whole. ``age_ms`` is how old it was when it was asked for; ``data`` only if inline."""

    device: str
    camera_id: str
    filename: str
    status: str = "SUCCESS"
    timestamp: str
    age_ms: int | float
    resolution: str
    file_size: int
    file_path: str
    download_url: str
    metadata_file: str
    format: str
    sha256: str
    data: str | UnsetType = UNSET


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A file. ``camera_id`` and ``duration`` are null where no metadata tells them."""

    filename: str
    camera_id: str | None
    file_size: int
    modified_time: str
    duration: float | None
    download_url: str
    protected: bool


class FileList(msgspec.Struct, frozen=True, kw_only=True):
    """Files, newest first. ``total`` counts all that there are; ``next_cursor`` is null on the last page."""

    files: tuple[FileInfo, ...]
    total: int
    limit: int
    offset: int
    next_cursor: str | None


class CameraIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which camera it was, and what it was called then."""

    camera_id: str
    device: str
    name: str
    vendor_id: str | None = None
    product_id: str | None = None
    serial: str | None = None
    usb_path: str | None = None
    driver: str | None = None


class RecordingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """All that the metadata file of a recording holds, and where the file is to be had."""

    filename: str
    recording_id: str
    camera: CameraIdentity
    start_time: str
    end_time: str | None = None
    duration: float | None = None
    frames: int | None = None
    frames_dropped: int = 0
    file_size: int | None = None
    format: str = "fmp4"
    codec: str = "h264"
    resolution: str | None = None
    fps: float | None = None
    segment: int = 1
    pre_roll_s: float = 0.0
    ended: str | None = None
    interrupted: bool = False
    finalizing: bool = False
    protected: bool = False
    schedule_id: str | None = None
    controls: dict[str, bool | int | str] = {}
    download_url: str


class SnapshotInfo(msgspec.Struct, frozen=True, kw_only=True):
    """All that the metadata file of a snapshot holds, and where the file is to be had."""

    filename: str
    camera: CameraIdentity
    timestamp: str
    age_ms: float | None = None
    resolution: str | None = None
    fps: float | None = None
    file_size: int | None = None
    format: str = "jpg"
    quality: int | None = None
    sha256: str | None = None
    protected: bool = False
    controls: dict[str, bool | int | str] = {}
    download_url: str


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """The file that is no more."""

    filename: str
    deleted: bool


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept.

    ``age``: what is older than ``max_age_days`` goes. ``size``: the oldest go until recordings and snapshots together
    have at most ``max_size_gb`` (of 10^9 bytes). Both make room too, oldest first, when the disk gets low. ``manual``,
    or any policy that is not ``enabled``: nothing goes by itself; a clean-up that somebody asks for goes by age where
    the policy is ``manual``.
    """

    policy_type: str
    max_age_days: float
    max_size_gb: float
    enabled: bool


class StorageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The room of the media directory's disk and what our files take of it, in bytes.

    ``floor`` is what stays free: nothing is begun below it. ``policy`` says which files go by themselves.
    """

    total_space: int
    used_space: int
    available_space: int
    usage_percentage: float
    recordings_size: int
    snapshots_size: int
    low_space_warning: bool
    floor: int
    policy: Policy


class CleanedUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a clean-up removed."""

    files_deleted: int
    space_freed: int


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
    status: str
    start_time: str
    format: str
    codec: str
    duration: int | float | None
    pre_roll_s: int | float
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
    status: str
    start_time: str
    end_time: str | None
    duration: int | float
    frames: int
    frames_dropped: int
    file_size: int
    format: str
    metadata_file: str | None


class RecordingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the recording of a camera stands; all but the camera is empty while ``state`` is IDLE.

    WAITING: the camera, or an encoder, is away (``reason``), and it goes on in another file. ``elapsed`` and
    ``remaining`` are seconds of the time asked for, ``frames`` and ``bytes`` what is on the disk.
    """

    device: str
    camera_id: str
    state: str
    recording_id: str | None = None
    session_id: str | None = None
    filename: str | None = None
    files: tuple[str, ...] = ()
    format: str | None = None
    codec: str | None = None
    start_time: str | None = None
    elapsed: int | float = 0
    remaining: int | float | None = None
    frames: int = 0
    frames_dropped: int = 0
    bytes: int = 0
    reason: str | None = None
    schedule_id: str | None = None


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``files`` are those that are whole, the newest 50; ``joined``: somebody else had begun the recording.

    ``reason`` says why it was missed or failed, or what ended it before ``end_time``.
    """

    start_time: str
    end_time: str
    outcome: str
    recording_id: str | None
    joined: bool
    files: tuple[str, ...]
    reason: str | None


class ScheduleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule. ``state``: RUNNING while it records or tries to, EXPIRED when nothing is to come any more.

    ``device`` is null while the camera was not seen since the service began. ``format`` and ``codec`` null are as
    configured. ``recording_id`` is the recording that goes on.
    """

    schedule_id: str
    device: str | None
    camera_id: str
    name: str | None
    state: str
    next_run: str | None
    next_runs: tuple[str, ...]
    last_run: RunInfo | None
    recording_id: str | None
    duration: int | float
    start_time: str | None
    cron: str | None
    timezone: str
    until: str | None
    format: str | None
    codec: str | None
    missed_run: str
    enabled: bool
    created: str


class ScheduleList(msgspec.Struct, frozen=True, kw_only=True):
    """Schedules in the order in which they were made; ``total`` counts all that were asked for."""

    schedules: tuple[ScheduleInfo, ...]
    total: int
    limit: int
    offset: int


class ScheduleCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What is gone. ``recording_id``: its recording goes on, because somebody else has a part in it."""

    schedule_id: str
    cancelled: bool
    recording_id: str | None


class OptionInForce(msgspec.Struct, frozen=True, kw_only=True):
    """An option. ``place`` is the file and line, the variable, or the option of the command line that sets it.

    ``live``: another value holds as soon as the configuration is read again. ``pending``: what the configuration says
    now, and will hold after a restart; absent where nothing waits. Secrets are ``***``.
    """

    value: Any
    default: Any
    source: str
    place: str | None
    live: bool
    pending: Any | UnsetType = UNSET


class ConfigInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration in force, its options by name (``server.port``).

    ``problem`` is what was wrong when it was last read again, so that nothing of it was taken over.
    """

    file: str | None
    options: dict[str, OptionInForce]
    restart_required: tuple[str, ...]
    problem: str | None


class ConfigReloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it: options with another value in force, and those whose new value waits for a restart."""

    changed: tuple[str, ...]
    restart_required: tuple[str, ...]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who the caller is, and what it may do; ``name`` and ``expires_at`` are those of the token that it has shown."""

    authenticated: bool
    role: str
    permissions: tuple[str, ...]
    name: str | None
    expires_at: str | None


class OneShotToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token for one URL: bound to the first path that it is shown for, until ``expires_at`` (RFC 3339 UTC)."""

    token: str
    expires_at: str


class TokenCreated(msgspec.Struct, frozen=True, kw_only=True):
    """A new token: this is the only time that its text is told."""

    token_id: str
    kind: str
    name: str
    role: str
    created_at: str
    expires_at: str | None
    camera_id: str | None
    last_used_at: str | None
    token: str


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. Times are RFC 3339 UTC, null for no end and never; last use is right to the hour."""

    token_id: str
    kind: str
    name: str
    role: str
    created_at: str
    expires_at: str | None
    camera_id: str | None
    last_used_at: str | None


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens that were not revoked, the oldest first."""

    tokens: tuple[TokenInfo, ...]


class TokenRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """It is worth nothing from now on, on open connections neither."""

    token_id: str
    revoked: bool


class SecretRotated(msgspec.Struct, frozen=True, kw_only=True):
    """JWTs are signed with another secret from now on."""

    rotated: bool


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One figure; ``name`` ends as Prometheus has it (``_total``, ``_bucket``, ``_sum``, ``_count``)."""

    name: str
    labels: dict[str, str]
    value: float


class MetricInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with its figures."""

    name: str
    type: str
    help: str
    samples: tuple[Sample, ...]


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """All metrics; ``values`` has those without labels by name, for whoever wants one figure."""

    metrics: tuple[MetricInfo, ...]
    values: dict[str, float]


class CameraStatusUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``camera_status_update``, flat and in the order that every existing client reads."""

    status: str
    device: str
    resolution: str | UnsetType = UNSET
    fps: int | float | UnsetType = UNSET
    camera_id: str
    name: str
    reason: str | None
    seq: int
    epoch: str
    timestamp: str
    initial: bool | UnsetType = UNSET


class CameraControlUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``camera_control_update``: values that were just set, as the driver has them."""

    device: str
    camera_id: str
    controls: dict[str, bool | int | str]
    seq: int
    epoch: str
    timestamp: str


class RecordingStatusUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``recording_status_update``.

    STARTED once a file has its first frame. STOPPED when it is whole: with ``continues`` the recording goes on in
    another file as soon as it can (``reason``: unplugged, capture_failed, ...), and is then STARTED again under the
    same ``session_id``. FINALIZED: a file has got the format that was asked for. ``duration`` is in seconds.
    """

    seq: int
    epoch: str
    timestamp: str
    device: str
    camera_id: str
    session_id: str
    recording_id: str
    status: str
    continues: bool
    filename: str | None
    segment: int
    duration: int | float
    reason: str | None
    schedule_id: str | None


class SnapshotStatusUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``snapshot_status_update``: a picture is there whole. ``taken`` is when its frame arrived."""

    seq: int
    epoch: str
    timestamp: str
    device: str
    camera_id: str
    status: str
    filename: str
    file_size: int
    taken: str
    download_url: str


class ScheduleStatusUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``schedule_status_update``: a schedule changed, or one of its runs did."""

    seq: int
    epoch: str
    timestamp: str
    schedule_id: str
    camera_id: str
    status: str
    name: str | None
    next_run: str | None
    recording_id: str | None
    reason: str | None


class StorageStatusUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``storage_status_update``. Sizes in bytes; null where they could not be told."""

    seq: int
    epoch: str
    timestamp: str
    status: str
    available_space: int | None
    low_space_warning: bool
    files_deleted: int
    space_freed: int
    reason: str | None


class SystemHealthUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The params of ``system_health_update``: a part of the service is well, or not, from now on."""

    seq: int
    epoch: str
    timestamp: str
    component: str
    status: str
    detail: str


#: Which Struct a notification's params are.
NOTIFICATIONS: dict[str, Any] = {
    "camera_status_update": CameraStatusUpdate,
    "camera_control_update": CameraControlUpdate,
    "recording_status_update": RecordingStatusUpdate,
    "snapshot_status_update": SnapshotStatusUpdate,
    "schedule_status_update": ScheduleStatusUpdate,
    "storage_status_update": StorageStatusUpdate,
    "system_health_update": SystemHealthUpdate,
}
