"""Interleaved rounds: each measures every server once, in changing order, and what counts is the ratio in each round.

A machine that is slower for a while is so for all that run in that while.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Generic, TypeVar

from benchmarks.wire import BenchmarkFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.roster import Entrant

_Figure = TypeVar("_Figure")


@dataclass
class Results(Generic[_Figure]):
    """What the servers did: a figure of each round by name, and why others have none."""

    figures: dict[str, list[_Figure]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def median(self, name: str, of: Callable[[_Figure], float]) -> float | None:
        """Give the median of the rounds."""
        return median(map(of, self.figures[name])) if self.figures.get(name) else None

    def ratio(self, name: str, other: str, of: Callable[[_Figure], float]) -> float | None:
        """Give the median of the rounds' ratios."""
        one, two = self.figures.get(name), self.figures.get(other)
        if not one or not two:
            return None
        return median(of(mine) / of(theirs) for mine, theirs in zip(one, two, strict=True))


def measured(
    what: str, chosen: Sequence[Entrant], rounds: int, measure: Callable[[Entrant], _Figure]
) -> Results[_Figure]:
    """Measure round by round. A server that fails in one has no figures at all."""
    results: Results[_Figure] = Results()
    for entrant in chosen:
        if entrant.problem:
            results.problems[entrant.name] = entrant.problem
    for turn in range(rounds):
        able = [entrant for entrant in chosen if entrant.name not in results.problems]
        # Who comes first, and after whom, changes.
        shift = turn * len(able) // max(1, rounds)
        order = able[shift:] + able[:shift]
        for entrant in order[:: -1 if turn % 2 else 1]:
            _show(f"{what}: round {turn + 1} of {rounds}, {entrant.name}")
            try:
                results.figures.setdefault(entrant.name, []).append(measure(entrant))
            except (BenchmarkFailed, OSError) as error:
                results.problems[entrant.name] = str(error) or type(error).__name__
                results.figures.pop(entrant.name, None)
    _show("")
    return results


def _show(text: str) -> None:
    """Say how far it is, in one line that goes away, to somebody who is there."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
