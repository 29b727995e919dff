"""What the network side has done since the service began. Plain numbers: each costs an addition."""

from __future__ import annotations


class Counts:
    """The numbers.

    :ivar messages_received: of clients, and
    :ivar bytes_received: their text.
    :ivar fast_path: those of the messages that took the fast path.
    :ivar messages_sent: replies and notifications, and
    :ivar bytes_sent: their frames.
    :ivar broadcasts: notifications, however many clients heard of each.
    :ivar too_slow: clients that were closed because too much waited for them, and
    :ivar bytes_dropped: what waited.
    :ivar silent: clients that answered no ping.
    :ivar refused: connections that were too many.
    :ivar wrong_tokens: guesses, and
    :ivar locked_out: addresses that made too many.
    :ivar rate_limited: requests by HTTP that were too many; calls are counted with the calls.
    """

    __slots__ = (
        "broadcasts",
        "bytes_dropped",
        "bytes_received",
        "bytes_sent",
        "fast_path",
        "locked_out",
        "messages_received",
        "messages_sent",
        "rate_limited",
        "refused",
        "silent",
        "too_slow",
        "wrong_tokens",
    )

    def __init__(self) -> None:
        self.messages_received = self.bytes_received = self.messages_sent = self.bytes_sent = self.fast_path = 0
        self.broadcasts = self.too_slow = self.bytes_dropped = self.silent = self.refused = 0
        self.wrong_tokens = self.locked_out = self.rate_limited = 0
