"""Where a token is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from webcam_rpc.web.credentials import COOKIE, cookie, shown


def token(query: bytes | None = None, **headers: str) -> str | None:
    """Give the token that a request shows."""
    named = Headers({name.replace("_", "-"): [value] for name, value in headers.items()})
    found = shown(named, {} if query is None else {b"token": [query]})
    return found.token if found is not None else None


class ShownTests(SynchronousTestCase):
    """Each of the places."""

    def test_places(self) -> None:
        """Two headers, the query, the cookie."""
        self.assertIsNone(token())
        self.assertEqual(token(authorization="Bearer abc"), "abc")
        self.assertEqual(token(authorization="bearer   abc "), "abc")
        self.assertEqual(token(x_api_key="abc"), "abc")
        self.assertEqual(token(b"abc"), "abc")
        self.assertEqual(token(cookie=f"other=1; {COOKIE}=abc; more=2"), "abc")

    def test_order(self) -> None:
        """What is most deliberate counts: a browser sends its cookie with everything."""
        self.assertEqual(token(b"query", cookie=f"{COOKIE}=jar", x_api_key="key", authorization="Bearer b"), "b")
        self.assertEqual(token(b"query", cookie=f"{COOKIE}=jar", x_api_key="key"), "key")
        self.assertEqual(token(b"query", cookie=f"{COOKIE}=jar"), "query")

    def test_of_others(self) -> None:
        """Basic credentials are for somebody in front of us, and other cookies for somebody beside us."""
        self.assertIsNone(token(authorization="Basic dXNlcjpwYXNz", cookie="session=1"))
        self.assertEqual(token(b"abc", authorization="Basic dXNlcjpwYXNz"), "abc")

    def test_hidden(self) -> None:
        """Nobody who writes it down gives it away."""
        self.assertNotIn("abc", repr(shown(Headers({"x-api-key": ["abc"]}), {})))

    def test_empty(self) -> None:
        """An empty token is a token, and a wrong one: nobody becomes nobody by a script that lost its variable."""
        self.assertEqual(token(authorization="Bearer "), "")
        self.assertEqual(token(b""), "")

    @given(st.binary(max_size=6000), st.binary(max_size=6000), st.binary(max_size=6000))
    def test_anything(self, authorization: bytes, key: bytes, jar: bytes) -> None:
        """Whatever is in there, it is read or passed over, and cut."""
        raw = {b"authorization": [b"Bearer " + authorization], b"cookie": [jar], b"x-api-key": [key]}
        headers = Headers({name: [values[0].replace(b"\n", b"").replace(b"\r", b"")] for name, values in raw.items()})
        found = shown(headers, {})
        assert found is not None
        self.assertLessEqual(len(found.token), 4096)
        shown(Headers({b"cookie": [jar.replace(b"\n", b"").replace(b"\r", b"")]}), {})


class CookieTests(SynchronousTestCase):
    """The dashboard's cookie."""

    def test_written(self) -> None:
        """No script reads it, no other site has it sent, and by https it stays with https."""
        text = b"webcam_rpc_token=abc; Path=/; HttpOnly; SameSite=Strict"
        self.assertEqual(cookie("abc", None, secure=False), text)
        self.assertEqual(cookie("abc", 60, secure=True), text + b"; Secure; Max-Age=60")
