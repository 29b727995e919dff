"""The recordings that go on: at most one for each camera.

Owns their beginning, and their end with the service. Clients and schedules come through the same door.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError, fail, inlineCallbacks  # noqa: A004 - Twisted's name
from twisted.logger import Logger, LogLevel

from webcam_rpc.media import encoder, names, part
from webcam_rpc.media.recording import MARGIN, START_DEADLINE, Recording
from webcam_rpc.media.recovery import recover
from webcam_rpc.media.reel import Studio
from webcam_rpc.media.troubles import (
    AlreadyRecording,
    CameraAway,
    NotRecording,
    ProgramFailed,
    Stopping,
    StorageLow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.bus import Bus
    from webcam_rpc.config import Recording as Options
    from webcam_rpc.media.child import Children
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.finishing import Finishing
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.recording_state import RecordingState, RecordingWanted
    from webcam_rpc.media.recovery import Recovered
    from webcam_rpc.media.sidecar import Ending

#: Seconds that encoders get for their last frames when the service stops, and after which it goes on without them: what
#: a disk does not take until then is recovered at the next start.
_STOP, _GIVE_UP = 1.2, 1.7
#: Seconds for ffmpeg to tell its version, and for files to go so that there is room.
_VERSION, _ROOM = 1.5, 5.0


class Recorder(Service):
    """Begins and ends recordings.

    :param now: gives the wall clock's time in Unix seconds.
    """

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
        self._log = Logger(namespace="webcam_rpc.media")
        self._clock = clock
        self._feeds = feeds
        self._library = library
        self._finishing = finishing
        self._children = children
        self._in_thread = in_thread
        self._timing: Sequence[str] = ()
        #: Those who wait for ffmpeg to tell which it is; None while it is not asked.
        self._learning: list[Deferred[None]] | None = None
        self._recordings: dict[str, Recording] = {}
        self._stopped = False
        #: Those who wait until what a crash left is made right; None once it is.
        self._recovering: list[Deferred[None]] | None = None
        #: What recordings are like where nothing else is asked for.
        self.options = options
        self._studio = Studio(clock, now, children, in_thread, bus, library, finishing, options, lambda: self._timing)

    def configure(self, options: Options) -> None:
        """Make recordings by these options from now on; those that go on stay as they are."""
        self.options = options
        self._studio = replace(self._studio, options=options)

    @inlineCallbacks
    def start(self, wanted: RecordingWanted) -> Generator[Deferred[Any], Any, RecordingState]:
        """Begin a recording; fires when its first frame is on the disk, or with ``wait`` when it is waited for.

        What somebody wants of a camera that a schedule is recording becomes part of that: the longest end wins. Fails
        with one of :mod:`~webcam_rpc.media.troubles`, and then nothing of it is left; so it is when it is cancelled.
        """
        give_up = self._clock.seconds() + START_DEADLINE
        if wanted.filename is not None:
            names.chosen(wanted.filename, encoder.EXTENSIONS[wanted.format])
        shared = self._demand_free(wanted)
        if shared is None:
            yield self.recovered()
            yield self._demand_name(wanted)
            yield self._demand_room()
            if not self._timing:
                yield self._learn()
            shared = self._demand_free(wanted)
        if shared is not None:
            joined: RecordingState = yield self._share(shared, wanted)
            return joined
        recording = Recording(self._studio, self._feeds.of(wanted.camera_id), wanted)
        self._recordings[wanted.camera_id] = recording
        recording.when_over().addCallback(self._over, recording)
        recording.begin(max(0.0, give_up - self._clock.seconds()))
        if wanted.wait:
            return recording.state()
        try:
            yield recording.when_recording()
        except CancelledError:
            recording.undo(NotRecording("it was cancelled"))
            raise
        return recording.state()

    def stop(self, recording_id: str, reason: Ending = "stopped") -> Deferred[RecordingState]:
        """End a recording; fires when every file of it is whole. Fails with NotRecording."""
        for recording in self._recordings.values():
            if recording.recording_id == recording_id:
                return recording.stop(reason)
        return fail(NotRecording(recording_id))

    def join(self, camera_id: str, duration: float | None, schedule_id: str | None = None) -> RecordingState | None:
        """Let the recording of a camera that goes on be one for this wish too: the longest end wins.

        Gives None where none goes on. ``duration`` counts from now; None is until it is stopped. Without a
        ``schedule_id`` it is somebody's who asked for it.
        """
        recording = self._recordings.get(camera_id)
        if recording is None or recording.ending:
            return None
        recording.prolong(duration, manual=schedule_id is None)
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

    @property
    def is_recovered(self) -> bool:
        """Whether what an earlier run has left is in order."""
        return bool(self.running) and self._recovering is None

    def recovered(self) -> Deferred[None]:
        """Fire when what a crash left is made right."""
        waiter: Deferred[None] = Deferred()
        if self._recovering is None:
            waiter.callback(None)
        else:
            self._recovering.append(waiter)
        return waiter

    def settled(self) -> Deferred[Any]:
        """Fire when the recordings that go on now have ended."""
        return DeferredList([recording.when_over() for recording in self._recordings.values()])

    def startService(self) -> None:
        """Make right what a crash left, before anything new is begun; a service that was stopped starts anew."""
        super().startService()
        self._stopped = False
        # Who waited when it was stopped waits still.
        self._recovering = self._recovering or []
        self._recover().addErrback(self._defect).addCallback(self._recovery_over)

    @inlineCallbacks
    def stopService(self) -> Generator[Deferred[Any], Any, None]:
        """End every recording, whole; fires when all are."""
        super().stopService()
        self._stopped = True
        endings = [recording.stop("shutdown", _STOP) for recording in tuple(self._recordings.values())]
        results = yield DeferredList(endings, consumeErrors=True).addTimeout(_GIVE_UP, self._clock)
        late = sum(not ended for ended, _ in results)
        if late:
            self._log.error("{count} recordings have not ended in time", count=late)

    def _over(self, _: object, recording: Recording) -> None:
        if self._recordings.get(recording.camera_id) is recording:
            del self._recordings[recording.camera_id]

    def _demand_free(self, wanted: RecordingWanted) -> Recording | None:
        """Give the recording that this wish becomes part of; None if it is to be one of its own."""
        if self._stopped:
            raise Stopping
        going_on = self._recordings.get(wanted.camera_id)
        if going_on is not None:
            if wanted.schedule_id is None and not going_on.manual and not going_on.ending:
                return going_on
            raise AlreadyRecording(going_on.recording_id)
        self._feeds.of(wanted.camera_id)
        if not wanted.wait and not self._feeds.present(wanted.camera_id):
            raise CameraAway(wanted.camera_id)
        return None

    @inlineCallbacks
    def _share(self, recording: Recording, wanted: RecordingWanted) -> Generator[Deferred[Any], Any, RecordingState]:
        try:
            yield recording.when_recording().addTimeout(START_DEADLINE, self._clock)
        except TimeoutError:
            why = recording.state().reason or "no frame came"
            raise ProgramFailed(f"the scheduled recording waits: {why}", "see get_camera_status") from None
        recording.prolong(wanted.duration, manual=True)
        return recording.state()

    @inlineCallbacks
    def _demand_name(self, wanted: RecordingWanted) -> Generator[Deferred[Any], Any, None]:
        if wanted.filename is not None:
            filename = names.chosen(wanted.filename, encoder.EXTENSIONS[wanted.format])
            yield self._in_thread(part.demand_free, self._library.path(names.RECORDINGS, filename))

    @inlineCallbacks
    def _demand_room(self) -> Generator[Deferred[Any], Any, None]:
        try:
            self._library.check_room(MARGIN)
        except StorageLow:
            try:
                yield self._library.make_room(MARGIN).addTimeout(_ROOM, self._clock)
            except TimeoutError:
                self._log.warn("Making room takes long")
            self._library.check_room(MARGIN)

    def _learn(self) -> Deferred[None]:
        """Ask ffmpeg which it is, once for all who want to know it now: a child for each could be hundreds."""
        waiter: Deferred[None] = Deferred()
        if self._learning is None:
            self._learning = [waiter]
            self._ask().addBoth(self._learnt)
        else:
            self._learning.append(waiter)
        return waiter

    def _learnt(self, outcome: Any) -> None:  # noqa: ANN401 - nothing, or a failure
        waiting, self._learning = self._learning or [], None
        for waiter in waiting:
            waiter.callback(outcome)

    @inlineCallbacks
    def _ask(self) -> Generator[Deferred[Any], Any, None]:
        said = b""
        try:
            _, said = yield self._children.run(["ffmpeg", "-version"], deadline=_VERSION, cap=65536)
        except ProgramFailed as error:
            # One that does not even tell this will fail again, where the failure is told.
            self._log.debug("The version of ffmpeg is not known: {error}", error=error)
            return
        # One that failed has not told: the next recording asks again.
        if said.startswith(b"ffmpeg version"):
            self._timing = encoder.timing(said.decode("utf-8", "replace"))

    @inlineCallbacks
    def _recover(self) -> Generator[Deferred[Any], Any, None]:
        found: list[Recovered] = yield self._in_thread(recover, self._library.directory, self._studio.now)
        for one in found:
            yield self._library.added(names.RECORDINGS, one.path.name)
        yield self._finishing.resume()

    def _recovery_over(self, _: object) -> None:
        waiting, self._recovering = self._recovering or [], None
        for waiter in waiting:
            waiter.callback(None)

    def _defect(self, failure: Failure) -> None:
        self._log.failure("Recovery after a crash failed", failure, LogLevel.error)
