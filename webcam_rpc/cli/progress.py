"""Bars for what takes a while: on standard error, and only where that is a terminal."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The columns of the figures, and of a bar that is still one.
_FIGURES = 46


class Bar(Protocol):
    """Shows how far something is."""

    def update(self, n_steps: int, current_item: str | None = None) -> None:
        """Go on by so many steps, and show this beside the bar."""


class _NoBar:
    def update(self, n_steps: int, current_item: str | None = None) -> None:
        """Show nothing."""


@contextlib.contextmanager
def bar(length: int | None, label: str, *, shown: bool = True) -> Iterator[Bar]:
    """Show a bar of ``length`` steps, of as many as there may be for None."""
    if not shown or not sys.stderr.isatty():
        yield _NoBar()
        return
    room = shutil.get_terminal_size().columns
    made = click.progressbar(
        # Nothing is taken from it: it says that the length is not known.
        None if length is not None else (text for text in ("",)),
        length,
        # Where they do not all fit, the figures say more than the name, which is told at the end.
        label if len(label) <= room - _FIGURES else "",
        width=0,
        show_eta=False,
        show_percent=length is not None,
        item_show_func=lambda text: text,
        file=sys.stderr,
    )
    with made:
        yield made
