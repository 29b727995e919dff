"""From the places where options are given to one :class:`Config`.

Owns the precedence (command line, environment, file, defaults), the names of the options in each place, and the text of
every mistake: one line that says where it is and what was expected.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from webcam_rpc.config import document, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

PREFIX = "WEBCAM_RPC_"
#: No configuration is longer than so many bytes.
_LONGEST = 1024 * 1024


@dataclass(frozen=True)
class Option:
    """One option: the section and key that name it in the file, and what it may be."""

    section: str
    key: str
    type: Any
    default: Any

    @property
    def name(self) -> str:
        """Its name in messages and for ``--set``."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"{PREFIX}{self.section}_{self.key}".upper()


#: Every option by name, in the order of the file.
OPTIONS: Mapping[str, Option] = {
    option.name: option
    for section in msgspec.structs.fields(schema.Config)
    for field in msgspec.structs.fields(section.type)
    for option in [Option(section.name, field.name, field.type, getattr(section.default, field.name))]
}
_SECTIONS = {section.name: section.type for section in msgspec.structs.fields(schema.Config)}
_VARIABLES = {option.variable: option for option in OPTIONS.values()}
_WORDS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


@dataclass(frozen=True)
class Origin:
    """Where the value of an option comes from: what kind of place, and which (``FILE:LINE``, a variable, ``--set``)."""

    source: Literal["default", "file", "environment", "command_line"]
    place: str | None = None


_DEFAULT = Origin("default")


@dataclass(frozen=True)
class Loaded:
    """What all places together say.

    :ivar origins: where each option's value comes from, by the option's name.
    :ivar file: the file that was read.
    """

    settings: schema.Config
    origins: Mapping[str, Origin]
    file: str | None


class ConfigError(Exception):
    """A mistake in the configuration; ``str()`` of it is one line.

    :ivar file: the file's name, or ``environment`` or ``--set``.
    :ivar line: the line in the file, from 1, if it is known.
    :ivar key: the option, as it is called there; empty if the mistake is not in one.
    :ivar message: what is wrong with it.
    """

    def __init__(self, file: str, line: int | None, key: str, message: str) -> None:
        self.file = file
        self.line = line
        self.key = key
        self.message = message
        if file == "--set":
            told = f"--set {key}: {message}"
        else:
            told = ": ".join(part for part in (f"{file}:{line}" if line else file, key, message) if part)
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in told))


# What a mistake in an option becomes: its place inside the option ("" or "[0].fps") and what is wrong.
if TYPE_CHECKING:
    Blame = Callable[[str, str], ConfigError]
    _Given = tuple[Option, Any, Blame, Origin]


