"""``webcamctl recordings`` and ``snapshots``: the files that the service keeps, listed, fetched, kept and deleted."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import click
from click.shell_completion import CompletionItem

from webcam_rpc.cli import progress, tables
from webcam_rpc.cli.failures import UNAVAILABLE, Failed, NoService
from webcam_rpc.cli.groups import Camera, Defaulting
from webcam_rpc.cli.service import as_json, found_or_none, of_service, show_json
from webcam_rpc.cli.tables import Column
from webcam_rpc.cli.words import amount, clock, mode, moment, plain, several

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webcam_rpc.cli.service import Service

Kind = Literal["recording", "snapshot"]

_PAGE = 200
_PIECE = 1 << 16


class _Name(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """The name of a file that the service has."""

    name = "name"

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the newest."""
        service = found_or_none(ctx)
        try:
            listed = (
                service.call(f"list_{self._kind}s", {"limit": _PAGE}, patience=1.0) if service is not None else None
            )
        except (Failed, NoService):
            listed = None
        files = listed["files"] if listed is not None else []
        return [CompletionItem(one["filename"]) for one in files if one["filename"].startswith(incomplete)]


def group_of(kind: Kind) -> click.Group:
    """Make the group of commands about one kind of file."""
    group = Defaulting(
        f"{kind}s",
        default="list",
        help=f"List, fetch{', keep' if kind == 'recording' else ''} and delete the {kind}s that the service keeps.",
    )
    for make in (_listing, _info, _download, _delete):
        group.add_command(make(kind))
    if kind == "recording":
        group.add_command(_protecting("protect", "Keep recordings from being deleted, by whatever.", protected=True))
        group.add_command(_protecting("unprotect", "Let recordings be deleted again.", protected=False))
    return group


def _listing(kind: Kind) -> click.Command:
    @click.command("list", help=f"List the {kind}s, newest first.")
    @click.option("--camera", "device", metavar="CAMERA", type=Camera(), help="Those of one camera.")
    @click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many.")
    @click.option("--all", "everything", is_flag=True, help="All of them.")
    @as_json
    @of_service
    def list_(service: Service, device: str | None, limit: int, *, everything: bool, as_json: bool) -> None:
        listed = _listed(service, kind, device, None if everything else limit)
        if as_json:
            show_json(listed)
            return
        files = listed["files"]
        if not files:
            click.echo(f"There are no {kind}s{' of this camera' if device else ''}.", err=True)
            return
        video = kind == "recording"
        columns = [Column("NAME", gives=True), Column("WHEN"), Column("SIZE", right=True)]
        columns += [Column("LENGTH", right=True)] * video + [Column("CAMERA", gives=True)] + [Column("")] * video
        rows = []
        for one in files:
            length = [clock(one["duration"]) if one["duration"] is not None else "-"] * video
            kept = ["protected" if one["protected"] else ""] * video
            row = [one["filename"], moment(one["modified_time"]), amount(one["file_size"])]
            rows.append([*row, *length, one["camera_id"] or "-", *kept])
        tables.show(columns, rows)
        size = amount(sum(one["file_size"] for one in files))
        if listed["total"] > len(files):
            click.echo(f"The newest {len(files)} of {listed['total']}, {size}; --all lists the rest.", err=True)
        else:
            click.echo(f"{several(len(files), kind)}, {size}.", err=True)

    return list_


