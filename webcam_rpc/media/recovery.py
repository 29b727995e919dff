"""What a crash or a power cut left in the media directory, made right before anything new is begun there.

A recording that was being written is cut behind its last whole fragment, gets its name, and its metadata says that it
was interrupted. What never became a file goes. Everything here blocks: call it in a thread, and begin no recording and
no snapshot before it has ended, because it takes every part that it finds for one that nobody writes any more.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from twisted.logger import Logger, LogLevel

from webcam_rpc.durable import PART, put_in_place, write_whole
from webcam_rpc.media import names, sidecar
from webcam_rpc.media.fragments import cut
from webcam_rpc.media.names import RECORDINGS, SIDECAR, SNAPSHOTS, is_media
from webcam_rpc.media.sidecar import CameraIdentity, RecordingMeta
from webcam_rpc.media.troubles import NameRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.media.fragments import Scan

#: What a recording is rewritten to ends with this (:mod:`webcam_rpc.media.finishing`).
REMUX = f".remux{PART}"

_log = Logger()

#: What :func:`names.default` makes, and :func:`names.numbered` of that.
_DEFAULT = re.compile(r"([a-z0-9-]{1,90})_(\d{8}T\d{9}Z)(?:-\d{4,})?\.")
#: A part without a picture in it that is larger than this was one once: it is put aside, not deleted.
_TOO_MUCH = 1 << 20


class Recovered(msgspec.Struct, frozen=True):
    """A recording that was made right, as it is now."""

    path: Path
    meta: RecordingMeta


def recover(directory: Path, now: Callable[[], float]) -> list[Recovered]:
    """Make right what is below the media directory; never raises: what cannot be mended is logged and left.

    :param now: gives the time in Unix seconds.
    """
    recovered: list[Recovered] = []
    for kind in (SNAPSHOTS, RECORDINGS):
        for name in _files(directory / kind):
            if _is_leftover(kind, name):
                _guarded(directory / kind / name, _remove)
    # Parts before drafts: then a draft is a file's that had its name already, or nobody's.
    recordings = directory / RECORDINGS
    for name in _files(recordings):
        if name.endswith(PART) and is_media(RECORDINGS, name.removesuffix(PART)):
            _guarded(recordings / name, lambda part: _part(part, now), recovered)
    for name in _files(recordings):
        if name.endswith(SIDECAR) and is_media(RECORDINGS, name.removesuffix(SIDECAR)):
            _guarded(recordings / name, lambda draft: _draft(draft, now), recovered)
    return recovered


def unfinished(directory: Path) -> list[Recovered]:
    """List the recordings that are still to be rewritten, by their metadata. Never raises."""
    found: list[Recovered] = []
    recordings = directory / RECORDINGS
    for name in _files(recordings):
        path = recordings / name.removesuffix(SIDECAR)
        if name.endswith(SIDECAR) and is_media(RECORDINGS, path.name):
            meta = _read(path)
            if meta is not None and meta.finalizing and meta.end_time is not None and path.is_file():
                found.append(Recovered(path, meta))
    return found


def _files(directory: Path) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            # A link would lead a cut to a file elsewhere.
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        _log.error("Cannot look into {path}: {error}", path=directory, error=error.strerror)
        return []


def _is_leftover(kind: str, name: str) -> bool:
    """Tell a file that is worth nothing once nobody writes it: of metadata, of a snapshot, of a rewritten recording."""
    stem = name.removesuffix(PART)
    if stem == name:
        return False
    if kind == SNAPSHOTS or stem.endswith(SIDECAR):
        return is_media(kind, stem.removesuffix(SIDECAR))
    return name.endswith(REMUX) and is_media(kind, name.removesuffix(REMUX))


def _guarded(path: Path, mend: Callable[[Path], Recovered | None], recovered: list[Recovered] | None = None) -> None:
    """Mend one file; whatever is wrong with it costs no other."""
    try:
        made = mend(path)
    except OSError as error:
        _log.error("Cannot recover {path}: {error}", path=path, error=error.strerror or error)
    except Exception:  # noqa: BLE001 - a defect of ours must not cost the other recordings
        _log.failure("Cannot recover {path}", level=LogLevel.error, path=path)
    else:
        if made is not None and recovered is not None:
            recovered.append(made)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _part(part: Path, now: Callable[[], float]) -> Recovered | None:
    """Make a recording of what was being written."""
    path = part.with_name(part.name.removesuffix(PART))
    meta = _read(path)
    # Metadata that says when the file ended belongs to the file that has the name, if there is one.
    theirs = meta is not None and meta.end_time is not None and path.exists()
    modified = part.stat().st_mtime
    scan = cut(part, verify=True)
    if not scan.has_media:
        if scan.size > _TOO_MUCH:
            aside = path.with_name(f"{path.name}.broken")
            _log.error("{path} holds no picture: put aside as {aside}", path=part, aside=aside)
            part.replace(aside)
        else:
            _log.warn("{path} holds no picture: removed", path=part)
            part.unlink()
        if meta is not None and not path.exists():
            _sidecar(path).unlink(missing_ok=True)
        return None
    target = _free(path)
    known = _whole(target, None if theirs else meta, scan, modified, now)
    # First the metadata, which the file's name is to find there: should the power go between the two, the part is
    # found again with it.
    write_whole(_sidecar(target), sidecar.encode(known))
    put_in_place(part, target)
    if target != path and meta is not None and not theirs:
        _sidecar(path).unlink(missing_ok=True)
    return _told(Recovered(target, known), scan)


def _draft(draft: Path, now: Callable[[], float]) -> Recovered | None:
    """Complete the metadata of a file that had its name already when the crash came."""
    path = draft.with_name(draft.name.removesuffix(SIDECAR))
    meta = _read(path)
    if meta is None or meta.end_time is not None:
        return None
    if not path.is_file():
        if not path.with_name(path.name + PART).exists():
            draft.unlink()
        return None
    modified = path.stat().st_mtime
    scan = cut(path)
    if not scan.has_media:
        return None
    known = _whole(path, meta, scan, modified, now)
    write_whole(draft, sidecar.encode(known))
    return _told(Recovered(path, known), scan)


def _told(recovered: Recovered, scan: Scan) -> Recovered:
    _log.info(
        "Recovered {path}: {frames} frames, {seconds:.1f} s",
        path=recovered.path,
        frames=scan.frames or 0,
        seconds=scan.duration or 0.0,
    )
    return recovered


def _free(path: Path) -> Path:
    """Give the first of the numbered names that no file has."""
    number, name = 1, path.name
    while True:
        try:
            free = path.with_name(names.numbered(name, number))
        except NameRefused:
            # No room for a number: a shorter name has some.
            name = f"{path.stem[:100]}{path.suffix}"
            continue
        if not free.exists():
            return free
        number += 1


def _whole(
    path: Path, draft: RecordingMeta | None, scan: Scan, modified: float, now: Callable[[], float]
) -> RecordingMeta:
    """Give the metadata of a recovered file: what was noted when it was begun, and what can be told from itself."""
    duration = round(scan.duration or 0.0, 3)
    meta = draft if draft is not None else _made_up(path, scan, duration, min(modified, now()))
    return msgspec.structs.replace(
        meta,
        filename=path.name,
        end_time=_later(meta.start_time, duration),
        duration=duration,
        frames=scan.frames,
        file_size=scan.size,
        ended="interrupted",
        interrupted=True,
        # A cut Matroska file has no index; what was to be an MP4 file in the end still is to be.
        finalizing=not scan.indexed and (meta.format == "mp4" or path.suffix == ".mkv"),
    )


def _made_up(path: Path, scan: Scan, duration: float, ended: float) -> RecordingMeta:
    """Tell from a file itself, and from its name where the service chose that, what its lost metadata said."""
    named = _DEFAULT.match(path.name)
    camera_id = named[1] if named is not None else "unknown"
    start = sidecar.utc(ended - duration)
    if named is not None:
        try:
            moment = datetime.strptime(named[2][:-1] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=timezone.utc)
        except ValueError:
            pass
        else:
            start = sidecar.utc(moment.timestamp())
    return RecordingMeta(
        filename=path.name,
        recording_id=path.stem,
        camera=CameraIdentity(camera_id=camera_id, device="", name=camera_id),
        start_time=start,
        format="mkv" if path.suffix == ".mkv" else "fmp4",
        codec="h264" if scan.codec in {"avc1", "V_MPEG4/ISO/AVC"} else "copy",
    )


def _later(start: str, seconds: float) -> str:
    try:
        # Python 3.10 does not know the Z.
        moment = datetime.fromisoformat(start.replace("Z", "+00:00"))
        return sidecar.utc(moment.timestamp() + seconds)
    except (ValueError, OverflowError):
        return start


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)


def _read(path: Path) -> RecordingMeta | None:
    """Read the metadata beside a file; None where there is none, or it is broken."""
    try:
        return sidecar.decode_recording(_sidecar(path).read_bytes())
    except OSError:
        return None
