"""Python's own logging into Twisted's, so that what a library says stands in the same log, in the same form."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from twisted.logger import ILogObserver

_LEVELS = (
    (logging.CRITICAL, LogLevel.critical),
    (logging.ERROR, LogLevel.error),
    (logging.WARNING, LogLevel.warn),
    (logging.INFO, LogLevel.info),
)


class Bridge(logging.Handler):
    """A handler of the root logger that publishes every record as an event of the same name and level.

    :param level: the least level, by Python's names.
    :param publisher: what gets the events; Twisted's global publisher by default.
    """

    def __init__(self, level: str, publisher: ILogObserver | None = None) -> None:
        super().__init__(level)
        self._publisher = publisher
        self._root_level = logging.WARNING

    def start(self) -> None:
        """Take what the root logger gets from now on."""
        root = logging.getLogger()
        self._root_level = root.level
        root.setLevel(self.level)
        root.addHandler(self)

    def set_level(self, level: str) -> None:
        """Take records from this level on, and have Python's loggers make no others."""
        self.setLevel(level)
        root = logging.getLogger()
        if self in root.handlers:
            root.setLevel(self.level)

    def stop(self) -> None:
        """Leave the root logger as it was."""
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._root_level)

    def emit(self, record: logging.LogRecord) -> None:
        """Publish one record."""
        level = next((level for number, level in _LEVELS if record.levelno >= number), LogLevel.debug)
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - the arguments do not fit the text, or cannot be written
            text = f"{record.msg!s:.200} (with arguments that do not fit)"
        fields: dict[str, object] = {"text": text, "log_time": record.created}
        if record.exc_info and record.exc_info[1] is not None:
            fields["log_failure"] = Failure(record.exc_info[1], record.exc_info[0], record.exc_info[2])
        Logger(namespace=record.name, observer=self._publisher).emit(level, "{text}", **fields)
