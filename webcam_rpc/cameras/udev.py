"""udev's announcements, so that a camera is noticed sooner than at the next tick.

Owns the netlink socket on which udevd announces devices once its rules are done and the permissions are final. What is
announced is only a reason to look: the inventory decides what is there. Where there is no udev (a container, a machine
without libudev) the poll alone is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorFDSet
    from twisted.python.failure import Failure

#: Announcements read in one turn of the reactor; a storm of them must not hold up the clients.
_IN_ONE_TURN = 64


@implementer(IReadDescriptor)
class UdevMonitor:
    """Calls ``announced`` when udev has something to say of a video4linux device.

    :param connect: makes the pyudev monitor; a parameter so that a test can give a socket of its own.
    """

    _log = Logger()

    def __init__(
        self, reactor: IReactorFDSet, announced: Callable[[], None], connect: Callable[[], Any] | None = None
    ) -> None:
        self._reactor = reactor
        self._announced = announced
        self._connect = connect or _netlink
        self._monitor: Any = None

    @property
    def listening(self) -> bool:
        """Whether udev is heard."""
        return self._monitor is not None

    def start(self) -> None:
        """Listen from now on; where that is impossible, say so once and leave it to the poll."""
        try:
            self._monitor = self._connect()
        except Exception as error:  # noqa: BLE001 - pyudev raises ImportError, OSError and its own, by platform
            self._log.info("udev is not heard ({error}): cameras are found by polling alone", error=error)
            return
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Listen no longer and close the socket."""
        if self._monitor is not None:
            self._reactor.removeReader(self)
            self._monitor = None

    def fileno(self) -> int:
        """Give the netlink socket's descriptor (IReadDescriptor)."""
        return int(self._monitor.fileno()) if self._monitor is not None else -1

    def doRead(self) -> None:
        """Drain what udev announced and look once (IReadDescriptor)."""
        try:
            for _ in range(_IN_ONE_TURN):
                # None also stands for a message that the filter dropped, so one None does not mean "empty"; the
                # reactor calls again while there is more.
                if self._monitor.poll(timeout=0) is None:
                    break
        except OSError as error:
            # ENOBUFS: the kernel dropped announcements in a storm. Looking finds the truth all the same.
            self._log.debug("udev's announcements were cut short: {error}", error=error)
        self._announced()

    def connectionLost(self, reason: Failure) -> None:
        """Go back to polling alone when the reactor gives the socket up (IReadDescriptor)."""
        self._log.info("udev is not heard any more ({reason}): polling alone", reason=reason.value)
        self._monitor = None

    def logPrefix(self) -> str:
        """Name this reader in the reactor's own log lines (ILoggingContext)."""
        return "udev"


def _netlink() -> Any:  # noqa: ANN401 - pyudev has no types
    import pyudev  # noqa: PLC0415 - loads libudev, which a container may lack

    # "udev": after the rules, with final permissions; "kernel" would come before them.
    monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="udev")
    monitor.filter_by("video4linux")
    monitor.start()
    return monitor
