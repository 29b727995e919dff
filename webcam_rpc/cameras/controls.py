"""A camera's controls: set in the right order, read back, remembered, and set again when the camera returns.

Owns the sequence; :mod:`.control_values` has the rules of what a control takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import inlineCallbacks
from twisted.logger import Logger, LogLevel

from webcam_rpc.cameras.control_values import Refused, acceptable, automatic, taken
from webcam_rpc.cameras.device import DeviceGone, DeviceTrouble
from webcam_rpc.cameras.models import CameraControlsChanged, CameraStatusChanged, ControlValue, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from webcam_rpc.bus import Bus, Stamped
    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.memory import CameraMemory
    from webcam_rpc.cameras.models import Camera, Control, NodeReport


class Applied(msgspec.Struct, frozen=True):
    """What came of setting: values read back from the driver by name, and why others were not taken."""

    applied: dict[str, ControlValue]
    rejected: dict[str, str]


class CameraControls:
    """Sets controls and keeps those that are to survive a replug.

    :param device_of: gives the operations on a camera.
    """

    _log = Logger()

    def __init__(self, bus: Bus, memory: CameraMemory, device_of: Callable[[Camera], Device]) -> None:
        self._bus = bus
        self._memory = memory
        self._device_of = device_of
        self._reapplied: set[str] = set()
        bus.subscribe(self._heard)

    @inlineCallbacks
    def set(
        self, camera: Camera, values: Mapping[str, ControlValue], *, persist: bool
    ) -> Generator[Deferred[Any], Any, Applied]:
        """Set ``values`` as far as the camera takes them; nothing that was not read back is called applied."""
        applied: Applied = yield self._set(camera, values)
        lasting = _without_buttons(camera, applied.applied)
        if persist and lasting:
            kept = self._memory.content.controls.setdefault(camera.camera_id, {})
            kept.update(lasting)
            yield self._memory.save()
        return applied

    @inlineCallbacks
    def reset(self, camera: Camera, names: Iterable[str] | None) -> Generator[Deferred[Any], Any, Applied]:
        """Set controls back to the driver's defaults, all where none is named, and keep them no longer."""
        report: NodeReport = yield self._device_of(camera).read(camera)
        by_name = {control.name: control for control in report.controls}
        wanted = list(by_name) if names is None else list(names)
        values: dict[str, ControlValue] = {}
        rejected: dict[str, str] = {}
        for name in wanted:
            control = by_name.get(name)
            if control is None:
                rejected[name] = "this camera has no such control"
            elif control.default is not None and control.type != "button" and "read-only" not in control.flags:
                values[name] = control.default
            elif names is not None:
                rejected[name] = "this control has no default"
        first, then = _split(values)
        # Manual ones while they can still be set, then what takes over from them, and those that this has freed.
        applied: Applied = yield self._set(camera, values, (then, first, then))
        if names is None:
            # What only takes effect in manual mode is rightly inactive once everything is back to its default.
            inactive = {name for name in applied.rejected if by_name[name].value == by_name[name].default}
            applied = Applied(applied.applied, {k: v for k, v in applied.rejected.items() if k not in inactive})
        kept = self._memory.content.controls.get(camera.camera_id, {})
        for name in wanted:
            kept.pop(name, None)
        if not kept:
            self._memory.content.controls.pop(camera.camera_id, None)
        yield self._memory.save()
        return Applied(applied.applied, {**applied.rejected, **rejected})

    def restore(self, camera: Camera) -> None:
        """Set again what is kept and was lost: some cameras forget it when their stream begins.

        The camera is read in any case, so that its mode is known as it is while it streams.
        """

        def seen(report: NodeReport) -> None:
            kept = self._memory.content.controls.get(camera.camera_id, {})
            lost = {name: value for name, value in kept.items() if not _was_taken(report, name, value)}
            if lost:
                self._reapply(camera, lost)

        reading: Deferred[Any] = self._device_of(camera).read(camera)
        reading.addCallback(seen)
        reading.addErrback(lambda failure: self._not_restored(camera, failure))

    @inlineCallbacks
    def _set(
        self, camera: Camera, values: Mapping[str, ControlValue], rounds: Sequence[Sequence[str]] | None = None
    ) -> Generator[Deferred[Any], Any, Applied]:
        device = self._device_of(camera)
        rejected: dict[str, str] = {}
        done: dict[str, ControlValue] = {}
        if rounds is None:
            # What is automatic first, since it decides which of the others are active.
            rounds = _split(values)
        report: NodeReport = yield device.read(camera)
        try:
            for names in rounds:
                asked = _asked(report, {name: values[name] for name in names if name not in done}, rejected)
                if asked:
                    report = yield self._write(device, camera, asked)
                    _take_stock(report, asked, done, rejected)
        finally:
            # Whatever comes in between, what is set is told.
            if done:
                self._bus.publish(CameraControlsChanged(camera, done))
        return Applied(done, rejected)

    @staticmethod
    @inlineCallbacks
    def _write(
        device: Device, camera: Camera, asked: Mapping[str, ControlValue]
    ) -> Generator[Deferred[Any], Any, NodeReport]:
        """Set ``asked`` and read back."""
        yield device.write_controls(camera, asked)
        report: NodeReport = yield device.read(camera)
        missed = {name: value for name, value in asked.items() if not _was_taken(report, name, value)}
        if missed and len(asked) > 1:
            # One refusal makes the driver drop the whole set: the others get their own chance.
            for name, value in missed.items():
                yield device.write_controls(camera, {name: value})
            report = yield device.read(camera)
        return report

    def _heard(self, stamped: Stamped) -> None:
        event = stamped.event
        if not isinstance(event, CameraStatusChanged):
            return
        camera = event.camera
        if camera.status is Status.DISCONNECTED:
            self._reapplied.discard(camera.camera_id)
        elif (
            camera.status is Status.CONNECTED and camera.report is not None and camera.camera_id not in self._reapplied
        ):
            self._reapplied.add(camera.camera_id)
            kept = self._memory.content.controls.get(camera.camera_id)
            if kept:
                self._reapply(camera, dict(kept))

    def _reapply(self, camera: Camera, kept: dict[str, ControlValue]) -> None:
        def said(applied: Applied) -> None:
            self._log.info(
                "Controls of {camera_id} set again: {applied}, not taken: {rejected}",
                camera_id=camera.camera_id,
                applied=applied.applied,
                rejected=applied.rejected,
            )

        setting: Deferred[Any] = self._set(camera, kept)
        setting.addCallback(said)
        setting.addErrback(lambda failure: self._not_restored(camera, failure))

    def _not_restored(self, camera: Camera, failure: Failure) -> None:
        if failure.check(DeviceTrouble):
            self._log.error(
                "Controls of {id} are not set again: {why}", id=camera.camera_id, why=failure.getErrorMessage()
            )
        elif not failure.check(DeviceGone):
            self._log.failure("Setting controls again failed", level=LogLevel.error, failure=failure)


