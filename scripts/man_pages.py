"""Writes the man pages from what the commands and the configuration's page say of themselves.

    scripts/man_pages.py [DIRECTORY]      # man/, unless said otherwise

man/webcamctl.1 is made of the commands' own help, man/webcam.yaml.5 of docs/configuration.md, man/webcam-service.8 of
the options of ``twistd webcam`` and of what is said here.
"""

# ruff: noqa: E501 - a text is filled again by man(1)

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webcam_rpc import __version__
from webcam_rpc.cli import commands
from webcam_rpc.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
#: The options that most commands have: told once.
_EVERYWHERE = ("--url", "--token", "--token-file", "--state-dir", "--config", "--json", "--help")


def main(directory: Path) -> None:
    """Write the pages."""
    directory.mkdir(exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, "utf-8")


def pages() -> dict[str, str]:
    """Give the text of each page by the name of its file."""
    return {
        "webcamctl.1": _page("WEBCAMCTL", 1, _webcamctl()),
        "webcam.yaml.5": _page("WEBCAM.YAML", 5, _configuration()),
        "webcam-service.8": _page("WEBCAM-SERVICE", 8, _service()),
    }


def _page(name: str, section: int, lines: Iterable[str]) -> str:
    text = "\n".join([*_head(name, section), *lines]) + "\n"
    # A heading begins a paragraph.
    return re.sub(r"(?m)^(\.S[HS] .*\n)\.PP\n", r"\1", text)


def _head(name: str, section: int) -> list[str]:
    # No date: a page that was made again would differ.
    return [
        '.\\" Made by scripts/man_pages.py: do not edit.',
        f'.TH {name} {section} "" "webcam_rpc {__version__}"',
        ".nh",
        ".ad l",
    ]


# What roff reads.


def escaped(text: str) -> str:
    """Write a text so that roff reads it as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in {".", "'"} else text


def _inline(text: str) -> str:
    """Write Markdown's code as bold and its links as their text."""
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)
    parts = re.split(r"`([^`]+)`", text)
    shown = "".join(f"\\fB{escaped(one)}\\fR" if place % 2 else escaped(one) for place, one in enumerate(parts))
    return "\\&" + shown if shown[:1] in {".", "'"} else shown


def _filled(text: str) -> list[str]:
    """Write a text that is in paragraphs; words that were broken into lines are one paragraph."""
    made: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        made += [".PP", _inline(" ".join(paragraph.split()))]
    return made


def _tagged(tag: str, text: str) -> list[str]:
    return [".TP", tag, _inline(" ".join(text.split()))]


def _verbatim(lines: list[str]) -> list[str]:
    if not lines:
        return []
    return [".PP", ".RS 4", ".nf", *(escaped(line) for line in lines), ".fi", ".RE"]


# What webcamctl.1 is made of.

_CTL_DESCRIPTION = """\
`webcamctl` uses and looks after the camera service: it lists cameras, takes pictures, records, plans recordings, fetches
files, and makes the tokens with which others may.

It talks to the service of this machine, by the admin socket in the service's state directory where that is there for
whoever types (root, and the user of the service), else by its port on localhost; or with `--url` to that of another
machine.

A `CAMERA` may be called by its id, a path such as `/dev/video0`, a link below `/dev/v4l/`, a number such as `video0`, or
its alias. Where exactly one is plugged in it need not be named.
"""

_CTL_EXIT = (
    ("0", "It is done."),
    (
        "1",
        (
            "It failed or was refused; standard error says why and what can be done. Also where `diagnose`, `health` or"
            " `selftest` found something wrong."
        ),
    ),
    ("2", "The command line is wrong."),
    ("69", "The service does not answer."),
    ("77", "Not permitted: a token is missing, or its role does not suffice."),
)

_CTL_ENVIRONMENT = (
    ("WEBCAM_URL", "What `--url` says otherwise."),
    ("WEBCAM_TOKEN", "What `--token` says otherwise."),
    ("SSL_CERT_FILE", "The certificates that are believed, where the service has one of its own making."),
    ("NO_COLOR", "No colours, whatever its value."),
)

_CTL_EXAMPLES = (
    ("Which cameras are there, and is all well?", "webcamctl status"),
    ("A picture of the only camera, here as a file", "webcamctl snapshot \\-\\-fresh \\-o now.jpg"),
    ("Ten minutes of the camera that is called porch, with a bar", "webcamctl record porch \\-\\-duration 10m"),
    (
        "Every weekday from half past ten in the evening",
        "webcamctl schedule add porch \\-d 45m \\-\\-cron '30 22 * * 1\\-5'",
    ),
    (
        "What happens at another machine, for a program",
        "webcamctl monitor \\-\\-json \\-\\-url ws://pi:8002/ws \\-\\-token\\-file ~/.webcam\\-token",
    ),
    ("Is the service what its clients rely on?", "webcamctl selftest"),
)


