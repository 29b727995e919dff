"""The small parts of the client: calls and their answers, delays, addresses, the queue behind an iterator."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.client.address import address
from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.conversation import Call, Conversation
from webcam_rpc.client.errors import BadAnswer, CallFailed, ConnectionLost, Overrun
from webcam_rpc.client.events import Events
from webcam_rpc.client.following import Following, Missed, Position


class ConversationTests(SynchronousTestCase):
    """The calls of a connection."""

    def setUp(self) -> None:
        """Begin one."""
        self.conversation = Conversation()
        self.outcomes: list[Any] = []

    def ask(self, result: Any = Any, **params: object) -> int:
        """Make a call, and check how it is written."""
        call = Call("ping", result, self.outcomes.append, self.outcomes.append)
        number, text = self.conversation.ask(call, params)
        given = {name: value for name, value in params.items() if value is not UNSET}
        request = {"jsonrpc": "2.0", "method": "ping", "id": number, **({"params": given} if given else {})}
        self.assertEqual(json.loads(text), request)
        return number

    def answer(self, number: int, **outcome: object) -> None:
        """Let the service answer."""
        self.assertIsNone(self.conversation.received(json.dumps({"jsonrpc": "2.0", "id": number, **outcome})))

    def test_answers_find_their_calls(self) -> None:
        """Answers may come in any order; what is UNSET is not sent, null is."""
        first, second = self.ask(a=1, b=UNSET, c=None), self.ask()
        self.answer(second, result="second")
        self.answer(first, result="first")
        self.assertEqual(self.outcomes, ["second", "first"])

    def test_error(self) -> None:
        """An error has its code, words and data; one without data has none to ask for."""
        self.answer(self.ask(), error={"code": -32010, "message": "Not found", "data": {"id": "x"}})
        self.answer(self.ask(), error={"code": -32700, "message": "Parse error"})
        found, parse = self.outcomes
        self.assertIsInstance(found, CallFailed)
        self.assertEqual(
            (found.method, found.code, found.message, found.data), ("ping", -32010, "Not found", {"id": "x"})
        )
        self.assertEqual((parse.code, parse.data), (-32700, {}))

    def test_other_result(self) -> None:
        """A result of another type fails the call that it answers, and no other."""
        self.answer(self.ask(int), result="text")
        self.answer(self.ask(int), result=None)
        self.answer(self.ask(type(None)), result=None)
        self.assertEqual([type(one) for one in self.outcomes], [BadAnswer, BadAnswer, type(None)])

    def test_late_and_lost(self) -> None:
        """What is abandoned is settled no more, whether it is answered or lost; the rest fails with the connection."""
        late, _ = self.ask(), self.ask()
        self.assertIsNotNone(self.conversation.abandon(late))
        self.answer(late, result="late")
        self.conversation.lost(lambda call: ConnectionLost(call.method))
        self.conversation.lost(lambda call: ConnectionLost(call.method))
        self.assertEqual([type(one) for one in self.outcomes], [ConnectionLost])

    def test_no_message(self) -> None:
        """What is not a message is no answer to anything."""
        for text in ("{", "[]", b"\xff", '{"method": 1}'):
            self.assertRaises(BadAnswer, self.conversation.received, text)

    def test_unwritable(self) -> None:
        """A call that JSON cannot carry is not made, and nobody waits for it."""
        self.assertRaises(TypeError, self.ask, device=object())
        self.conversation.lost(lambda call: ConnectionLost(call.method))
        self.assertEqual(self.outcomes, [])


class BackoffTests(SynchronousTestCase):
    """Delays."""

    def test_grows_to_its_most(self) -> None:
        """Each delay is up to twice the one before; after a good connection it begins anew."""
        backoff = Backoff(1, 5, uniform=lambda: 1.0)
        self.assertEqual([backoff.delay() for _ in range(5)], [1, 2, 4, 5, 5])
        backoff.reset()
        self.assertEqual(backoff.delay(), 1)

    def test_chance(self) -> None:
        """Chance takes away up to a half: clients of one service do not come back together."""
        self.assertEqual([Backoff(2, 2, uniform=by).delay() for by in (lambda: 0.0, lambda: 0.5)], [1, 1.5])

    def test_nonsense(self) -> None:
        """Delays that would never wait, or shrink, are refused."""
        for first, most, factor in ((0, 1, 2), (2, 1, 2), (1, 2, 0.5)):
            self.assertRaises(ValueError, Backoff, first, most, factor)


class AddressTests(SynchronousTestCase):
    """URLs and tokens."""

    def test_forms(self) -> None:
        """A page's address will do, and the path is /ws unless it says another."""
        for url, expected in (
            ("ws://camera:8002/ws", ("ws://camera:8002/ws", "camera", 8002, False)),
            ("http://camera:8002", ("ws://camera:8002/ws", "camera", 8002, False)),
            ("https://camera/", ("wss://camera/ws", "camera", 443, True)),
            ("wss://[::1]:9/cameras/ws", ("wss://[::1]:9/cameras/ws", "::1", 9, True)),
        ):
            self.assertEqual(address(url)[:4], expected)

    def test_token(self) -> None:
        """A token is a header; one that would end the header is none."""
        self.assertEqual(address("ws://c", "abc").headers, {"Authorization": "Bearer abc"})
        for token in ("", "a b", "a\r\nX: y", "é"):
            self.assertRaises(ValueError, address, "ws://c", token)

    def test_refused(self) -> None:
        """What is no address is refused, also one with a token in it, which logs would show."""
        for url in ("camera:8002", "ftp://camera", "ws://", "ws://user@camera", "ws://camera/ws?token=x"):
            self.assertRaises(ValueError, address, url)

    def test_topics(self) -> None:
        """A topic that there is not, or none at all, is refused before anything is connected to."""
        for topics in ((), ("camera_status",)):
            self.assertRaises(ValueError, Following, topics)


