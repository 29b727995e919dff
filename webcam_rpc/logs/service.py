"""The log as the service's outermost part: opened before anything else, and told to twistd.

Owns how the observer reaches twistd. A plugin's makeService runs before logging begins (its events are kept and
replayed), and twistd then calls ``globalLogBeginner.beginLoggingTo`` itself, so that a second call of ours would write
each line twice. What it asks first is the application's ``ILogObserver`` component (twisted.application.app.AppLogger),
and the one moment in which a plugin sees the application is when its service is given to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import maybeDeferred
from twisted.logger import ILogObserver
from twisted.python.components import Componentized

from webcam_rpc.logs import lines
from webcam_rpc.logs.bridge import Bridge
from webcam_rpc.logs.observer import Observer, Target
from webcam_rpc.logs.output import FileOutput, Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.application.service import IServiceCollection
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

_RENDER = {"text": lines.text_lines, "json": lines.json_lines, "journal": lines.journal_lines}
_STDOUT, _STDERR = 1, 2


class LoggedService(MultiService):
    """All parts of the service, with the log that they share.

    :param observer: what twistd shall log to; None to leave it to twistd.
    """

    def __init__(self, observer: Observer | None, bridge: Bridge) -> None:
        super().__init__()
        self._observer = observer
        self._bridge = bridge

    def setServiceParent(self, parent: IServiceCollection) -> None:  # noqa: N802 - Twisted's name
        """Give the log to the application together with the service."""
        if isinstance(parent, Componentized) and self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)

    def startService(self) -> None:
        """Take over Python's logging, then start the parts."""
        self._bridge.start()
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """Stop the parts, and when they have, let go of Python's logging."""
        return maybeDeferred(super().stopService).addBoth(self._stopped)

    def set_levels(self, level: str, traffic: str) -> None:
        """Log from these levels on; see :func:`open_log`. Where the log is twistd's, its levels are not ours."""
        self._bridge.set_level(level)
        if self._observer is not None:
            self._observer.set_levels(level, traffic)

    def reopen_logs(self) -> None:
        """Go on in new files, after a rotation."""
        if self._observer is not None:
            self._observer.reopen()

    def _stopped(self, result: object) -> object:
        self._bridge.stop()
        return result


def open_log(
    *,
    level: str,
    format: str,  # noqa: A002 - the option's name
    traffic: str,
    file: str | None,
    clock: IReactorTime,
    stdout: int = _STDOUT,
    stderr: int = _STDERR,
) -> Observer:
    """Give the observer that writes what the options ask for.

    Lines go to standard output, or to ``file`` instead; where that cannot be opened they go to standard output after
    all and the first of them says why. The journal's lines go to standard error and, where there is a ``file``, its
    text goes there as well.

    :param level: the least level to write; for ``webcam_rpc.traffic`` it is ``traffic``, which may be ``OFF``.
    :param format: ``text``, ``json`` or ``journal``.
    """
    journal = format == "journal"
    console = Target("the console", _RENDER[format], Output(stderr if journal else stdout))
    targets = [console] if journal or file is None else []
    trouble = ""
    if file is not None:
        try:
            output = FileOutput(file)
        except (OSError, ValueError) as error:
            trouble = str(getattr(error, "strerror", None) or error)
            targets = [console]
        else:
            targets.append(Target(file, _RENDER["text" if journal else format], output))
    observer = Observer(targets, console, level=level, traffic=traffic, clock=clock)
    if trouble:
        observer.say("Cannot open the log file {file}: {reason}; logging to the console", file=file, reason=trouble)
    return observer


def logged_service(
    *,
    level: str,
    format: str,  # noqa: A002 - the option's name
    traffic: str,
    file: str | None,
    clock: IReactorTime,
    twistd: Mapping[str, Any],
) -> LoggedService:
    """Give the outermost service, with the log that these options and twistd's own ask for.

    :param twistd: twistd's options, which are the plugin options' ``parent``. Its ``--logfile`` counts where ``file``
        is None, ``--syslog`` and ``--logger`` are left to it, and a daemon, which has no console, gets twistd.log.
    """
    bridge = Bridge(level)
    if twistd.get("syslog") or twistd.get("logger"):
        return LoggedService(None, bridge)
    if file is None:
        file = twistd.get("logfile") or (None if twistd.get("nodaemon", True) else "twistd.log")
        file = None if file == "-" else file
    return LoggedService(open_log(level=level, format=format, traffic=traffic, file=file, clock=clock), bridge)
