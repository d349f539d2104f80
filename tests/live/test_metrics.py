"""A worker's /metrics, on the real stack: equal to ClickHouse's rows of the same time, whoever owns what."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.replay import send
from agents.simulation import Company
from agents.web.metrics import METRICS
from tests.live.rig import Rig, rig, wait_until
from tests.live.scraping import free_port, get, health, newest_rows, people, positive, samples

pytestmark = pytest.mark.timeout(300)
Json = dict[str, Any]
START = datetime(2026, 3, 30, tzinfo=UTC)
AT_ONCE = {
    "ESN_TIME": "events",
    "ESN_STEP_SECONDS": "3600",
    "ESN_LATENESS_SECONDS": "0",
    "ESN_PEOPLE_SECONDS": "1",
    "ESN_MIN_GROUP": "0",
}
"""Without lateness the newest clock is the newest step's end, and gauges are of the same time as its rows."""


def company() -> tuple[list[Json], list[Json]]:
    """Directory and record of two days."""
    simulated = Company(people=80, seed=3, start=START, days=2, rate=5000 / 172_800, communities=12, step_seconds=3600)
    directory = [json.loads(line) for line in simulated.directory()]
    record = [json.loads(line) for line in simulated.lines()]
    while record[-1]["type"] == "esn.heartbeat":  # one at midnight would open one more step
        record.pop()
    return directory, record


