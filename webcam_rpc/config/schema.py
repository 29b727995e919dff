"""The options: one frozen Struct a section, each field with its type, range and default.

Owns what a configuration may say. ``Config()`` is the configuration of an empty file. The names of the fields are the
names in the file, in ``--set SECTION.KEY=VALUE`` and in the environment; etc/webcam.yaml and docs/configuration.md say
what each is for, and the tests hold the three together.
"""

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from msgspec import Meta, Struct

RoleName = Literal["none", "status", "viewer", "operator"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
TrafficLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"]
LogFormat = Literal["text", "json", "journal"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]

# Anchored with \Z because $ would let a trailing newline through.
_CAMERA_ID = r"^[a-z0-9-]{1,128}\Z"
_SOURCE_ID = r"^[a-z0-9-]{1,64}\Z"
_DEVICES = r"^video(\*|[0-9]{1,5}|[0-9]{1,5}-[0-9]{1,5})\Z"
_ENDPOINT = r"^[A-Za-z0-9_]+:[^\x00-\x1f]+\Z"
_HOST = r"^[A-Za-z0-9._:%-]+\Z"
_MODE = r"^(?:[A-Z0-9]{4} )?[0-9]{1,5}x[0-9]{1,5}(?:@[0-9]{1,3}(?:\.[0-9]{1,3})?)?\Z"
_HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z"
_NETWORK = r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?\Z"
_ORIGIN = r"^[a-z][a-z0-9+.-]*://[^/\s?#]+\Z"
_PATH = r"^[^\x00-\x1f]+\Z"
_NAME = r"^[^\x00-\x1f\x7f]{1,64}\Z"

#: What each pattern above asks for, in words, for messages.
RULES = {
    _CAMERA_ID: "a camera id: lower-case letters, digits and hyphens, 1 to 128",
    _SOURCE_ID: "an id: lower-case letters, digits and hyphens, 1 to 64",
    _DEVICES: "video*, videoN or videoN-M",
    _ENDPOINT: "an endpoint such as tcp:8002:interface=127.0.0.1",
    _HOST: "an address or a host name",
    _HOST_NAME: "a host name without scheme and port",
    _NETWORK: "an IP address or a network such as 10.0.0.0/8",
    _ORIGIN: "an origin such as https://panel.example, without a path",
    _PATH: "a path",
    _MODE: "a mode such as 'MJPG 1280x720@30', 1280x720@30 or 1280x720",
    _NAME: "a name of 1 to 64 characters",
}

Path = Annotated[str, Meta(pattern=_PATH)]


class OptionError(ValueError):
    """A value that its own type allows but the section does not; ``key`` is its place in the section."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where clients connect, and how much of everything they get."""

    host: Annotated[str, Meta(pattern=_HOST)] = "0.0.0.0"  # noqa: S104 - meant for the network; access says for whom
    port: Annotated[int, Meta(ge=1, le=65535)] = 8002
    listen: tuple[Annotated[str, Meta(pattern=_ENDPOINT)], ...] = ()
    max_connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_connections_per_address: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    max_message_size: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024)] = 1_048_576
    max_pending: Annotated[int, Meta(ge=4096, le=1024 * 1024 * 1024)] = 1_048_576
    handshake_timeout: Annotated[float, Meta(ge=0.1, le=300)] = 5.0
    ping_interval: Annotated[float, Meta(ge=0.1, le=3600)] = 20.0
    ping_timeout: Annotated[float, Meta(ge=0.1, le=3600)] = 20.0
    compression: bool = True
    fast_path: bool = True


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that is not a device: it exists because it is configured."""

    id: Annotated[str, Meta(pattern=_SOURCE_ID)]
    kind: Literal["test_pattern"]
    name: Annotated[str, Meta(pattern=_NAME)] = "Test pattern"
    width: Annotated[int, Meta(ge=16, le=7680)] = 640
    height: Annotated[int, Meta(ge=16, le=4320)] = 480
    fps: Annotated[int, Meta(ge=1, le=120)] = 30


class Cameras(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cameras there are and how they are watched."""

    poll_interval: Annotated[float, Meta(ge=0.02, le=10)] = 0.1
    devices: tuple[Annotated[str, Meta(pattern=_DEVICES)], ...] = ("video*",)
    infrared: bool = False
    probe_timeout: Annotated[float, Meta(ge=0.5, le=60)] = 12.0
    permission_grace: Annotated[float, Meta(ge=0, le=60)] = 2.0
    directory: Path = "/dev"
    aliases: dict[str, Annotated[str, Meta(pattern=_CAMERA_ID)]] = {}
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no single value shows."""
        for index, pattern in enumerate(self.devices):
            low, _, high = pattern.removeprefix("video").partition("-")
            if high and int(low) > int(high):
                raise OptionError(f"devices[{index}]", f"{pattern!r} counts backwards")
        ids = [source.id for source in self.sources]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise OptionError(f"sources[{index}].id", f"another source has the id {name!r}")
        for alias in self.aliases:
            fault = "is the id of a source" if alias in ids else alias_fault(alias)
            if fault is not None:
                raise OptionError(f"aliases.{alias}", f"{alias!r} {fault}")


class CameraMedia(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different for one camera; None means as for all."""

    mode: Annotated[str, Meta(pattern=_MODE)] | None = None
    warm_up: Annotated[int, Meta(ge=0, le=300)] | None = None
    keep_warm: bool | None = None


