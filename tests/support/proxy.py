"""A TCP proxy on 127.0.0.1 that does to a connection what networks do."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_TICK = 0.05

Change = Callable[[bytes, int], bytes | None]
"""Gets a piece and the number of bytes before it; None resets the connection."""


@dataclass
class Proxy:
    port: int
    connections: int = 0
    spares_server: bool = False
    """A reset reaches the client alone; the server has what was sent before it, and an end."""
    up: Change = field(default=lambda data, _before: data)
    """What happens to the bytes on their way to the server."""
    down: Change = field(default=lambda data, _before: data)


def reset_after(limit: int) -> Change:
    """Reset each connection when so many bytes have passed."""
    return lambda data, before: None if before + len(data) > limit else data


def flip_after(limit: int) -> Change:
    """Flip one bit of the piece with the byte at this position."""

    def flip(data: bytes, before: int) -> bytes:
        if before <= limit < before + len(data):
            at = limit - before
            return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        return data

    return flip


@contextlib.contextmanager
def running_proxy(target_port: int) -> Iterator[Proxy]:
    """Connections to the proxy's port go to the target's; changes hold for new and old ones."""
    stopped = threading.Event()
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(listener.getsockname()[1])

        def accept() -> None:
            while not stopped.is_set():
                if select.select([listener], [], [], _TICK)[0]:
                    client, _address = listener.accept()
                    proxy.connections += 1
                    thread = threading.Thread(target=serve, args=(client,))
                    threads.append(thread)
                    thread.start()

        def serve(client: socket.socket) -> None:
            with (
                contextlib.suppress(OSError),
                client,
                socket.create_connection(("127.0.0.1", target_port)) as server,
            ):
                _carry(proxy, client, server, stopped)

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield proxy
        finally:
            stopped.set()
            for thread in threads:
                thread.join()


def _carry(
    proxy: Proxy, client: socket.socket, server: socket.socket, stopped: threading.Event
) -> None:
    passed = {client: 0, server: 0}
    for end in passed:
        end.settimeout(30)
    while not stopped.is_set():
        for source in select.select(list(passed), [], [], _TICK)[0]:
            target = server if source is client else client
            if not (data := source.recv(1 << 16)):
                return
            change = proxy.up if source is client else proxy.down
            changed = change(data, passed[source])
            if changed is None:
                # close() then sends a reset
                for end in [client] if proxy.spares_server else passed:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if proxy.spares_server:
                    client.close()
                    _say_goodbye(server)
                return
            passed[source] += len(data)
            target.sendall(changed)


def _say_goodbye(server: socket.socket) -> None:
    """Closing with answers unread would be a reset, for which it forgets what it has not read."""
    server.shutdown(socket.SHUT_WR)
    while server.recv(1 << 16):
        pass


@contextlib.contextmanager
def silent_listener() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
