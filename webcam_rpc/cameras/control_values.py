"""Which values a control takes, and whether it took one. Pure.

Ranges come from the driver and are not trusted: they reject what is certainly wrong, and the value that is read back
decides. Source: kernel documentation, userspace-api/media/v4l/control.rst and extended-controls.rst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webcam_rpc.cameras.models import Control, ControlValue

_NUMBERS = frozenset({"int", "int64", "bitmask", "menu", "intmenu", "bool", "u8", "u16", "u32"})
_INT64 = 1 << 63


class Refused(Exception):  # noqa: N818 - an answer per control, not a failure
    """The value cannot be given to the control; the text says why."""


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
