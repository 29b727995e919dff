"""What was found, as Markdown: a table for each measurement, and one of all targets with what was met and missed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Verdict:
    """A target, and what came of it.

    :ivar figure: what was measured, or why nothing was.
    :ivar met: None where nothing was measured.
    """

    what: str
    figure: str
    target: str
    met: bool | None


@dataclass
class Section:
    """A measurement.

    :ivar bars: what the chart shows of it: a length by name.
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bars: dict[str, float] = field(default_factory=dict)

    def at_most(self, what: str, found: float | None, limit: float, form: str = "{:.2f}×", why: str = "") -> None:
        """Add a target that nothing may be over."""
        self._judge(what, found, form, f"≤ {_target(form, limit)}", why, met=found is not None and found <= limit)

    def at_least(self, what: str, found: float | None, limit: float, form: str = "{:.2f}×", why: str = "") -> None:
        """Add a target that nothing may be under."""
        self._judge(what, found, form, f"≥ {_target(form, limit)}", why, met=found is not None and found >= limit)

    def _judge(self, what: str, found: float | None, form: str, target: str, why: str, *, met: bool) -> None:
        if found is None:
            self.verdicts.append(Verdict(what, f"not measured: {why or 'no figures'}", target, None))
        else:
            self.verdicts.append(Verdict(what, form.format(found), target, met))


def _target(form: str, limit: float) -> str:
    """Write a limit in the unit of the figure, without zeros at its end."""
    before, _, unit = form.partition("}")
    return f"{before.partition('{')[0]}{limit:.3g}{unit.partition(' (')[0]}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def section_text(section: Section) -> str:
    """Write a measurement's table."""
    notes = "".join(f"\n\n{note}" for note in section.notes)
    return f"### {section.title}\n\n{table(section.head, section.rows)}{notes}\n"


def targets_text(sections: Sequence[Section]) -> str:
    """Write the table of targets."""
    words = {True: "met", False: "**missed**", None: "–"}
    rows = [
        (verdict.what, verdict.figure, verdict.target, words[verdict.met])
        for section in sections
        for verdict in section.verdicts
    ]
    return table(("what", "figure", "target", ""), rows)


def count(sections: Sequence[Section]) -> str:
    """Say in a line how many targets were met."""
    verdicts = [verdict.met for section in sections for verdict in section.verdicts]
    return f"{verdicts.count(True)} met, {verdicts.count(False)} missed, {verdicts.count(None)} not measured"


def number(value: float | None, form: str = "{:.2f}") -> str:
    """Write a figure; a dash where there is none."""
    return "–" if value is None else form.format(value)
