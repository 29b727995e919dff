"""The configuration: frozen values from a YAML file, the environment and the command line.

Owns what may be configured (:mod:`.schema`), how a text becomes values with line numbers (:mod:`.document`), which of
the places wins (:mod:`.loading`), and what the paths and patterns in it stand for (:mod:`.places`). Pure, but for the
reading of the one file. A mistake is one :class:`ConfigError`, which names file, line and key in one line of text.
"""

from webcam_rpc.config.loading import OPTIONS, ConfigError, Option, load
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

__all__ = [
    "OPTIONS",
    "Access",
    "CameraMedia",
    "Cameras",
    "Config",
    "ConfigError",
    "Logging",
    "Media",
    "Option",
    "Rate",
    "Recording",
    "Server",
    "Source",
    "State",
    "Storage",
    "Tls",
    "alias_fault",
    "device_filter",
    "load",
    "media_directory",
    "state_directory",
]
