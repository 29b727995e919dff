"""Records docs/cast.svg: webcamctl, as somebody types it, on a service with the test-pattern camera.

    python scripts/cast.py          with webcam_rpc and termtosvg installed beside this interpreter

What is seen is what the commands print. Only the typing is made, and no pause is longer than two seconds.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 90, 24
SCENES = (
    "webcamctl cameras",
    "webcamctl snapshot demo",
    "webcamctl record demo --duration 6s --wait",
    "webcamctl recordings list",
    "webcamctl schedule add demo --cron '30 22 * * 1-5' --duration 45m --name night",
    "webcamctl diagnose demo",
    "webcamctl selftest --simple",
)
_PROMPT = "\x1b[32m$\x1b[0m "
_TYPING, _READING, _LONGEST = 0.05, 1.6, 2.0
_DEADLINE = 60.0


class Cast:
    """An asciicast of version 2: a header, then what was shown when."""

    def __init__(self) -> None:
        self._now = 0.0
        self._events: list[tuple[float, str, str]] = []

    def show(self, text: str, after: float = 0.0) -> None:
        """Show a text, so many seconds after the last."""
        self._now += min(after, _LONGEST)
        self._events.append((round(self._now, 3), "o", text))

    def run(self, command: str, environment: dict[str, str]) -> None:
        """Type a command and show what it prints on a terminal."""
        self.show(_PROMPT)
        for character in command:
            self.show(character, _TYPING)
        self.show("\r\n", 0.3)
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe("sh", ["sh", "-c", command], environment)  # noqa: S606, S607 - a command of this file
        last = time.monotonic()
        end = last + _DEADLINE
        while select.select([terminal], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                text = os.read(terminal, 65536)
            except OSError:
                # The other end is closed (pty(7)).
                break
            now = time.monotonic()
            self.show(text.decode(), now - last)
            last = now
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"{command}: status {os.waitstatus_to_exitcode(status)}")
        self.show("", _READING)

    def text(self) -> str:
        """Write it."""
        header = {"version": 2, "width": COLUMNS, "height": ROWS}
        return "\n".join(map(json.dumps, (header, *self._events))) + "\n"


def main() -> None:
    """Record it."""
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as work:
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "TZ": "Europe/Berlin",
            "COLUMNS": str(COLUMNS),
            "STATE_DIRECTORY": f"{work}/state",
            "PYTHONPATH": str(ROOT),
        }
        serve = [sys.executable, "-m", "webcam_rpc", "serve", "--demo", "--device-dir", f"{work}/dev"]
        with (
            open(f"{work}/log", "w", encoding="utf-8") as log,
            subprocess.Popen(  # noqa: S603 - this interpreter
                [*serve, "--listen", "tcp:0:interface=127.0.0.1"], env=environment, stderr=log, stdout=log
            ) as service,
        ):
            try:
                end = time.monotonic() + _DEADLINE
                while not Path(f"{work}/state/admin.sock").exists():
                    if time.monotonic() > end:
                        raise SystemExit(Path(f"{work}/log").read_text("utf-8"))
                    time.sleep(0.1)
                cast = Cast()
                for scene in SCENES:
                    cast.run(scene, environment)
            finally:
                service.terminate()
        recorded = Path(work, "cast.json")
        recorded.write_text(cast.text(), "utf-8")
        target = ROOT / "docs" / "cast.svg"
        subprocess.run(  # noqa: S603 - what is asked for above
            [programs / "termtosvg", "render", recorded, target, "-t", "window_frame", "-D", "4000"], check=True
        )
        print(target)


if __name__ == "__main__":
    main()