def _webcamctl() -> Iterator[str]:
    yield from [".SH NAME", "webcamctl \\- use and look after the camera service"]
    yield from [".SH SYNOPSIS", ".B webcamctl", ".I COMMAND", "[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]..."]
    yield from [".SH DESCRIPTION", *_filled(_CTL_DESCRIPTION)]
    yield ".SH OPTIONS"
    yield "Those that say which service is meant, and how it is shown; most commands have them:"
    listing = commands.commands["cameras"]
    for option in _options(listing):
        if set(option.opts) & set(_EVERYWHERE):
            yield from _option(option)
    yield from _tagged("\\fB\\-\\-help\\fR, \\fB\\-h\\fR", "Say how a command is used.")
    yield from [".SH COMMANDS"]
    for name, command in commands.commands.items():
        yield from _command(["webcamctl", name], command)
    yield from [".SH EXIT STATUS", *(line for tag, text in _CTL_EXIT for line in _tagged(f"\\fB{tag}\\fR", text))]
    yield ".SH ENVIRONMENT"
    yield from (line for tag, text in _CTL_ENVIRONMENT for line in _tagged(f"\\fB{tag}\\fR", text))
    yield from [".SH EXAMPLES"]
    for what, typed in _CTL_EXAMPLES:
        yield from [".PP", f"{escaped(what)}:", ".PP", ".RS 4", ".nf", typed, ".fi", ".RE"]
    yield from [".SH SEE ALSO", ".BR webcam\\-service (8),", ".BR webcam.yaml (5)"]