@pytest.fixture
def served(
    request: pytest.FixtureRequest, kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path
) -> Iterator[Rig]:
    """A company of its own; its topics have 4 partitions, or as many as the test's parameter says."""
    env = AT_ONCE | {"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix}
    with rig(env | {"ESN_HOME": str(tmp_path)}, tmp_path, getattr(request, "param", 4)) as made:
        yield made


def start(served: Rig, **env: str) -> int:
    """Start a worker and return its port, once it is in its group."""
    port = free_port()
    served.start(ESN_WEB_PORT=str(port), **env)
    headers = {"Authorization": f"Bearer {env['ESN_WEB_TOKEN']}"} if "ESN_WEB_TOKEN" in env else {}
    wait_until(lambda: get(port, "/health/ready", headers)[0] == 200, 40, f"a ready worker\n{served.logs()}")
    return port


def agree(served: Rig, *ports: int) -> None:
    """Wait until the sums over these workers are the newest step's rows."""
    expected = newest_rows(served.reader)
    assert len(expected) > 100
    assert {labels[0] for labels in expected} == {"company", "region", "department", "community"}

    differ: list[Any] = []

    def equal() -> bool:
        differ[:] = sorted(positive(people(*ports)).items() ^ expected.items())
        return not differ

    try:
        wait_until(equal, 60, "sums equal to the rows")
    finally:
        assert not differ


def test_gauges_are_the_rows_of_the_same_time(served: Rig) -> None:
    port = start(served)
    directory, record = company()
    served.replay(record, directory)
    served.wait_published(0)
    agree(served, port)

    page = get(port, "/metrics")[1]
    counted = {name: samples(page, name) for name in ("esn_late_events_total", "esn_duplicate_events_total")}
    assert set(counted["esn_late_events_total"]) == {()}
    events = samples(page, "esn_events_total", "verb")
    sent = Counter(
        line["data"].get("verb") or ("login_failed" if line["data"].get("outcome") == "failure" else "login")
        for line in record
        if line.get("type") in ("esn.login", "esn.content")
    )
    assert {verb: events[verb,] for verb in sent} == sent
    assert sum(samples(page, "esn_people_in_state", "partition").values()) == len(served.people())
    assert set(samples(page, "esn_consumer_lag_events", "topic", "partition").values()) == {0}
    newest = served.reader.query("SELECT toUnixTimestamp(max(at)) FROM active_people WHERE complete")[1][0][0]
    assert samples(page, "esn_watermark_timestamp_seconds", "partition") == dict.fromkeys(
        [(str(number),) for number in range(4)], newest + 0.001
    )
    assert set(samples(page, "esn_source_silent", "source").values()) == {0}
    assert samples(page, "esn_clickhouse_up") == {(): 1}
    rows = samples(page, "esn_clickhouse_rows_written_total", "table")
    assert rows["active_people_rows",] >= served.reader.query("SELECT count() FROM active_people_rows FINAL")[1][0][0]
    assert len(samples(page, "esn_checkpoint_age_seconds", "partition")) == 4
    shown = {f"{f.name}_total" if f.type == "counter" else f.name for f in text_string_to_metric_families(page)}
    assert shown >= {metric.name for metric in METRICS}


def test_two_workers_add_up_and_gauges_leave_with_their_partitions(served: Rig) -> None:
    first, second = start(served), start(served)
    directory, record = company()
    served.replay(record, directory)
    served.wait_published(0)
    agree(served, first, second)
    shares = [set(samples(get(port, "/metrics")[1], "esn_people_in_state", "partition")) for port in (first, second)]
    assert [len(share) for share in shares] == [2, 2]
    assert not shares[0] & shares[1]

    served.workers[0].terminate()
    served.workers[0].wait(40)
    assert get(first, "/metrics")[0] == 0
    wait_until(lambda: health(second).get("partitions") == [0, 1, 2, 3], 60, "the other worker to take over")
    agree(served, second)

    third = start(served)
    wait_until(lambda: len(health(second).get("partitions", [])) == 2, 40, "the new worker's share")
    agree(served, second, third)


@pytest.mark.parametrize("served", [1], indirect=True)
def test_a_spare_worker_is_ready_and_shows_nobody(served: Rig) -> None:
    ports = [start(served), start(served)]
    wait_until(lambda: sorted(len(health(port).get("partitions", [])) for port in ports) == [0, 1], 60, "a spare one")
    spare = next(port for port in ports if not health(port)["partitions"])
    assert health(spare)["code"] == 200
    assert health(spare)["status"] == "no partitions"
    assert people(spare) == {}


def test_the_token_is_wanted(served: Rig, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hush\n")
    port = start(served, ESN_WEB_TOKEN="hush")  # noqa: S106
    for path in ("/", "/metrics", "/health/live", "/health/ready"):
        assert get(port, path)[0] == 401
        assert get(port, path, {"Authorization": "Bearer hus"})[0] == 401
        assert get(port, path, {"Authorization": "Bearer hush"})[0] == 200


def test_a_taken_port_that_was_asked_for_ends_the_worker_with_one_line(served: Rig) -> None:
    port = start(served)
    second = served.start(ESN_WEB_PORT=str(port))
    assert second.wait(30) == 1
    served.workers.remove(second)
    said = (served.folder / "worker-1.log").read_text().splitlines()
    assert len(said) == 1
    assert f"127.0.0.1:{port} is taken" in said[0]
    assert "ESN_WEB_PORT" in said[0]


def test_ready_tells_that_clickhouse_is_away(served: Rig) -> None:
    port = free_port()
    served.start(ESN_WEB_PORT=str(port), ESN_CLICKHOUSE="clickhouse://default@127.0.0.1:1/esn")
    wait_until(lambda: health(port).get("status") == "ClickHouse away", 40, f"the reason\n{served.logs()}")
    assert health(port)["code"] == 503
    assert get(port, "/health/live")[0] == 200
    assert samples(get(port, "/metrics")[1], "esn_clickhouse_up") == {(): 0}


def test_no_person_and_no_word_of_theirs_is_in_log_or_page(served: Rig) -> None:
    """At the level debug, with everything in the feed that has to be refused, and with an orderly end."""
    port = start(served, ESN_LOG_LEVEL="debug", ESN_LOG_FORMAT="json")
    simulated = Company(people=80, seed=3, start=START, days=1, rate=0.03, communities=9, hostile=True, duplicates=0.02)
    directory = list(simulated.directory())
    send(served.settings, map(with_text, simulated.lines()), directory)
    wait_until(lambda: sum(refusals(port).values()) >= 9, 40, "refusals")
    wait_until(lambda: "messages refused" in served.logs(), 10, "the line that sums them up")
    page = get(port, "/metrics")[1]
    served.workers[0].terminate()
    served.workers[0].wait(40)
    log = served.logs()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"worker started", "partitions assigned", "worker stopped"} <= {line["message"] for line in lines}
    assert any(line["level"] == "debug" for line in lines)
    people = [json.loads(line)["person"] for line in directory]
    named = re.compile(r"\b(" + "|".join(map(re.escape, people)) + r")\b")
    for told in (log, page):
        assert "gracias" not in told
        assert not named.findall(told)


def with_text(line: bytes) -> bytes:
    """Put words into the mouths of those who write."""
    return line.replace(b'"verb":"post"', b'"verb":"post","text":"gracias"')


def refusals(port: int) -> dict[tuple[str, ...], float]:
    return samples(get(port, "/metrics")[1], "esn_rejected_events_total", "reason")
