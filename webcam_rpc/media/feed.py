"""A camera's feed: the one process that has the camera open, and the frames that it gives to everybody.

Owns the capture of one camera: begun with the first consumer, ended a while after the last, begun again with growing
pauses when it dies or goes silent, held while the camera's mode is set, and gone while the camera is.

===========  =======================================================================================
state        goes to
===========  =======================================================================================
OFF          STARTING (a consumer), AWAY (unplugged), HELD
STARTING     DELIVERING (a frame), WAITING (failed), OFF (nobody wants it any more), AWAY, HELD
DELIVERING   WAITING (died or silent), OFF (the linger is over), AWAY, HELD
WAITING      STARTING (the pause is over, or a new consumer), OFF (nobody wants it any more), AWAY, HELD
HELD         OFF or STARTING (released), AWAY
AWAY         OFF or STARTING (plugged in again)
===========  =======================================================================================
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger, LogLevel

from webcam_rpc.cameras.models import Status, Trouble
from webcam_rpc.media import verdict
from webcam_rpc.media.capture import Capture
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.recent import Recent
from webcam_rpc.media.troubles import CaptureFailed, ProgramFailed, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IDelayedCall

    from webcam_rpc.cameras.models import Camera, CurrentMode
    from webcam_rpc.media.feeds import Feeding
    from webcam_rpc.media.frames import Consumer
    from webcam_rpc.media.jpeg import Picture

#: Pauses before the capture is begun again, in seconds; the last one from then on.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: A capture that delivered for so long was well: the pauses are short again.
_WELL = 10.0
#: A new consumer waits no longer than this for another try.
_SOON = 0.5
#: ffmpeg sees that the camera is unplugged a moment before we do.
_GONE_PAUSE = 1.0


class State(enum.Enum):
    """Where a feed stands."""

    OFF = enum.auto()
    STARTING = enum.auto()
    DELIVERING = enum.auto()
    WAITING = enum.auto()
    HELD = enum.auto()
    AWAY = enum.auto()


class Attachment:
    """A consumer's hold on a feed."""

    def __init__(self, kind: str, consumer: Consumer, release: Callable[[Attachment], None]) -> None:
        self.kind = kind
        self.consumer = consumer
        self._release = release

    def detach(self) -> None:
        """Let go; nothing is heard from the feed after that. Any number of times."""
        self._release(self)


