"""The methods about files: lists of recordings and snapshots, what is known of one, their end, the room they take."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import find_camera
from webcam_rpc.api.troubles import media_troubles_told
from webcam_rpc.api.wire import DeviceName
from webcam_rpc.media.folder import FileProtected
from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.retention import Policy, PolicyType
from webcam_rpc.media.sidecar import RecordingMeta, SnapshotMeta
from webcam_rpc.media.stored import BadCursor
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound, ShuttingDown
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.library import Cleaned, Entry, MediaLibrary, Page, Usage
    from webcam_rpc.media.metadata import Metadata

_FileName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, description="The name of a file as a list gives it.")
]
#: What a camera that this machine no longer knows may be called by: its id.
_CAMERA_ID = re.compile(r"[a-z0-9-]{1,128}")
#: Removing very many files takes its time; what has gone when the deadline passes is gone.
_CLEANING_S = 120.0


class ListParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which files: so many, from ``offset`` on or behind ``cursor`` (the ``next_cursor`` of the page before)."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    cursor: Annotated[str, msgspec.Meta(max_length=1024)] | UnsetType | None = UNSET
    device: DeviceName | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Refuse two beginnings."""
        if self.cursor and self.offset:
            raise InvalidParams("offset", "conflict", "offset or cursor, not both")


class FileParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file."""

    filename: _FileName


class ProtectParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which recording, and whether it is to be kept."""

    filename: _FileName
    protected: bool


class PolicyParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be kept from now on; the limits that are left out stay as they are."""

    policy_type: PolicyType
    max_age_days: Annotated[float, msgspec.Meta(gt=0, le=36500)] | UnsetType | None = UNSET
    max_size_gb: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] | UnsetType | None = UNSET
    enabled: bool


class NoParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing."""


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


class RecordingInfo(RecordingMeta, frozen=True, kw_only=True):
    """All that the metadata file of a recording holds, and where the file is to be had."""

    download_url: str


class SnapshotInfo(SnapshotMeta, frozen=True, kw_only=True):
    """All that the metadata file of a snapshot holds, and where the file is to be had."""

    download_url: str


class Deleted(msgspec.Struct, frozen=True):
    """The file that is no more."""

    filename: str
    deleted: bool


class StorageInfo(msgspec.Struct, frozen=True):
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


class CleanedUp(msgspec.Struct, frozen=True):
    """What a clean-up removed."""

    files_deleted: int
    space_freed: int


