"""The names of recordings and snapshots: what a client may ask for, and what is given where it asks for none.

Pure. A name never leads out of its directory, never looks like an option or a protocol of ffmpeg, and never like a
sidecar or a part: it has the extension of what is in it.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

from webcam_rpc.media.troubles import NameRefused

#: The kinds of files, which are the names of their directories.
RECORDINGS = "recordings"
SNAPSHOTS = "snapshots"
#: What a metadata file's name adds to the name of its file.
SIDECAR = ".json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_EXTENSIONS = {RECORDINGS: (".mp4", ".mkv"), SNAPSHOTS: (".jpg", ".png")}
_RULE = "letters, digits, '_', '-' and '.', the first a letter or digit, at most 128"


def is_media(kind: str, filename: str) -> bool:
    """Tell whether a file of this name is a whole recording or snapshot (``kind`` is the directory's name)."""
    return _NAME.match(filename) is not None and filename.endswith(_EXTENSIONS[kind])


def chosen(filename: str, extension: str) -> str:
    """Give the name of a file that a client named, with its extension (``.mp4``) added where it is missing.

    Raises NameRefused.
    """
    if not _NAME.match(filename):
        raise NameRefused("pattern", _RULE)
    if filename.endswith(extension):
        return filename
    stem, dot, other = filename.rpartition(".")
    known = {known for extensions in _EXTENSIONS.values() for known in extensions} | {".jpeg", SIDECAR, ".part"}
    if dot and stem and f".{other.lower()}" in known:
        raise NameRefused("extension", f"this file is a {extension}")
    if not _NAME.match(filename + extension):
        raise NameRefused("pattern", f"{_RULE}, {extension} included")
    return filename + extension


def default(camera_id: str, time: float, extension: str) -> str:
    """Name a file after its camera and its moment (Unix seconds), to the millisecond: ``demo_20260101T120000123Z.jpg``.

    A camera id that is too long for a file name is cut.
    """
    moment = datetime.fromtimestamp(time, timezone.utc)
    stamp = moment.strftime("%Y%m%dT%H%M%S") + f"{moment.microsecond // 1000:03d}Z"
    return f"{camera_id[:90]}_{stamp}{extension}"


def numbered(filename: str, number: int) -> str:
    """Name the ``number``-th file of one recording: the first keeps the name, then ``NAME-0002.mp4`` and so on.

    Raises NameRefused where that is too long.
    """
    if number == 1:
        return filename
    stem, _, extension = filename.rpartition(".")
    name = f"{stem}-{number:04d}.{extension}"
    if not _NAME.match(name):
        raise NameRefused("pattern", f"{_RULE}, and room for a number")
    return name
