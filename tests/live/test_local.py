"""The embedded stack as its users see it: through the command, through kill -9, with real data."""

import http.client
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from clickhouse_driver import Client
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.local.stack import Stack
from deploy.local.trouble import Trouble

FOUR_MIB = 4 << 20


class Terminal:
    """A person's shell with a data directory of its own."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
        self.environ = clean | {"ESN_HOME": str(home), "ESN_CACHE": str(cache)}
        self.words = [sys.executable, "-m", "agents", "local"]

    def local(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.words, *words], env=self.environ, capture_output=True, text=True, check=True)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*self.words, *words], env=self.environ, stdout=subprocess.PIPE, text=True)

    def evaluate(self, exports: str) -> list[str]:
        script = f'{exports}\nprintf "%s\\n" "$ESN_KAFKA" "$ESN_CLICKHOUSE"'
        shell = subprocess.run(["sh", "-c", script], env=self.environ, capture_output=True, text=True, check=True)
        return shell.stdout.splitlines()

    def states(self) -> dict[str, str]:
        lines = self.local("status").stdout.splitlines()[:2]
        return {line.split()[0]: line.split()[1] for line in lines}

    def processes(self) -> dict[str, psutil.Process]:
        return processes_of(self.home)


def processes_of(home: Path) -> dict[str, psutil.Process]:
    """Whatever runs with this directory among its arguments, by kind."""
    found = {}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(str(home) in word for word in words[1:]):
            kind = "kafka" if "kafka.Kafka" in words else "clickhouse"
            found["kept" if "--serve" in words else kind] = process
    return found


@pytest.fixture(scope="module")
def module_terminal(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path_factory.mktemp("terminal") / "home", cache)
    yield terminal
    terminal.local("down")


@pytest.fixture
def terminal(module_terminal: Terminal) -> Terminal:
    """The shell, with both servers up."""
    module_terminal.local("up")
    return module_terminal


def test_up_prints_exports_for_a_shell_and_both_answer_there(terminal: Terminal) -> None:
    done = terminal.local("up")
    kafka, clickhouse = terminal.evaluate(done.stdout)

    assert [line.split("=")[0] for line in done.stdout.splitlines()] == ["export ESN_KAFKA", "export ESN_CLICKHOUSE"]
    assert clickhouse.endswith("/esn")
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    assert "esn.logins" not in admin.list_topics()
    admin.close()
    client = Client.from_url(clickhouse.removesuffix("esn") + "default")
    assert client.execute("SELECT 1") == [(1,)]
    client.disconnect()


def test_up_twice_changes_nothing_even_with_its_own_exports_set(terminal: Terminal) -> None:
    before = {name: process.pid for name, process in terminal.processes().items()}
    first = terminal.local("up")
    kafka, clickhouse = terminal.evaluate(first.stdout)

    terminal.environ |= {"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse}
    second = terminal.local("up")
    assert second.stdout == first.stdout
    assert second.stderr == ""
    assert {name: process.pid for name, process in terminal.processes().items()} == before


def test_two_ups_at_once_start_one_pair(terminal: Terminal) -> None:
    terminal.local("down")
    assert terminal.processes() == {}

    both = [terminal.begin("up"), terminal.begin("up")]
    told = [up.communicate(timeout=120)[0] for up in both]
    assert told[0] == told[1] != ""
    assert terminal.processes().keys() == {"kafka", "clickhouse", "kept"}


@pytest.mark.parametrize("victim", ["kafka", "clickhouse"])
def test_after_kill_9_up_restarts_that_one_and_only_that(terminal: Terminal, victim: str) -> None:
    exports, before = terminal.local("up").stdout, terminal.processes()
    before[victim].kill()
    psutil.wait_procs([before[victim]], timeout=30)
    assert terminal.states()[victim] == "crashed"

    assert terminal.local("up").stdout == exports
    after = terminal.processes()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == ({"clickhouse", "kept"} if victim == "clickhouse" else {victim})
    assert set(terminal.states().values()) == {"answers"}


@pytest.mark.parametrize("victims", [(), ("kafka",), ("kafka", "clickhouse")])
def test_down_leaves_no_process_also_after_kill_9(terminal: Terminal, victims: tuple[str, ...]) -> None:
    for victim in victims:
        terminal.processes()[victim].kill()

    terminal.local("down")
    assert terminal.processes() == {}
    assert set(terminal.states().values()) == {"stopped"}


def test_status_tells_address_process_and_a_log_that_exists(terminal: Terminal) -> None:
    told = terminal.local("status").stdout

    for name, line in zip(("kafka", "clickhouse"), told.splitlines(), strict=False):
        assert "answers" in line
        assert f"pid {terminal.processes()[name].pid}" in line
        assert Path(line.split(" log ")[1]).is_file()
    assert f"data: {terminal.home}" in told


def test_both_listen_on_loopback_only(terminal: Terminal) -> None:
    found = terminal.processes()
    for process in (found["kafka"], found["kept"]):
        listening = {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
        assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}
        assert listening


def test_foreground_ends_everything_on_ctrl_c(terminal: Terminal) -> None:
    terminal.local("down")
    with terminal.begin("up", "--foreground") as staying:
        assert staying.stdout
        exports = staying.stdout.readline() + staying.stdout.readline()
        assert len(terminal.evaluate(exports)) == 2
        assert terminal.processes().keys() == {"kafka", "clickhouse", "kept"}
        staying.send_signal(signal.SIGINT)
        assert staying.wait(60) == 0
    assert terminal.processes() == {}


def test_foreground_ends_with_an_error_when_one_server_is_gone(terminal: Terminal) -> None:
    terminal.local("down")
    with terminal.begin("up", "--foreground") as staying:
        assert staying.stdout
        staying.stdout.readline()
        terminal.processes()["kafka"].kill()
        assert staying.wait(60) == 1
    assert terminal.processes() == {}


def test_a_half_failed_up_ends_what_it_started(tmp_path: Path, cache: Path) -> None:
    no_store = {"listeners": "SSL://127.0.0.1:0", "ssl.keystore.location": "/nowhere.p12"}
    stack = Stack(tmp_path, cache, kafka_config=no_store)

    with pytest.raises(Trouble, match="Apache Kafka ended while it started"):
        stack.up()
    assert processes_of(tmp_path) == {}


def rows(stack: Stack, database: str) -> int:
    client = Client.from_url(stack.clickhouse.address.removesuffix("esn") + database)
    counted = client.execute("SELECT count() FROM kept")[0][0]
    client.disconnect()
    return int(counted)


def test_clickhouse_keeps_its_data_through_a_clean_end_and_kill_9(stack: Stack, prefix: str) -> None:
    client = Client.from_url(stack.clickhouse.address.removesuffix("esn") + "default")
    client.execute(f"CREATE DATABASE {prefix}")
    client.execute(f"CREATE TABLE {prefix}.kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.execute(f"INSERT INTO {prefix}.kept SELECT number FROM numbers(1000)")
    client.disconnect()

    stack.clickhouse.kill()
    stack.clickhouse.start()
    assert rows(stack, prefix) == 1000
    stack.clickhouse.stop()
    stack.clickhouse.start()
    assert rows(stack, prefix) == 1000
    assert "could not be asked" not in stack.clickhouse.output.read_text()


def test_clickhouse_comes_back_after_a_reset_that_kills_it(stack: Stack, prefix: str) -> None:
    port = stack.clickhouse.port("clickhouse")
    client = Client("127.0.0.1", port)
    client.execute(f"CREATE DATABASE {prefix}")
    client.execute(f"CREATE TABLE {prefix}.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.execute(f"INSERT INTO {prefix}.t SELECT number FROM numbers(1000)")
    before = stack.clickhouse.serving_pid
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"\0" + bytes(range(100, 120)))
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    deadline = time.monotonic() + 60
    while stack.clickhouse.serving_pid == before or not stack.clickhouse.answers():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert Client("127.0.0.1", port).execute(f"SELECT count() FROM {prefix}.t") == [(1000,)]
    assert stack.clickhouse.pid is not None


def test_clickhouse_ends_cleanly_while_somebody_asks(stack: Stack) -> None:
    connection = http.client.HTTPConnection(stack.clickhouse.http.removeprefix("http://"), timeout=60)
    connection.request("GET", "/?query=SELECT%20sleepEachRow(1)%20FROM%20numbers(3)&max_block_size=1")
    before = stack.clickhouse.output.read_text()

    stack.clickhouse.stop()
    connection.close()
    said = stack.clickhouse.output.read_text().removeprefix(before)
    assert "Query was cancelled" in said  # the keep-alive query was ended, and the library returned
    stack.clickhouse.start()


def test_kafka_keeps_its_data_and_takes_the_largest_reject(stack: Stack, prefix: str) -> None:
    topic, largest = f"{prefix}.kept", os.urandom(FOUR_MIB)
    admin = KafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": str(FOUR_MIB + 4096)})])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=stack.addresses.kafka, max_request_size=2 * FOUR_MIB)
    producer.send(topic, largest).get(timeout=60)
    producer.close()

    stack.kafka.kill()
    stack.kafka.start()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=stack.addresses.kafka, auto_offset_reset="earliest", fetch_max_bytes=2 * FOUR_MIB
    )
    assert next(consumer).value == largest
    consumer.close()


@pytest.fixture
def kafka_away(stack: Stack) -> Iterator[None]:
    """No broker, as a small machine need not carry two."""
    stack.kafka.stop()
    yield
    stack.kafka.start()


@pytest.mark.usefixtures("kafka_away")
def test_kafka_takes_more_listeners_and_fixed_ports(tmp_path: Path, cache: Path) -> None:
    plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_esn="hush";'
    listener = "SASL_PLAINTEXT://127.0.0.1:19392"
    config = {
        "listeners": listener,
        "advertised.listeners": listener,
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": plain,
    }
    given = {"clickhouse": "clickhouse://default@127.0.0.1/esn"}
    secured = Stack(tmp_path, cache, given=given, ports={"kafka": 19391}, kafka_config=config)
    with secured.running() as addresses:
        assert addresses.kafka == "127.0.0.1:19391"
        admin = KafkaAdminClient(
            bootstrap_servers="127.0.0.1:19392",
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username="esn",
            sasl_plain_password="hush",  # noqa: S106
        )
        assert isinstance(admin.list_topics(), list)
        admin.close()
