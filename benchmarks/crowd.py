"""Many clients that only listen: how long until the last of them has the last byte of what was published.

Owns counting what comes without looking at it: all clients get the same bytes, so that it is enough to find the frames
in what one of them got.
"""

from __future__ import annotations

import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.process import own_time
from benchmarks.wire import PATIENCE, BenchmarkFailed, connect, frames, hang_up

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from benchmarks.process import Server

_BUFFER = 1 << 18
#: Seconds after which a server has done what it does behind the last byte.
_REST = 0.05


class Told(NamedTuple):
    """What it took to tell all of them.

    :ivar seconds: from the word to publish to the last byte at the last client.
    :ivar used: the server's CPU seconds.
    :ivar own: the generator's.
    """

    seconds: float
    used: float
    own: float


class Crowd:
    """Clients of one server that wait for events."""

    def __init__(self, server: Server, connections: Sequence[socket.socket]) -> None:
        self._server = server
        self._poll = select.epoll()
        self._receive = {}
        for connection in connections:
            connection.setblocking(False)  # noqa: FBT003 - the socket's signature
            self._poll.register(connection, select.EPOLLIN)
            self._receive[connection.fileno()] = connection.recv_into

    def close(self) -> None:
        """Listen no longer."""
        self._poll.close()

    def hear(self, events: int) -> Told:
        """Have events published, and wait until all have heard of them."""
        used, own, start = self._server.used(), own_time(), time.monotonic()
        self._server.publish(events)
        self._wait(events)
        seconds, own = time.monotonic() - start, own_time() - own
        time.sleep(_REST)
        return Told(seconds, self._server.used() - used, own)

    def _wait(self, events: int) -> None:
        receive, poll = self._receive, self._poll.poll
        got = dict.fromkeys(receive, 0)
        buffer = bytearray(_BUFFER)
        size, all_of_them = self._size(events, got, buffer), len(got)
        done = sum(count == size for count in got.values())
        deadline = time.monotonic() + PATIENCE
        while done < all_of_them:
            ready = poll(1.0, all_of_them)
            if not ready and time.monotonic() > deadline:
                raise BenchmarkFailed(f"{all_of_them - done} clients did not hear of it")
            for number, _ in ready:
                got[number] += receive[number](buffer) or _closed()
                done += got[number] == size
        if any(count != size for count in got.values()):
            raise BenchmarkFailed("clients did not get the same")

    def _size(self, events: int, got: dict[int, int], buffer: bytearray) -> int:
        """Find how many bytes the events are, from what comes to the client that hears of them first."""
        leader, seen = None, bytearray()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for number, _ in self._poll.poll(1.0, len(got)):
                count = self._receive[number](buffer) or _closed()
                got[number] += count
                leader = number if leader is None else leader
                if number == leader:
                    seen += buffer[:count]
            ends = [end for _, _, _, end in frames(seen)]
            if len(ends) > events or (len(ends) == events and ends[-1] != len(seen)):
                raise BenchmarkFailed("something else than the events came")
            if len(ends) == events:
                return len(seen)
        raise BenchmarkFailed("nobody heard of it")


@contextmanager
def gathered(server: Server, clients: int) -> Iterator[Crowd]:
    """Have a crowd."""
    connections = connect(server.port, server.path, clients)
    try:
        crowd = Crowd(server, connections)
        try:
            crowd.hear(1)  # the first is slower everywhere
            yield crowd
        finally:
            crowd.close()
    finally:
        hang_up(connections)


def _closed() -> int:
    raise BenchmarkFailed("the server has closed a connection")
