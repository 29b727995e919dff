"""What a client may send and what it then gets: the examples and rules of JSON-RPC 2.0, API.md's errors, the limits.

Pure data. A case is a text and its answer: one reply, several for a batch (in the order of its requests), or none.
The specification's examples call ``subtract`` and the like, which this service does not have; methods that take
parameters in the same way stand in for them. Ids are given as they stand in the text, because that is how they have to
come back: ``1.0`` is not ``1``.

Every text is valid UTF-8, since another cannot be sent in a WebSocket's text message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A member that is there, with whatever value.
ANY = object()


@dataclass(frozen=True)
class Reply:
    """One reply: a result, or the code and the message of an error. Of objects only the members named are compared."""

    id: str
    code: int | None = None
    message: str | None = None
    data: Mapping[str, Any] | None = None
    result: Any = ANY


@dataclass(frozen=True)
class Case:
    """One text and its answer."""

    text: str
    answer: Reply | tuple[Reply, ...] | None


def call(method: str = "ping", params: str = "", id: str = "1", more: str = "") -> str:  # noqa: A002 - its name
    """Write a request; each argument is JSON as it stands, an empty one is left out."""
    parts = ['"jsonrpc":"2.0"', f'"method":"{method}"']
    parts += [f'"{name}":{value}' for name, value in (("params", params), ("id", id)) if value]
    return "{" + ",".join(parts + [more] * bool(more)) + "}"


def pong(id: str = "1") -> Reply:  # noqa: A002
    """Answer ``ping``."""
    return Reply(id, result="pong")


def invalid(id: str = "null") -> Reply:  # noqa: A002
    """Say that it is no request."""
    return Reply(id, -32600, "Invalid Request")


def unknown(name: str, id: str = "1") -> Reply:  # noqa: A002
    """Say that there is no such method."""
    return Reply(id, -32601, f"Method not found: {name}")


def refused(param: str, rule: str, id: str = "1") -> Reply:  # noqa: A002
    """Say which parameter is wrong."""
    return Reply(id, -32602, "Invalid params", {"param": param, "rule": rule, "hint": ANY})


PARSE = Reply("null", -32700, "Parse error")
DEMO = {"camera_id": "demo", "device": "/dev/video-demo"}

# Section 7 of the specification, in its order and, where no method of ours is called, in its very words.
SPECIFICATION = (
    Case(call("get_camera_status", '["demo"]', "1"), Reply("1", result=DEMO)),
    Case(call("set_camera_alias", '["demo", "front door"]', "2"), Reply("2", result={"alias": "front door"})),
    Case(
        call("set_camera_alias", '{"device": "demo", "name": "yard"}', "3"),
        Reply("3", result={**DEMO, "alias": "yard"}),
    ),
    Case(
        call("set_camera_alias", '{"name": "gate", "device": "demo"}', "4"),
        Reply("4", result={**DEMO, "alias": "gate"}),
    ),
    Case('{"jsonrpc": "2.0", "method": "set_camera_alias", "params": ["demo", "told in passing"]}', None),
    Case(call("get_camera_status", '["demo"]', '"then"'), Reply('"then"', result={"alias": "told in passing"})),
    Case('{"jsonrpc": "2.0", "method": "foobar"}', None),
    Case('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', unknown("foobar", '"1"')),
    Case('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', PARSE),
    Case('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', invalid()),
    Case(
        """[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method"
        ]""",
        PARSE,
    ),
    Case("[]", invalid()),
    Case("[1]", (invalid(),)),
    Case("[1,2,3]", (invalid(),) * 3),
    Case(
        """[
            {"jsonrpc": "2.0", "method": "get_camera_status", "params": ["demo"], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "get_camera_list", "params": [], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "ping", "id": "9"}
        ]""",
        (
            Reply('"1"', result=DEMO),
            Reply('"2"', result={"cameras": ANY, "total": ANY, "connected": ANY}),
            invalid(),
            unknown("foo.get", '"5"'),
            pong('"9"'),
        ),
    ),
    Case(
        """[
            {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
        ]""",
        None,
    ),
)

_LONGEST_ID = '"' + "x" * 8190 + '"'
_IDS = (
    *("0", "-0", "1", "-1", "1.0", "-1.50", "0.1000", "1e2", "1E+2", "1e-7", "-0.0e-0", "1e-400", "9007199254740993"),
    *("9223372036854775808", "18446744073709551616", "-170141183460469231731687303715884105729", "7" * 4000, "null"),
    *(
        '""',
        '"1"',
        '"1.0"',
        '"null"',
        '" a "',
        '"\\""',
        '"\\\\"',
        '"\\/"',
        '"\\u0000"',
        '"\\ud83d\\ude00"',
        '"é\u2028😀"',
    ),
    *('"\uffff"', '"[{"', _LONGEST_ID),
)
IDS = (
    *(Case(call(id=one), pong(one)) for one in _IDS),
    *(Case(call("nothing", id=one), unknown("nothing", one)) for one in ("1.0", '"é"', "null")),
    # With such an id there is no room for the name.
    Case(call("nothing", id=_LONGEST_ID), Reply(_LONGEST_ID, -32601, "Method not found")),
    *(Case(call(id=one), invalid()) for one in ("true", "false", "[]", "{}", "[1]", '{"id":1}')),
    # It would not fit into an error.
    *(Case(call(id=one), invalid()) for one in ('"' + "x" * 8191 + '"', '"' + "x" * 900_000 + '"')),
    # Of two members with one name the last counts, as in most languages.
    Case(call(id="1", more='"id":2'), pong("2")),
    Case(call(id="[]", more='"\\u0069d":"b"'), pong('"b"')),
    Case(call(id=""), None),
    Case(call("get_camera_status", id=""), None),
    Case(
        "[" + ",".join(call(id=one) for one in ("1", "1", "1.0", '"1"', "null")) + "]",
        tuple(map(pong, ("1", "1", "1.0", '"1"', "null"))),
    ),
)

_NOT_VALUES = (
    *("NaN", "Infinity", "-Infinity", "nan", "1e400", "-1e400", "1e999999999", "7" * 5000, "-" + "7" * 5000),
    *('"\\ud800"', '"\\udc00"', '"\\ud800x"', '"\\ud800\\ud800"', '"\\udc00\\ud800"', '"a\\udfff"'),
    *("01", "+1", ".5", "1.", "0x1", "1_0", "1e", "--1", "tru", "True", "None", "undefined", "'a'", "a", '"\\x41"'),
    *(
        '"\\u12g4"',
        '"\\u12',
        '"\n"',
        '"\t"',
        '"\x00"',
        '"\x1f"',
        "[1,]",
        "[,1]",
        "[1 2]",
        '{"a":1,}',
        '{"a"}',
        "{a:1}",
        "{1:1}",
    ),
)
NOT_JSON = (
    *(Case(call(more=f'"more":{value}'), PARSE) for value in _NOT_VALUES),
    *(Case(call(params=f"[{value}]"), PARSE) for value in ("NaN", '"\\ud800"', "1e400", "7" * 5000)),
    *(Case(call(params=f'{{"a":[{{"b":{value}}}]}}'), PARSE) for value in ("-Infinity", '"\\udc00"', "-1e400")),
    *(Case(call(id=value), PARSE) for value in ("NaN", '"\\ud800"', "1e400", "7" * 5000)),
    *(Case(f"[{call()},{call(params='[' + value + ']')}]", PARSE) for value in ("NaN", '"\\ud800"', "1e400")),
    *(
        Case(text, PARSE)
        for text in ("NaN", "1e400", '"\\ud800"', " ", "\n", "{", "}", "[", "]", "nul", "\x00", "ping")
    ),
    Case(call("\\ud800"), PARSE),
    Case(call(more='"\\ud800":1'), PARSE),
    Case("\ufeff" + call(), PARSE),
    Case(call() + "\ufeff", PARSE),
    Case(call() + "x", PARSE),
    Case(call() + call(), PARSE),
    Case(call() + "\n" + call(), PARSE),
    Case(call() + ",", PARSE),
    Case(call() + "\x00", PARSE),
    Case("/**/" + call(), PARSE),
    Case(call()[:-1], PARSE),
    Case("\u00a0" + call(), PARSE),
    Case("\x0b" + call(), PARSE),
    Case(" \r\n\t" + call() + "\t\r\n ", pong()),
)

_CALL_AS_REPLY = '{"jsonrpc":"2.0","result":19,"id":5}'
REQUESTS = (
    *(
        Case(f'{{"jsonrpc":{version},"method":"ping","id":7}}', invalid("7"))
        for version in ('"1.0"', '"2"', '"2.00"', '"2.0 "', "2.0", "2", "null", "true", "[]", '["2.0"]', "{}")
    ),
    Case('{"method":"ping","id":7}', invalid("7")),
    *(
        Case(f'{{"jsonrpc":"2.0","method":{name},"id":"a"}}', invalid('"a"'))
        for name in ("1", "null", "[]", "{}", "true")
    ),
    Case('{"jsonrpc":"2.0","id":"a"}', invalid('"a"')),
    *(Case(call(params=params), invalid("1")) for params in ("null", "1", '"a"', "true", "1.5")),
    *(Case(call(params=params), pong()) for params in ("[]", "{}", " [ ] ", "{\n}")),
    *(Case(text, invalid()) for text in ("1", "null", '"ping"', "true", "1.5", "-0", "{}", '""')),
    # What is no request is no notification either.
    Case('{"jsonrpc":"2.0","method":"ping","params":1}', invalid()),
    Case('{"jsonrpc":"1.0","method":"ping"}', invalid()),
    Case(_CALL_AS_REPLY, invalid("5")),
    Case('{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":null}', invalid()),
    Case(call(more='"meta":{"trace":[1,null]},"":0'), pong()),
    Case('{"\\u006asonrpc":"\\u0032.0","m\\u0065thod":"p\\u0069ng","\\u0069d":7}', pong("7")),
    Case(f"[[{call()}]]", (invalid(),)),
    Case("[[],{},null,[1],true]", (invalid(),) * 5),
    Case(f'[{call()},{{"jsonrpc":"2.0","method":"ping","id":{{}}}},{call(id="2")}]', (pong("1"), invalid(), pong("2"))),
    Case(f'[{call(id="")},{{"jsonrpc":"1.0","method":"ping","id":3}}]', (invalid("3"),)),
    *(
        Case(call(name), unknown(name))
        for name in (
            "",
            "Ping",
            " ping",
            "ping ",
            "pong",
            "rpc.",
            "rpc.secret",
            "__init__",
            "ping.ping",
            "camera",
            "é",
            "*",
        )
    ),
    Case(call("ping\\u0000"), unknown("ping\x00")),
    Case(call("rpc.discover"), Reply("1", result={"openrpc": ANY, "info": ANY, "methods": ANY})),
)

PARAMS = (
    Case(call(params="[1]"), refused("[0]", "too_many")),
    Case(call(params='{"x":1}'), refused("x", "unknown")),
    Case(call("get_camera_status"), refused("device", "missing")),
    Case(call("get_camera_status", "{}"), refused("device", "missing")),
    Case(call("get_camera_status", "[]"), refused("device", "missing")),
    *(
        Case(call("get_camera_status", f'{{"device":{value}}}'), refused("device", "type"))
        for value in ("null", "true", "[]", "{}", "1.5")
    ),
    *(Case(call("get_camera_status", f"[{value}]"), refused("device", "type")) for value in ("null", "[]", "{}")),
    Case(call("get_camera_status", '[""]'), refused("device", "length")),
    Case(call("get_camera_status", '{"device":"demo","deep":1}'), refused("deep", "unknown")),
    Case(call("get_camera_status", '{"Device":"demo"}'), refused("Device", "unknown")),
    Case(call("get_camera_status", '["demo",1]'), refused("[1]", "too_many")),
    Case(call("set_camera_alias", '["demo"]'), refused("name", "missing")),
    Case(call("set_camera_alias", '{"name":"a"}'), refused("device", "missing")),
    Case(call("set_camera_alias", '["demo", 5]'), refused("name", "type")),
    Case(call("get_camera_capabilities", '{"device":"demo","refresh":1}'), refused("refresh", "type")),
    Case(call("get_camera_capabilities", '{"device":"demo","refresh":null}'), refused("refresh", "type")),
    Case(call("get_camera_capabilities", '["demo",false]'), Reply("1", result={**DEMO, "modes": ANY})),
    Case(call("set_camera_format", '{"device":"demo","width":-1}'), refused("width", "range")),
    Case(call("set_camera_controls", '{"device":"demo","controls":[]}'), refused("controls", "type")),
    # Not found is told apart from ill-formed.
    Case(
        call("get_camera_status", '["usb-0000-0000-none"]'),
        Reply("1", -32010, "Not found", {"resource": "camera", "id": "usb-0000-0000-none"}),
    ),
    Case(
        call("get_camera_status", '{"device":"/dev/video4711"}'),
        Reply("1", -32010, "Not found", {"resource": "camera", "id": "/dev/video4711"}),
    ),
    # Every way to say which camera.
    *(Case(call("get_camera_status", f'["{name}"]'), Reply("1", result=DEMO)) for name in ("demo", "/dev/video-demo")),
    Case(call("get_camera_status", '["d\\u0065mo"]'), Reply("1", result=DEMO)),
    # The method comes first, then the parameters.
    Case(call("no_such_method", '{"x":1}'), unknown("no_such_method")),
    # A notification's fault is nobody's business.
    Case(call("get_camera_status", '{"x":1}', id=""), None),
)


def _nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def _padded(size: int) -> str:
    text = call(id='"padded"')
    return text + " " * (size - len(text))


_LONG = "x" * 500_000
_CUT = "x" * 199 + "…"
#: The largest message, in bytes.
LARGEST = 1024 * 1024
LIMITS = (
    # The request is a level itself.
    Case(call(more=f'"more":{_nested(63)}'), pong()),
    Case(call(more=f'"more":{_nested(64)}'), PARSE),
    Case("[" + call(more=f'"more":{_nested(62)}') + "]", (pong(),)),
    Case("[" + call(more=f'"more":{_nested(63)}') + "]", PARSE),
    Case(call(more='"more":' + '{"a":' * 63 + "1" + "}" * 63), pong()),
    Case(call(more='"more":' + '{"a":' * 64 + "1" + "}" * 64), PARSE),
    Case(_nested(500_000), PARSE),
    Case("[" * 1_000_000, PARSE),
    Case('{"a":' * 200_000, PARSE),
    # Neither brackets side by side nor those in a text are nested.
    Case(call(more='"more":[' + ",".join(["[]"] * 10_000) + "]"), pong()),
    Case(call(more='"more":"' + "[{" * 1000 + '\\"[["'), pong()),
    Case(
        "[" + ",".join(call(id=str(number)) for number in range(100)) + "]",
        tuple(pong(str(number)) for number in range(100)),
    ),
    Case("[" + ",".join(call(id=str(number)) for number in range(101)) + "]", invalid()),
    Case("[" + ",".join(["1"] * 100) + "]", (invalid(),) * 100),
    Case("[" + ",".join(["1"] * 101) + "]", invalid()),
    Case("[" + ",".join([call(id="")] * 100) + "]", None),
    Case(_padded(LARGEST), pong('"padded"')),
    # What an error gives back of the request is cut.
    Case(call(_LONG), unknown(_CUT)),
    Case(call(params=f'{{"{_LONG}":1}}'), refused(_CUT, "unknown")),
    Case(call("get_camera_status", f'["{_LONG}"]'), refused("device", "length")),
    Case(
        call("get_camera_status", '["' + "x" * 1000 + '"]'),
        Reply("1", -32010, "Not found", {"resource": "camera", "id": _CUT}),
    ),
    Case(call(params='{"' + "\\u0001" * 5000 + '":1}'), Reply("1", -32602, "Invalid params")),
    Case(call(params="[" + ",".join(["1"] * 100_000) + "]"), refused("[0]", "too_many")),
)

# What a caller with the role ``status`` may not do.
_DENIED = Reply("1", -32002, "Permission denied", {"required_role": "operator", "have_role": "status"})
DENIED = (
    Case(call("set_camera_alias", '["demo","mine"]'), _DENIED),
    # The role comes before the parameters, whose rules are none of this caller's business.
    Case(call("set_camera_alias", '{"x":1}'), _DENIED),
    Case(call("get_camera_status", '["demo"]'), Reply("1", result=DEMO)),
)
