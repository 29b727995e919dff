"""The watch over the device nodes: notices what comes and goes, has it probed, and keeps the registry true.

Owns the tick (a LoopingCall every 100 ms that only compares a listing with the last one and never waits), udev's
monitor that makes it sooner, and the probes of what changed: one in flight a node, tried again with growing pauses when
it fails. A result that comes back for a node that has gone, or was taken by another camera, is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.models import NodeReport, Status
from webcam_rpc.cameras.watch import Phase, Watch, choose, claim, describe, in_order, judge, permission
from webcam_rpc.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.cameras.identity import Identities
    from webcam_rpc.cameras.inventory import Inventory, Node
    from webcam_rpc.cameras.models import Camera, Trouble
    from webcam_rpc.cameras.probe import Output, V4L2Ctl
    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.cameras.udev import UdevMonitor
    from webcam_rpc.config import Cameras

#: A probe that takes longer than this many seconds does not hold back the news of a node that is known to capture.
_NEWS_AFTER = 0.12
#: Pauses in seconds before a failed probe is tried again; the last is kept.
_PAUSES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class CameraMonitor(Service):
    """Keeps the registry in step with the device directory while it runs.

    :param connect_udev: makes the udev monitor that calls its argument when there is a reason to look.
    :param remember: is called when an id was given for the first time or moved to another port.
    :ivar problem: why the device directory could not be read at the last look; None when it could.
    :ivar announced: the seconds from a camera's first sight to its announcement, and
    :ivar probed: those that v4l2-ctl took, and
    :ivar probes_failed: how often it did not tell.
    """

    def __init__(
        self,
        clock: IReactorTime,
        settings: Cameras,
        inventory: Inventory,
        v4l2ctl: V4L2Ctl,
        registry: CameraRegistry,
        identities: Identities,
        connect_udev: Callable[[Callable[[], None]], UdevMonitor],
        remember: Callable[[], object],
    ) -> None:
        # On the instance: as a class attribute it would take the class's name instead of the one that people grep for.
        self._log = Logger(namespace="webcam_rpc.cameras")
        self._clock = clock
        self._settings = settings
        self._inventory = inventory
        self._v4l2ctl = v4l2ctl
        self._registry = registry
        self._identities = identities
        self._remember = remember
        self._watches: dict[str, Watch] = {}
        self._left: list[Watch] = []
        self._udev = connect_udev(self.look)
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock
        self.problem: str | None = None
        self.announced, self.probed, self.probes_failed = Histogram(), Histogram(), 0

    def startService(self) -> None:
        """Look at once, then at every tick and whenever udev calls."""
        super().startService()
        self._udev.start()
        self._log.info("Camera monitoring started")
        # What became of the cameras while nobody looked is not known: each begins anew.
        for watch in self._left:
            self._depart(watch)
        self._left.clear()
        self._look(initial=True)
        self._tick()

    def stopService(self) -> Deferred[Any]:
        """Look no longer; fires when no probe is in flight any more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        self._udev.stop()
        runs = []
        for watch in self._watches.values():
            self._drop_timers(watch)
            if watch.run is not None:
                runs.append(watch.run)
                watch.run.cancel()
        self._left.extend(self._watches.values())
        self._watches.clear()
        return DeferredList(runs)

    def configure(self, settings: Cameras) -> None:
        """Watch by these settings from now on; which nodes are looked at, and where, they do not change."""
        before, self._settings = self._settings, settings
        if not self.running:
            return
        if settings.poll_interval != before.poll_interval:
            self._loop.stop()
            self._tick()
        if settings.infrared is not before.infrared:
            for function in dict.fromkeys(watch.function for watch in self._watches.values()):
                self._settle(function)

    @property
    def hears_udev(self) -> bool:
        """Whether udev announces changes, or the poll is alone."""
        return self._udev.listening

    def look(self) -> None:
        """Compare what is there with what was; whatever goes wrong, the next tick comes."""
        self._look(initial=False)

    def _tick(self) -> None:
        ticking = self._loop.start(self._settings.poll_interval, now=False)
        # look() never raises, so this loop ends by stop() alone; were it ever to end otherwise, that is said.
        ticking.addErrback(
            lambda failure: self._log.failure("The watch over the cameras ended", level=LogLevel.error, failure=failure)
        )

    def _look(self, *, initial: bool) -> None:
        try:
            self._compare(self._inventory.scan(), initial=initial)
            self.problem = None
        except OSError as error:
            if self.problem is None:
                self._log.error("Cannot look for cameras: {error}", error=error)
            self.problem = str(error)
        except Exception:  # noqa: BLE001 - a LoopingCall whose function raises once never runs again
            self._log.failure("A look at the cameras failed", level=LogLevel.error)

    def _compare(self, found: dict[str, Node], *, initial: bool) -> None:
        gone = [watch for watch in self._watches.values() if not watch.is_in(found)]
        for watch in gone:
            self._gone(watch)
        # Only now: a node that went together with the camera must not be asked whether it is one.
        for function in dict.fromkeys(watch.function for watch in gone):
            self._settle(function)
        for watch in tuple(self._watches.values()):
            node = found[watch.node.path]
            if node.accessible is not watch.node.accessible:
                watch.node = node
                self._access_changed(watch)
            elif watch.phase is Phase.WAITING and not self._in_grace(watch):
                self._failed(watch, permission(watch.node.path))
        if len(found) != len(self._watches):
            for node in sorted(found.values(), key=lambda node: node.number):
                if node.path not in self._watches:
                    self._appeared(node, initial=initial)

    def _appeared(self, node: Node, *, initial: bool) -> None:
        now = self._clock.seconds()
        watch = Watch(node, self._inventory.facts(node), now, initial, now)
        self._watches[node.path] = watch
        self._log.debug("Node {path} appeared: {facts}", path=node.path, facts=watch.facts)
        self._settle(watch.function)

    def _access_changed(self, watch: Watch) -> None:
        if watch.phase is not Phase.IDLE:
            self._begin(watch)

    def _begin(self, watch: Watch) -> None:
        watch.since = self._clock.seconds()
        if watch.node.accessible:
            self._probe(watch)
        else:
            self._drop_timers(watch)
            watch.phase = Phase.WAITING

    def _gone(self, watch: Watch) -> None:
        del self._watches[watch.node.path]
        self._log.debug("Node {path} is gone", path=watch.node.path)
        self._drop_timers(watch)
        if watch.run is not None:
            watch.run.cancel()
        self._depart(watch)

    @staticmethod
    def _drop_timers(watch: Watch) -> None:
        for timer in watch.timers:
            if timer.active():
                timer.cancel()
        watch.timers.clear()

    def _in_grace(self, watch: Watch) -> bool:
        return self._clock.seconds() - watch.since < self._settings.permission_grace

    def _probe(self, watch: Watch) -> None:
        watch.phase = Phase.PROBING
        if watch.run is not None:
            return
        self._drop_timers(watch)
        path = watch.node.path
        run = self._v4l2ctl.run(path, v4l2.probe_argv(path), self._settings.probe_timeout)
        watch.run = run
        run.addCallbacks(self._probed, self._dropped, callbackArgs=(watch,), errbackArgs=(watch,))
        if not run.called and watch.report is None:
            watch.timers.append(self._clock.callLater(_NEWS_AFTER, self._news, watch))

    def _news(self, watch: Watch) -> None:
        if self._inventory.captures(watch.node):
            if watch.facts is not None:
                watch.facts = msgspec.structs.replace(watch.facts, captures=True)
            watch.early = True
            self._settle(watch.function)

    @staticmethod
    def _dropped(_failure: Failure, watch: Watch) -> None:
        # Only a cancelled run fails, and only the end of its node cancels it.
        watch.run = None

    def _probed(self, output: Output, watch: Watch) -> None:
        watch.run = None
        self._drop_timers(watch)
        self.probed.observe(output.seconds)
        verdict = judge(output, watch.node.path)
        if isinstance(verdict, NodeReport):
            watch.report = verdict
            if watch.node.accessible:
                watch.phase, watch.trouble, watch.attempts = Phase.KNOWN, None, 0
            self._settle(watch.function)
        else:
            self._failed(watch, verdict)

    def failing(self) -> list[tuple[str, Trouble]]:
        """Give the nodes whose last probe failed, and why."""
        return [(watch.node.path, watch.trouble) for watch in self._watches.values() if watch.trouble is not None]

    def _failed(self, watch: Watch, trouble: Trouble) -> None:
        self.probes_failed += 1
        if watch.node.accessible:
            pause = _PAUSES[min(watch.attempts, len(_PAUSES) - 1)]
            watch.timers.append(self._clock.callLater(pause, self._probe, watch))
        watch.attempts += 1
        if trouble.lasting or not self._in_grace(watch):
            watch.phase, watch.trouble = Phase.FAILED, trouble
            self._settle(watch.function)

    def _settle(self, function: str) -> None:
        """Let the registry say what the nodes of ``function`` amount to, and look at the next where that is not known.

        A webcam's metadata node comes after the one that captures, so it is not even probed.
        """
        watches = in_order(watch for watch in self._watches.values() if watch.function == function)
        chosen = choose(watches)
        for watch in watches:
            if watch.phase is Phase.IDLE and (chosen is None or self._settings.infrared):
                self._begin(watch)
                chosen = choose(watches)
            if chosen is None and watch.phase is not Phase.KNOWN and watch.may_capture:
                break
        for watch in watches:
            report = watch.report
            infrared = report is not None and report.captures and report.infrared and self._settings.infrared
            if watch is chosen or infrared:
                self._announce(watch)
            else:
                self._depart(watch)

    def _announce(self, watch: Watch) -> None:
        claimed = claim(watch)
        if watch.camera_id is None or (watch.unprobed_claim and claimed != watch.claim):
            self._depart(watch)
            watch.camera_id, watch.claim = self._identities.assign(claimed), claimed
            self._remember()
        watch.unprobed_claim = watch.report is None
        camera = describe(watch, watch.camera_id)
        if watch.seen is not None:
            self.announced.observe(self._clock.seconds() - watch.seen)
            watch.seen = None
        if self._registry.put(camera):
            self._say(camera, initial=watch.initial)
            watch.initial = False

    def _say(self, camera: Camera, *, initial: bool) -> None:
        if initial:
            self._log.info(
                "Initial camera status: {device} - {status}", device=camera.device, status=camera.status.value
            )
        elif camera.status is Status.CONNECTED:
            text = _mode_text(camera)
            if text is None:
                self._log.info("Camera found: {device} - its mode follows", device=camera.device)
            else:
                self._log.info("Camera connected: {device} - {mode}", device=camera.device, mode=text)
        if camera.status is Status.ERROR:
            self._log.error("Camera in error: {device} - {reason}", device=camera.device, reason=camera.reason)

    def _depart(self, watch: Watch) -> None:
        if watch.camera_id is None:
            return
        camera = self._registry.get(watch.camera_id)
        self._identities.release(watch.camera_id)
        watch.camera_id = None
        if camera is not None:
            self._registry.put(msgspec.structs.replace(camera, status=Status.DISCONNECTED, reason=None))
            self._log.info("Camera disconnected: {device}", device=camera.device)

    def updated(self, device: str, report: NodeReport) -> None:
        """Take over what a later run found ``device`` to be: another mode, other values of its controls."""
        watch = self._watches.get(device)
        if watch is not None and watch.phase is Phase.KNOWN:
            watch.report = report
            self._settle(watch.function)


def _mode_text(camera: Camera) -> str | None:
    """Give the mode in force as the log has it; None before the camera has told it."""
    if camera.report is None:
        return None
    mode = camera.report.mode
    if mode is None:
        return "no mode"
    return f"{mode.resolution} @ {mode.fps}fps" if mode.fps is not None else mode.resolution
