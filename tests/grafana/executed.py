"""Queries of panels, executed: PromQL by a real Prometheus, SQL by a real ClickHouse, as tables of columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clickhouse_driver import Client

from tests.grafana.dashboards import PROMETHEUS, Json, Moment, source

Ask = Callable[..., Any]
"""(path below /api/v1/, parameters) -> data, as `Prometheus.ask`"""


@dataclass
class Frame:
    """One answer: columns by name, in order; a graph's has `time` (seconds) first."""

    names: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        place = self.names.index(name)
        return [row[place] for row in self.rows]


@dataclass
class Sources:
    """Where to ask."""

    prometheus: Ask
    clickhouse: Client

    def frames(self, panel: Json, at: Moment) -> list[Frame]:
        """Execute a panel's targets."""
        return [frame for target in panel["targets"] for frame in self.execute(target, at)]

    def execute(self, target: Json, at: Moment) -> list[Frame]:
        """Return a table, or a frame for each series of a graph or an instant value."""
        if source(target) != PROMETHEUS:
            return [self.sql(at.sql(target["rawSql"]))]
        expression = at.promql(target["expr"])
        if target["instant"]:
            found = self.prometheus("query", query=expression, time=at.end.timestamp())["result"]
            if target["format"] == "table":
                labels = sorted({label for one in found for label in one["metric"]})
                rows = [(*(one["metric"].get(name, "") for name in labels), float(one["value"][1])) for one in found]
                return [Frame([*labels, "Value"], ["String"] * len(labels) + ["Float64"], rows)]
            return [_series(target, one["metric"], [one["value"]]) for one in found]
        asked = {"query": expression, "start": at.start.timestamp(), "end": at.end.timestamp(), "step": at.step}
        found = self.prometheus("query_range", **asked)["result"]
        return [_series(target, one["metric"], one["values"]) for one in found]

    def sql(self, text: str) -> Frame:
        rows, columns = self.clickhouse.execute(text, with_column_types=True)
        return Frame([name for name, _ in columns], [kind for _, kind in columns], rows)

    def variable(self, variable: Json, at: Moment) -> list[str]:
        """Return what a variable offers."""
        if variable["type"] != "query":
            return [option["value"] for option in variable.get("options", [])] or [variable["query"]]
        if source(variable) == PROMETHEUS:
            inside = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
            metric, label = inside.split(", ")
            return list(self.prometheus(f"label/{label}/values", **{"match[]": metric}))
        return [str(row[0]) for row in self.sql(at.sql(variable["query"])).rows]


def _series(target: Json, labels: Json, values: list[Any]) -> Frame:
    name = target["legendFormat"]
    for label, value in labels.items():
        name = name.replace("{{" + label + "}}", value)
    rows = [(float(time), float(value)) for time, value in values]
    return Frame(["time", name], ["DateTime", "Float64"], rows)
