"""``python -m webcam_rpc serve [options]``: the service, where ``twistd`` is not on the path.

The options are those of ``twistd webcam``. It is the same as ``twistd -n --pidfile= webcam [options]``.
"""

from __future__ import annotations

import sys

from twisted.scripts import twistd

USAGE = """\
usage: python -m webcam_rpc serve [options]

runs the service in the foreground, as `twistd -n --pidfile= webcam [options]' does;
`python -m webcam_rpc serve --help' lists the options
"""


def main(arguments: list[str]) -> int | None:
    """Run what the arguments say, and give the exit status of what did not get as far as the reactor."""
    if arguments[:1] == ["serve"]:
        sys.argv = ["twistd", "-n", "--pidfile=", "webcam", *arguments[1:]]
        twistd.run()
        return None
    asked = arguments in (["-h"], ["--help"])
    (sys.stdout if asked else sys.stderr).write(USAGE)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
