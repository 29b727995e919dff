"""``python -m webcam_rpc``: ``serve [options]`` runs the service, where ``twistd`` is not on the path.

The options of ``serve`` are those of ``twistd webcam``. It is the same as ``twistd -n --pidfile= webcam [options]``.
All else is for ``webcamctl``.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> None:
    """Run what the arguments say."""
    if arguments[:1] == ["serve"]:
        from twisted.scripts import twistd  # noqa: PLC0415 - slow to load, and of no use to the other commands

        sys.argv = ["twistd", "-n", "--pidfile=", "webcam", *arguments[1:]]
        twistd.run()
        return
    from webcam_rpc import cli  # noqa: PLC0415 - the same

    cli.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
