"""Tables for people: as wide as they must be, no wider than the terminal. Pure, but for the terminal's width.

Owns the widths, the cutting and the colours. Whoever reads the output with a program gets whole cells and no colours:
Click takes the colours away where the output is not a terminal, and there no width is too much.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import combining, east_asian_width

import click

from webcam_rpc.cli.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "  "
#: A column is not cut below this.
_LEAST = 8

#: What stands for well, doubtful, bad and nothing in particular, for every kind of status that there is.
COLOURS = {
    "green": {"CONNECTED", "HEALTHY", "RECORDING", "RUNNING", "STARTED", "COMPLETED", "OK", "ok", "FINISHED"},
    "yellow": {"DEGRADED", "STARTING", "WAITING", "STOPPING", "LOW", "EXPIRED", "MISSED", "DISABLED", "unknown"},
    "red": {"ERROR", "UNHEALTHY", "FAILED", "FULL", "BROKEN", "bad"},
    "bright_black": {"DISCONNECTED", "IDLE"},
}
_COLOUR_OF = {status: colour for colour, states in COLOURS.items() for status in states}


class Column(NamedTuple):
    """A column: its heading, whether numbers stand in it, and whether it may be cut where room is short."""

    heading: str
    right: bool = False
    gives: bool = False


def width() -> int | None:
    """Give how wide a line may be; None where the output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    for line in lines(columns, rows, width()):
        click.echo(line)


def lines(columns: Sequence[Column], rows: Iterable[Sequence[str]], room: int | None) -> list[str]:
    """Lay a table out in ``room`` characters, or in as many as it needs."""
    cells = [[plain(cell) for cell in row] for row in rows]
    headings = [column.heading for column in columns]
    widths = [max(map(_wide, column)) for column in zip(headings, *cells, strict=True)]
    if room is not None:
        _fit(widths, columns, room)
    laid = [click.style(_line(columns, headings, widths), bold=True)]
    return [*laid, *(_line(columns, row, widths) for row in cells)]


def show_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line; pairs without a value are left out."""
    shown = [(name, value) for name, value in pairs if value not in {"", "-"}]
    longest = max((_wide(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{click.style(name + ':', bold=True)}{' ' * (longest - _wide(name) + 1)}{coloured(plain(value))}")


def _fit(widths: list[int], columns: Sequence[Column], room: int) -> None:
    too_much = sum(widths) + len(_GAP) * (len(widths) - 1) - room
    while too_much > 0:
        giving = [place for place, column in enumerate(columns) if column.gives and widths[place] > _LEAST]
        if not giving:
            return
        widest = max(giving, key=lambda place: widths[place])
        widths[widest] -= 1
        too_much -= 1


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    laid = []
    for column, cell, wide in zip(columns, cells, widths, strict=True):
        text = _cut(cell, wide)
        blank = " " * (wide - _wide(text))
        laid.append(blank + coloured(text) if column.right else coloured(text) + blank)
    return _GAP.join(laid).rstrip()


def coloured(text: str, state: str | None = None) -> str:
    """Colour a text that is a status, or stands for one."""
    colour = _COLOUR_OF.get(text if state is None else state)
    return click.style(text, fg=colour) if colour else text


def _wide(text: str) -> int:
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _cut(text: str, room: int) -> str:
    if _wide(text) <= room:
        return text
    kept = ""
    for char in text:
        if _wide(kept + char) > room - 1:
            break
        kept += char
    return kept + "…"
