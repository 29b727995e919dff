"""Fuzzes with atheris until it is told to stop: see scripts/fuzz."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["webcam_rpc", "autobahn"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz one target; the corpus grows in ``fuzz-corpus/TARGET`` below the working directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=0, help="how long; 0: without an end")
    parser.add_argument("--runs", type=int, default=-1, help="how many inputs")
    options = parser.parse_args()
    target = TARGETS[options.target]
    corpus = Path("fuzz-corpus", options.target)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    limits = [f"-max_total_time={options.seconds}", f"-runs={options.runs}", "-max_len=8192", "-timeout=20"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