def _without_buttons(camera: Camera, applied: Mapping[str, ControlValue]) -> dict[str, ControlValue]:
    # To press one is an act, not a setting: it must not be pressed again whenever the camera returns.
    controls = camera.report.controls if camera.report is not None else ()
    buttons = {control.name for control in controls if control.type == "button"}
    return {name: value for name, value in applied.items() if name not in buttons}


def _split(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Part the automatic controls from the others, each in the order given."""
    listed = list(names)
    return [name for name in listed if automatic(name)], [name for name in listed if not automatic(name)]


def _take_stock(
    report: NodeReport, asked: Mapping[str, ControlValue], done: dict[str, ControlValue], rejected: dict[str, str]
) -> None:
    """Note what the driver made of ``asked``."""
    for name, value in asked.items():
        control = _control(report, name)
        if control is not None and taken(control, value):
            done[name] = value if control.value is None else control.value
            rejected.pop(name, None)
        else:
            rejected[name] = f"the driver kept {control.value if control is not None else 'no value'}"


def _asked(report: NodeReport, values: Mapping[str, ControlValue], rejected: dict[str, str]) -> dict[str, ControlValue]:
    asked = {}
    for name, value in values.items():
        control = _control(report, name)
        if control is None:
            rejected[name] = "this camera has no such control"
        elif "inactive" in control.flags:
            rejected[name] = "inactive: an automatic control is in charge of it"
        else:
            try:
                asked[name] = acceptable(control, value)
            except Refused as refusal:
                rejected[name] = str(refusal)
    return asked


def _control(report: NodeReport, name: str) -> Control | None:
    return next((control for control in report.controls if control.name == name), None)


def _was_taken(report: NodeReport, name: str, value: ControlValue) -> bool:
    control = _control(report, name)
    return control is not None and taken(control, value)
