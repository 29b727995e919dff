"""A camera's controls: what may be set, in which order, what the driver made of it, and what is set again on return.

Owns the rules of setting (pure, at the top) and :class:`CameraControls`, which sets, reads back, remembers and
re-applies. Ranges come from the driver and are not trusted: they reject what is certainly wrong, and the value that is
read back decides.

Source: kernel documentation, userspace-api/media/v4l/control.rst and extended-controls.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import inlineCallbacks
from twisted.logger import Logger

from webcam_rpc.cameras.device import DeviceTrouble
from webcam_rpc.cameras.models import CameraControlsChanged, CameraStatusChanged, ControlValue, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from twisted.internet.defer import Deferred

    from webcam_rpc.bus import Bus, Stamped
    from webcam_rpc.cameras.device import Device
    from webcam_rpc.cameras.memory import CameraMemory
    from webcam_rpc.cameras.models import Camera, Control, NodeReport

_NUMBERS = frozenset({"int", "int64", "bitmask", "menu", "intmenu", "bool", "u8", "u16", "u32"})
_INT64 = 1 << 63


class Refused(Exception):  # noqa: N818 - an answer per control, not a failure
    """The value cannot be given to the control; the text says why."""


class Applied(msgspec.Struct, frozen=True):
    """What came of setting: values read back from the driver by name, and why others were not taken."""

    applied: dict[str, ControlValue]
    rejected: dict[str, str]


def automatic(name: str) -> bool:
    """Tell whether a control switches others between automatic and manual: it must be set before them."""
    return (
        name.startswith("auto_") or name.endswith(("_auto", "_automatic")) or "_automatic_" in name or "_auto_" in name
    )


def acceptable(control: Control, value: ControlValue) -> ControlValue:
    """Give ``value`` as the driver wants it: numbers for menu names and for booleans of integer controls.

    Raises :class:`Refused`.
    """
    if "read-only" in control.flags or "grabbed" in control.flags or "disabled" in control.flags:
        raise Refused("read-only" if "read-only" in control.flags else "another program holds this control")
    if control.type == "button":
        return 1
    if control.type == "str":
        return _text(control, value)
    if control.type not in _NUMBERS or (control.type in {"u8", "u16", "u32"}) or control.value is None:
        raise Refused(f"a control of type {control.type} cannot be set")
    if control.menu and isinstance(value, str):
        return _menu_value(control, value)
    if isinstance(value, str):
        raise Refused(f"{control.type} wanted, not text")
    return _number(control, int(value))


def _text(control: Control, value: ControlValue) -> str:
    if not isinstance(value, str):
        raise Refused("text wanted")
    if "," in value or not value.isprintable():
        raise Refused("commas and control characters cannot be set")
    if control.max is not None and len(value.encode()) > control.max:
        raise Refused(f"longer than {control.max}")
    return value


def _menu_value(control: Control, name: str) -> int:
    for item in control.menu:
        if item.name == name:
            return item.value
    raise Refused("no such choice: " + _choices(control))


def _choices(control: Control) -> str:
    return ", ".join(f"{item.value} ({item.name})" for item in control.menu[:32])


def _number(control: Control, number: int) -> ControlValue:
    if control.type == "bool":
        if number not in (0, 1):
            raise Refused("true or false wanted")
        return bool(number)
    if control.menu and number not in {item.value for item in control.menu}:
        raise Refused("no such choice: " + _choices(control))
    low, high = control.min, control.max
    if low is not None and high is not None and low <= high and not low <= number <= high:
        raise Refused(f"out of range {low} to {high}")
    if not -_INT64 <= number < _INT64:
        raise Refused("more than 64 bits")
    return number


def taken(control: Control, asked: ControlValue) -> bool:
    """Tell whether the value read back is what was asked for, or the nearest that the control's step allows."""
    if control.type == "button":
        return True
    if isinstance(asked, (bool, str)) or isinstance(control.value, (bool, str)):
        return control.value == asked
    step = control.step or 1
    return control.value is not None and (control.value == asked or abs(control.value - asked) < step)


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
        applied: Applied = yield self._set(camera, values)
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

    @inlineCallbacks
    def _set(self, camera: Camera, values: Mapping[str, ControlValue]) -> Generator[Deferred[Any], Any, Applied]:
        device = self._device_of(camera)
        rejected: dict[str, str] = {}
        done: dict[str, ControlValue] = {}
        report: NodeReport = yield device.read(camera)
        # Two rounds: what is automatic first, since it decides which of the others are active.
        for names in ([n for n in values if automatic(n)], [n for n in values if not automatic(n)]):
            asked = _asked(report, {name: values[name] for name in names}, rejected)
            if not asked:
                continue
            yield device.write_controls(camera, asked)
            report = yield device.read(camera)
            missed = {name: value for name, value in asked.items() if not _was_taken(report, name, value)}
            if len(asked) > 1:
                # One refusal makes the driver drop the whole set: the others get their own chance.
                for name, value in missed.items():
                    yield device.write_controls(camera, {name: value})
                if missed:
                    report = yield device.read(camera)
            for name, value in asked.items():
                control = _control(report, name)
                if control is not None and taken(control, value):
                    done[name] = value if control.value is None else control.value
                else:
                    rejected[name] = f"the driver kept {control.value if control is not None else 'no value'}"
        if done:
            self._bus.publish(CameraControlsChanged(camera, done))
        return Applied(done, rejected)

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

        def failed(failure: Any) -> None:  # noqa: ANN401 - a Failure
            failure.trap(DeviceTrouble)
            self._log.error(
                "Controls of {id} are not set again: {why}", id=camera.camera_id, why=failure.getErrorMessage()
            )

        setting: Deferred[Any] = self._set(camera, kept)
        setting.addCallbacks(said, failed)
        setting.addErrback(lambda failure: self._log.failure("Setting controls again failed", failure=failure))


def _without_buttons(camera: Camera, applied: Mapping[str, ControlValue]) -> dict[str, ControlValue]:
    # To press one is an act, not a setting: it must not be pressed again whenever the camera returns.
    controls = camera.report.controls if camera.report is not None else ()
    buttons = {control.name for control in controls if control.type == "button"}
    return {name: value for name, value in applied.items() if name not in buttons}


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
