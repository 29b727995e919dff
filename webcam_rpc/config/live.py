"""The configuration in force, and how it becomes another while the service runs.

Owns which options can change without a restart, and the order of things when they do. Pure: whoever reads the places
anew hands over what they say, and nobody but the composition sees this: a part of the service is given its frozen
section, and again whenever that has changed, by one line in :mod:`webcam_rpc.composition.live`::

    live.on(clients.configure, "server")

Every option of a section that somebody asked for then counts as applied, but for those in :data:`NEEDS_RESTART`. One of
a section that nobody asked for needs a restart too, so that an option which is forgotten is never claimed to hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.logger import Logger, LogLevel

from webcam_rpc.config.loading import OPTIONS, Loaded, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webcam_rpc.config.loading import ConfigError
    from webcam_rpc.config.schema import Config

#: What is decided once, at the start: sockets and files that are open, and what hangs on them.
NEEDS_RESTART = frozenset(
    {
        "server.host",
        "server.port",
        "server.listen",
        "cameras.devices",
        "cameras.directory",
        "cameras.sources",
        "media.directory",
        "state.directory",
        # The files themselves are read again whenever they change.
        "tls.certificate",
        "tls.private_key",
        "logging.format",
        "logging.file",
    }
)


class ReloadStopped(Exception):  # noqa: N818 - not a fault
    """The service ended before the configuration was read again."""


@dataclass(frozen=True)
class Reloaded:
    """What became of a configuration that was read again.

    :ivar changed: the options that have another value in force since then, and
    :ivar restart_required: those whose new value waits for a restart, be it since now or since earlier.
    """

    changed: tuple[str, ...]
    restart_required: tuple[str, ...]


class LiveConfig:
    """The configuration in force.

    :param read: reads all places; with ``again=True`` every time but the first. Raises ConfigError.
    :ivar settings: what is in force.
    :ivar origins: where that comes from, by option.
    :ivar pending: what waits for a restart, by option.
    :ivar file: the configuration file; None for none.
    :ivar problem: why the places could not be taken over when they were read last; None if they could.
    :ivar failed: the sections that some part could not take when they were applied last.
    """

    _log = Logger()

    def __init__(self, read: Callable[..., Loaded]) -> None:
        #: Reads all places anew: for a thread. Raises ConfigError.
        self.read: Callable[[], Loaded] = lambda: read(again=True)
        loaded = read()
        self.settings = loaded.settings
        self.origins: Mapping[str, Origin] = loaded.origins
        self.pending: Mapping[str, Any] = {}
        self.file = loaded.file
        self.problem: ConfigError | None = None
        self.failed: frozenset[str] = frozenset()
        self._appliers: list[tuple[Callable[..., object], tuple[str, ...]]] = []

    @classmethod
    def fixed(cls, settings: Config) -> LiveConfig:
        """Give one that is the same whenever it is read."""
        return cls(lambda **_: Loaded(settings, dict.fromkeys(OPTIONS, Origin("default")), None))

    def on(self, apply: Callable[..., object], *sections: str) -> None:
        """Have ``apply`` called with these sections, as they are then, whenever one of them has changed."""
        self._appliers.append((apply, sections))

    def is_applied(self, name: str) -> bool:
        """Tell whether another value of this option needs no restart."""
        return name not in NEEDS_RESTART and any(OPTIONS[name].section in sections for _, sections in self._appliers)

    def take(self, loaded: Loaded) -> Reloaded:
        """Let what was read be in force, as far as that is possible now."""
        before = self.settings
        differing = [name for name in OPTIONS if _value(loaded.settings, name) != _value(before, name)]
        waiting = {name for name in differing if not self.is_applied(name)}
        wanted = self._with(loaded.settings, differing, waiting)
        sections = {OPTIONS[name].section for name in differing if name not in waiting}
        self.settings = wanted
        # Of a section that failed some parts have another value than is in force: they are told even of the old one.
        broken = self._apply(sections | self.failed)
        self.failed = frozenset(broken)
        if broken:
            # Tried again the next time.
            kept = {section: getattr(before, section) for section in broken}
            self.settings = msgspec.structs.replace(wanted, **kept)
            waiting.update(name for name in differing if OPTIONS[name].section in broken)
        self.origins = {name: (self.origins if name in waiting else loaded.origins)[name] for name in OPTIONS}
        self.pending = {name: _value(loaded.settings, name) for name in differing if name in waiting}
        self.problem = None
        return Reloaded(tuple(name for name in differing if name not in waiting), tuple(self.pending))

    def _with(self, new: Config, differing: Iterable[str], waiting: set[str]) -> Config:
        """Give the configuration with what need not wait; what cannot be without that which waits is added to it."""
        sections = {}
        for section in dict.fromkeys(OPTIONS[name].section for name in differing):
            own = [name for name in differing if OPTIONS[name].section == section]
            values = {OPTIONS[name].key: _value(new, name) for name in own if name not in waiting}
            try:
                sections[section] = msgspec.structs.replace(getattr(self.settings, section), **values)
            except ValueError:
                # Each of the two is right in itself: a new alias has the name of a source that is there until then.
                waiting.update(own)
        return msgspec.structs.replace(self.settings, **sections)

    def _apply(self, changed: set[str]) -> set[str]:
        """Tell everybody who asked; give the sections that somebody could not take."""
        broken: set[str] = set()
        for apply, sections in self._appliers:
            if changed.isdisjoint(sections):
                continue
            try:
                apply(*(getattr(self.settings, section) for section in sections))
            except Exception:  # noqa: BLE001 - the defect of one part must not leave the others in between
                self._log.failure("A change of {sections} failed", level=LogLevel.error, sections=", ".join(sections))
                broken.update(changed.intersection(sections))
        return broken


def _value(settings: Config, name: str) -> Any:  # noqa: ANN401 - of the option's type
    option = OPTIONS[name]
    return getattr(getattr(settings, option.section), option.key)
