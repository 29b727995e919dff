"""The method that takes a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import present_camera
from webcam_rpc.api.troubles import media_troubles_told
from webcam_rpc.api.wire import DeviceName, Number
from webcam_rpc.media.sidecar import SnapshotFormat
from webcam_rpc.media.snapshots import INLINE_LIMIT, InlineTooBig, SnapshotWanted, Taken
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound, ShuttingDown, StorageLow
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Generator

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.snapshots import Snapshots

_DAY_MS = 24 * 60 * 60 * 1000


class TakeSnapshotParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera, and which picture of it.

    Without ``filename`` it is named after camera and moment; without ``format`` it is what the file name says, or jpg.
    ``quality`` makes the JPEG anew; a PNG has none. ``fresh`` waits for a frame that arrives after the call, else the
    newest will do, if it is not older than ``max_age_ms``. ``inline`` gives the picture with the answer as well.
    """

    device: DeviceName
    filename: str | UnsetType = UNSET
    format: SnapshotFormat | UnsetType = UNSET
    quality: Annotated[int, msgspec.Meta(ge=1, le=100)] | UnsetType = UNSET
    fresh: bool = False
    max_age_ms: Annotated[int, msgspec.Meta(ge=0, le=_DAY_MS)] | UnsetType = UNSET
    inline: bool = False


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is there whole. ``age_ms`` is how old it was when it was asked for; ``data`` only if inline."""

    device: str
    camera_id: str
    filename: str
    status: Literal["SUCCESS"] = "SUCCESS"
    timestamp: str
    age_ms: Number
    resolution: str
    file_size: int
    file_path: str
    download_url: str
    metadata_file: str
    format: SnapshotFormat
    sha256: str
    data: bytes | UnsetType = UNSET


class SnapshotMethods:
    """What clients can do to get pictures."""

    def __init__(self, registry: CameraRegistry, feeds: Feeds, snapshots: Snapshots) -> None:
        self._registry = registry
        self._feeds = feeds
        self._snapshots = snapshots

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "take_snapshot",
                Role.OPERATOR,
                TakeSnapshotParams,
                Snapshot,
                self.take_snapshot,
                "Take a picture and keep it.",
                (InvalidParams, NotFound, InvalidState, DependencyFailed, StorageLow, ShuttingDown),
                cost=10.0,
            ),
        )

    @inlineCallbacks
    def take_snapshot(
        self,
        params: TakeSnapshotParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, Snapshot]:
        """Take a picture; the answer comes when the disk has it."""
        camera = present_camera(self._registry, params.device)
        with media_troubles_told():
            try:
                taken: Taken = yield self._snapshots.take(self._feeds.of(camera.camera_id), _wanted(params))
            except InlineTooBig as big:
                hint = (
                    f"the picture has {big.size} bytes, and {INLINE_LIMIT} fit into an answer: ask for a lower "
                    "quality, or without inline and fetch its download_url"
                )
                raise InvalidParams("inline", "too_big", hint) from None
        return _told(taken)


def _wanted(params: TakeSnapshotParams) -> SnapshotWanted:
    chosen = params.format
    if chosen is UNSET:
        named_png = params.filename is not UNSET and params.filename.endswith(".png")
        chosen = "png" if named_png else "jpg"
    return SnapshotWanted(
        filename=None if params.filename is UNSET else params.filename,
        format=chosen,
        quality=None if params.quality is UNSET else params.quality,
        fresh=params.fresh,
        max_age_ms=None if params.max_age_ms is UNSET else params.max_age_ms,
        inline=params.inline,
    )


def _told(taken: Taken) -> Snapshot:
    meta = taken.meta
    return Snapshot(
        device=meta.camera.device,
        camera_id=meta.camera.camera_id,
        filename=meta.filename,
        timestamp=meta.timestamp,
        age_ms=taken.age_ms,
        resolution=meta.resolution or "",
        file_size=meta.file_size or 0,
        file_path=str(taken.path),
        download_url=f"/files/snapshots/{meta.filename}",
        metadata_file=str(taken.sidecar),
        format=meta.format,
        sha256=meta.sha256 or "",
        data=UNSET if taken.data is None else taken.data,
    )
