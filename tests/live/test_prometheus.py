"""A real Prometheus reads two workers, and a sum over them is what ClickHouse holds."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian import programs
from tests.live.monitoring import Prometheus
from tests.live.rig import Rig, wait_until
from tests.live.scraping import PEOPLE, Values, get, newest_rows, positive
from tests.live.test_metrics import company, served, start

__all__ = ["served"]  # a fixture
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def prometheus() -> Iterator[list[Prometheus]]:
    """Where a test puts the servers that it starts."""
    started: list[Prometheus] = []
    yield started
    for server in started:
        server.stop()


def people(server: Prometheus) -> Values:
    """Sum the people gauges over workers, as newest_rows has them."""
    total = server.query(f"sum by ({', '.join(PEOPLE)}) (esn_active_people)", *PEOPLE)
    enabled = server.query("sum by (dimension, member) (esn_enabled_people)", *PEOPLE[:2])
    return total | {(*labels, "active", "enabled"): value for labels, value in enabled.items()}


def test_sums_over_workers_are_the_rows(served: Rig, prometheus: list[Prometheus], tmp_path: Path) -> None:
    token = "hush"  # noqa: S105
    workers = [start(served, ESN_WEB_TOKEN=token), start(served, ESN_WEB_TOKEN=token)]
    directory, record = company()
    served.replay(record, directory)
    served.wait_published(0)
    server = Prometheus(tmp_path, workers, token=token)
    prometheus.append(server)
    wait_until(lambda: server.query("up", "job").values(), 30, f"Prometheus: {server.log}")
    expected = newest_rows(served.reader)
    deadline = time.monotonic() + 60
    while positive(people(server)) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert positive(people(server)) == expected
    assert set(server.query("up", "instance").values()) == {1}
    assert server.query("sum(esn_people_in_state)")[()] == len(served.people())
    assert server.query("sum(esn_consumer_lag_events)")[()] == 0
    assert server.query("min(esn_clickhouse_up)")[()] == 1
    inserted = server.query("sum(esn_clickhouse_insert_seconds_count)")[()]
    assert server.query('sum(esn_clickhouse_insert_seconds_bucket{le="+Inf"})')[()] == inserted > 0

    served.workers[0].terminate()  # what it showed must not be added to what the other shows now
    served.workers[0].wait(40)
    down = f'up{{instance="127.0.0.1:{workers[0]}"}}'
    wait_until(lambda: server.query(down)[()] == 0, 20, "Prometheus to notice")
    whole = {("0",), ("1",), ("2",), ("3",)}
    wait_until(lambda: server.query("esn_people_in_state", "partition").keys() == whole, 60, "the other to take over")
    deadline = time.monotonic() + 30
    while positive(people(server)) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert positive(people(server)) == expected


def test_promtool_finds_nothing_wrong(served: Rig) -> None:
    (promtool,) = programs("prometheus", "promtool")
    port = start(served)
    directory, record = company()
    served.replay(record[:500], directory)
    page = get(port, "/metrics")[1]
    done = subprocess.run([promtool, "check", "metrics"], input=page, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
