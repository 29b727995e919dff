"""Writes webcam_rpc/client/models.py or methods.py from what a running service says of itself.

    scripts/client_methods.py models http://localhost:8002/openrpc.json > webcam_rpc/client/models.py
    scripts/client_methods.py methods http://localhost:8002/openrpc.json > webcam_rpc/client/methods.py

Methods, parameters and results are the OpenRPC document's; notifications are those that the API can send.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import msgspec

from webcam_rpc.api import updates, wire
from webcam_rpc.api.events import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PREFIX = "#/components/schemas/"
#: The client subscribes and shows its token by itself; two of these on one connection would be at odds.
_OWN = frozenset({"subscribe_events", "unsubscribe_events", "authenticate"})
#: A document for tools; as models of ours it would say nothing that those tools don't know better.
_DISCOVER = "rpc.discover"

_MODELS = '''\
"""What the service answers and announces, as frozen Structs. Made by ``scripts/client_methods.py``: don't edit.

Words of the service (a ``status``, a ``reason``) are plain ``str``, and members that are not known are ignored: a newer
service may say more. ``UNSET`` is a member that was left out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
'''
_METHODS = '''\
"""Every method of the service, typed. Made by ``scripts/client_methods.py``: don't edit.

One class for each of the two ways to wait. A parameter that is ``UNSET`` is left out, so that the service's own default
holds; ``deadline`` is in seconds, the client's own where it is None.
"""

# ruff: noqa: A002, FBT001 - names and order are the service's

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec import UNSET, UnsetType

from webcam_rpc.client import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from twisted.internet.defer import Deferred

