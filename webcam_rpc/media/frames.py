"""A frame, and who gets frames.

Owns the values that pass from a camera's feed to everything that lives on it: snapshots, viewers, recordings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from webcam_rpc.media.troubles import CaptureFailed


class Frame(msgspec.Struct, frozen=True):
    """One picture as the camera gave it.

    ``jpeg`` is a whole JPEG from SOI to EOI with its Huffman tables, ``width`` and ``height`` are its pixels.
    ``number`` counts from 1 within this run of the process, for each camera; a gap is a frame that was invalid. ``at``
    is when it arrived, in seconds of the monotonic clock; ``time`` the same moment in Unix seconds.
    """

    number: int
    at: float
    time: float
    width: int
    height: int
    jpeg: bytes


class Consumer(Protocol):
    """Who lives on a feed. It is called in the reactor's thread, must return at once, and keeps no feed waiting."""

    def frame(self, frame: Frame) -> None:
        """Take a frame, or let it pass."""

    def failed(self, failure: CaptureFailed) -> None:
        """Hear that the capture failed; the feed tries again by itself for as long as somebody is attached."""

    def gone(self) -> None:
        """Hear that the camera was unplugged; the feed goes on by itself when it comes back."""
