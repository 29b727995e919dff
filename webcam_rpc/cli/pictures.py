"""``webcamctl snapshot``: take a picture, and have it here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from webcam_rpc.cli.files import fetch
from webcam_rpc.cli.groups import camera_meant, device_argument
from webcam_rpc.cli.service import as_json, of_service, show_json
from webcam_rpc.cli.words import amount, span

if TYPE_CHECKING:
    from webcam_rpc.cli.service import Service


@click.command()
@device_argument
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Have it here too, as this file; - is the output."
)
@click.option("--name", "filename", help="What the service calls it; after camera and moment otherwise.")
@click.option("--format", "kind", type=click.Choice(["jpg", "png"]), help="As the name says otherwise, or jpg.")
@click.option("--quality", type=click.IntRange(1, 100), help="Make the JPEG anew with this quality.")
@click.option("--fresh", is_flag=True, help="Wait for a frame from after now.")
@as_json
@of_service
def snapshot(
    service: Service,
    device: str | None,
    output: Path | None,
    filename: str | None,
    kind: str | None,
    quality: int | None,
    *,
    fresh: bool,
    as_json: bool,
) -> None:
    """Take a picture with a CAMERA. The service keeps it; `webcamctl snapshots` lists those that it has."""
    if output is not None and kind is None and filename is None:
        kind = {".png": "png", ".jpg": "jpg", ".jpeg": "jpg"}.get(output.suffix.lower())
    params = {
        "device": camera_meant(service, device),
        "filename": filename,
        "format": kind,
        "quality": quality,
        "fresh": fresh,
    }
    taken = service.call("take_snapshot", params)
    if output is not None:
        fetch(service, taken["download_url"], output, taken["file_size"], quiet=True)
    if as_json and str(output) != "-":
        show_json(taken)
        return
    age = f", {span(taken['age_ms'] / 1000)} old" if taken["age_ms"] >= 1000 else ""  # noqa: PLR2004
    told = f"{taken['filename']}: {taken['resolution']}, {amount(taken['file_size'])}{age}"
    # The picture itself may be on standard output.
    click.echo(told, err=str(output) == "-")
