"""Bars for what takes a while: on standard error, and only where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    made = click.progressbar(
        # Nothing is taken from it: it says that the length is not known.
        None if length is not None else (text for text in ("",)),
        length,
        label,
        show_eta=False,
        show_percent=length is not None,
        item_show_func=lambda text: text,
        file=sys.stderr,
    )
    with made:
        yield made
