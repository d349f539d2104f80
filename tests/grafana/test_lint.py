"""The rules of the house for dashboards, for every panel and variable; nothing is executed here."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from agents.web.metrics import METRICS
from tests.deploy.test_alerts import ALERTS, headings
from tests.grafana.dashboards import CLICKHOUSE, DASHBOARDS, FOLDER, PROMETHEUS, Json, panels, source

PANELS = [(name, panel) for name, board in DASHBOARDS.items() for panel in panels(board)]
IDS = [f"{name}-{panel['title']}" for name, panel in PANELS]
KINDS = {"stat", "timeseries", "table", "barchart"}
UNITS = {"s", "short", "percentunit", "eps", "rowsps", "bytes"}
PROCESS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
every_panel = pytest.mark.parametrize(("name", "panel"), PANELS, ids=IDS)
each_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=IDS)
every_board = pytest.mark.parametrize("name", DASHBOARDS)


def text_of(target: Json) -> str:
    text: str = target.get("rawSql") or target["expr"]
    return text


@every_board
def test_a_dashboard_is_of_nobodys_grafana(name: str) -> None:
    board = DASHBOARDS[name]
    assert board["uid"] == f"esn-pulse-{name}"
    assert not {"id", "version", "iteration", "__inputs", "__requires", "gnetId"} & board.keys()
    assert board["schemaVersion"] >= 39
    assert board["editable"] is False
    assert board["title"].startswith("esn-pulse / ")
    assert board["description"]
    assert board["time"]["from"].startswith("now-")
    assert board["links"][0]["includeVars"]


@every_board
def test_grafana_11_knows_every_field(name: str) -> None:
    """What its schema does not know is lost when its own types read and write it; a query is the data source's."""
    board = DASHBOARDS[name]
    known = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(board)))
    assert list(lost(board, known)) == []


def lost(given: Any, known: Any, path: str = "") -> Iterator[str]:
    if isinstance(given, dict):
        for key, value in given.items():
            if path == "/annotations/list/0/target":
                continue
            yield from [f"{path}/{key}"] if key not in known else lost(value, known[key], f"{path}/{key}")
    elif isinstance(given, list):
        for place, (value, other) in enumerate(zip(given, known, strict=True)):
            yield from lost(value, other, f"{path}/{place}")
    elif given != known:
        yield path


@every_board
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    found = list(panels(DASHBOARDS[name]))
    assert len({panel["id"] for panel in found}) == len(found) >= 8
    boxes = [tuple(panel["gridPos"][side] for side in "xywh") for panel in found]
    for (x, y, w, h), (left, top, wide, high) in combinations(boxes, 2):
        assert x + w <= left or left + wide <= x or y + h <= top or top + high <= y
    assert all(x + w <= 24 for x, _, w, _ in boxes)
    area = sum(w * h for _, _, w, h in boxes)
    assert area == 24 * max(y + h for _, y, _, h in boxes), "no holes"


@each_panel
def test_a_panel_says_what_it_shows(panel: Json) -> None:
    assert panel["type"] in KINDS
    assert 3 < len(panel["title"]) < 50
    assert "\n\nFormula: " in panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert "https://" not in str(panel), "addresses come from variables"


@every_panel
def test_a_panel_asks_through_variables(name: str, panel: Json) -> None:
    known = {one["name"] for one in DASHBOARDS[name]["templating"]["list"]}
    uids = {PROMETHEUS: "${prometheus}", CLICKHOUSE: "${clickhouse}"}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == uids[source(target)]
        assert target["datasource"] == panel["datasource"]
        text = text_of(target)
        used = set(re.findall(r"\$\{?(\w+)", text))
        assert {one for one in used if not one.startswith("__")} <= known
        if source(target) == PROMETHEUS:
            assert text.count('job="$job"') == len(re.findall(r"\b(?:esn_\w+|up|process_\w+)\{", text)) > 0
            assert not re.findall(r"(?:rate|increase)\([^[]*\[\d", text), "rates follow the time picker"
        else:
            assert "${database}." in text
            assert re.search(r"\$__(timeFilter|dateFilter)\(", text), "it follows the time picker"
            assert "suppressed" in text, "a hidden number is not drawn as 0"


@every_panel
def test_a_panel_follows_the_segment(name: str, panel: Json) -> None:
    """But for those that list all segments, or are about the pipeline."""
    if name == "health" or panel["title"] in {
        "Numbers are behind by", "Too small to show", "Open drops", "Sources silent", "Still learning",
        "To act on now", "Sources", "Drops in this time",
    }:  # fmt: skip
        return
    for target in panel["targets"]:
        text = text_of(target)
        assert ("$dimension" in text and "$member" in text) or ("${dimension}" in text) or "${by}" in text


@each_panel
def test_a_panel_leads_on(panel: Json) -> None:
    urls = {one["title"]: one["url"] for one in panel["links"]}
    assert any(url.startswith("/d/esn-pulse-") for url in urls.values())
    for url in re.findall(r"/d/(esn-pulse-\w+)", str(panel)):
        assert url in {board["uid"] for board in DASHBOARDS.values()}
    if "Runbook" in urls:
        base, heading = urls["Runbook"].split("#")
        assert base == "${runbook}"
        assert heading in headings()


def test_every_alert_has_a_panel_that_leads_to_its_runbook() -> None:
    led = {one["url"] for _, panel in PANELS for one in panel["links"] if one["title"] == "Runbook"}
    for alert in ALERTS.values():
        told = alert["annotations"]
        assert "${runbook}#" + told["runbook_url"].split("#")[1] in led
        board = re.search(r"/d/([\w-]+)", told["dashboard_url"])
        assert board
        assert board[1] in {one["uid"] for one in DASHBOARDS.values()}


@each_panel
def test_a_panel_uses_metrics_and_columns_by_name(panel: Json) -> None:
    for target in panel["targets"]:
        if source(target) == PROMETHEUS:
            used = set(re.findall(r"\b(esn_\w+|up|process_\w+)\{", target["expr"]))
            known = {metric.name for metric in METRICS} | PROCESS
            assert {one.removesuffix("_bucket") for one in used} <= known
        else:
            assert "SELECT *" not in target["rawSql"]


@every_board
def test_variables(name: str) -> None:
    variables = DASHBOARDS[name]["templating"]["list"]
    assert [one["type"] for one in variables[:2]] == ["datasource", "datasource"]
    assert [one["query"] for one in variables[:2]] == [PROMETHEUS, CLICKHOUSE]
    assert len({one["name"] for one in variables}) == len(variables)
    for one in variables[2:]:
        assert one["description"]
        assert one["type"] in {"query", "custom", "textbox", "constant"}
        if one["type"] != "constant":
            assert one["label"]


def test_what_is_provisioned_is_what_the_dashboards_ask_for() -> None:
    def read(name: str) -> Any:
        return yaml.safe_load((FOLDER / "provisioning" / name).read_text(encoding="utf-8"))

    sources = read("datasources/esn-pulse.yaml")["datasources"]
    assert {one["type"] for one in sources} == {PROMETHEUS, CLICKHOUSE}
    assert all(one["uid"].startswith("esn-pulse-") and one["editable"] is False for one in sources)
    (provider,) = read("dashboards/esn-pulse.yaml")["providers"]
    assert provider["options"]["path"].endswith("/esn-pulse")
    assert provider["allowUiUpdates"] is False
