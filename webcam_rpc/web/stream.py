"""One viewer of a stream: a response without an end, which has its connection for itself from its first picture on.

Owns what a viewer gets to see. The newest picture wins: while one is being sent one waits at most, and the next takes
its place. Until there is a first picture the request is an ordinary one, and may still be answered with an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol, connectionDone

from webcam_rpc.rpc.errors import DeadlinePassed, InvalidState, PermissionDenied, RPCError
from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.faults import tell
from webcam_rpc.web.outlet import Outlet
from webcam_rpc.web.parts import CONTENT_TYPE, DELIMITER, Part, Parts
from webcam_rpc.web.shown import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.web.channel import Request
    from webcam_rpc.web.connections import Connections
    from webcam_rpc.web.media import Frame, Viewer, Watching
    from webcam_rpc.web.pace import Pace

#: Bytes that a viewer may send us, who has nothing to say.
_HEARD = 16 * 1024

#: Nobody keeps it, and nginx passes each picture on as it comes.
HEADERS: Mapping[bytes, bytes] = {
    b"Content-Type": CONTENT_TYPE,
    b"Cache-Control": b"no-store",
    b"X-Accel-Buffering": b"no",
}


class Stream(Protocol):
    """A viewer, and from its first picture on the protocol of its connection.

    :param ended: called once, when it is over.
    :param pace: says which frames to take; all where it is None.
    :ivar extra: whether parts have the headers of ``?extra_headers=1``.
    :ivar camera_id: which camera it shows.
    """

    transport: Any

    def __init__(
        self,
        clock: IReactorTime,
        request: Request,
        ended: Callable[[Stream], None],
        *,
        pace: Pace | None = None,
        extra: bool = False,
    ) -> None:
        self.camera_id = ""
        self.extra = extra
        self._clock = clock
        self._request: Request | None = request
        self._grant = request.grant
        self._ended = ended
        self._pace = pace
        self._parts = Parts()
        self._watching: Watching | None = None
        #: What it is answered with, and when, if no picture comes.
        self._error: RPCError = DeadlinePassed(DEADLINE)
        self._timer: IDelayedCall | None = None
        self._connections: Connections | None = None
        self._outlet: Outlet | None = None
        self._waiting: Part | None = None
        self._heard = 0
        self._over = False
        self._second = self._sent = self._sent_before = 0

    def open(self, watch: Callable[[Viewer], Watching], parts: Callable[[str], Parts]) -> None:
        """Begin to watch.

        :param parts: gives what makes the parts for all who watch the same camera at the same size.
        """
        assert self._request is not None  # noqa: S101 - it is opened once
        self._timer = self._clock.callLater(DEADLINE, lambda: self._refuse(self._error))
        self._request.notifyFinish().addErrback(lambda _: self._end())
        self._grant.watch(self._role_changed)
        try:
            self._watching = watch(self)
        except RPCError as error:
            self._refuse(error)
            return
        except BaseException:
            self._end()
            raise
        self.camera_id = self._watching.camera_id
        self._parts = parts(self.camera_id)

    @property
    def fps(self) -> int:
        """How many pictures were sent in the last whole second."""
        second = int(self._clock.seconds())
        if second == self._second:
            return self._sent_before
        return self._sent if second == self._second + 1 else 0

    def leave(self) -> None:
        """Go, at the end of the service; in order, unless a picture is being sent, which may take its time."""
        in_order = self._outlet is not None and not self._outlet.blocked
        self._end()
        if in_order:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    # The viewer.

    def frame(self, frame: Frame) -> None:
        """Send a picture, now or as soon as it can be, or let it pass."""
        if self._over or (self._pace is not None and not self._pace.takes(frame.at)):
            return
        outlet = self._outlet or self._take_connection()
        part = self._parts.of(frame)
        if outlet.blocked:
            self._waiting = part
        else:
            self._count()
            outlet.send(part.extra if self.extra else part.plain)

    def failed(self, error: RPCError) -> None:
        """Say why there is no picture, if there was none yet; else stay: they come again by themselves."""
        if self._request is not None:
            self._refuse(error)

    def gone(self) -> None:
        """Stay: the camera may come back."""
        self._error = InvalidState("CAMERA_DISCONNECTED")

    # The connection.

    def dataReceived(self, data: bytes) -> None:
        """Pass over what a viewer says, if it is not too much."""
        self._heard += len(data)
        if self._heard > _HEARD:
            self._drop()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002 - Twisted's signature
        """Let the camera be."""
        self._end()
        if self._connections is not None:
            self._connections.lost(self.transport)

    # From here on ours.

    def _take_connection(self) -> Outlet:
        """Begin the response. Nothing else can come on this connection: its end is that of the response."""
        request, self._request = self._request, None
        assert request is not None  # noqa: S101 - there is either the request or the outlet
        self._cancel_timer()
        self._connections = request.channel.site.clients.connections
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        request.setHeader(b"Connection", b"close")
        request.channel.hand_over(self, self.leave)
        self._outlet = Outlet(self._clock, self.transport, self._go_on, self._drop)
        headers = request.responseHeaders.getAllRawHeaders()
        lines = [name + b": " + value for name, values in headers for value in values]
        self._outlet.begin(b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"", DELIMITER)))
        return self._outlet

    def _go_on(self) -> None:
        """Send what waits."""
        part, self._waiting = self._waiting, None
        if part is not None and self._outlet is not None:
            self._count()
            self._outlet.send(part.extra if self.extra else part.plain)

    def _count(self) -> None:
        second = int(self._clock.seconds())
        if second != self._second:
            self._sent_before = self._sent if second == self._second + 1 else 0
            self._second, self._sent = second, 0
        self._sent += 1

    def _refuse(self, error: RPCError) -> None:
        """Answer with what is wrong."""
        request = self._request
        self._end()
        if request is not None:
            request.write(tell(request, error))
            request.finish()

    def _role_changed(self) -> None:
        """End where whoever watches may not any more."""
        grant = self._grant
        if grant.role >= Role.VIEWER and grant.only_camera in (None, self.camera_id):
            return
        if self._request is not None:
            self._refuse(PermissionDenied(Role.VIEWER, grant.role))
        else:
            self._drop()

    def _drop(self) -> None:
        if not self._over:
            self._end()
            self.transport.abortConnection()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._request = self._waiting = None
        self._grant.end()
        self._cancel_timer()
        if self._outlet is not None:
            self._outlet.close()
        if self._watching is not None:
            self._watching.stop()
        self._ended(self)
