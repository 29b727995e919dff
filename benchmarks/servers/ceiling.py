"""The same as ``ceiling.c``, where there is no compiler: epoll, one read, one send, no JSON."""

from __future__ import annotations

import os
import re
import select
import socket

_HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_ID = re.compile(rb'"id":(\d+)')
_EVENT = b"\x81\x7e\x01\x28{}" + b" " * 294


def replies(data: bytes) -> tuple[bytes, bytes]:
    """Answer the frames of a read; gives the answers, and what is left."""
    out, at = [], 0
    while len(data) - at >= 6:  # noqa: PLR2004 - a frame's head with its mask (RFC 6455, section 5.2)
        end = at + 6 + (data[at + 1] & 0x7F)
        if end > len(data):
            break
        size = end - at - 6
        mask = (data[at + 2 : at + 6] * (size // 4 + 1))[:size]
        text = (int.from_bytes(data[at + 6 : end], "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
        found = _ID.search(text)
        reply = b'{"jsonrpc":"2.0","result":"pong","id":%s}' % (found[1] if found else b"0")
        out.append(bytes((0x81, len(reply))) + reply)
        at = end
    return b"".join(out), data[at:]


def main() -> None:
    """Serve."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    poll.register(0, select.EPOLLIN)
    clients: dict[int, tuple[socket.socket, list[bytes]]] = {}
    print(f"ws://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = (client, [])
                poll.register(client, select.EPOLLIN)
            elif number == 0:
                line = os.read(0, 4096)
                if not line:
                    return
                for client, _ in clients.values():
                    client.send(_EVENT * int(line.split()[1]))
            else:
                client, kept = clients[number]
                try:
                    data = client.recv(1 << 16)
                except OSError:
                    data = b""
                if not data:
                    del clients[number]
                    client.close()
                elif not kept:
                    kept.append(b"")
                    client.send(_HEAD)
                else:
                    out, kept[0] = replies(kept[0] + data)
                    client.send(out)


if __name__ == "__main__":
    main()
