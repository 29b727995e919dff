"""File descriptors: as many as the system lets us have, and no more connections than they allow."""

from __future__ import annotations

import resource

from twisted.logger import Logger

#: What the service itself needs beside its connections: the log, children's pipes, udev, files being written.
RESERVED = 200

_log = Logger(namespace="webcam_rpc")


def connections_possible(wanted: int) -> int:
    """Raise the soft limit towards what ``wanted`` connections need, and give how many of them can be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVED
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, raised), hard))
            soft = max(soft, raised)
        except (OSError, ValueError) as error:
            _log.warn("Cannot raise the limit of open files: {error}", error=error)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    possible = max(1, soft - RESERVED)
    _log.warn(
        "At most {possible} connections instead of {wanted}: this process may open {soft} files",
        possible=possible,
        wanted=wanted,
        soft=soft,
    )
    return possible