class Feed:
    """The frames of one camera.

    :ivar frames: how many frames came since the service began, broken ones left out, and
    :ivar broken: how many were broken.
    :ivar restarts: how often the capture failed.
    :ivar dropped: how many frames were missed by its recordings, whose encoders had no time for them.
    """

    def __init__(self, camera: Camera, feeding: Feeding) -> None:
        self._log = Logger(namespace="webcam_rpc.media")
        self._camera = camera
        self.frames = self.broken = self.restarts = self.dropped = 0
        self.mode: CurrentMode | None = None
        self._feeding = feeding
        self._clock = feeding.clock
        self._state = State.AWAY if camera.status is Status.DISCONNECTED else State.OFF
        self._attachments: list[Attachment] = []
        self._asked: CurrentMode | None = None
        self._capture: Capture | None = None
        #: Fires when the last capture has let go of the camera.
        self._free: Deferred[Any] = succeed(None)
        self._timer: IDelayedCall | None = None
        self._attempts = self._holds = 0
        self._lost_device = False
        self._failed_at = self._began = 0.0
        self._reason: str | None = None
        self._number = 0
        self._to_warm_up = 0
        self._recent = Recent(feeding.recording.pre_roll, feeding.recording.pre_roll_size)

    # What consumers use.

    @property
    def camera(self) -> Camera:
        """What the camera is now, with the values that its controls were last read with."""
        return self._feeding.current(self._camera.camera_id) or self._camera

    @property
    def camera_id(self) -> str:
        """The camera's id."""
        return self._camera.camera_id

    @property
    def delivering(self) -> bool:
        """Whether frames come."""
        return self._state is State.DELIVERING

    @property
    def trouble(self) -> str | None:
        """Why no frames come though they are wanted and the camera is there; None where nothing is wrong."""
        return self._reason if self._state is State.WAITING and self._attachments else None

    @property
    def latest(self) -> Frame | None:
        """The newest frame while frames come; None when it is older than a camera may be silent."""
        age = self.last_frame_age
        return self._recent.latest if age is not None and age <= self._stall_timeout else None

    @property
    def last_frame_age(self) -> float | None:
        """The seconds since the newest frame; None while the feed does not deliver."""
        latest = self._recent.latest
        return self._clock.seconds() - latest.at if self.delivering and latest is not None else None

    @property
    def measured_fps(self) -> float | None:
        """The rate at which frames came in the last seconds; None while too few did."""
        return self._recent.rate(self._clock.seconds()) if self.delivering else None

    @property
    def forgettable(self) -> bool:
        """Whether the camera is gone and nobody waits for it."""
        return self._state is State.AWAY and not self._attachments

    def consumers(self) -> dict[str, int]:
        """Count those who live on it, by kind."""
        return dict(Counter(attachment.kind for attachment in self._attachments))

    def attach(self, kind: str, consumer: Consumer) -> Attachment:
        """Have the frames from now on; ``kind`` is what the consumer is counted as.

        The consumer is first called after this has returned.
        """
        attachment = Attachment(kind, consumer, self._detach)
        self._attachments.append(attachment)
        if self._state in {State.STARTING, State.DELIVERING}:
            self._cancel_timer()  # the linger
        elif self._state is State.OFF:
            self._start()
        elif self._state is State.WAITING:
            since = self._clock.seconds() - self._failed_at
            self._start_in(max(0.0, _SOON - since))
        elif self._state is State.AWAY:
            self._clock.callLater(0, self._tell_gone, attachment)
        return attachment

    def pre_roll(self, seconds: float) -> tuple[Frame, ...]:
        """Give the frames of the last ``seconds``, oldest first, as far back as they are kept."""
        return self._recent.since(self._clock.seconds() - seconds) if self.delivering else ()

    def configure(self, feeding: Feeding) -> None:
        """Be made with this from now on; a capture that goes on is not begun anew for it."""
        self._feeding = feeding
        self._recent.configure(feeding.recording.pre_roll, feeding.recording.pre_roll_size)

    # What happens to the camera.

    def camera_changed(self, camera: Camera) -> None:
        """Take over what the camera is now."""
        before, self._camera = self._camera, camera
        if camera.status is Status.DISCONNECTED:
            if self._state is not State.AWAY:
                self._end(State.AWAY, "unplugged")
                # Whatever was wrong went with it.
                self._attempts, self._lost_device, self._reason = 0, False, None
                for attachment in tuple(self._attachments):
                    self._tell_gone(attachment)
        elif self._state is State.AWAY:
            self._state = State.HELD if self._holds else State.OFF
            self._go_on()
        elif self._state is not State.HELD and before.device != camera.device:
            self._end(State.OFF, None)
            self._go_on()
        elif (
            self._state is State.WAITING
            and before.report is None
            and (camera.report is not None or camera.reason != before.reason)
        ):
            self._start_in(0)

    def hold(self) -> Deferred[Any]:
        """End the capture until :meth:`release`, as often as this was called; fires when the camera is free."""
        self._holds += 1
        if self._state is not State.AWAY:
            self._end(State.HELD, None)
        return self._when_free()

    def release(self, mode: CurrentMode | None = None) -> None:
        """Go on, in this mode from now on where one is given."""
        self._asked = mode or self._asked
        self._holds -= 1
        if self._state is State.HELD and not self._holds:
            self._state = State.OFF
            self._go_on()

    def stop(self) -> Deferred[Any]:
        """End for good; fires when the camera is free."""
        self._attachments.clear()
        self._end(State.AWAY if self._state is State.AWAY else State.OFF, None)
        return self._when_free()

    # From here on ours.

    @property
    def _stall_timeout(self) -> float:
        # A camera that is slow by its mode is not silent.
        slow = 3 / self.mode.fps if self.mode is not None and self.mode.fps else 0.0
        return max(self._feeding.media.stall_timeout, slow)

    def _when_free(self) -> Deferred[Any]:
        waiter: Deferred[Any] = Deferred()

        def free(result: object) -> object:
            waiter.callback(None)
            return result

        self._free.addBoth(free)
        return waiter

    def _detach(self, attachment: Attachment) -> None:
        if attachment not in self._attachments:
            return
        self._attachments.remove(attachment)
        if self._attachments:
            return
        if self._state in {State.STARTING, State.DELIVERING}:
            self._cancel_timer()
            self._timer = self._clock.callLater(self._feeding.media.linger, self._end, State.OFF, None)
        elif self._state is State.WAITING:
            self._end(State.OFF, None)
            self._blame(None)

    def _go_on(self) -> None:
        if self._attachments and self._state is State.OFF:
            self._start()

    def _start_in(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = self._clock.callLater(seconds, self._start)

    def _start(self) -> None:
        self._cancel_timer()
        self._state = State.STARTING
        # The one before may still have the camera open: two would fight over it.
        self._when_free().addCallback(lambda _: self._begin())

    def _begin(self) -> None:
        if self._state is not State.STARTING or self._capture is not None:
            return  # something else came first
        feeding = self._feeding
        if self.camera.report is None and self.camera.reason is None:
            self._state = State.WAITING  # for the probe to end, one way or the other: see camera_changed()
            return
        source = feeding.source_of(self.camera, self._asked)
        if isinstance(source, Trouble):
            self._failed(source, at_once=False)
            return
        self.mode, argv = source
        self._to_warm_up = feeding.warm_up(self.camera)
        self._began = self._clock.seconds()
        try:
            self._capture = Capture(
                self._clock,
                feeding.children,
                argv,
                picture=self._picture,
                failed=self._failed,
                start_timeout=feeding.media.start_timeout,
                stall_timeout=self._stall_timeout,
            )
        except ProgramFailed as error:
            self._failed(Trouble("FFMPEG_FAILED", error.detail, error.remedy, lasting=True), at_once=False)
        except Stopping:
            self._end(State.OFF, None)

    def _end(self, state: State, reason: str | None) -> None:
        """Let go of the camera and be in ``state`` from now on."""
        was_delivering = self.delivering
        self._cancel_timer()
        self._state = state
        if self._capture is not None:
            self._free = self._capture.end()
            self._capture = None
        self._recent.clear()
        if was_delivering:
            self._feeding.changed(self, reason)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _failed(self, trouble: Trouble, *, at_once: bool = True) -> None:
        now = self._clock.seconds()
        if self.delivering and now - self._began >= _WELL:
            self._attempts = 0
        self.restarts += 1
        self._failed_at = now
        if not self._attachments:
            self._end(State.OFF, trouble.reason)  # it was only lingering
            self._blame(None)
            return
        self._end(State.WAITING, trouble.reason)
        if trouble.code == verdict.GONE and not self._lost_device:
            # Most likely it was unplugged, which will be heard of; if not, the next try tells what it is.
            self._lost_device = True
            self._start_in(_GONE_PAUSE)
            return
        self._lost_device = False
        if trouble.code == verdict.GONE:
            trouble = Trouble("V4L2_FAILED", "the device cannot be opened", trouble.remedy, lasting=True)
        self._start_in(PAUSES[min(self._attempts, len(PAUSES) - 1)])
        self._attempts += 1
        if trouble.code == verdict.BUSY:
            self._feeding.holder(self.camera.device).addCallback(lambda holder: self._tell(trouble, holder))
        elif at_once:
            self._tell(trouble, None)
        else:
            # Whoever has attached just now hears nothing before it has its attachment.
            self._clock.callLater(0, self._tell, trouble, None)

    def _tell(self, trouble: Trouble, holder: Mapping[str, int | str] | None) -> None:
        if self._state is not State.WAITING:
            return  # while the holder was looked for, things went on
        if self._reason != trouble.reason:
            self._log.error("Capture of {device} failed: {reason}", device=self.camera.device, reason=trouble.reason)
        self._blame(trouble.reason)
        failure = CaptureFailed(trouble, holder)
        for attachment in tuple(self._attachments):
            # One that is called may let go of another.
            if attachment in self._attachments:
                self._guarded(attachment.consumer.failed, failure)

    def _blame(self, reason: str | None) -> None:
        if self._reason != reason:
            self._reason = reason
            self._feeding.blame(self.camera_id, reason)

    def _tell_gone(self, attachment: Attachment) -> None:
        if attachment in self._attachments and self._state is State.AWAY:
            self._guarded(attachment.consumer.gone)

    def _picture(self, data: bytes | None, picture: Picture | None) -> None:
        self._number += 1
        if data is None or picture is None:
            self.broken += 1
            return
        self.frames += 1
        now = self._clock.seconds()
        self._recent.arrived(now)
        if self._to_warm_up:
            self._to_warm_up -= 1
            return
        frame = Frame(self._number, now, self._feeding.now(), picture.width, picture.height, data)
        self._recent.add(frame)
        if self._state is State.STARTING:
            self._state = State.DELIVERING
            self._lost_device = False
            self._blame(None)
            self._feeding.changed(self, None)
        for attachment in tuple(self._attachments):
            if attachment in self._attachments:
                self._guarded(attachment.consumer.frame, frame)

    def _guarded(self, call: Callable[..., None], *args: object) -> None:
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - one consumer's defect is not to stop the others
            self._log.failure("A consumer of {device} failed", level=LogLevel.error, device=self.camera.device)
