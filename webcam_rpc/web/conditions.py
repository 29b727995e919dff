"""Whether a client has a file already, or asks for a part of one that it has: conditional requests.

Pure. RFC 9110, section 13: which header counts where there are several, and how validators are compared.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.web.http import stringToDatetime

if TYPE_CHECKING:
    from webcam_rpc.web.access import Headers

_TAG = re.compile(r'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|\Z)')


def outcome(headers: Headers, tag: str, modified: int) -> HTTPStatus | None:
    """Give the status that a GET or HEAD ends with before anything is sent (304 or 412), None where it goes on.

    :param tag: the file's strong entity tag, in its quotes.
    :param modified: when it was last modified, in Unix seconds.
    """
    match, unmodified = _value(headers, b"if-match"), _date(headers, b"if-unmodified-since")
    if match is not None:
        if not _lists(match, tag, weakly=False):
            return HTTPStatus.PRECONDITION_FAILED
    elif unmodified is not None and modified > unmodified:
        return HTTPStatus.PRECONDITION_FAILED
    none_match, since = _value(headers, b"if-none-match"), _date(headers, b"if-modified-since")
    if none_match is not None:
        return HTTPStatus.NOT_MODIFIED if _lists(none_match, tag, weakly=True) else None
    return HTTPStatus.NOT_MODIFIED if since is not None and modified <= since else None


def range_applies(headers: Headers, tag: str) -> bool:
    """Tell whether Range counts: If-Range names this very file, or there is none.

    A date there never counts. A recording may be replaced within the second in which it ended, and no client that was
    given an entity tag may send one (section 13.1.5).
    """
    wanted = _value(headers, b"if-range")
    return wanted is None or wanted.strip() == tag


def _value(headers: Headers, name: bytes) -> str | None:
    values = headers.getRawHeaders(name)
    return ",".join(value.decode("latin-1") for value in values) if values else None


def _date(headers: Headers, name: bytes) -> int | None:
    values = headers.getRawHeaders(name) or ()
    if len(values) != 1:
        return None
    try:
        return int(stringToDatetime(values[0]))
    except Exception:  # noqa: BLE001 - Twisted's parser fails in several ways; what is no date is passed over
        return None


def _lists(text: str, tag: str, *, weakly: bool) -> bool:
    if text.strip() == "*":
        return True
    place = 0
    while match := _TAG.match(text, place):
        if match[2] == tag and (weakly or not match[1]):
            return True
        place = match.end()
    return False