class FileMethods:
    """What clients can do with recordings and snapshots that are there."""

    def __init__(self, registry: CameraRegistry, library: MediaLibrary) -> None:
        self._registry = registry
        self._library = library

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        s, v, o, a = Role.STATUS, Role.VIEWER, Role.OPERATOR, Role.ADMIN
        broken = (DependencyFailed, ShuttingDown)
        listing = (InvalidParams, NotFound, *broken)
        one = (InvalidParams, NotFound)
        gone = (*one, InvalidState, *broken)
        return (
            Method(
                "list_recordings", v, ListParams, FileList, self.list_recordings, "List recordings.", listing, cost=5.0
            ),
            Method(
                "list_snapshots", v, ListParams, FileList, self.list_snapshots, "List snapshots.", listing, cost=5.0
            ),
            Method(
                "get_recording_info",
                v,
                FileParams,
                RecordingInfo,
                self.get_recording_info,
                "Tell all that is known of a recording's file.",
                one,
                cost=2.0,
            ),
            Method(
                "get_snapshot_info",
                v,
                FileParams,
                SnapshotInfo,
                self.get_snapshot_info,
                "Tell all that is known of a snapshot.",
                one,
                cost=2.0,
            ),
            Method(
                "delete_recording", o, FileParams, Deleted, self.delete_recording, "Delete a recording.", gone, cost=2.0
            ),
            Method(
                "delete_snapshot", o, FileParams, Deleted, self.delete_snapshot, "Delete a snapshot.", gone, cost=2.0
            ),
            Method(
                "protect_recording",
                o,
                ProtectParams,
                RecordingInfo,
                self.protect_recording,
                "Keep a recording from being deleted, or let it.",
                (*one, *broken),
                cost=2.0,
            ),
            Method(
                "get_storage_info",
                s,
                NoParams,
                StorageInfo,
                self.get_storage_info,
                "Tell how much room there is and what takes it.",
                broken,
                cost=2.0,
            ),
            Method(
                "set_retention_policy",
                a,
                PolicyParams,
                Policy,
                self.set_retention_policy,
                "Choose how long files are kept, also after a restart.",
                (InvalidParams, *broken),
                cost=5.0,
            ),
            Method(
                "cleanup_old_files",
                a,
                NoParams,
                CleanedUp,
                self.cleanup_old_files,
                "Remove what the policy has no place for, now.",
                broken,
                deadline_s=_CLEANING_S,
                cost=100.0,
            ),
        )

    def list_recordings(self, params: ListParams, caller: Caller) -> Deferred[FileList]:  # noqa: ARG002
        """List recordings, newest first."""
        return self._list(RECORDINGS, params)

    def list_snapshots(self, params: ListParams, caller: Caller) -> Deferred[FileList]:  # noqa: ARG002
        """List snapshots, newest first."""
        return self._list(SNAPSHOTS, params)

    def get_recording_info(self, params: FileParams, caller: Caller) -> Deferred[RecordingInfo]:  # noqa: ARG002
        """Give a recording's metadata."""
        return self._info(RECORDINGS, params.filename)

    def get_snapshot_info(self, params: FileParams, caller: Caller) -> Deferred[SnapshotInfo]:  # noqa: ARG002
        """Give a snapshot's metadata."""
        return self._info(SNAPSHOTS, params.filename)

    def delete_recording(self, params: FileParams, caller: Caller) -> Deferred[Deleted]:  # noqa: ARG002
        """Delete a recording, unless it is protected."""
        return self._delete(RECORDINGS, params.filename)

    def delete_snapshot(self, params: FileParams, caller: Caller) -> Deferred[Deleted]:  # noqa: ARG002
        """Delete a snapshot."""
        return self._delete(SNAPSHOTS, params.filename)

    @inlineCallbacks
    def protect_recording(
        self,
        params: ProtectParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, RecordingInfo]:
        """Keep a recording, whatever the policy says, or give it back to the policy."""
        with media_troubles_told():
            meta: RecordingMeta = yield self._library.protect(params.filename, params.protected)
        shown: RecordingInfo = _shown(RECORDINGS, meta)
        return shown

    @inlineCallbacks
    def get_storage_info(
        self,
        params: NoParams,  # noqa: ARG002
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, StorageInfo]:
        """Tell the room that is left."""
        with media_troubles_told():
            usage: Usage = yield self._library.usage()
        return StorageInfo(
            total_space=usage.total,
            used_space=usage.used,
            available_space=usage.available,
            usage_percentage=round(100 * usage.used / usage.total, 1) if usage.total else 0.0,
            recordings_size=usage.recordings_size,
            snapshots_size=usage.snapshots_size,
            low_space_warning=usage.low,
            floor=usage.floor,
            policy=self._library.policy,
        )

    @inlineCallbacks
    def set_retention_policy(
        self,
        params: PolicyParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, Policy]:
        """Change the policy; it acts with the next sweep."""
        now = self._library.policy
        policy = Policy(
            policy_type=params.policy_type,
            max_age_days=params.max_age_days or now.max_age_days,
            max_size_gb=params.max_size_gb or now.max_size_gb,
            enabled=params.enabled,
        )
        with media_troubles_told():
            kept: Policy = yield self._library.set_policy(policy)
        return kept

    @inlineCallbacks
    def cleanup_old_files(
        self,
        params: NoParams,  # noqa: ARG002
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, CleanedUp]:
        """Clean up now."""
        with media_troubles_told():
            cleaned: Cleaned = yield self._library.clean_up()
        return CleanedUp(cleaned.files, cleaned.bytes)

    @inlineCallbacks
    def _list(self, kind: str, params: ListParams) -> Generator[Deferred[Any], Any, FileList]:
        known, camera_id = self._camera_id(params.device) if params.device else (True, None)
        try:
            with media_troubles_told():
                page: Page = yield self._library.page(
                    kind, params.limit, params.offset, params.cursor or None, camera_id
                )
        except BadCursor:
            raise InvalidParams("cursor", "invalid", "the next_cursor of a page, or none for the first") from None
        if not known and page.total == 0:
            raise NotFound("camera", str(params.device))
        files = tuple(_listed(kind, entry) for entry in page.files)
        return FileList(
            files=files, total=page.total, limit=params.limit, offset=params.offset, next_cursor=page.next_cursor
        )

    def _camera_id(self, device: str) -> tuple[bool, str]:
        """Give the id that ``device`` means, and whether such a camera is known: files outlive their cameras."""
        is_id = _CAMERA_ID.fullmatch(device) is not None
        camera = find_camera(self._registry, device, or_none=is_id)
        return (True, camera.camera_id) if camera is not None else (False, device)

    @inlineCallbacks
    def _info(self, kind: str, filename: str) -> Generator[Deferred[Any], Any, Any]:
        with media_troubles_told():
            meta: Metadata = yield self._library.info(kind, filename)
        return _shown(kind, meta)

    @inlineCallbacks
    def _delete(self, kind: str, filename: str) -> Generator[Deferred[Any], Any, Deleted]:
        with media_troubles_told(), _protection_told():
            yield self._library.delete(kind, filename)
        return Deleted(filename, deleted=True)


@contextmanager
def _protection_told() -> Iterator[None]:
    try:
        yield
    except FileProtected as error:
        raise InvalidState("PROTECTED", hint="protect_recording with protected: false lets it be deleted") from error


def _listed(kind: str, entry: Entry) -> FileInfo:
    return FileInfo(**msgspec.structs.asdict(entry), download_url=_url(kind, entry.filename))


def _shown(kind: str, meta: Metadata) -> Any:  # noqa: ANN401 - of the kind that was asked for
    shape = RecordingInfo if kind == RECORDINGS else SnapshotInfo
    return shape(**msgspec.structs.asdict(meta), download_url=_url(kind, meta.filename))


def _url(kind: str, filename: str) -> str:
    # Nothing in a name needs quoting.
    return f"/files/{kind}/{filename}"
