"""Clients that do anything in any order: a state machine over the whole network side, in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from tests.web.case import WebTestCase, request
from tests.web.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from webcam_rpc import config

if TYPE_CHECKING:
    from tests.web.wire import Wire


class _Site(WebTestCase):
    def runTest(self) -> None:  # noqa: N802 - unittest's name
        """Nothing: the machine uses it."""


class _Peer:
    """One client: what it has asked for, and what it was told.

    :ivar asked: ids that are to be answered once.
    :ivar fragments: whether it is in the middle of a message.
    :ivar ended: whether it has said or been told goodbye, after which it is owed nothing.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.asked: set[Any] = set()
        self.answered: list[Any] = []
        self.numbers: list[int] = []
        self.pongs = 0
        self.fragments = False
        self.ended = False


class Clients(RuleBasedStateMachine):
    """The machine."""

    peers = Bundle("peers")
    fast = True

    def __init__(self) -> None:
        super().__init__()
        self.site = _Site()
        self.site.limits = config.Server(fast_path=self.fast)
        self.site.setUp()
        self.last_id = self.told = 0
        self.all: list[_Peer] = []

    def teardown(self) -> None:
        """See that nobody is left, and that nothing was a defect."""
        for peer in self.all:
            if not peer.wire.lost:
                peer.wire.hang_up()
        self.site.settle(20)
        assert len(self.site.clients) == len(self.site.clients.connections) == 0
        defects = [event for event in self.site.log if event["log_level"] >= LogLevel.error]
        assert not defects, defects
        self.site.doCleanups()

    @rule(target=peers)
    def connect(self) -> Any:
        """Come."""
        if len(self.all) > 12:
            return multiple()
        self.all.append(_Peer(self.site.websocket()))
        return self.all[-1]

    @rule(peer=peers, method=st.sampled_from(["ping", "echo", "nothing", "admin"]), text=st.text(max_size=300))
    def call(self, peer: _Peer, method: str, text: str) -> None:
        """Make a call."""
        self.last_id += 1
        params = {"text": text} if method == "echo" else {}
        self._ask(peer, [self.last_id], request(method, self.last_id, **params))

    @rule(peer=peers, size=st.integers(1, 100))
    def batch(self, peer: _Peer, size: int) -> None:
        """Make many calls at once."""
        ids = [self.last_id + 1 + number for number in range(size)]
        self.last_id += size
        self._ask(peer, ids, b"[" + b",".join(request("ping", one) for one in ids) + b"]")

    @rule(peer=peers, cut=st.integers(1, 30))
    def begin_message(self, peer: _Peer, cut: int) -> None:
        """Send the first fragment of a call, unless it is in the middle of one."""
        if not peer.fragments:
            self.last_id += 1
            text = request("ping", self.last_id)
            peer.fragments, peer.rest = True, (self.last_id, text[cut:])  # type: ignore[attr-defined]
            self._send(peer, frame(TEXT, text[:cut], fin=False))

    @rule(peer=peers)
    def end_message(self, peer: _Peer) -> None:
        """Send the last fragment."""
        if peer.fragments and not peer.ended:
            peer.fragments = False
            number, rest = peer.rest  # type: ignore[attr-defined]
            peer.asked.add(number)
            self._send(peer, frame(CONTINUATION, rest))

    @rule(peer=peers, payload=st.binary(max_size=125))
    def ping(self, peer: _Peer, payload: bytes) -> None:
        """Ping, between fragments too."""
        if not peer.ended:
            peer.pongs += 1
            self._send(peer, frame(PING, payload))

    @rule(peer=peers, text=st.sampled_from([b"{", b"[]", b"nonsense", b'{"jsonrpc":"2.0"}', b"\x00"]))
    def nonsense(self, peer: _Peer, text: bytes) -> None:
        """Send what is no request: it is answered, with an id of null, and ends nothing."""
        if not peer.fragments:
            self._send(peer, frame(TEXT, text))

    @rule(
        peer=consumes(peers),
        what=st.sampled_from([frame(BINARY, b"x"), frame(3), frame(TEXT, b"x", rsv=2), frame(TEXT, b"\xff")]),
    )
    def violate(self, peer: _Peer, what: bytes) -> None:
        """Break the protocol, which is the end."""
        self._send(peer, what)
        peer.ended = True
        self.site.settle(5)

    @rule(peer=consumes(peers), code=st.sampled_from([1000, 1001, 3000]))
    def close(self, peer: _Peer, code: int) -> None:
        """Say goodbye."""
        self._send(peer, frame(CLOSE, code.to_bytes(2, "big")))
        peer.ended = True

    @rule(peer=consumes(peers))
    def hang_up(self, peer: _Peer) -> None:
        """Say none."""
        peer.ended = True
        if not peer.wire.lost:
            peer.wire.hang_up()

    @rule()
    def broadcast(self) -> None:
        """Have news for everybody."""
        self.told += 1
        payload = json.dumps({"jsonrpc": "2.0", "method": "news", "params": {"seq": self.told}}).encode()
        self.site.clients.broadcast(payload, "camera_status_update", None)

    @rule()
    def turn(self) -> None:
        """Turn."""
        self.site.settle(10)

    @invariant()
    def everybody_is_answered_once(self) -> None:
        """See that whoever is there has each answer once, each pong, and news in their order."""
        self.site.settle(20)
        for peer in self.all:
            self._read(peer)
            if not peer.ended:
                assert sorted(peer.answered) == sorted(peer.asked), (peer.answered, peer.asked)
                assert peer.pongs == 0, "a ping without a pong"
            assert len(set(peer.answered)) == len(peer.answered), "answered twice"
            assert peer.numbers == sorted(set(peer.numbers)), "news out of order"

    def _ask(self, peer: _Peer, ids: list[int], text: bytes) -> None:
        if not peer.fragments and not peer.ended:
            peer.asked.update(ids)
            self._send(peer, frame(TEXT, text))

    @staticmethod
    def _send(peer: _Peer, data: bytes) -> None:
        if not peer.ended:
            peer.wire.send(data)

    @staticmethod
    def _read(peer: _Peer) -> None:
        for each in peer.wire.frames():
            if each.opcode == PONG:
                peer.pongs -= 1
            elif each.opcode == TEXT:
                found = json.loads(each.payload)
                for one in found if isinstance(found, list) else [found]:
                    if "method" in one:
                        peer.numbers.append(one["params"]["seq"])
                    elif one["id"] is not None:
                        peer.answered.append(one["id"])


class StockClients(Clients):
    """The machine, without the fast path."""

    fast = False


class MachineTests(SynchronousTestCase):
    """The machine, for a while."""

    machine = Clients

    def test_anything(self) -> None:
        """Whatever clients do, whoever is there is answered."""
        run_state_machine_as_test(
            self.machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True)
        )