def _command(path: list[str], command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        default = getattr(command, "default", None)
        yield from [f'.SS "{escaped(" ".join(path))}"', _inline(_help(command))]
        if default is not None:
            yield f"Alone it is \\fB{escaped(f'{path[-1]} {default}')}\\fR."
        for name, one in command.commands.items():
            yield from _command([*path, name], one)
        return
    arguments = [_argument(param) for param in command.params if isinstance(param, click.Argument)]
    own = [option for option in _options(command) if not set(option.opts) & set(_EVERYWHERE)]
    usage = " ".join([f"\\fB{escaped(' '.join(path))}\\fR", *["[\\fIOPTION\\fR]..."] * bool(own)])
    yield from [".PP", " ".join([usage, *(f"\\fI{escaped(one)}\\fR" for one in arguments)]), ".RS 4"]
    for place, paragraph in enumerate(re.split(r"\n\s*\n", _help(command))):
        yield from [".PP"] * bool(place)
        yield _inline(" ".join(paragraph.split()))
    for option in own:
        yield from _option(option)
    yield ".RE"


def _help(command: click.Command) -> str:
    return re.sub(r"[ \t]+", " ", command.help or "").strip()


def _options(command: click.Command) -> list[click.Option]:
    return [param for param in command.params if isinstance(param, click.Option) and not param.hidden]


def _option(option: click.Option) -> list[str]:
    """Write an option, by what it was made of: Click's own words change with its version."""
    flags = [*sorted(option.opts, key=len), *option.secondary_opts]
    tag = ", ".join(f"\\fB{escaped(flag)}\\fR" for flag in flags)
    text = option.help or ""
    if option.show_default:
        text += f" ({option.show_default if isinstance(option.show_default, str) else option.default} otherwise.)"
    return _tagged(tag if option.is_flag else f"{tag} \\fI{escaped(_value(option))}\\fR", text)


def _argument(argument: click.Parameter) -> str:
    name = argument.metavar or f"{(argument.name or '').upper()}{'...' * (argument.nargs != 1)}"
    if isinstance(argument.type, click.Choice) and argument.metavar is None:
        name = _value(argument)
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _value(param: click.Parameter) -> str:
    if param.metavar:
        return param.metavar
    if isinstance(param.type, click.Choice):
        return "|".join(map(str, param.type.choices))
    if isinstance(param.type, (click.IntRange, click.FloatRange)):
        return "N"
    return param.type.name.upper()


# What webcam.yaml.5 is made of.


def _configuration() -> Iterator[str]:
    yield from [".SH NAME", "webcam.yaml \\- the configuration of the camera service"]
    yield from [".SH DESCRIPTION"]
    lines = (ROOT / "docs" / "configuration.md").read_text("utf-8").splitlines()
    yield from _markdown(lines[1:])
    yield from [
        ".SH FILES",
        *_tagged("\\fI/etc/webcam\\-rpc/webcam.yaml\\fR", "That of the service as it is installed."),
    ]
    yield from [".SH SEE ALSO", ".BR webcam\\-service (8),", ".BR webcamctl (1)"]


_ITEM = re.compile(r"(?P<mark>-|\d+\.) ")


def _markdown(lines: list[str]) -> Iterator[str]:
    """Write the Markdown that the page is in: headings, paragraphs, lists, tables and code."""
    paragraph: list[str] = []
    code: list[str] | None = None
    for line in lines:
        if code is not None and not line.startswith("```"):
            code.append(line)
            continue
        if not line.strip() or line.startswith(("```", "#", "|")) or _ITEM.match(line):
            yield from _paragraph(paragraph)
            paragraph = []
        if line.startswith("```"):
            yield from _verbatim(code or [])
            code = None if code is not None else []
        elif line.startswith(("#", "|")):
            yield from _line(line)
        elif line.strip():
            paragraph.append(line.strip())
    yield from _paragraph(paragraph)


def _paragraph(lines: list[str]) -> Iterator[str]:
    """Write a paragraph, or an item of a list."""
    text = " ".join(lines)
    item = _ITEM.match(text)
    if item:
        bullet = "\\(bu" if item["mark"] == "-" else escaped(item["mark"])
        yield from [f".IP {bullet} 4", _inline(text[item.end() :])]
    elif text:
        yield from [".PP", _inline(text)]


def _line(line: str) -> Iterator[str]:
    """Write a heading, or a row of a table."""
    if line.startswith("#"):
        title = line.lstrip("# ").replace("`", "")
        yield f'.SS "{escaped(title)}"' if line.startswith("###") else f'.SH "{escaped(title.upper())}"'
        return
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if any(cell.strip("-: ") for cell in cells):
        yield from _tagged(_inline(cells[0]) or "\\&", " ".join(cells[1:]) or "\\&")


# What webcam-service.8 is made of.

_SERVICE_DESCRIPTION = """\
It knows which webcams are plugged in, tells every client when they come and go, and owns each camera's one open file, so
that pictures, streams and recordings do not get into each other's way. Clients talk JSON-RPC 2.0 over WebSocket; pictures,
streams and files are to be had by HTTP on the same port, 8002 unless configured otherwise.

As it is installed it is the unit `webcam-service` of systemd and runs as the user `webcam-rpc`: `systemctl start
webcam-service`, `journalctl -u webcam-service`. A restart is needed for few options only; `systemctl reload
webcam-service` takes over the others.

`python -m webcam_rpc serve` takes the same options as `twistd -n --pidfile= webcam`.
"""

_SERVICE_SIGNALS = (
    ("SIGTERM, SIGINT", "It ends: connections are closed, recordings are finished and whole."),
    ("SIGHUP", "It reads its configuration again; a mistake in it changes nothing and is in the log."),
)

_SERVICE_FILES = (
    ("/etc/webcam-rpc/webcam.yaml", "The configuration, as it is installed: see webcam.yaml(5)."),
    (
        "/var/lib/webcam-rpc",
        (
            "The state, as it is installed: cameras, schedules, tokens, and the admin socket of"
            " webcamctl(1). Without systemd it is `$XDG_STATE_HOME/webcam-rpc`."
        ),
    ),
    ("/var/lib/webcam-rpc/media", "Recordings and snapshots, each with a file of its own that describes it."),
)


def _service() -> Iterator[str]:
    yield from [".SH NAME", "webcam\\-service \\- the camera service"]
    yield from [".SH SYNOPSIS", ".B twistd \\-n \\-\\-pidfile= webcam", "[\\fIOPTION\\fR]..."]
    yield from [".SH DESCRIPTION", *_filled(_SERVICE_DESCRIPTION), ".SH OPTIONS"]
    for name, letter, _, text in Options.optParameters:
        short = f", \\fB\\-{letter}\\fR" if letter else ""
        value = "FILE" if name == "config" else "DIR"
        yield from _tagged(f"\\fB\\-\\-{escaped(name)}\\fR{short} \\fI{value}\\fR", text)
    for name, _, text in Options.optFlags:
        yield from _tagged(f"\\fB\\-\\-{escaped(name)}\\fR", text)
    for name, value in (("listen", "ENDPOINT"), ("set", "SECTION.KEY=VALUE")):
        yield from _tagged(f"\\fB\\-\\-{name}\\fR \\fI{value}\\fR", getattr(Options, f"opt_{name}").__doc__ or "")
    yield from [".SH SIGNALS", *(line for tag, text in _SERVICE_SIGNALS for line in _tagged(f"\\fB{tag}\\fR", text))]
    yield ".SH FILES"
    yield from (line for tag, text in _SERVICE_FILES for line in _tagged(f"\\fI{escaped(tag)}\\fR", text))
    yield from [".SH SEE ALSO", ".BR webcamctl (1),", ".BR webcam.yaml (5),", ".BR systemctl (1)"]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "man")
