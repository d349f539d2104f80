"""ClickHouse in one process on loopback: a `clickhouse` binary if there is one, else libchdb in Python.

libchdb is ClickHouse as a library, for Linux on x86-64; `chdb_server.py` makes a server of it. Both read the
same configuration and keep the same data directory. There is one user, `default`, without a password.
"""

import http.client
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local import ports
from deploy.local.fetch import CHDB, fetch
from deploy.local.ports import LOOPBACK
from deploy.local.service import Service
from deploy.local.trouble import Trouble

_OLDEST = 25  # year of release of the oldest `clickhouse` that is taken from PATH
_SERVER = Path(__file__).with_name("chdb_server.py")

_SIZES = {
    "max_server_memory_usage_to_ram_ratio": "0.4",  # others live here too
    "mark_cache_size": str(256 << 20),
    "index_mark_cache_size": str(64 << 20),
    "background_pool_size": "4",
    "background_schedule_pool_size": "8",
    "max_connections": "256",
}


class ClickHouse(Service):
    """The embedded ClickHouse. The database `esn` is made by `esn-pulse migrate`, not here."""

    name = "clickhouse"
    title = "ClickHouse"
    port_names = ("clickhouse", "clickhouse_http")

    @property
    def address(self) -> str:
        """What clients are told; empty before the first start."""
        port = self.port("clickhouse")
        return f"clickhouse://default@{LOOPBACK}:{port}/esn" if port else ""

    @property
    def serving_pid(self) -> int | None:
        """The process that serves: under the keeper of libchdb a child of the one we started."""
        if self.pid is None:
            return None
        children = psutil.Process(self.pid).children()
        return children[0].pid if children else self.pid

    def kill(self) -> None:
        """End it as a crash does, the process that serves included."""
        serving = self.serving_pid
        super().kill()
        if serving is not None:
            with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                psutil.Process(serving).wait(10)

    def launch(self) -> None:
        """Start the process, after the server of a keeper that was killed has let go of the ports."""
        for _ in range(100):
            if all(ports.free(port) for port in map(self.port, self.port_names) if port):
                break
            time.sleep(0.05)
        super().launch()

    @property
    def http(self) -> str:
        """Where curl, Grafana and a browser ask (`/play` is a page to type queries into)."""
        return f"http://{LOOPBACK}:{self.port('clickhouse_http')}"

    def fetch(self) -> None:
        """Fetch libchdb where no binary is installed."""
        if self._binary() is None:
            if not has_chdb():
                raise Trouble(
                    f"there is no embedded ClickHouse for {platform.system()} on {platform.machine()}: put a"
                    " `clickhouse` binary on PATH, set ESN_CLICKHOUSE, or use deploy/compose.yaml"
                )
            fetch(CHDB, self._cache, self._progress)

    def configure(self) -> list[str]:
        """Write the configuration and return the command."""
        file = self.data / "config.xml"
        file.write_bytes(ET.tostring(self._config(file)))
        if binary := self._binary():
            return [binary, "server", f"--config-file={file}"]
        library = fetch(CHDB, self._cache, self._progress)
        return [sys.executable, "-I", str(_SERVER), str(library), str(file), str(self.port("clickhouse_http"))]

    def environ(self) -> dict[str, str]:
        """Let a `clickhouse server` be one process, the one that we know."""
        return {"CLICKHOUSE_WATCHDOG_ENABLE": "0"}

    def answers(self) -> bool:
        """Ask for 1 over HTTP, and whether the native port is open."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port("clickhouse_http"), timeout=2)
        try:
            connection.request("GET", "/?query=SELECT%201")
            if connection.getresponse().read() != b"1\n":
                return False
            with socket.create_connection((LOOPBACK, self.port("clickhouse")), timeout=2):
                return True
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _config(self, file: Path) -> ET.Element:
        data = f"{self.data}/data/"
        log = {"level": "warning", "log": str(self.log), "errorlog": str(self.logs / "clickhouse.err.log")}
        nobody_else: _Content = {"password": "", "networks": {"ip": LOOPBACK}, "profile": "default", "quota": "default"}
        return _element(
            "clickhouse",
            {
                "listen_host": LOOPBACK,
                "tcp_port": str(self.port("clickhouse")),
                "http_port": str(self.port("clickhouse_http")),
                "path": data,
                "tmp_path": f"{data}tmp/",
                "user_files_path": f"{data}user_files/",
                "format_schema_path": f"{data}format_schemas/",
                **_SIZES,
                "logger": {**log, "size": "10M", "count": "2"},
                "user_directories": {"users_xml": {"path": str(file)}},
                "users": {"default": nobody_else},
                "profiles": {"default": ""},
                "quotas": {"default": ""},
            },
        )

    def _binary(self) -> str | None:
        """Return the `clickhouse` on PATH, unless it is too old."""
        found = shutil.which("clickhouse")
        if found is None:
            return None
        try:
            asked = subprocess.run([found, "server", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        except OSError as error:
            self._progress.line(f"{found} is not used: {error.strerror}")
            return None
        version = re.search(r"(\d+)\.\d+", asked.stdout)
        if version and int(version[1]) >= _OLDEST:
            return found
        self._progress.line(f"{found} is not used: it is older than {_OLDEST}.1, or does not tell its version")
        return None


def has_chdb() -> bool:
    """Tell whether libchdb runs here."""
    machine = platform.system() == "Linux" and platform.machine() in ("x86_64", "AMD64")
    return machine and platform.libc_ver()[0] == "glibc"


_Content = str | Mapping[str, "_Content"]


def _element(tag: str, content: _Content) -> ET.Element:
    element = ET.Element(tag)
    if isinstance(content, str):
        element.text = content
    else:
        element.extend(_element(name, inner) for name, inner in content.items())
    return element
