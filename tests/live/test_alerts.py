"""From people who stop coming, and from a feed that dies, to who is called: real workers, Prometheus, Alertmanager."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.simulation import Drop
from tests.live.absences import HOUR, NINE, company, drops, judging, produce, time_of, wait_judged
from tests.live.monitoring import watched
from tests.live.rig import wait_until
from tests.live.scraping import free_port

pytestmark = pytest.mark.timeout(300)
Json = dict[str, Any]
SALES = ("page", "EsnEngagementDropMajor", "Sales", "critical")
SILENT = ("page", "EsnSourceSilent", "/b", "critical")


def two_sources(*away: Drop) -> tuple[list[Json], list[Json]]:
    """Directory and record: what Legal does comes from /b, all else from /a, and both have their heartbeats."""
    directory, record = company(16, *away)
    department = {person["person"]: person.get("department") for person in directory}

    def lines() -> Iterator[Json]:
        for line in record:
            if line["type"] == "esn.heartbeat":
                yield line | {"source": "/a"}
                yield line | {"source": "/b"}
            else:
                yield line | {"source": "/b" if department.get(line["data"]["actor"]) == "Legal" else "/a"}

    return directory, list(lines())


def test_a_drop_pages_and_a_dead_feed_is_told_as_silent_and_not_as_a_drop(
    kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path
) -> None:
    port = free_port()
    eleven, fifteen = NINE + 2 * HOUR + timedelta(minutes=10), NINE + 6 * HOUR
    sales_stays_away = Drop("department", "Sales", 1.0, round(NINE.timestamp() * 1000), 6)
    directory, record = two_sources(sales_stays_away)
    with (
        judging(kafka, clickhouse_url, prefix, tmp_path / "worker") as one,
        watched(tmp_path, [port]) as (_prometheus, alertmanager, hook),
    ):
        produce(one, (line for line in record if time_of(line) <= eleven), directory)
        one.start(ESN_WEB_PORT=str(port))
        wait_judged(one, NINE + 2 * HOUR)
        wait_until(lambda: SALES in hook.firing(), 60, f"the page\n{hook.firing()}")
        (drop,) = (drop for drop in drops(one, NINE - HOUR) if drop["parent_id"] is None)
        assert (drop["dimension"], drop["member"], drop["severity"], drop["state"]) == (
            "department", "Sales", "major", "open",
        )  # fmt: skip
        told = next(message for _, message in hook.calls if SALES[1:3] in drop_alerts(message))
        assert told["groupLabels"] == {"job": "esn-pulse", "parent": "company/all"}
        assert ("chat", *SALES[1:]) in hook.firing()
        before = {alert for _, message in hook.calls for alert in drop_alerts(message)}

        # /b, the feed of Legal, dies at 11:10. Nobody of Legal is seen from then on, and Sales is still away.
        produce(one, (line for line in record if eleven < time_of(line) <= fifteen and line["source"] == "/a"))
        wait_judged(one, fifteen - HOUR)
        wait_until(lambda: SILENT in hook.firing(), 60, f"the page\n{hook.firing()}")
        assert {alert for _, message in hook.calls for alert in drop_alerts(message)} == before
        assert not [drop for drop in drops(one, NINE - HOUR) if drop["member"] == "Legal"]
        states = {alert["status"]["state"] for alert in alertmanager.alerts() if "Drop" in alert["labels"]["alertname"]}
        assert states <= {"suppressed"}, "of those that are open still nobody is told"


def drop_alerts(message: Json) -> set[tuple[str, str]]:
    """Alerts of drops in a message, by name and member."""
    labels = (alert["labels"] for alert in message["alerts"])
    return {(one["alertname"], one["member"]) for one in labels if one["alertname"].startswith("EsnEngagementDrop")}
