"""What may be shown of a configuration: plain values without what is secret in them.

Pure. Hides too much rather than too little: a key counts as secret by its name, wherever it is, and so does whatever
stands before the @ of a URL.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

HIDDEN = "***"

_SECRET = re.compile(r"(?:token|password|passwd|passphrase|secret|api_?key)s?\Z", re.IGNORECASE)
_USER = re.compile(r"(://)[^/\s@]*@")


def shown(key: str, value: Any) -> Any:  # noqa: ANN401 - of any option
    """Give the value of an option as JSON may have it; a secret that is not there is shown not to be."""
    return _hidden(key, msgspec.to_builtins(value))


def shown_text(text: str) -> str:
    """Give a text about a value without the passwords in its URLs."""
    return _USER.sub(rf"\1{HIDDEN}@", text)


def _hidden(key: str, value: Any) -> Any:  # noqa: ANN401 - plain data
    if value is not None and _SECRET.search(key):
        return HIDDEN
    if isinstance(value, str):
        return shown_text(value)
    if isinstance(value, dict):
        return {name: _hidden(name, item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(key, item) for item in value]
    return value
