"""The results as bars: SVG with a ground of its own, so that it can be read on a light page and on a dark one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.roster import FALLBACK, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.report import Section


class Panel(NamedTuple):
    """One group of bars: the measurement, what it shows, the figures' form, whether more is better."""

    section: str
    title: str
    form: str
    more: bool


PANELS = (
    Panel("pipelined", "Pipelined ping, rate (stock Autobahn = 1)", "{:.1f}", more=True),
    Panel("closed", "100 clients, rate (stock Autobahn = 1)", "{:.1f}", more=True),
    Panel("broadcast", "One event to 1000 clients, time (stock = 1)", "{:.2f}", more=False),
    Panel("idle", "One idle connection, KiB", "{:.1f}", more=False),
)

_WIDTH, _ROW, _BAR = 430, 22, 14
_NAMES, _FIGURES, _TOP, _GAP = 196, 54, 56, 16
_STYLE = """
text { font: 13px "DejaVu Sans", system-ui, sans-serif; fill: #e6edf3; }
.title { font-weight: bold; }
.note { fill: #9fb0c0; font-size: 12px; }
.bar { fill: #59636e; }
.ours { fill: #7ee787; }
.name { text-anchor: end; }
"""


def chart(sections: Sequence[Section]) -> str:
    """Draw what there is of the panels, two beside each other."""
    found = {section.name: section.bars for section in sections if section.bars}
    panels = [panel for panel in PANELS if panel.section in found]
    drawn: list[str] = []
    top = height = 0
    for place, panel in enumerate(panels):
        if place % 2 == 0:
            top = height
        bars = {name: length for name, length in found[panel.section].items() if name != FALLBACK}
        drawn.append(f'<g transform="translate({place % 2 * _WIDTH} {top})">\n{_panel(panel, bars)}</g>\n')
        height = max(height, top + _TOP + _ROW * len(bars) + _GAP)
    described = "Bars: the service beside other WebSocket servers; the tables below have the figures"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {height}" role="img" '
        f'aria-label="{described}">\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" width="{2 * _WIDTH}" height="{height}" rx="8" fill="#0d1117"/>\n{"".join(drawn)}</svg>\n'
    )


def _panel(panel: Panel, bars: Mapping[str, float]) -> str:
    most = max(bars.values()) or 1.0
    better = "more is better" if panel.more else "less is better"
    lines = [
        f'<text class="title" x="20" y="28">{escape(panel.title)}</text>',
        f'<text class="note" x="20" y="45">{better}</text>',
    ]
    ordered = sorted(bars.items(), key=lambda bar: bar[1], reverse=panel.more)
    for place, (name, figure) in enumerate(ordered):
        y = _TOP + _ROW * place
        length = max(1.0, figure / most * (_WIDTH - _NAMES - _FIGURES))
        kind = "bar ours" if name.startswith(OURS) else "bar"
        lines += [
            f'<text class="name" x="{_NAMES - 8}" y="{y + 12}">{escape(name)}</text>',
            f'<rect class="{kind}" x="{_NAMES}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"/>',
            f'<text x="{_NAMES + length + 6:.1f}" y="{y + 12}">{panel.form.format(figure)}</text>',
        ]
    return "".join(f"{line}\n" for line in lines)
