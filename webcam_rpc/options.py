"""The command line of ``twistd webcam``, and with the environment and the file the configuration that comes of it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from twisted.python import usage

from webcam_rpc import config

_DEMO = {"id": "demo", "kind": "test_pattern", "name": "Demo camera"}


class Options(usage.Options):
    """The command line of ``twistd webcam``."""

    synopsis = "[options]"
    longdesc = "Watches this machine's webcams and serves them by JSON-RPC 2.0 over WebSocket."
    optFlags = (("demo", None, "Add a test-pattern camera."),)
    optParameters = (
        ("config", "c", None, "The configuration file (YAML)."),
        ("device-dir", None, None, "Where the device nodes are (cameras.directory)."),
        ("media-dir", None, None, "Where pictures and recordings go (media.directory)."),
        ("state-dir", None, None, "Where the service remembers things (state.directory)."),
    )
    compData = usage.Completions(optActions={"config": usage.CompleteFiles("*.yaml")})

    def __init__(self) -> None:
        super().__init__()
        self._set: list[tuple[str, str]] = []
        self._listen: list[str] = []
        self._directory = os.getcwd()

    def opt_listen(self, endpoint: str) -> None:
        """Listen on this Twisted endpoint string, such as tcp:8002:interface=0.0.0.0 (several times)."""
        self._listen.append(endpoint)

    def opt_set(self, assignment: str) -> None:
        """Set an option of the configuration: SECTION.KEY=VALUE (several times)."""
        key, equals, value = assignment.partition("=")
        if not equals:
            raise usage.UsageError(f"--set wants SECTION.KEY=VALUE, not {assignment}")
        self._set.append((key, value))

    def configuration(self) -> config.Config:
        """Put options, environment, file and defaults together. Raises :class:`config.ConfigError`."""
        return self.load().settings

    def load(self, *, again: bool = False) -> config.Loaded:
        """Do the same, and tell where each option comes from.

        :param again: whether this was done before; a daemon has left its working directory by then.
        """
        overrides, given = list(self._set), {}
        for option, key in (
            ("device-dir", "cameras.directory"),
            ("media-dir", "media.directory"),
            ("state-dir", "state.directory"),
        ):
            if self[option] is not None:
                overrides.append((key, self[option]))
                given[key] = f"--{option}"
        if self._listen:
            overrides.append(("server.listen", msgspec.json.encode(self._listen).decode()))
            given["server.listen"] = "--listen"
        file = Path(self._directory, self["config"]) if self["config"] else None
        loaded = config.resolve(file, os.environ, overrides, again=again)
        settings = loaded.settings
        if self["demo"] and all(source.id != _DEMO["id"] for source in settings.cameras.sources):
            sources = (*settings.cameras.sources, msgspec.convert(_DEMO, config.Source))
            try:
                cameras = msgspec.structs.replace(settings.cameras, sources=sources)
            except ValueError as error:  # an alias has the name already
                raise config.ConfigError("--demo", None, "", str(error)) from None
            settings = msgspec.structs.replace(settings, cameras=cameras)
            given["cameras.sources"] = "--demo"
        origins = {name: config.Origin("command_line", option) for name, option in given.items()}
        return config.Loaded(settings, {**loaded.origins, **origins}, loaded.file)
