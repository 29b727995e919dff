"""The methods about the configuration: what is in force and where it comes from, and the reading of it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc import config
from webcam_rpc.api.cameras import NoParams
from webcam_rpc.rpc.errors import InvalidState, ShuttingDown
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.defer import Deferred


class OptionInForce(msgspec.Struct, frozen=True, kw_only=True):
    """An option. ``place`` is the file and line, the variable, or the option of the command line that sets it.

    ``live``: another value holds as soon as the configuration is read again. ``pending``: what the configuration says
    now, and will hold after a restart; absent where nothing waits. Secrets are ``***``.
    """

    value: Any
    default: Any
    source: Literal["default", "file", "environment", "command_line"]
    place: str | None
    live: bool
    pending: Any | UnsetType = UNSET


class ConfigInForce(msgspec.Struct, frozen=True):
    """The configuration in force, its options by name (``server.port``).

    ``problem`` is what was wrong when it was last read again, so that nothing of it was taken over.
    """

    file: str | None
    options: dict[str, OptionInForce]
    restart_required: tuple[str, ...]
    problem: str | None


class ConfigReloaded(msgspec.Struct, frozen=True):
    """What became of it: options with another value in force, and those whose new value waits for a restart."""

    changed: tuple[str, ...]
    restart_required: tuple[str, ...]


class ConfigMethods:
    """What clients can do with the configuration.

    :param reload: reads it anew; its Deferred fails with ConfigError and ReloadStopped.
    """

    def __init__(self, live: config.LiveConfig, reload: Callable[[], Deferred[config.Reloaded]]) -> None:
        self._live = live
        self._reload = reload

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        return (
            Method(
                "get_config",
                Role.ADMIN,
                NoParams,
                ConfigInForce,
                self.get_config,
                "Show the configuration in force, and where each option comes from.",
            ),
            Method(
                "reload_config",
                Role.ADMIN,
                NoParams,
                ConfigReloaded,
                self.reload_config,
                "Read the configuration again; what is wrong changes nothing.",
                (InvalidState, ShuttingDown),
            ),
        )

    def get_config(self, params: NoParams, caller: Caller) -> ConfigInForce:  # noqa: ARG002
        """Show the configuration in force."""
        live = self._live
        options = {}
        for name, option in config.OPTIONS.items():
            origin = live.origins[name]
            options[name] = OptionInForce(
                value=config.shown(option.key, getattr(getattr(live.settings, option.section), option.key)),
                default=config.shown(option.key, option.default),
                source=origin.source,
                place=origin.place,
                live=live.is_applied(name),
                pending=config.shown(option.key, live.pending[name]) if name in live.pending else UNSET,
            )
        problem = config.shown_text(str(live.problem)) if live.problem is not None else None
        return ConfigInForce(live.file, options, tuple(live.pending), problem)

    @inlineCallbacks
    def reload_config(
        self,
        params: NoParams,  # noqa: ARG002
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ConfigReloaded]:
        """Read the configuration again."""
        try:
            reloaded: config.Reloaded = yield self._reload()
        except config.ConfigError as error:
            raise InvalidState(
                "INVALID_CONFIGURATION",
                file=error.file,
                line=error.line,
                key=error.key or None,
                message=config.shown_text(error.message),
            ) from error
        except config.ReloadStopped:
            raise ShuttingDown from None
        return ConfigReloaded(reloaded.changed, reloaded.restart_required)
