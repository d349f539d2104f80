"""Rules and alerts as Prometheus and Alertmanager themselves see them, and the runbook behind each alert."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.web.metrics import METRICS
from tests.debian import programs

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
UNIT_TESTS = PROMETHEUS / "tests" / "alerts.yml"
RUNBOOK = "https://example.com/esn-pulse/RUNBOOK.md#"
GRAFANA = "http://127.0.0.1:3000/d/"
LINT = "{extends: default, rules: {line-length: {max: 180}, quoted-strings: disable}}"


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in loaded(PROMETHEUS / name)["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def headings() -> set[str]:
    """The runbook's headings as links name them."""
    found = re.findall(r"^#+ (.+)$", (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8"), re.M)
    return set(map(slug, found))


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_prometheus_takes_the_configuration_and_every_alert_passes_its_tests() -> None:
    (promtool,) = programs("prometheus", "promtool")
    run(promtool, "check", "config", PROMETHEUS / "prometheus.yml")
    run(promtool, "check", "rules", PROMETHEUS / "recording.yml", PROMETHEUS / "alerts.yml")
    run(promtool, "test", "rules", UNIT_TESTS)


def test_alertmanager_takes_its_configuration() -> None:
    (amtool,) = programs("prometheus-alertmanager", "amtool")
    run(amtool, "check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=EsnEngagementDropMajor severity=critical parent=company/all", "page,chat"),
        ("alertname=EsnEngagementDrop severity=warning parent=company/all", "chat"),
        ("alertname=EsnAdoptionBelowTarget severity=info parent=company/all", "mail"),
        ("alertname=EsnSourceSilent severity=critical", "page"),
        ("alertname=EsnLagGrowing severity=warning", "chat"),
        ("alertname=EsnEventsMoved severity=info", "mail"),
    ],
)
def test_who_hears_of_it(labels: str, receivers: str) -> None:
    (amtool,) = programs("prometheus-alertmanager", "amtool")
    told = run(amtool, "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels.split())
    assert told.split()[0] == receivers


def test_the_files_are_well_written() -> None:
    files = [*PROMETHEUS.rglob("*.yml"), ALERTMANAGER]
    assert len(files) == 5
    run(sys.executable, "-m", "yamllint", "--strict", "-d", LINT, *files)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_it_is_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    told = alert["annotations"]
    assert re.fullmatch(r"Esn[A-Za-z]+", name)
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert not re.search(r"\$value|{{", str(alert["labels"])), "a label that changes is another alert each time"
    assert re.fullmatch(r"\d+[mh]", alert["for"])
    assert told.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    base, heading = told["runbook_url"].split("#")
    assert base + "#" == RUNBOOK
    assert heading in headings()
    assert told["dashboard_url"].startswith(GRAFANA)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_its_unit_tests(name: str) -> None:
    """One that fires, one that stays silent, and the edge."""
    cases = [
        bool(case["exp_alerts"])
        for test in loaded(UNIT_TESTS)["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert Counter(cases)[True] >= 1
    assert Counter(cases)[False] >= 1
    assert len(cases) >= 3


def test_a_runbook_section_of_an_alert_says_four_things() -> None:
    text = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
    for heading in {alert["annotations"]["runbook_url"].split("#")[1] for alert in ALERTS.values()}:
        section = next(part for part in text.split("\n## ") if slug(part.split("\n")[0]) == heading)
        for words in (r"What (it means|you see)", r"\bCheck\b", r"\bDo\b", r"\bIgnore\b"):
            assert re.search(words, section), (heading, words)


def test_the_readme_lists_every_alert() -> None:
    readme = (DEPLOY.parent / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(Esn\w+)` \| (\w+) \|", readme, re.M))
    assert listed == {name: alert["labels"]["severity"] for name, alert in ALERTS.items()}


def test_rules_use_metrics_that_exist() -> None:
    known = {metric.name for metric in METRICS}
    recorded = {rule["record"] for rule in rules("recording.yml")}
    for rule in (*rules("recording.yml"), *rules("alerts.yml")):
        names = set(re.findall(r"(?:[a-z]+:)?esn_\w+(?::\w+)?", rule["expr"]))
        assert names <= known | recorded, names - known - recorded
        assert names or "up{" in rule["expr"]