class _BadValue(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


def load(file: Path | None, environ: Mapping[str, str], overrides: Sequence[tuple[str, str]] = ()) -> schema.Config:
    """Give the configuration alone; see :func:`resolve`."""
    return resolve(file, environ, overrides).settings


def resolve(
    file: Path | None,
    environ: Mapping[str, str],
    overrides: Sequence[tuple[str, str]] = (),
    *,
    again: bool = False,
) -> Loaded:
    """Give the configuration, and where it comes from.

    :param file: the YAML file; None for none.
    :param environ: where ``WEBCAM_RPC_SECTION_KEY`` is looked up.
    :param overrides: name and text of what the command line sets; of two for the same option the later wins.
    :param again: whether this was read before: what is no file, such as a pipe, has no second reading.
    :raises ConfigError: at the first mistake, wherever it is, even where something else overrides it.
    """
    loaded, found = _gathered(file, environ, overrides, again=again)
    if found:
        raise found[0]
    return loaded


def mistakes(file: Path) -> tuple[ConfigError, ...]:
    """Give all mistakes in a file that can be seen at once, where :func:`resolve` raises the first."""
    try:
        return tuple(_gathered(file, {}, (), again=False)[1])
    except ConfigError as error:  # nothing of the file can be read
        return (error,)


def _gathered(
    file: Path | None, environ: Mapping[str, str], overrides: Sequence[tuple[str, str]], *, again: bool
) -> tuple[Loaded, list[ConfigError]]:
    values: dict[str, Any] = {}
    blames: dict[str, Blame] = {}
    origins = dict.fromkeys(OPTIONS, _DEFAULT)
    found: list[ConfigError] = []
    layers = [_from_environment(environ), _from_overrides(overrides)]
    if file is not None:
        layers.insert(0, _from_file(file, again=again))
    incomplete: set[str] = set()
    for item in itertools.chain.from_iterable(layers):
        if isinstance(item, ConfigError):
            found.append(item)
            incomplete.add(item.key.partition(".")[0])
            continue
        option, value, blame, origin = item
        try:
            values[option.name] = _checked(option, value)
        except _BadValue as bad:
            found.append(blame(bad.place, bad.message))
            incomplete.add(option.section)
            continue
        blames[option.name] = blame
        origins[option.name] = origin
    sections = {}
    for name, struct in _SECTIONS.items():
        if name in incomplete:
            continue  # what it lacks would be blamed on what is there
        given = {key: values[f"{name}.{key}"] for key in struct.__struct_fields__ if f"{name}.{key}" in values}
        try:
            sections[name] = struct(**given)
        except schema.OptionError as error:
            parts = re.match(r"(\w+)(.*)", error.key, re.DOTALL)
            key, place = parts.groups() if parts else (error.key, "")
            found.append(blames[f"{name}.{key}"](place, str(error)))
    return Loaded(schema.Config(**sections), origins, None if file is None else str(file)), found


def _from_file(file: Path, *, again: bool) -> Iterable[_Given | ConfigError]:
    parsed = _read(file, again=again)

    def mistake(key: str, message: str) -> ConfigError:
        return ConfigError(str(file), parsed.line(key), key, message)

    if parsed.value is not None and not isinstance(parsed.value, dict):
        yield mistake("", "expected a map of sections")
        return
    for section, content in (parsed.value or {}).items():
        if section not in _SECTIONS:
            yield mistake(section, "unknown section" + _nearest(section, _SECTIONS))
            continue
        if content is not None and not isinstance(content, dict):
            yield mistake(section, "expected a map of options")
            continue
        for key, value in (content or {}).items():
            name = f"{section}.{key}"
            if name not in OPTIONS:
                yield mistake(name, "unknown option" + _nearest(name, OPTIONS))
                continue
            origin = Origin("file", f"{file}:{parsed.line(name)}")
            yield OPTIONS[name], value, _blamed(mistake, name), origin


def _blamed(mistake: Blame, name: str) -> Blame:
    return lambda place, message: mistake(name + place, message)


def _read(file: Path, *, again: bool) -> document.Document:
    try:
        return document.parse(_content(file, again=again).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(str(file), None, "", f"cannot be read: {os.strerror(error.errno or 0)}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(str(file), line, "", "is not UTF-8 text") from error
    except document.DocumentError as error:
        raise ConfigError(str(file), error.line, error.key, error.message) from None


def _content(file: Path, *, again: bool) -> bytes:
    # Non-blocking: to open a pipe that nobody writes to would last for ever.
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | (os.O_NONBLOCK if again else 0))) as opened:
        if again and not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise ConfigError(str(file), None, "", "is no file that can be read twice")
        content = opened.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise ConfigError(str(file), None, "", f"is longer than {_LONGEST} bytes")
    return content


def _from_environment(environ: Mapping[str, str]) -> Iterable[_Given | ConfigError]:
    def mistake(name: str, message: str) -> ConfigError:
        return ConfigError("environment", None, name, message)

    given = [(name, text) for name, text in sorted(environ.items()) if name.startswith(PREFIX)]
    return _from_texts(given, _VARIABLES, mistake, lambda name: Origin("environment", name))


def _from_overrides(overrides: Sequence[tuple[str, str]]) -> Iterable[_Given | ConfigError]:
    def mistake(name: str, message: str) -> ConfigError:
        return ConfigError("--set", None, name, message)

    return _from_texts(overrides, OPTIONS, mistake, lambda _: Origin("command_line", "--set"))


def _from_texts(
    given: Iterable[tuple[str, str]],
    options: Mapping[str, Option],
    mistake: Blame,
    origin: Callable[[str], Origin],
) -> Iterable[_Given | ConfigError]:
    for name, text in given:
        if name not in options:
            yield mistake(name, "unknown option" + _nearest(name, options))
            continue
        blame = _blamed(mistake, name)
        try:
            value = _from_text(options[name], text)
        except document.DocumentError as error:
            yield blame("", error.message)
            continue
        yield options[name], value, blame, origin(name)


def _from_text(option: Option, text: str) -> Any:  # noqa: ANN401 - whatever YAML says, checked later
    kinds = _kinds(option)
    if any(isinstance(kind, (inspect.StrType, inspect.LiteralType)) for kind in kinds):
        optional = any(isinstance(kind, inspect.NoneType) for kind in kinds)
        return None if optional and text in {"", "null", "~"} else text
    return document.parse(text).value


def _kinds(option: Option) -> tuple[inspect.Type, ...]:
    kind = inspect.type_info(option.type)
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _checked(option: Option, value: Any) -> Any:  # noqa: ANN401 - plain data in, the option's type out
    if isinstance(value, str) and any(isinstance(kind, inspect.BoolType) for kind in _kinds(option)):
        value = _WORDS.get(value.lower(), value)
    if get_origin(option.type) is dict and isinstance(value, dict):
        # One by one, because msgspec does not say which entry of a map it refuses.
        return {key: _converted({key: item}, option.type, f".{key}", item)[key] for key, item in value.items()}
    return _converted(value, option.type, "", value)


def _converted(value: Any, type_: Any, place: str, shown: Any) -> Any:  # noqa: ANN401 - as above
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
    if not place:
        place = path.rstrip("`")
        for step in re.findall(r"\[(\d+)\]|\.(\w+)", place):
            shown = shown[int(step[0])] if step[0] else shown[step[1]]
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL)
    if unknown:
        raise _BadValue(f"{place}.{unknown[1]}", "unknown key") from None
    raise _BadValue(place, _in_words(message, type_, shown)) from None


def _in_words(message: str, type_: Any, value: object) -> str:  # noqa: ANN401 - any type annotation
    got = f", got {value!r}" if isinstance(value, (str, int, float)) and len(repr(value)) <= 80 else ""  # noqa: PLR2004
    for pattern, rule in schema.RULES.items():
        if repr(pattern) in message:
            return f"expected {rule}{got}"
    if message.startswith("Invalid enum value"):
        choices = get_args(type_) if get_origin(type_) is Literal else schema.Source.__annotations__["kind"].__args__
        return f"expected one of {', '.join(map(str, choices))}{got}"
    message = message.replace("`", "").replace("Object missing required field", "missing key")
    message = re.sub(r"\barray\b", "list", re.sub(r"\bobject\b", "map", message))
    return message[0].lower() + message[1:] + ("" if "got" in message else got)


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""
