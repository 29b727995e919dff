"""What the pages tell people to type can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
_PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "etc" / "webcam.yaml"]
#: In code, a line that begins with it; in a text, what stands between backticks.
_TYPED = re.compile(r"(?m)^(?:\$ )?(?:sudo )?(webcamctl [a-z].*)$|`(webcamctl [a-z][^`]*)`")


def typed() -> Iterator[tuple[str, str]]:
    """Give each command with the page that has it."""
    for page in _PAGES:
        for in_code, in_text in _TYPED.findall(page.read_text("utf-8")):
            yield page.name, re.split(r" +#| \| | >", in_code or in_text)[0].strip()


class PageTests(SynchronousTestCase):
    """Commands in the documentation."""

    def test_commands_are_understood(self) -> None:
        """Each names a command that there is, with options and arguments that it takes."""
        seen = 0
        for page, text in typed():
            # What the reader puts there, or what may be left out.
            words = shlex.split(re.sub(r"\[[^]]*\]|\.\.\.|…", "", text).strip())[1:]
            try:
                self.parse(words)
            except click.ClickException as error:
                self.fail(f"{page}: {text}: {error.format_message()}")
            seen += 1
        self.assertGreater(seen, 50)

    def parse(self, words: list[str]) -> None:
        """Take a command line apart, and do nothing. Where only a group is named, its name is right."""
        command: click.Command = commands
        context = None
        while isinstance(command, click.Group):
            if not words and context is not None:
                return
            context = command.make_context(command.name, list(words), parent=context)
            rest = [*context._protected_args, *context.args]
            _, found, words = command.resolve_command(context, rest)
            assert found is not None
            command = found
        if words == [] and any(isinstance(param, click.Argument) and param.required for param in command.params):
            return  # it is spoken of
        command.make_context(command.name, list(words), parent=context)
