"""Secrets out of texts that are about to be logged.

Owns which names are secret. Works on what clients really send, so it never raises, takes time linear in the length, and
where it is in doubt (a text that is cut, or no JSON) it hides too much.
"""

from __future__ import annotations

import json
import re

MASK = "***"

_NAME = r"(?:token|password|passwd|secret|api[_-]?key)"
_HINT = re.compile(rf"{_NAME}|authenticate|bearer|\\u00", re.IGNORECASE)
_SECRET_KEY = re.compile(rf"{_NAME}\Z", re.IGNORECASE)
# Methods whose params are secret when they come by position, where they have no name.
_SECRET_METHODS = frozenset({"authenticate"})
_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_VALUE = r"""(?:"(?:[^"\\]|\\.)*(?:"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|[\[{].*|[^\s,;&}\]"']+)"""
_NAMED = re.compile(rf"""({_NAME}["']?\s*[:=]\s*){_VALUE}""", re.IGNORECASE | re.DOTALL)
_BEARER = re.compile(r"(bearer\s+)[^\s,;\"']+", re.IGNORECASE)
_POSITIONAL = re.compile(r"""(["']params["']\s*:\s*[\[(]).*""", re.DOTALL)


def mask(text: str) -> str:
    """Hide the secrets in any text: ``"auth_token": "…"``, ``?token=…``, ``Bearer …``."""
    if not _HINT.search(text):
        return text
    # An escaped letter (authenticat\u0065) is the letter to whoever parses it. Quotes and backslashes stay escaped.
    text = _ESCAPED.sub(_unescaped, text)
    if any(method in text for method in _SECRET_METHODS):
        text = _POSITIONAL.sub(rf"\1{MASK}", text)
    return _BEARER.sub(rf"\1{MASK}", _NAMED.sub(rf'\1"{MASK}"', text))


def mask_message(text: str, limit: int) -> str:
    """Hide the secrets in one JSON-RPC message as it was received or sent; one without secrets is left as it is."""
    if len(text) > limit:
        # The method may stand behind the cut and its params before it, and with an escape it may be any method.
        secret = "\\u00" in text or any(method in text for method in _SECRET_METHODS)
        kept = _ESCAPED.sub(_unescaped, text[:limit])
        kept = _POSITIONAL.sub(rf"\1{MASK}", kept) if secret else kept
        return f"{mask(kept)}… ({len(text) - limit} more characters)"
    if not _HINT.search(text):
        return text
    try:
        value = json.loads(text)
        hidden = _without_secrets(value)
        # Of two members with one name the parser shows the last only, so a text that seems clean is not trusted.
        return mask(text if hidden == value else json.dumps(hidden, ensure_ascii=False))
    except (ValueError, RecursionError):
        return mask(text)


def _without_secrets(value: object) -> object:
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    method = value.get("method")
    by_position = isinstance(method, str) and method in _SECRET_METHODS
    return {
        key: MASK
        if _SECRET_KEY.search(key) or (by_position and key == "params" and not isinstance(item, dict))
        else _without_secrets(item)
        for key, item in value.items()
    }


def _unescaped(found: re.Match[str]) -> str:
    letter = chr(int(found[1], 16))
    return letter if letter.isalnum() or letter in "_-" else found[0]
