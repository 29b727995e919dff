"""The recordings that go on: at most one for each camera.

Owns their beginning and their end with the service. Clients and schedules come through the same door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, succeed
from twisted.logger import Logger

from webcam_rpc.media import encoder, names
from webcam_rpc.media.recording import Recording, RecordingState, RecordingWanted, Studio
from webcam_rpc.media.recovery import recover
from webcam_rpc.media.troubles import AlreadyRecording, CameraAway, NotRecording, ProgramFailed, Stopping, StorageLow

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.bus import Bus
    from webcam_rpc.config import Recording as Options
    from webcam_rpc.media.child import Children
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.finishing import Finishing
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.sidecar import Ending

__all__ = ["Recorder", "RecordingState", "RecordingWanted"]

#: Seconds that encoders get for their last frames when the service stops; all of it must be over within two.
_STOP = 1.2
#: Seconds for ffmpeg to tell its version.
_VERSION = 1.5


class Recorder(Service):
    """Begins and ends recordings.

    :param now: gives the wall clock's time in Unix seconds.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        children: Children,
        in_thread: Callable[..., Deferred[Any]],
        bus: Bus,
        feeds: Feeds,
        library: MediaLibrary,
        finishing: Finishing,
        options: Options,
    ) -> None:
        self._feeds = feeds
        self._library = library
        self._children = children
        self._timing: Sequence[str] = ()
        self._recordings: dict[str, Recording] = {}
        self._stopped = False
        self._studio = Studio(clock, now, children, in_thread, bus, library, finishing, options, lambda: self._timing)

    @inlineCallbacks
    def start(self, wanted: RecordingWanted) -> Generator[Deferred[Any], Any, RecordingState]:
        """Begin a recording; fires when its first frame is on the disk, or with ``wait`` when it is waited for.

        Fails with one of :mod:`~webcam_rpc.media.troubles`, and then nothing of it is left.
        """
        if wanted.filename is not None:
            names.chosen(wanted.filename, encoder.EXTENSIONS[wanted.format])
        self._demand_free(wanted)
        yield self._demand_room()
        if not self._timing:
            yield self._learn()
        self._demand_free(wanted)
        recording = self._recordings[wanted.camera_id] = Recording(
            self._studio, self._feeds.of(wanted.camera_id), wanted
        )
        recording.over.addCallback(self._over, recording)
        recording.begin()
        if wanted.wait:
            recording.started.addErrback(lambda _: None)  # it is told by its events
        else:
            yield recording.started
        return recording.state()

    def stop(self, recording_id: str, reason: Ending = "stopped") -> Deferred[RecordingState]:
        """End a recording; fires when every file of it is whole. Fails with NotRecording."""
        for recording in self._recordings.values():
            if recording.recording_id == recording_id:
                return recording.stop(reason)
        failed: Deferred[RecordingState] = Deferred()
        failed.errback(NotRecording())
        return failed

    def join(
        self,
        camera_id: str,
        duration: float | None,
        schedule_id: str | None = None,  # noqa: ARG002 - the recording stays whose it was
    ) -> RecordingState | None:
        """Let the recording of a camera that goes on be one for this wish too: the longest end wins.

        Gives None where none goes on. ``duration`` counts from now; None is until it is stopped.
        """
        recording = self._recordings.get(camera_id)
        if recording is None or recording.ending:
            return None
        if duration is None:
            recording.prolong_for_ever()
        else:
            recording.prolong(duration)
        return recording.state()

    def of_camera(self, camera_id: str) -> RecordingState | None:
        """Give the recording of a camera that goes on."""
        recording = self._recordings.get(camera_id)
        return recording.state() if recording is not None else None

    def by_id(self, recording_id: str) -> RecordingState | None:
        """Give a recording that goes on."""
        return next((state for state in self.active() if state.recording_id == recording_id), None)

    def active(self) -> tuple[RecordingState, ...]:
        """Give every recording that goes on."""
        return tuple(recording.state() for recording in self._recordings.values())

    def privilegedStartService(self) -> None:
        """Make right what a crash left, before anything new is begun and anybody can ask for a list."""
        super().privilegedStartService()
        for recovered in recover(self._library.directory, self._studio.now):
            self._log.info("Recovered {path}", path=recovered.path)

    def startService(self) -> None:
        """Start; a service that was stopped starts anew."""
        super().startService()
        self._stopped = False
        self._studio.finishing.resume()

    def stopService(self) -> Deferred[Any]:
        """End every recording, whole; fires when all are."""
        super().stopService()
        self._stopped = True
        return DeferredList([each.stop("shutdown", _STOP) for each in tuple(self._recordings.values())])

    def settled(self) -> Deferred[Any]:
        """Fire when every recording that is ending has ended."""
        if not self._recordings:
            return succeed(None)
        return DeferredList([each.stop("shutdown", _STOP) for each in tuple(self._recordings.values())])

    def _over(self, state: RecordingState, recording: Recording) -> RecordingState:
        if self._recordings.get(state.camera_id) is recording:
            del self._recordings[state.camera_id]
        return state

    def _demand_free(self, wanted: RecordingWanted) -> None:
        if self._stopped:
            raise Stopping
        going_on = self._recordings.get(wanted.camera_id)
        if going_on is not None:
            raise AlreadyRecording(going_on.recording_id)
        self._feeds.of(wanted.camera_id)
        if not wanted.wait and not self._feeds.present(wanted.camera_id):
            raise CameraAway(wanted.camera_id)

    @inlineCallbacks
    def _demand_room(self) -> Generator[Deferred[Any], Any, None]:
        try:
            self._library.check_room()
        except StorageLow:
            yield self._library.make_room(0)
            self._library.check_room()

    @inlineCallbacks
    def _learn(self) -> Generator[Deferred[Any], Any, None]:
        """Ask ffmpeg which it is."""
        said = b""
        try:
            _, said = yield self._children.run(["ffmpeg", "-version"], deadline=_VERSION, cap=65536)
        except ProgramFailed as error:
            # One that does not even tell this will fail again, where the failure is told.
            self._log.debug("The version of ffmpeg is not known: {error}", error=error)
        self._timing = encoder.timing(said.decode("utf-8", "replace"))
