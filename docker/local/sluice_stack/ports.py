"""Loopback ports for the services of one stack."""

from __future__ import annotations

import random
import socket

from .errors import StackError

HOST = "127.0.0.1"
# Below the kernel's range for outgoing connections (32768 on): a service that was killed must find its port
# still free when it comes back, and an outgoing connection could have taken one from that range meanwhile.
_FIRST, _LAST = 15000, 32000


def is_free(port: int) -> bool:
    """True if a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(names: list[str], base: int | None) -> dict[str, int]:
    """One port per name: base, base + 1, ... or free ones drawn at random."""
    if base is not None:
        if not 1024 <= base <= 65535 - len(names):
            raise StackError(f"--port-base {base} is outside 1024..{65535 - len(names)}")
        return {name: base + i for i, name in enumerate(names)}
    chosen: dict[str, int] = {}
    candidates = iter(random.sample(range(_FIRST, _LAST), 1000))
    for name in names:
        chosen[name] = next(port for port in candidates if is_free(port))
    return chosen
