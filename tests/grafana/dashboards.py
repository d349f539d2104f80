"""Dashboards as Grafana reads them: panels, targets and variables, and the text of a query as it is sent.

Macros are those that the ClickHouse data source documents; variables are written in as text, and a query puts its own
quotes around them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "grafana"
FILES: Final = sorted((FOLDER / "dashboards").glob("*.json"))
PROMETHEUS: Final = "prometheus"
CLICKHOUSE: Final = "grafana-clickhouse-datasource"
Json = dict[str, Any]


def load(name: str) -> Json:
    found: Json = json.loads((FOLDER / "dashboards" / name).read_text(encoding="utf-8"))
    return found


DASHBOARDS: Final = {path.stem: load(path.name) for path in FILES}


@dataclass(frozen=True)
class Moment:
    """What the time picker and the variables say."""

    start: datetime
    end: datetime
    values: Mapping[str, str]
    scrape_seconds: int = 15
    points: int = 200

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())

    @property
    def step(self) -> int:
        """Seconds between two points of a graph: Grafana's $__interval."""
        return max(self.scrape_seconds, self.seconds // self.points)

    def promql(self, text: str) -> str:
        """Write in what Grafana writes into PromQL."""
        rate = max(self.step + self.scrape_seconds, 4 * self.scrape_seconds)
        built_in = {"__rate_interval": f"{rate}s", "__range": f"{self.seconds}s", "__interval": f"{self.step}s"}
        return _written(text, {**self.values, **built_in})

    def sql(self, text: str) -> str:
        """Expand macros, then variables."""
        start, end = (f"toDateTime({int(moment.timestamp())})" for moment in (self.start, self.end))
        first, last = (f"toDate('{moment:%Y-%m-%d}')" for moment in (self.start, self.end))
        text = re.sub(r"\$__timeFilter\(([^()]+)\)", rf"\1 >= {start} AND \1 <= {end}", text)
        text = re.sub(r"\$__dateFilter\(([^()]+)\)", rf"\1 >= {first} AND \1 <= {last}", text)
        text = re.sub(
            r"\$__timeInterval\(([^()]+)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {self.step} second)", text
        )
        for name, value in (("fromTime", start), ("toTime", end), ("interval_s", str(self.step))):
            text = re.sub(rf"\$__{name}\b", value, text)
        return _written(text, self.values)


def moment(start: datetime, end: datetime, **values: str) -> Moment:
    return Moment(start.astimezone(UTC), end.astimezone(UTC), values)


def _written(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return values[found[1] or found[2]]

    done = re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)
    assert "$" not in done, done
    return done


def panels(board: Json) -> Iterator[Json]:
    """Panels in the order in which they are read; rows have none of their own here."""
    yield from sorted(board["panels"], key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))


def source(target: Mapping[str, Any]) -> str:
    kind: str = target["datasource"]["type"]
    return kind


def defaults(board: Json) -> dict[str, str]:
    """What the variables say before anybody chooses; data sources aside."""
    variables = board["templating"]["list"]
    return {
        one["name"]: one["query"] if one["type"] == "constant" else str(one["current"]["value"])
        for one in variables
        if one["type"] != "datasource"
    }
