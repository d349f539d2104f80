"""What a worker's pages say, and what ClickHouse's newest step says of the same."""

import http.client
import json
import socket
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from agents.storage.clickhouse import Reader
from pipeline.windows import WINDOWS

Values = dict[tuple[str, ...], float]
PEOPLE = ("dimension", "member", "measure", "window")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Return status and text; status 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionError:
        return 0, ""
    finally:
        connection.close()


def health(port: int) -> dict[str, Any]:
    status, text = get(port, "/health/ready")
    return {"code": status} | (json.loads(text) if text else {})


def samples(page: str, name: str, *labels: str) -> Values:
    """Return a metric's values by these labels."""
    found = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return {tuple(one.labels[label] for label in labels): one.value for one in found if one.name == name}


def people(*ports: int) -> Values:
    """Sum the people gauges of workers; `window` is `enabled` for the enabled ones."""
    total: Values = defaultdict(float)
    for port in ports:
        page = get(port, "/metrics")[1]
        for labels, value in samples(page, "esn_active_people", *PEOPLE).items():
            total[labels] += value
        for labels, value in samples(page, "esn_enabled_people", *PEOPLE[:2]).items():
            total[*labels, "active", "enabled"] += value
    return total


def newest_rows(reader: Reader) -> Values:
    """Return the newest step's rows in the same form; zeros and managers are left out."""
    rows = reader.query(
        "SELECT dimension, member, measure, enabled, w5m, w1h, w24h, w7d, w28d FROM active_people "
        "WHERE dimension != 'manager' AND at = (SELECT max(at) FROM active_people WHERE complete)"
    )[1]
    found: Values = {}
    for dimension, member, measure, enabled, *windows in rows:
        found |= {(dimension, member, measure, window): n for window, n in zip(WINDOWS, windows, strict=True)}
        if measure == "active":
            found[dimension, member, measure, "enabled"] = enabled
    return positive(found)


def positive(values: Values) -> Values:
    """Leave out zeros: a missing row means zero, and so does a missing gauge."""
    return {labels: value for labels, value in values.items() if value}
