"""``webcamctl token``: making, listing and revoking tokens.

By the service's admin socket where a service runs, so that it knows at once; in the files where none does.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from webcam_rpc.cli import durations
from webcam_rpc.cli.admin import call
from webcam_rpc.cli.failures import NO_PERMISSION, Failed, NoService
from webcam_rpc.cli.owner import owner_of
from webcam_rpc.cli.state import with_state_directory
from webcam_rpc.rpc.roles import Role
from webcam_rpc.tokens import Kind, TokenFiles, TokenRecord, TokensError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ROLES = [role.wire for role in Role if role is not Role.NONE]
_COLUMNS = ("token_id", "kind", "role", "name", "created_at", "expires_at", "last_used_at", "camera_id")


class _Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float | None]:
        try:
            # In a tuple, so that never is something else than not given.
            return (durations.parse(value),)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def token() -> None:
    """Make, list and revoke what clients show to be somebody."""


@token.command()
@click.option("--role", type=click.Choice(_ROLES), help="What it may do.")
@click.option("--name", default="", help="Whose it is, for the list.")
@click.option("--ttl", type=_Duration(), metavar="DURATION", help="When it ends: 90s, 12h, 30d or never.")
@click.option("--jwt", is_flag=True, help="A JWT, which ends in 30 days unless told otherwise.")
@click.option("--url", is_flag=True, help="A token for the URLs of one camera.")
@click.option("--camera", "camera_id", metavar="ID", help="The one camera.")
@click.option("--json", "as_json", is_flag=True, help="All that is known of it, for programs.")
@with_state_directory
def create(state: Path, **options: Any) -> None:  # noqa: ANN401
    """Make a token. Its text is the only line on standard output; nobody can show it again."""
    kind: Kind = "url" if options["url"] else "jwt" if options["jwt"] else "key"
    if options["url"] and options["jwt"]:
        raise click.UsageError("--url and --jwt are two kinds of token")
    if options["url"] != (options["camera_id"] is not None):
        raise click.UsageError("--url and --camera belong together")
    role = options["role"] or ("viewer" if options["url"] else None)
    if role is None:
        raise click.UsageError("--role is missing")
    ttl = options["ttl"]
    if options["jwt"] and ttl == (None,):
        raise click.UsageError("a JWT ends")
    seconds = ttl[0] if ttl is not None else None
    params = {"role": role, "name": options["name"], "kind": kind, "ttl_s": seconds, "camera_id": options["camera_id"]}

    def directly(files: TokenFiles) -> dict[str, Any]:
        text, record = files.create(kind, Role.parse(role), options["name"], seconds, options["camera_id"])
        return {"token": text, **_shown(record)}

    made = _done(state, "create_token", params, directly)
    if options["as_json"]:
        click.echo(json.dumps(made))
        return
    until = f"until {made['expires_at']}" if made["expires_at"] else "until it is revoked"
    click.echo(f"Token {made['token_id']} of role {made['role']}, {until}. It is shown this once:", err=True)
    click.echo(made["token"])


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_state_directory
def list_(state: Path, *, as_json: bool) -> None:
    """List the tokens that were not revoked. None of them can be used for it."""
    tokens = _done(state, "list_tokens", {}, lambda files: {"tokens": [_shown(one) for one in files.records()]})[
        "tokens"
    ]
    if as_json:
        click.echo(json.dumps(tokens))
        return
    rows = [[name.removesuffix("_at").upper() for name in _COLUMNS]]
    rows += [[str(one[column] or "-") for column in _COLUMNS] for one in tokens]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@token.command()
@click.argument("token_id")
@with_state_directory
def revoke(state: Path, token_id: str) -> None:
    """Have a token be worth nothing, on connections that are open too."""

    def directly(files: TokenFiles) -> None:
        if not files.revoke(token_id):
            raise Failed(f"there is no token {token_id}")

    _done(state, "revoke_token", {"token_id": token_id}, directly)
    click.echo(f"Token {token_id} is revoked.", err=True)


@token.command()
@click.option("--now", is_flag=True, help="JWTs that were made before are worth nothing at once.")
@with_state_directory
def rotate(state: Path, *, now: bool) -> None:
    """Sign JWTs with another secret from now on; those that were made before hold until they end."""
    _done(state, "rotate_secret", {"keep_old": not now}, lambda files: files.rotate(keep_old=not now))
    click.echo("JWTs are signed with another secret from now on.", err=True)


def _done(state: Path, method: str, params: dict[str, Any], directly: Callable[[TokenFiles], Any]) -> Any:  # noqa: ANN401
    try:
        return call(state, method, params)
    except NoService:
        pass
    try:
        with owner_of(state):
            done = directly(TokenFiles(state))
    except TokensError as error:
        refused = state.exists() and not os.access(state, os.W_OK | os.X_OK)
        raise Failed(str(error), NO_PERMISSION if refused else 1) from None
    except ValueError as error:
        raise Failed(str(error)) from None
    click.echo(f"No service is at work on {state}: done in its files.", err=True)
    return done


def _shown(record: TokenRecord) -> dict[str, Any]:
    shown: dict[str, Any] = {column: getattr(record, column) for column in _COLUMNS}
    for column in ("created_at", "expires_at", "last_used_at"):
        if shown[column] is not None:
            time = datetime.fromtimestamp(shown[column], timezone.utc)
            shown[column] = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return shown
