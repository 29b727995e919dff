"""The controls of a node, from the text of ``v4l2-ctl --list-ctrls-menus``, which is also a part of ``--all``.

Owns the layout of a control's line, that of ``print_qctrl`` in v4l-utils (utils/v4l2-ctl/v4l2-ctl-common.cpp)::

    brightness 0x00980900 (int)    : min=-64 max=64 step=1 default=0 value=0 flags=slider
    auto_exposure 0x009a0901 (menu)   : min=0 max=3 default=3 value=3 (Aperture Priority Mode)
                                    1: Manual Mode
                                    3: Aperture Priority Mode
    u16_8x16_matrix 0x0098f909 (u16)    : min=16 max=8192 step=1 default=24 dims=[8][16] flags=has-payload

Ranges are what the driver says, nonsense included: who uses them judges them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.cameras.models import Control, MenuItem
from webcam_rpc.cameras.v4l2_text import clean, lines, readable

if TYPE_CHECKING:
    from webcam_rpc.cameras.models import ControlValue

#: Names are made by ``name2var``, which leaves nothing else of the driver's name.
CONTROL_NAME = r"[A-Za-z0-9_]+"

_NUMBER = r"0x[0-9a-f]{1,16}|-?[0-9]{1,20}"
_CONTROL = re.compile(rf"\s*({CONTROL_NAME}) 0x([0-9a-f]{{8}}) \(([a-z0-9-]+)\)\s*:(.*)")
_MENU_ITEM = re.compile(r"\t+(-?[0-9]{1,20}): (.*)")
_RANGE = re.compile(rf" (min|max|step|default)=({_NUMBER})(?= |$)")
_VALUE = re.compile(_NUMBER)
_FLAGS = re.compile(r"[a-z0-9, -]+")
_ESCAPE = re.compile(r"\\(?:(\\)|[nrf]|x[0-9a-f]{2})")

_NUMERIC = frozenset({"int", "int64", "bool", "menu", "intmenu", "bitmask", "u8", "u16", "u32"})
_MENUS = frozenset({"menu", "intmenu"})


def parse_controls(text: str) -> tuple[Control, ...]:
    """Give the controls that the text lists, in its order; lines that describe none are skipped.

    A driver that fails to tell a control's value (``error 5 getting ext_ctrl Focus``) has that control left out.
    """
    controls: list[Control] = []
    menu: list[MenuItem] = []
    for line in lines(text):
        if match := _CONTROL.match(line):
            _complete(controls, menu)
            menu = []
            controls.append(_control(*match.groups()))
        elif controls and controls[-1].type in _MENUS and (match := _MENU_ITEM.match(line)):
            # An integer menu prints "4: 5 (0x5)", the number twice.
            name = match[2] if controls[-1].type == "menu" else match[2].partition(" ")[0]
            menu.append(MenuItem(int(match[1]), clean(name)))
    _complete(controls, menu)
    return tuple(controls)


def _complete(controls: list[Control], menu: list[MenuItem]) -> None:
    if menu:
        controls[-1] = msgspec.structs.replace(controls[-1], menu=tuple(menu))


def _control(name: str, number: str, kind: str, rest: str) -> Control:
    rest, flags = _split_flags(rest.rstrip())
    ranges, _, value = rest.partition(" value=")
    known = {key: _number(found) for key, found in _RANGE.findall(ranges)}
    default = known.get("default")
    return Control(
        name=name,
        id=int(number, 16),
        type=kind,
        min=known.get("min"),
        max=known.get("max"),
        step=known.get("step"),
        default=None if default is None else _typed(kind, default),
        value=None if "write-only" in flags else _value(kind, value),
        flags=flags,
    )


def _split_flags(rest: str) -> tuple[str, tuple[str, ...]]:
    # The last of them: a text or the name of a menu's choice may hold " flags=" too, but ends with ' or ).
    before, found, flags = rest.rpartition(" flags=")
    if not found or not _FLAGS.fullmatch(flags):
        return rest, ()
    return before, tuple(flag for part in flags.split(",") if (flag := part.strip()))


def _value(kind: str, text: str) -> ControlValue | None:
    if kind == "str":
        quoted = len(text) > 1 and text[0] == text[-1] == "'"
        # safename() writes a backslash twice and control characters as \n, \r, \f or \x01. Blanks are part of it.
        return readable(_ESCAPE.sub(lambda match: match[1] or "", text[1:-1])) if quoted else None
    match = _VALUE.match(text)
    return _typed(kind, _number(match[0])) if match and kind in _NUMERIC else None


def _typed(kind: str, number: int) -> int | bool:
    if kind == "bool":
        return bool(number)
    # A bitmask has 32 bits without a sign; up to 1.22 its value was printed with one, its default never.
    return number & 0xFFFFFFFF if kind == "bitmask" else number


def _number(text: str) -> int:
    return int(text, 16) if text.startswith("0x") else int(text)
