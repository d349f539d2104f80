"""Closing a TLS connection whose other end never says goodbye, as a Kafka broker may: no service is needed."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from agents.tls import trusting
from tests.live.certificates import Authority


class Closed(asyncio.Protocol):
    """Tells when the connection is gone."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (asyncio's signature)
        self.lost.set_result(None)


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[int]:
    """A server that shakes hands, and neither reads nor says anything until the test is over; its port."""
    certificate = Authority(tmp_path, "company").sign("server", ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.cert, certificate.key)
    over, heard = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with context.wrap_socket(connection, server_side=True) as wrapped:
                over.wait(60)
                heard.append(wrapped.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        over.set()
        thread.join()
    assert heard == [b"the last words"]  # sent before the goodbye


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_closing_does_not_wait_for_the_other_end(new_loop: type, mute: int, tmp_path: Path) -> None:
    async def come_and_go() -> None:
        tls = trusting(str(tmp_path / "ca.pem"), "ESN_KAFKA_CA")
        loop = asyncio.get_running_loop()
        transport, closed = await loop.create_connection(Closed, "127.0.0.1", mute, ssl=tls)
        transport.write(b"the last words")
        transport.close()
        await asyncio.wait_for(closed.lost, 15)  # uvloop itself would give up after 30 s

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(come_and_go())
