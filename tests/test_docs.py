"""The README says what is true: its tables are compared with the code and with ClickHouse's schema."""

import re
from pathlib import Path

import pytest

from agents.__main__ import COMMANDS
from agents.settings import SETTINGS
from agents.web.metrics import METRICS
from schemas.events import REASONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the first table under a heading, by their first cell without backticks."""
    section = README.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip().strip("`"): [cell.strip() for cell in row[1:]] for row in rows}


def test_settings() -> None:
    found = table("Settings")
    assert found.keys() == {setting.env for setting in SETTINGS}
    for setting in SETTINGS:
        default, what = found[setting.env]
        assert default.strip("`") == setting.default
        assert what.startswith(setting.doc)
        assert (f"{setting.env}_FILE" in what) == setting.secret


def test_metrics() -> None:
    found = table("Metrics")
    assert found.keys() == {metric.name for metric in METRICS}
    for metric in METRICS:
        kind, labels, what = found[metric.name]
        assert kind == metric.kind
        assert re.findall(r"`(\w+)`", labels) == list(metric.labels)
        assert what == metric.help


def test_commands() -> None:
    assert table("Commands") == {f"esn-pulse {name}": [what] for name, what in COMMANDS.items()}


def test_reasons() -> None:
    assert tuple(table("Refused messages")) == REASONS


def test_views() -> None:
    found = table("ClickHouse views")
    made: dict[str, list[str]] = {}
    for file in sorted((ROOT / "schemas" / "tables").glob("*.sql")):
        for name, columns in re.findall(
            r"CREATE VIEW IF NOT EXISTS \{database\}\.(\w+)\n\((.*?)\n\)", file.read_text(), re.S
        ):
            if not name.startswith("daily_"):  # these are steps on the way to the others, and may change
                made[name] = re.findall(r"^\s+(\w+) ", columns, re.M)
    assert {name: re.findall(r"`(\w+)`", cells[0]) for name, cells in found.items()} == made


def test_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)
    assert named
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(), name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/RUNBOOK.md"])
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
