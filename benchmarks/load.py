"""The load generator: clients that call as fast as they are answered, in one loop.

Owns the counting. Requests are frames made once. Of several calls under way on a connection, half are asked anew when
half are answered: they leave in one send, and the generator has time left where each answer comes by itself. Replies
are counted by their bytes: on one connection all have the same length, and at the end nothing may be left over.
"""

from __future__ import annotations

import select
import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.process import machine_time, own_time
from benchmarks.wire import BenchmarkFailed, Calls, connect, frames, hang_up, request

if TYPE_CHECKING:
    import socket

    from benchmarks.process import Server

#: Ids of two digits, so that all replies have one length.
_FIRST = 10
#: Seconds before the measurement, in which the server warms up.
_WARM_UP = 0.25
_BUFFER = 1 << 18
_DRAIN = 10.0


class Answered(NamedTuple):
    """What a server did under load.

    :ivar rate: replies a second.
    :ivar cost: the server's CPU microseconds for each.
    :ivar busy: the share of a core that the generator used.
    :ivar others: what of the machine neither of them used, in cores.
    """

    rate: float
    cost: float
    busy: float
    others: float


def call_closely(
    server: Server, method: str, clients: int, in_flight: int, seconds: float, *, chatty: bool = False
) -> Answered:
    """Let clients each have so many calls under way, all the time.

    :param chatty: whether something else comes than answers, so that each frame has to be looked at.
    """
    connections = connect(server.port, server.path, clients)
    try:
        return (_Reading if chatty else _Loop)(connections, method, in_flight).run(server, seconds)
    finally:
        hang_up(connections)


def ping_alone(server: Server, method: str, pings: int, *, chatty: bool = False) -> float:
    """Give the median of the seconds that one client waits for an answer, while nobody else asks.

    :param chatty: whether something else comes than answers.
    """
    connections = connect(server.port, server.path)
    try:
        connection = connections[0]
        sent = request(method, _FIRST)
        calls = Calls(connection)
        for _ in range(max(20, pings // 10)):
            _, size = calls.ask(sent, _FIRST)
        clock, send, receive = time.perf_counter, connection.send, connection.recv
        times = []
        for _ in range(pings):
            start = clock()
            if chatty:
                calls.ask(sent, _FIRST)
                missing = 0
            else:
                send(sent)
                missing = size
            while missing > 0:
                missing -= len(receive(65536)) or _closed()
            times.append(clock() - start)
            if missing:
                raise BenchmarkFailed("something else than an answer came")
        return median(times)
    finally:
        hang_up(connections)


class _Loop:
    def __init__(self, connections: list[socket.socket], method: str, in_flight: int) -> None:
        self._connections = connections
        calls = [request(method, _FIRST + place) for place in range(in_flight)]
        #: By how many they are: the frames that leave in one send.
        self._requests = [b"".join(calls[:count]) for count in range(in_flight + 1)]
        self._in_flight = in_flight
        self._again = max(1, in_flight // 2)
        self._sizes: dict[int, int] = {}
        for connection in connections:
            reply, self._sizes[connection.fileno()] = Calls(connection).ask(calls[0], _FIRST)
            if b'"result"' not in reply:
                raise BenchmarkFailed(f"{method}: {reply.decode('utf-8', 'replace')}")
        self._left = dict.fromkeys(self._sizes, 0)
        self._sent = self._received = 0

    def run(self, server: Server, seconds: float) -> Answered:
        sockets = {connection.fileno(): connection for connection in self._connections}
        with select.epoll() as poll:
            for number, connection in sockets.items():
                connection.setblocking(False)  # noqa: FBT003 - the socket's signature
                poll.register(number, select.EPOLLIN)
                self._sent += self._in_flight
                connection.send(self._requests[self._in_flight])
            self._turns(poll, sockets, time.monotonic() + _WARM_UP)
            start, all_of_it, received = time.monotonic(), machine_time(), self._received
            used, own = server.used(), own_time()
            self._turns(poll, sockets, start + seconds)
            used, own = server.used() - used, own_time() - own
            took, all_of_it = time.monotonic() - start, machine_time() - all_of_it
            received = self._received - received
            self._drain(poll, sockets)
        if not received:
            raise BenchmarkFailed("no call was answered")
        others = max(0.0, all_of_it - used - own)
        return Answered(received / took, 1e6 * used / received, own / took, others / took)

    def _turns(self, poll: select.epoll, sockets: dict[int, socket.socket], end: float) -> None:
        """Answer replies by requests until then."""
        left, requests, most = self._left, self._requests, self._in_flight
        # Until there are so many bytes nothing is asked.
        sizes, enough = self._sizes, {number: size * self._again for number, size in self._sizes.items()}
        receive = {number: connection.recv_into for number, connection in sockets.items()}
        send = {number: connection.send for number, connection in sockets.items()}
        buffer = bytearray(_BUFFER)
        replies = 0
        clock = time.monotonic
        while clock() < end:
            for number, _ in poll.poll(0.05):
                left[number] += receive[number](buffer) or _closed()
                if left[number] < enough[number]:
                    continue
                count, left[number] = divmod(left[number], sizes[number])
                if count > most:
                    raise BenchmarkFailed("more was answered than asked")
                replies += count
                if send[number](requests[count]) != len(requests[count]):
                    raise BenchmarkFailed("the server does not read")
        self._received += replies
        self._sent += replies

    def _drain(self, poll: select.epoll, sockets: dict[int, socket.socket]) -> None:
        """Wait for the last answers: each call has exactly one, or the count was of something else."""
        deadline = time.monotonic() + _DRAIN
        while self._received < self._sent and time.monotonic() < deadline:
            for number, _ in poll.poll(0.1):
                data = sockets[number].recv(_BUFFER)
                count, self._left[number] = divmod(self._left[number] + (len(data) or _closed()), self._sizes[number])
                self._received += count
        if self._received != self._sent or any(self._left.values()):
            raise BenchmarkFailed(f"{self._sent} calls, {self._received} answers: something else came too")


class _Reading(_Loop):
    """Counts the frames that have an id. Slower; those for whom it is needed are slower still."""

    def __init__(self, connections: list[socket.socket], method: str, in_flight: int) -> None:
        super().__init__(connections, method, in_flight)
        self._data = {number: bytearray() for number in self._sizes}

    def _turns(self, poll: select.epoll, sockets: dict[int, socket.socket], end: float) -> None:
        while time.monotonic() < end:
            for number, _ in poll.poll(0.05):
                count = self._count(number, sockets[number].recv(_BUFFER))
                self._received += count
                self._sent += count
                if sockets[number].send(self._requests[count]) != len(self._requests[count]):
                    raise BenchmarkFailed("the server does not read")

    def _drain(self, poll: select.epoll, sockets: dict[int, socket.socket]) -> None:
        deadline = time.monotonic() + _DRAIN
        while self._received < self._sent and time.monotonic() < deadline:
            for number, _ in poll.poll(0.1):
                self._received += self._count(number, sockets[number].recv(_BUFFER))
        if self._received != self._sent:
            raise BenchmarkFailed(f"{self._sent} calls, {self._received} answers")

    def _count(self, number: int, data: bytes) -> int:
        kept = self._data[number]
        kept += data or bytes(_closed())
        count = end = 0
        for _, _, body, end in frames(kept):
            count += b'"id":' in kept[body:end]
        del kept[:end]
        return count


def _closed() -> int:
    raise BenchmarkFailed("the server has closed a connection")
