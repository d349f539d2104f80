"""A real Prometheus and a real Alertmanager with the rules of deploy/, and somebody who is called."""

import http.client
import json
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.debian import programs
from tests.live.scraping import Values, free_port, get

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = ("recording.yml", "alerts.yml")


class Prometheus:
    """A server that reads some workers each second and, if `alertmanager` says where one is, goes by deploy's rules.

    What the rules wait for (`for`, `keep_firing_for`) is a second here: promtool's tests are about that.
    """

    def __init__(
        self, folder: Path, workers: Sequence[int], *, token: str = "", alertmanager: int = 0, more: Sequence[str] = ()
    ) -> None:
        self.port = free_port()
        job: dict[str, Any] = {
            "job_name": "esn-pulse",
            "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in workers]}],
        }
        if token:
            job["authorization"] = {"credentials": token}
        config: dict[str, Any] = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": list(RULES),
            "scrape_configs": [job],
        }
        if alertmanager:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]}
        for name in RULES:
            text = (DEPLOY / "prometheus" / name).read_text(encoding="utf-8")
            (folder / name).write_text(re.sub(r"^( +(?:keep_firing_)?for): \w+$", r"\1: 1s", text, flags=re.M))
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.log = folder / "prometheus.log"
        (program,) = programs("prometheus", "prometheus")
        self._process = _start(
            self.log,
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/tsdb",
            *more,
            f"--web.listen-address=127.0.0.1:{self.port}",
        )

    def stop(self) -> None:
        _stop(self._process)

    def ask(self, path: str, **params: object) -> Any:
        """Return the API's data; None while the server is not up."""
        try:
            status, text = get(self.port, f"/api/v1/{path}?{urlencode(params, doseq=True)}")
        except http.client.HTTPException:
            return None
        if status in {0, 503}:
            return None
        assert status == 200, text
        return json.loads(text)["data"]

    def query(self, expression: str, *labels: str) -> Values:
        """Return a vector's values by these labels; nothing while the server is not up."""
        data = self.ask("query", query=expression) or {"result": []}
        return {tuple(one["metric"].get(name, "") for name in labels): float(one["value"][1]) for one in data["result"]}


class Alertmanager:
    """One with deploy's configuration, in which every receiver is one hook and nothing waits for more."""

    def __init__(self, folder: Path, hook: int) -> None:
        self.port = free_port()
        config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8"))
        del config["global"]
        config["receivers"] = [
            {"name": receiver["name"], "webhook_configs": [{"url": f"http://127.0.0.1:{hook}/{receiver['name']}"}]}
            for receiver in config["receivers"]
        ]
        config["route"] = _at_once(config["route"])
        (folder / "alertmanager.yml").write_text(json.dumps(config))
        self.log = folder / "alertmanager.log"
        self._process = _start(
            self.log,
            _alertmanager(folder),
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/notified",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        )

    def stop(self) -> None:
        _stop(self._process)

    def alerts(self) -> list[Any]:
        """Return what it knows; nothing while it is not up."""
        status, text = get(self.port, "/api/v2/alerts")
        return json.loads(text) if status == 200 else []


class Hook:
    """Who is called: keeps what Alertmanager sent, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        """(receiver, message)"""
        calls = self.calls

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                calls.append((self.path.strip("/"), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def firing(self) -> set[tuple[str, str, str, str]]:
        """Return (receiver, alert, segment or source, severity) of everything that it was ever called for."""
        return {
            (receiver, labels["alertname"], labels.get("member") or labels.get("source", ""), labels["severity"])
            for receiver, message in self.calls
            for alert in message["alerts"]
            if alert["status"] == "firing"
            for labels in (alert["labels"],)
        }


@contextmanager
def watched(folder: Path, workers: Sequence[int]) -> Iterator[tuple[Prometheus, Alertmanager, Hook]]:
    """All three, which end with the test."""
    with ExitStack() as ends:
        hook = Hook()
        ends.callback(hook.stop)
        alertmanager = Alertmanager(folder, hook.port)
        ends.callback(alertmanager.stop)
        prometheus = Prometheus(folder, workers, alertmanager=alertmanager.port)
        ends.callback(prometheus.stop)
        yield prometheus, alertmanager, hook


def _at_once(route: dict[str, Any]) -> dict[str, Any]:
    waits = {name: "1s" for name in ("group_wait", "group_interval") if name in route}
    return route | waits | {"routes": [_at_once(one) for one in route.get("routes", [])]}


_SHARE = "/usr/share/prometheus/alertmanager"


def _alertmanager(folder: Path) -> str:
    """Return the program. Debian's reads its templates in /usr/share, where unpacking it has put nothing."""
    (program,) = programs("prometheus-alertmanager", "prometheus-alertmanager")
    unpacked = Path(program).parents[2] / _SHARE[1:]
    if Path(_SHARE).exists() or not unpacked.exists():
        return program
    for template in unpacked.glob("*.tmpl"):
        (folder / template.name).write_bytes(template.read_bytes())
    here = b"./" * (len(_SHARE) // 2)  # as long as what it stands for
    own = folder / "alertmanager"
    own.write_bytes(Path(program).read_bytes().replace(_SHARE.encode(), here))
    own.chmod(0o700)
    return str(own)


def _start(log: Path, *command: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(command, cwd=log.parent, stdout=out, stderr=subprocess.STDOUT)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
