"""Processes, ports and the state file: exactly what was started is ended, whatever happened since."""

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import ports, process
from deploy.local.ports import LOOPBACK
from deploy.local.progress import Progress
from deploy.local.service import Service
from deploy.local.state import Started, State
from deploy.local.trouble import Trouble


class Shop(Service):
    """A small real server, in the place of Kafka."""

    name = "shop"
    title = "The shop"
    port_names = ("shop",)
    words: tuple[str, ...] = ("-m", "http.server", "--bind", LOOPBACK)

    def fetch(self) -> None:
        """Nothing to fetch."""

    def configure(self) -> list[str]:
        return [sys.executable, *self.words, str(self.port("shop"))]

    def answers(self) -> bool:
        with socket.socket() as asked:
            return asked.connect_ex((LOOPBACK, self.port("shop"))) == 0


class Broken(Shop):
    words = ("-c", "import sys; sys.exit('the shelf fell down')")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, tmp_path, {}, Progress(io.StringIO()))
    yield shop
    shop.stop()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        yield other
        other.kill()


def test_a_service_starts_once_and_is_forgotten_when_stopped(shop: Shop, tmp_path: Path) -> None:
    shop.start()
    first = shop.pid
    shop.start()
    assert shop.answers()
    assert shop.pid == first

    shop.stop()
    assert (shop.pid, shop.crashed) == (None, False)
    assert not psutil.pid_exists(first or 0)
    assert State.load(tmp_path / "stack.json").processes == {}


def test_another_object_on_the_same_directory_ends_it(shop: Shop, tmp_path: Path) -> None:
    shop.start()
    Shop(tmp_path, tmp_path, {}, Progress(io.StringIO())).stop()

    assert shop.pid is None
    assert not shop.answers()


def test_a_killed_service_has_crashed_and_comes_back_on_its_port(shop: Shop) -> None:
    shop.start()
    first, port = shop.pid, shop.port("shop")
    shop.kill()
    assert (shop.pid, shop.crashed) == (None, True)

    shop.start()
    assert shop.pid not in (None, first)
    assert shop.port("shop") == port


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(shop: Shop) -> None:
    shop.start()
    port = shop.port("shop")
    shop.stop()
    with socket.create_server((LOOPBACK, port)):
        shop.start()
        assert shop.port("shop") != port


def test_a_fixed_port_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Trouble, match=f"port {port} is in use"):
            Shop(tmp_path, tmp_path, {"shop": port}, Progress(io.StringIO())).start()


def test_a_service_that_ends_at_once_says_why(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"ended while it started \(the shelf fell down\): see .*shop\.out"):
        Broken(tmp_path, tmp_path, {}, Progress(io.StringIO())).start()


def test_a_stranger_who_got_the_number_of_ours_is_left_alone(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    created = psutil.Process(stranger.pid).create_time()
    State(tmp_path / "stack.json", {}, {"shop": Started(stranger.pid, created - 3600)}).save()
    shop = Shop(tmp_path, tmp_path, {}, Progress(io.StringIO()))
    assert shop.crashed

    shop.kill()
    shop.stop()
    assert stranger.poll() is None


def test_a_process_that_ended_but_was_not_collected_does_not_live(stranger: subprocess.Popen[bytes]) -> None:
    started = Started(stranger.pid, psutil.Process(stranger.pid).create_time())
    assert process.living(started)

    stranger.kill()
    while psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert process.living(started) is None


def test_one_that_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    output = tmp_path / "out"
    started = process.start([sys.executable, "-c", deaf], output, tmp_path, {})
    while "deaf" not in output.read_text():
        pass

    assert process.ask_to_end(started)
    process.wait_for_end(started, patience_seconds=0.1)
    assert not psutil.pid_exists(started.pid)


def test_the_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = State(tmp_path / "stack.json", {"kafka": 20001}, {"kafka": Started(17, 1700000000.25)})
    state.save()

    assert State.load(tmp_path / "stack.json") == state
    assert [file.name for file in tmp_path.iterdir()] == ["stack.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ports": {}}', '{"ports": {}, "processes": {"kafka": 3}}'])
def test_a_damaged_state_is_told_and_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "stack.json"
    file.write_text(content)

    with pytest.raises(Trouble, match=r"stack\.json cannot be read"):
        State.load(file)


def test_ports_are_free_distinct_and_below_those_of_outgoing_connections() -> None:
    chosen: set[int] = set()
    for _ in range(20):
        chosen.add(ports.choose(but=chosen))

    assert len(chosen) == 20
    assert all(20_000 <= port < 30_000 and ports.free(port) for port in chosen)


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        assert not ports.free(taken.getsockname()[1])
