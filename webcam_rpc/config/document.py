"""YAML text to plain values, each with the line that it stands on.

Owns the reading of YAML: PyYAML's safe loader, composed to nodes so that lines are known, with the scalars of YAML 1.2.
Version 1.1 would read ``traffic: OFF`` as false and ``12:30`` as 750. Duplicate keys, tags and aliases are mistakes:
the first is nearly always an accident, the others have no use here and can make a small text endless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NULL, _BOOL, _INT, _FLOAT, _STR = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str"))


class DocumentError(Exception):
    """The text is not what it should be, at this line (from 1; None if unknown) and key (may be empty)."""

    def __init__(self, line: int | None, key: str, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.key = key
        self.message = message


@dataclass(frozen=True)
class Document:
    """The values of a text, and for each dotted key (``cameras.sources[0].fps``) its line."""

    value: Any
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, key: str) -> int | None:
        """Give the line of ``key``, or of the nearest thing around it."""
        while key and key not in self.lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self.lines.get(key)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise DocumentError(self.get_mark().line + 1, "", "YAML aliases are not supported")
        return super().compose_node(parent, index)


# The core schema of YAML 1.2 (its section 10.3.2) without infinity and NaN, which no option can mean. The lengths keep
# int() away from Python's limit of 4300 digits.
for _tag, _pattern, _first in (
    (_NULL, r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    (_BOOL, r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    (_INT, r"(?:[-+]?[0-9]{1,30}|0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30})\Z", list("-+0123456789")),
    (_FLOAT, r"[-+]?(?:\.[0-9]{1,30}|[0-9]{1,30}(?:\.[0-9]{0,30})?)(?:[eE][-+]?[0-9]{1,2})?\Z", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def parse(text: str) -> Document:
    """Read one YAML document; an empty one has the value None.

    :raises DocumentError: if it is not YAML, holds more than one document, or uses what is not supported.
    """
    lines: dict[str, int] = {}
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        return Document(None if node is None else _plain(node, "", lines), lines)
    except yaml.reader.ReaderError as error:
        # Its position counts characters and it has no mark.
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(line, "", f"the character #x{error.character:04x} is not allowed") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = ", ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(mark.line + 1 if mark else None, "", f"not valid YAML: {told}") from error
    except RecursionError:
        raise DocumentError(None, "", "nested too deeply") from None


def _plain(node: yaml.Node, key: str, lines: dict[str, int]) -> object:
    lines.setdefault(key, node.start_mark.line + 1)
    read = _READERS.get((type(node), node.tag))
    if read is None:
        raise DocumentError(lines[key], key, f"the YAML tag {node.tag} is not supported")
    return read(node, key, lines)


def _scalar(node: yaml.Node, _key: str, _lines: dict[str, int]) -> object:
    text = str(node.value)
    if node.tag == _NULL:
        return None
    if node.tag == _BOOL:
        return text.lower() == "true"
    if node.tag == _INT:
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    return float(text) if node.tag == _FLOAT else text


def _sequence(node: yaml.Node, key: str, lines: dict[str, int]) -> list[object]:
    return [_plain(item, f"{key}[{index}]", lines) for index, item in enumerate(node.value)]


def _mapping(node: yaml.Node, key: str, lines: dict[str, int]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, value in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode):
            raise DocumentError(line, key, "a key must be a plain text")
        inner = f"{key}.{name.value}" if key else name.value
        if name.value in values:
            raise DocumentError(line, inner, f"given twice, first on line {lines[inner]}")
        lines[inner] = line
        values[name.value] = _plain(value, inner, lines)
    return values


_READERS: Mapping[tuple[type[yaml.Node], str], Callable[[yaml.Node, str, dict[str, int]], object]] = {
    (yaml.MappingNode, "tag:yaml.org,2002:map"): _mapping,
    (yaml.SequenceNode, "tag:yaml.org,2002:seq"): _sequence,
    **{(yaml.ScalarNode, tag): _scalar for tag in (_NULL, _BOOL, _INT, _FLOAT, _STR)},
}
