"""What the network side wants of whoever has the pictures: protocols, so that nothing here knows a camera.

What goes wrong is an :class:`~webcam_rpc.rpc.errors.RPCError`; :mod:`.faults` makes an HTTP status of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from twisted.internet.defer import Deferred

    from webcam_rpc.rpc.errors import RPCError

#: The kinds of files, which are the names of their directories and of what is below ``/files``.
Kind = Literal["recordings", "snapshots"]


class Frame(Protocol):
    """A picture of a stream; the same object for everybody who watches the same.

    ``at`` is when it arrived, in seconds of the monotonic clock, ``time`` the same moment in Unix seconds.
    """

    # ruff: noqa: D102 - the class says what they are

    @property
    def jpeg(self) -> bytes: ...
    @property
    def at(self) -> float: ...
    @property
    def time(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Picture(Protocol):
    """One picture, taken at ``time`` (Unix seconds), which was ``age_ms`` old when it was given."""

    @property
    def jpeg(self) -> bytes: ...
    @property
    def time(self) -> float: ...
    @property
    def age_ms(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Viewer(Protocol):
    """Who watches. It is called in the reactor's thread and returns at once."""

    def frame(self, frame: Frame, /) -> None:
        """Take a picture, or let it pass."""

    def failed(self, error: RPCError, /) -> None:
        """Hear why there are no pictures; they come by themselves when there are some again."""

    def gone(self) -> None:
        """Hear that the camera was unplugged; pictures come by themselves when it is back."""


class Watching(Protocol):
    """What was begun by :meth:`Media.watch`."""

    @property
    def camera_id(self) -> str: ...

    def stop(self) -> None:
        """Let it be; nothing is called any more. Any number of times."""


class CameraState(Protocol):
    """How a camera stands: whether pictures come, how big, how many a second are wanted and do come.

    ``encoder`` is HW where the camera makes the JPEGs, else CPU. Sizes and rates are 0 where nobody knows.
    """

    @property
    def camera_id(self) -> str: ...
    @property
    def online(self) -> bool: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def desired_fps(self) -> float: ...
    @property
    def captured_fps(self) -> float: ...
    @property
    def encoder(self) -> Literal["CPU", "HW"]: ...
    @property
    def quality(self) -> int: ...


class Media(Protocol):
    """Pictures, streams and files. A ``name`` is whatever a client may call a camera."""

    def cameras(self) -> Sequence[str]:
        """List the ids of the cameras that are plugged in, in their order."""

    def state(self, name: str) -> CameraState:
        """Tell how a camera stands. Raises RPCError for one that is not known."""

    def snapshot(self, name: str, *, fresh: bool, max_age_ms: int | None) -> Deferred[Any]:
        """Give a :class:`Picture`; a ``fresh`` one is taken after this call. Fails with RPCError; may be cancelled.

        (A ``Deferred[Picture]`` could not be a Deferred of a class that only fits the protocol: it is invariant.)
        """

    def watch(self, name: str, width: int | None, viewer: Viewer) -> Watching:
        """Have every picture given to ``viewer`` from now on, scaled to ``width`` where that is not None.

        The viewer is first called after this has returned. Raises RPCError for a camera that is not known.
        """

    def replay(self, path: Path, start: float, viewer: Viewer, ended: Callable[[], None]) -> Watching:
        """Have the JPEGs of a recording given to ``viewer``, from ``start`` seconds on and at their pace.

        ``ended`` is called when all were. Raises RPCError; of a file of another kind ``failed`` is called.
        """

    def file(self, kind: Kind, name: str) -> Path | None:
        """Give the place of a whole recording or snapshot; None for whatever else. Called in a thread."""
