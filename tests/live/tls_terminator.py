"""A door before a ClickHouse that knows neither TLS nor users, as the embedded one: it ends TLS and checks the login.

It reads a connection's greeting (the first packet of the native protocol), answers a wrong login as ClickHouse does,
and for the right one passes the greeting on, as the user without a password, and then everything as it is.
"""

import asyncio
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

AUTHENTICATION_FAILED = 516
_REVISIONS = 3  # major, minor, protocol


class Door:
    """Where it stands, and who was turned away."""

    def __init__(self, behind: int, user: str, password: str) -> None:
        self.port = 0
        self.refused = 0
        self._behind, self._login = behind, (user, password)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        with suppress(OSError, asyncio.IncompleteReadError):
            hello, *login = await _greeting(reader)
            if tuple(login) != self._login:
                self.refused += 1
                writer.write(_refusal())
                await writer.drain()
            else:
                inner, outer = await asyncio.open_connection("127.0.0.1", self._behind)
                outer.write(hello)
                await asyncio.gather(_pass_on(reader, outer), _pass_on(inner, writer))
        writer.close()


@contextmanager
def door(behind: int, tls: ssl.SSLContext, user: str, password: str) -> Iterator[Door]:
    """Open one on a port of its own, in a thread of its own."""
    made = Door(behind, user, password)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    begun = asyncio.run_coroutine_threadsafe(asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls), loop)
    server = begun.result()
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _greeting(reader: asyncio.StreamReader) -> tuple[bytes, str, str]:
    """Read the greeting; return it as the user without a password would say it, and the login that it had."""
    kind, client = await _number(reader), await _text(reader)
    revisions = [await _number(reader) for _ in range(_REVISIONS)]
    database, user, password = [await _text(reader) for _ in range(3)]
    words = [_told(client), *map(_varint, revisions), *map(_told, (database, "default", ""))]
    return b"".join([_varint(kind), *words]), user, password


async def _number(reader: asyncio.StreamReader) -> int:
    value = shift = 0
    while True:
        [byte] = await reader.readexactly(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


async def _text(reader: asyncio.StreamReader) -> str:
    return (await reader.readexactly(await _number(reader))).decode()


def _varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _told(text: str) -> bytes:
    return _varint(len(text.encode())) + text.encode()


def _refusal() -> bytes:
    parts = "DB::Exception", "default: Authentication failed", ""
    return b"\x02" + struct.pack("<i", AUTHENTICATION_FAILED) + b"".join(map(_told, parts)) + b"\x00"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
