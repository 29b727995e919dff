"""The service that a command talks to: this machine's by its admin socket or port, or another's by its address.

Owns the options that say which, ``--url``, ``--token``, ``--token-file``, ``--state-dir`` and ``--config``, and how it
is called. Without any it is this machine's: by the admin socket where that is there for us, else by the port.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from webcam_rpc import config
from webcam_rpc.cli import admin, exchange
from webcam_rpc.cli.failures import UNAVAILABLE, Failed, NoService
from webcam_rpc.cli.state import state_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

#: Seconds for an answer; the service's own deadlines are shorter.
PATIENCE = 60.0
#: The least that a connection within this machine takes if it comes about at all.
_KNOCK = 5.0
_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Service:
    """Where a service is, and what is shown to it.

    :ivar base: the address that its paths follow, as in ``http://localhost:8002``; None where it is the admin socket's.
    :ivar state: the state directory that has the admin socket.
    """

    base: str | None
    state: Path | None = None
    token: str | None = None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.base if self.base is not None else str((self.state or Path()) / admin.NAME)

    @property
    def url(self) -> str:
        """The address of its WebSocket."""
        # By the admin socket the host says nothing, and has to be there.
        return re.sub("^http", "ws", self.base or "http://localhost") + "/ws"

    @property
    def headers(self) -> dict[str, str]:
        """What shows the token."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def call(self, method: str, params: Mapping[str, Any] | None = None, *, patience: float = PATIENCE) -> Any:  # noqa: ANN401
        """Call a method and give its result.

        :raises Failed: if it answers with an error, or not at all.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        path, connection = self._connection("/rpc", patience)
        return exchange.call(connection, self.name, method, given, path=path, headers=self.headers)

    def file(self, path: str) -> AbstractContextManager[http.client.HTTPResponse]:
        """Get what is at ``path``, as ``download_url`` names it; an answer that is open in its ``with``."""
        whole, connection = self._connection(path, PATIENCE)
        return exchange.opened(connection, self.name, whole, self.headers)

    def _connection(self, path: str, patience: float) -> tuple[str, http.client.HTTPConnection]:
        if self.base is None:
            assert self.state is not None  # noqa: S101 - one of the two is there
            return path, admin.Connection(self.state, patience)
        parts = urlsplit(self.base)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return parts.path + path, kind(parts.hostname or "", parts.port, timeout=patience)


def base_of(url: str) -> str:
    """Give what paths follow of an address as people write it: ``ws://host:8002/ws``, ``host:8002``, ``host``.

    :raises ValueError: if it is none.
    """
    text = url if "://" in url else f"ws://{url}" if ":" in url.rpartition("]")[2] else f"ws://{url}:8002"
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{url!r} is no address of a service: ws://HOST:8002/ws, wss://…, http://…, https://… or HOST")
    _ = parts.port  # a ValueError where it is none
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/ws')}"


def of_service(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which service is meant, and that service as its first argument."""

    @click.option("--url", envvar="WEBCAM_URL", metavar="URL", help="Another machine's service: ws://HOST:8002/ws.")
    @click.option(
        "--token",
        envvar="WEBCAM_TOKEN",
        metavar="TOKEN",
        help="Who you are. Rather --token-file or WEBCAM_TOKEN: others see what is typed.",
    )
    @click.option("--token-file", type=click.Path(path_type=Path), help="A file that has the token; - is the input.")
    @click.option(
        "--state-dir",
        type=click.Path(path_type=Path, readable=False),
        help="The state directory of this machine's service.",
    )
    @click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path, readable=False),
        help="The configuration file of this machine's service.",
    )
    @functools.wraps(command)
    def with_service(
        url: str | None,
        token: str | None,
        token_file: Path | None,
        state_dir: Path | None,
        file: Path | None,
        **options: object,
    ) -> None:
        command(_found(url, _token(token, token_file), state_dir, file), **options)

    return with_service


def as_json(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="The answer as the API gives it, for programs.")(
        command
    )


def show_json(value: object) -> None:
    """Print JSON: one line for programs, several for people."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def found_or_none(context: click.Context) -> Service | None:
    """Give the service that a command line which is not finished yet means, for its completion."""
    options = context.params
    try:
        return _found(
            options.get("url"),
            _token(options.get("token"), options.get("token_file")),
            options.get("state_dir"),
            options.get("file"),
        )
    except (Failed, click.UsageError):
        return None


def _found(url: str | None, token: str | None, state_dir: Path | None, file: Path | None) -> Service:
    if url is not None:
        if state_dir is not None or file is not None:
            raise click.UsageError("--url is another service than that of --state-dir and --config")
        try:
            return Service(base_of(url), token=token)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    overrides = [("state.directory", str(state_dir))] if state_dir is not None else []
    try:
        settings = config.resolve(file, os.environ, overrides).settings
    except config.ConfigError as error:
        raise Failed(str(error)) from None
    by_port = Service(f"http://localhost:{settings.server.port}", token=token)
    if token is not None:
        return by_port
    state = state_directory(settings, os.environ)
    try:
        with exchange.reaching(str(state / admin.NAME)), contextlib.closing(admin.Connection(state, _KNOCK)) as knock:
            knock.connect()
    except NoService:
        if state_dir is not None:
            raise Failed(f"no service is at work on {state}", UNAVAILABLE) from None
        return by_port
    except Failed:
        # It is somebody else's to administer; what everybody may is to be had by the port.
        if state_dir is not None:
            raise
        return by_port
    return Service(None, state)


def _token(token: str | None, file: Path | None) -> str | None:
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"{file}: {getattr(error, 'strerror', None) or 'is not text'}") from None
        token = text.strip()
    if token is None or (not token and file is None):
        return None
    if not _TOKEN.fullmatch(token):
        raise Failed("that is no token: `webcamctl token create` prints one, alone in its line")
    return token