def _listed(service: Service, kind: Kind, device: str | None, limit: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    files: list[dict[str, Any]] = []
    cursor = None
    while limit is None or len(files) < limit:
        page = _PAGE if limit is None else min(_PAGE, limit - len(files))
        found = service.call(f"list_{kind}s", {"limit": page, "cursor": cursor, "device": device})
        files += found["files"]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    return {**found, "files": files, "limit": len(files) if limit is None else limit}


def _info(kind: Kind) -> click.Command:
    @click.command("info", help=f"Tell all that is known of a {kind}.")
    @click.argument("name", type=_Name(kind))
    @as_json
    @of_service
    def info(service: Service, name: str, *, as_json: bool) -> None:
        found = service.call(f"get_{kind}_info", {"filename": name})
        if as_json:
            show_json(found)
            return
        tables.show_pairs(_pairs(found))

    return info


def _pairs(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    camera = found["camera"]
    yield "Name", found["filename"]
    yield "Camera", f"{camera['name']} ({camera['camera_id']})"
    yield "Taken", moment(found.get("timestamp"))
    yield "Began", moment(found.get("start_time"))
    yield "Ended", " ".join(filter(None, [moment(found.get("end_time")), _ended(found.get("ended"))]))
    yield "Length", clock(found["duration"]) if found.get("duration") is not None else ""
    yield "Size", amount(found["file_size"])
    dropped = f", {found['frames_dropped']} dropped" if found.get("frames_dropped") else ""
    yield "Frames", f"{found['frames']}{dropped}" if found.get("frames") is not None else ""
    yield "Mode", mode(found["resolution"], found["fps"])
    yield "Format", " ".join(filter(None, [found["format"], found.get("codec")]))
    yield "Part", str(found["segment"]) if found.get("segment", 1) > 1 else ""
    yield "Protected", "yes" if found["protected"] else ""
    yield "Still to do", "it is being rewritten as MP4" if found.get("finalizing") else ""
    yield "Schedule", found.get("schedule_id") or ""
    yield "SHA-256", found.get("sha256") or ""
    yield "Controls", ", ".join(f"{name}={value}" for name, value in found["controls"].items())
    yield "Download", found["download_url"]


def _ended(why: str | None) -> str:
    return f"({why.replace('_', ' ')})" if why else ""


def _download(kind: Kind) -> click.Command:
    @click.command("download", help=f"Fetch {kind}s: into this directory, or to FILE.")
    @click.argument("names", nargs=-1, required=True, metavar="NAME...", type=_Name(kind))
    @click.option(
        "-o", "--output", type=click.Path(path_type=Path), help="The file, or the directory; - is the output."
    )
    @click.option("-f", "--force", is_flag=True, help="Write over a file that is there.")
    @of_service
    def download(service: Service, names: tuple[str, ...], output: Path | None, *, force: bool) -> None:
        if len(names) > 1 and output is not None and not output.is_dir():
            raise click.UsageError(f"{output} is no directory, and there is more than one {kind}")
        for name in names:
            target = Path(name) if output is None else output / name if output.is_dir() else output
            if str(target) != "-" and target.exists() and not force:
                raise Failed(f"{target} is there already: --force writes over it, -o FILE names another")
            found = service.call(f"get_{kind}_info", {"filename": name})
            fetch(service, found["download_url"], target, found["file_size"])

    return download


def fetch(service: Service, path: str, target: Path, size: int | None, *, quiet: bool = False) -> None:
    """Have what is at ``path`` here as ``target``: whole, or not at all.

    :raises Failed: if it cannot be had, or written.
    """
    if str(target) == "-":
        with service.file(path) as answer:
            for piece in _pieces(answer.read, None):
                _write(sys.stdout.buffer, piece, target)
        return
    part = target.with_name(f".{target.name}.part")
    try:
        with service.file(path) as answer:
            length = int(answer.headers.get("Content-Length") or size or 0)
            got = 0
            with _created(part) as file, progress.bar(length, plain(target.name), shown=not quiet) as bar:
                for piece in _pieces(answer.read, length):
                    _write(file, piece, target)
                    got += len(piece)
                    bar.update(len(piece), amount(got))
            if got != length:
                raise Failed(f"{target}: the connection broke off after {amount(got)} of {amount(length)}", UNAVAILABLE)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    if not quiet:
        click.echo(f"{target}: {amount(length)}", err=True)


def _created(part: Path) -> BinaryIO:
    try:
        return part.open("wb")
    except OSError as error:
        raise Failed(f"{part.parent}: {error.strerror}") from None


def _write(file: BinaryIO, piece: bytes, target: Path) -> None:
    try:
        file.write(piece)
    except OSError as error:
        # It is our own disk, and not the connection.
        raise Failed(f"{target}: {error.strerror}") from None


def _pieces(read: Callable[[int], bytes], length: int | None) -> Iterator[bytes]:
    left = length
    while left is None or left > 0:
        piece = read(_PIECE)
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def _delete(kind: Kind) -> click.Command:
    @click.command("delete", help=f"Delete {kind}s.")
    @click.argument("names", nargs=-1, required=True, metavar="NAME...", type=_Name(kind))
    @click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    @of_service
    def delete(service: Service, names: tuple[str, ...], *, yes: bool) -> None:
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("nobody is there to be asked: --yes deletes without")
            what = plain(names[0]) if len(names) == 1 else f"these {len(names)} {kind}s"
            click.confirm(f"Delete {what}? It cannot be undone.", abort=True, err=True)
        _each(names, "deleted", lambda name: service.call(f"delete_{kind}", {"filename": name}))

    return delete


def _protecting(name: str, text: str, *, protected: bool) -> click.Command:
    @click.command(name, help=text)
    @click.argument("names", nargs=-1, required=True, metavar="NAME...", type=_Name("recording"))
    @of_service
    def protect(service: Service, names: tuple[str, ...]) -> None:
        done = "protected" if protected else "no longer protected"
        _each(names, done, lambda one: service.call("protect_recording", {"filename": one, "protected": protected}))

    return protect


def _each(names: tuple[str, ...], done: str, do: Callable[[str], object]) -> None:
    """Do it for each name, whatever becomes of the others, and fail at the end if any failed."""
    failed: list[Failed] = []
    for name in names:
        try:
            do(name)
        except Failed as error:
            failed.append(Failed(f"{name}: {error}", error.status))
        else:
            click.echo(f"{plain(name)}: {done}", err=True)
    if failed:
        raise Failed("\n".join(map(str, failed)), failed[0].status)