class EventsTests(SynchronousTestCase):
    """The queue behind an iterator."""

    def events(self, *kinds: type, limit: int = 10) -> Events:
        """Make one."""
        self.left: list[Events] = []

        def wait() -> Any:
            deferred: Deferred[None] = Deferred()
            return deferred, lambda: deferred.callback(None)

        return Events(kinds, limit, wait, self.left.append)

    def next(self, events: Events) -> Deferred[Any]:
        """Read one."""
        return Deferred.fromCoroutine(anext(events))

    def test_waits(self) -> None:
        """Who reads before there is anything gets the first that comes."""
        events = self.events()
        first = self.next(events)
        self.assertNoResult(first)
        events.put("one")
        events.put("two")
        self.assertEqual(self.successResultOf(first), "one")
        self.assertEqual(self.successResultOf(self.next(events)), "two")

    def test_kinds(self) -> None:
        """Only what was asked for comes, and that events are missing."""
        events = self.events(int)
        missed = Missed("restarted", Position(1, "a"), Position(0, "b"))
        for one in ("text", 1, missed):
            events.put(one)
        self.assertEqual([self.successResultOf(self.next(events)) for _ in range(2)], [1, missed])

    def test_full(self) -> None:
        """What is too much ends it, behind what was there; nothing is left out in silence."""
        events = self.events(limit=1)
        events.put("one")
        events.put("two")
        events.put("three")
        self.assertEqual(self.successResultOf(self.next(events)), "one")
        self.failureResultOf(self.next(events), Overrun)
        self.failureResultOf(self.next(events), StopAsyncIteration)
        self.assertEqual(self.left, [events])

    def test_closed(self) -> None:
        """Who closes it gets nothing more, and who waits is told."""
        events = self.events()
        waiting = self.next(events)
        events.close()
        events.close()
        self.failureResultOf(waiting, StopAsyncIteration)
        self.assertEqual(self.left, [events])
