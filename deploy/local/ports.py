"""Which loopback ports to listen on.

They lie below the range from which systems take ports for outgoing connections: there a client that keeps
knocking at a stopped server may connect to itself, and the server cannot come back.
"""

import secrets
import socket
from collections.abc import Container

from deploy.local.trouble import Trouble

LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 20_000, 29_999


def free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(but: Container[int] = ()) -> int:
    """Return a free port that is not one of `but`."""
    for _ in range(1000):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)
        if port not in but and free(port):
            return port
    raise Trouble(f"no port between {_FIRST} and {_LAST} is free on {LOOPBACK}: end something that listens")