class Media(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where pictures and recordings go, and how frames are had from a camera.

    ``directory`` None means below the state directory; the keys of ``cameras`` are ids and aliases.
    """

    directory: Path | None = None
    linger: Annotated[float, Meta(ge=0, le=86400)] = 10.0
    keep_warm: bool = False
    warm_up: Annotated[int, Meta(ge=0, le=300)] = 3
    start_timeout: Annotated[float, Meta(ge=0.5, le=12)] = 10.0
    stall_timeout: Annotated[float, Meta(ge=0.5, le=60)] = 5.0
    max_width: Annotated[int, Meta(ge=16, le=16384)] = 1280
    max_height: Annotated[int, Meta(ge=16, le=16384)] = 720
    max_fps: Annotated[int, Meta(ge=1, le=240)] = 30
    quality: Annotated[int, Meta(ge=1, le=100)] = 85
    cameras: dict[str, CameraMedia] = {}


class Recording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What recordings are like where nothing else is asked for; ``segment`` 0 is one file, whatever its length."""

    format: Literal["fmp4", "mp4", "mkv"] = "fmp4"
    codec: Literal["h264", "copy"] = "h264"
    preset: Preset = "veryfast"
    crf: Annotated[int, Meta(ge=0, le=51)] = 23
    segment: Annotated[int, Meta(ge=0, le=86400)] = 0
    pre_roll: Annotated[float, Meta(ge=0, le=120)] = 10.0
    pre_roll_size: Annotated[int, Meta(ge=0, le=1024 * 1024 * 1024)] = 32 * 1024 * 1024


class Storage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept, and how much room is left; ``floor`` None is 5 % of the disk within 512 MB and 5 GB."""

    floor: Annotated[int, Meta(ge=0)] | None = None
    policy: Literal["manual", "age", "size"] = "manual"
    max_age_days: Annotated[float, Meta(gt=0, le=36500)] = 30.0
    max_size_gb: Annotated[float, Meta(gt=0, le=1_000_000)] = 10.0


class State(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the service remembers things; None means where the system says (:func:`state_directory`)."""

    directory: Path | None = None


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may be asked for in a second, in the costs of the methods, where a ping is 1; 0 is any amount."""

    connection: Annotated[float, Meta(ge=0, le=1_000_000)] = 1000.0
    address: Annotated[float, Meta(ge=0, le=1_000_000)] = 2000.0
    loopback: bool = False


class Access(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what without a token, and which pages, names and proxies may be used to come here."""

    anonymous: RoleName = "status"
    loopback: RoleName = "operator"
    proxies: tuple[Annotated[str, Meta(pattern=_NETWORK)], ...] = ()
    origins: tuple[Annotated[str, Meta(pattern=_ORIGIN)], ...] = ()
    hosts: tuple[Annotated[str, Meta(pattern=_HOST_NAME)], ...] = ()
    rate: Rate = Rate()

    def __post_init__(self) -> None:
        """Refuse what only looks like an address."""
        for index, network in enumerate(self.proxies):
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise OptionError(f"proxies[{index}]", f"{network!r} is no IP address or network") from None


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate of the port; with neither it speaks plain HTTP."""

    certificate: Path | None = None
    private_key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse the one without the other."""
        if (self.certificate is None) != (self.private_key is None):
            names = ["certificate", "private_key"]
            there, missing = names if self.private_key is None else reversed(names)
            raise OptionError(there, f"is nothing without tls.{missing}")


class Logging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is logged, how and where."""

    level: Level = "INFO"
    format: LogFormat = "text"
    file: Path | None = None
    traffic: TrafficLevel = "INFO"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration, a section each."""

    server: Server = Server()
    cameras: Cameras = Cameras()
    media: Media = Media()
    recording: Recording = Recording()
    storage: Storage = Storage()
    state: State = State()
    access: Access = Access()
    tls: Tls = Tls()
    logging: Logging = Logging()


_ALIAS = re.compile(r"\w(?:[\w .-]{0,62}\w)?")
_TAKEN = re.compile(r"(?:video|camera)?[0-9]+|(?:usb|platform)-.*", re.IGNORECASE)


def alias_fault(alias: str) -> str | None:
    """Say what is wrong with an alias, None if nothing is: it must not look like a camera id, a path or a number."""
    if not _ALIAS.fullmatch(alias):
        return "is not 1 to 64 letters, digits, spaces, dots, hyphens and underscores"
    if _TAKEN.fullmatch(alias):
        return "looks like a camera id or a device number"
    return None