T = TypeVar("T")
'''


class Models:
    """The Structs, each after those that it refers to."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas
        self._done: dict[str, str] = {}

    def render(self, roots: Iterable[Any]) -> str:
        """Give the text of the module."""
        for root in roots:
            self._visit(root)
        topics = "".join(f'    "{topic}": {_camel(topic)},\n' for topic in TOPICS)
        table = f"\n\n#: Which Struct a notification's params are.\nNOTIFICATIONS: dict[str, Any] = {{\n{topics}}}\n"
        return _MODELS + "".join(self._done.values()) + table

    def _visit(self, schema: Any) -> None:  # noqa: ANN401 - any JSON
        if isinstance(schema, list):
            for each in schema:
                self._visit(each)
        elif isinstance(schema, dict):
            name = schema.get("$ref", "").removeprefix(_PREFIX)
            if name and name not in self._done:
                self._visit(self._schemas[name].get("properties"))
                self._done[name] = self._struct(name)
            self._visit(list(schema.values()))

    def _struct(self, name: str) -> str:
        schema = self._schemas[name]
        required = schema["required"]
        lines = [f"\n\nclass {name}(msgspec.Struct, frozen=True, kw_only=True):\n"]
        summary = cleandoc(schema["description"]).replace("\n", "\n    ").replace("\n    \n", "\n\n")
        lines.append(f'    """{summary}{_NEWLINE if _NEWLINE in summary else ""}"""\n\n')
        lines += [f"    {field}\n" for field in self._fields(schema["properties"], required)]
        return "".join(lines)

    @staticmethod
    def _fields(members: dict[str, Any], required: list[str]) -> Iterator[str]:
        for name, schema in members.items():
            kind = hint(schema, "")
            if name in required:
                yield f"{name}: {kind}"
            elif "default" in schema:
                default = schema["default"]
                shown = "()" if default == [] else '""' if default == "" else repr(default).replace("'", '"')
                yield f"{name}: {kind} = {shown}"
            else:
                yield f"{name}: {_or_unset(kind)} = UNSET"


_NEWLINE = "\n    "


def hint(schema: dict[str, Any], module: str, *, given: bool = False) -> str:
    """Give the annotation for a schema; ``given`` to the service, and not by it."""
    if "$ref" in schema:
        return module + str(schema["$ref"].removeprefix(_PREFIX))
    if "enum" in schema:
        return f"Literal[{', '.join(json.dumps(each) for each in schema['enum'])}]" if given else "str"
    if "anyOf" in schema:
        kinds = list(dict.fromkeys(hint(each, module, given=given) for each in schema["anyOf"]))
        # As Ruff has it: None last.
        return " | ".join(sorted(kinds, key=lambda kind: kind == "None"))
    kind = schema.get("type")
    if kind == "array":
        items = hint(schema["items"], module, given=given)
        return f"Sequence[{items}]" if given else f"tuple[{items}, ...]"
    if kind == "object":
        members = schema.get("additionalProperties")
        value = hint(members, module, given=given) if isinstance(members, dict) else "Any"
        return f"{'Mapping' if given else 'dict'}[str, {value}]"
    names = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
    return names[kind] if kind is not None else "Any"


def _or_unset(kind: str) -> str:
    return f"{kind.removesuffix(' | None')} | UnsetType{' | None' if kind.endswith(' | None') else ''}"


def _camel(topic: str) -> str:
    return "".join(word.capitalize() for word in topic.split("_"))


def notifications() -> tuple[dict[str, Any], ...]:
    """Give the schemas of the params of every notification, and their components."""
    structs = [getattr(wire, _camel(topic), None) or getattr(updates, _camel(topic)) for topic in TOPICS]
    schemas, components = msgspec.json.schema_components(structs, ref_template=_PREFIX + "{name}")
    return (*schemas, components)


def methods(document: dict[str, Any]) -> str:
    """Give the text of the module of methods."""
    parts = [_METHODS]
    for name, waits, words in (
        ("AwaitableMethods", "Awaitable", "to be awaited"),
        ("DeferredMethods", "Deferred", "as Deferreds"),
    ):
        parts.append(f'\n\nclass {name}(ABC):\n    """The methods, {words}."""\n\n')
        parts.append(
            "    @abstractmethod\n"
            "    def _perform(self, method: str, params: dict[str, Any], result: type[T], deadline: float | None)"
            f" -> {waits}[T]:\n"
            '        """Call ``method``; its result is a ``result``."""\n'
        )
        parts += [_method(method, waits) for method in document["methods"] if method["name"] not in _OWN]
    return "".join(parts)


def _method(method: dict[str, Any], waits: str) -> str:
    required = [param for param in method["params"] if param["required"]]
    optional = [param for param in method["params"] if not param["required"]]
    signature = ["self", *(f"{each['name']}: {hint(each['schema'], 'models.', given=True)}" for each in required), "*"]
    signature += [
        f"{each['name']}: {_or_unset(hint(each['schema'], 'models.', given=True))} = UNSET" for each in optional
    ]
    signature.append("deadline: float | None = None")
    name = method["name"]
    result = "dict[str, Any]" if name == _DISCOVER else hint(method["result"]["schema"], "models.")
    lines = [f"\n    def {name.replace('.', '_')}(\n"]
    lines += [f"        {each},\n" for each in signature]
    lines.append(f"    ) -> {waits}[{result}]:\n")
    lines.append(f'        """{method["summary"]} Role: {method["x-role"]}."""\n')
    if method["params"]:
        lines.append("        params = {\n")
        lines += [f'            "{each["name"]}": {each["name"]},\n' for each in method["params"]]
        lines.append("        }\n")
    given = "params" if method["params"] else "{}"
    lines.append(f'        return self._perform("{name}", {given}, {result}, deadline)\n')
    return "".join(lines)


def models(document: dict[str, Any]) -> str:
    """Give the text of the module of models."""
    *roots, components = notifications()
    results = [each["result"]["schema"] for each in document["methods"] if each["name"] not in _OWN | {_DISCOVER}]
    return Models({**document["components"]["schemas"], **components}).render([*results, *roots])


def main() -> None:
    """Write one of the two modules to standard output."""
    which, url = sys.argv[1:]
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - typed by a developer
        document = json.load(answer)
    sys.stdout.write({"models": models, "methods": methods}[which](document))


if __name__ == "__main__":
    main()
