"""The configuration: frozen values from a YAML file, the environment and the command line.

Owns what may be configured (:mod:`.schema`), how a text becomes values with line numbers (:mod:`.document`), which of
the places wins (:mod:`.loading`), what of it can change later (:mod:`.live`), what of it may be shown (:mod:`.shown`),
and what the paths and patterns in it stand for (:mod:`.places`). Pure, but for the reading of the one file. A mistake
is one :class:`ConfigError`, which names file, line and key in one line of text.
"""

from webcam_rpc.config.live import NEEDS_RESTART, LiveConfig, Reloaded, ReloadStopped
from webcam_rpc.config.loading import OPTIONS, ConfigError, Loaded, Option, Origin, load, mistakes, resolve
from webcam_rpc.config.places import device_filter, media_directory, state_directory
from webcam_rpc.config.schema import (
    Access,
    CameraMedia,
    Cameras,
    Config,
    Logging,
    Media,
    Rate,
    Recording,
    Server,
    Source,
    State,
    Storage,
    Tls,
    alias_fault,
)
from webcam_rpc.config.shown import shown, shown_text

__all__ = [
    "NEEDS_RESTART",
    "OPTIONS",
    "Access",
    "CameraMedia",
    "Cameras",
    "Config",
    "ConfigError",
    "LiveConfig",
    "Loaded",
    "Logging",
    "Media",
    "Option",
    "Origin",
    "Rate",
    "Recording",
    "ReloadStopped",
    "Reloaded",
    "Server",
    "Source",
    "State",
    "Storage",
    "Tls",
    "alias_fault",
    "device_filter",
    "load",
    "media_directory",
    "mistakes",
    "resolve",
    "shown",
    "shown_text",
    "state_directory",
]
