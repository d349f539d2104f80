"""`esn-pulse drops`, as it is called, on the first five months of the bundled record: a factory in Poland."""

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "deploy" / "demo" / "manufacturing_email"
WARSAW = ZoneInfo("Europe/Warsaw")
HOLIDAYS = ("2010-04-05", "2010-05-03", "2010-06-03")
POLAND = '[company]\ntimezone = "Europe/Warsaw"\nholidays = "PL"\n'


def call(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
    return subprocess.run(
        [sys.executable, "-m", "agents", "drops", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=own | environ,
    )


class Files(NamedTuple):
    record: Path
    people: Path
    calendar: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The record to 9 June 2010, its directory, and the Polish calendar."""
    place = tmp_path_factory.mktemp("drops")
    with gzip.open(DEMO / "events.jsonl.gz", "rt") as whole, (place / "spring.jsonl").open("w") as spring:
        spring.writelines(line for line in whole if json.loads(line)["time"] < "2010-06-10")
    (place / "poland.toml").write_text(POLAND)
    return Files(place / "spring.jsonl", DEMO / "people.jsonl.gz", place / "poland.toml")


def at(day: str, hour: int) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=WARSAW)


def time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else datetime.max.replace(tzinfo=WARSAW)


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_with_the_polish_calendar_its_holidays_are_no_drops(files: Files, tmp_path: Path) -> None:
    svg = tmp_path / "drops.svg"
    done = call("--replay", files.record, "--people", files.people, "--calendar", files.calendar, "--picture", svg,
                "--format", "json", "--all", "--withheld")  # fmt: skip
    told = rows(done)
    found = [drop for drop in told if drop["state"] != "withheld"]
    company = [drop for drop in told if drop not in found and drop["dimension"] == "company" and not drop["parent_id"]]
    assert [drop["detected_at"][:10] for drop in company] == ["2010-04-04", *HOLIDAYS]  # and Easter Sunday
    assert re.search(r"learning, and so not judged: \d+% of all segments' time; by the end \d+ segments", done.stderr)
    for day in HOLIDAYS:
        free = at(day, 0), at(day, 0) + timedelta(days=1)
        assert not [drop for drop in found if drop["window"] == "1h" and free[0] < time(drop["detected_at"]) <= free[1]]
    assert [drop for drop in found if drop["dimension"] == "company" and drop["depth"] > 0.5]  # 4 June, a bridge day
    assert f"picture: {svg}" in done.stderr
    picture = ElementTree.parse(svg).getroot()  # noqa: S314  (our own)
    heads = ["".join(one.itertext()) for one in picture.iter() if one.get("class") == "heading"]
    assert heads[0].startswith("company all")
    assert len([one for one in picture.iter() if one.get("class") == "holiday"]) > len(heads)


def test_without_a_calendar_they_are_found_within_three_working_hours(files: Files) -> None:
    found = rows(
        call("--replay", files.record, "--people", files.people, "--format", "json", ESN_TIMEZONE="Europe/Warsaw")
    )
    ours = [drop for drop in found if drop["dimension"] == "company"]
    for day in HOLIDAYS:  # people come from seven on
        assert [one for one in ours if time(one["detected_at"]) <= at(day, 10) <= time(one["ended_at"])], day


def test_the_largest_department_cut_out_for_two_days_is_found_as_its_drop(files: Files, tmp_path: Path) -> None:
    with gzip.open(files.people, "rt") as lines:
        department = {person["person"]: person["department"] for person in map(json.loads, lines)}
    largest, _ = Counter(department.values()).most_common(1)[0]
    cut = tmp_path / "cut.jsonl"
    with gzip.open(DEMO / "events.jsonl.gz", "rt") as whole, cut.open("w") as out:
        for line in whole:
            event = json.loads(line)
            gone = department.get(event["data"]["actor"]) == largest
            if event["time"] < "2010-06-26" and not (gone and event["time"][:10] in ("2010-06-23", "2010-06-24")):
                out.write(line)
    found = rows(call("--replay", cut, "--people", files.people, "--calendar", files.calendar, "--format", "json"))
    [drop] = [one for one in found if at("2010-06-22", 12) < time(one["detected_at"]) < at("2010-06-25", 0)]
    assert (drop["dimension"], drop["member"]) == ("department", largest)
    assert time(drop["detected_at"]) <= at("2010-06-23", 10)


def few(tmp_path: Path) -> Path:
    event = '{"id":"1","source":"/s","type":"esn.login","time":"2026-03-02T08:15:00Z","data":{"actor":"a"}}\n'
    (tmp_path / "few.jsonl").write_text(event)
    return tmp_path / "few.jsonl"


def test_a_short_record_has_no_drops_and_says_so(tmp_path: Path) -> None:
    done = call("--replay", few(tmp_path))
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert done.stderr.startswith("0 drops in 1 hour")
    assert call("--replay", few(tmp_path), "--format", "json").stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ([], 2, "missing option '--replay'"),
        (["--replay", "none.jsonl"], 2, "'none.jsonl' does not exist"),
        (["--replay", "few.jsonl", "--picture", "drops.png"], 2, "name a file that ends in .svg"),
        (["--replay", "few.jsonl", "--picture", "none/drops.svg"], 2, "in a directory that is there"),
        (["--replay", "few.jsonl", "--calendar", "bad.toml"], 2, "bad.toml: [company] day_off is not a key: did you"),
        (["--replay", "empty.jsonl"], 1, "there is no event in"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments: list[str], code: int, line: str, tmp_path: Path) -> None:
    few(tmp_path)
    (tmp_path / "bad.toml").write_text("[company]\nday_off = []\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    there = {path.name: str(path) for path in tmp_path.iterdir()}
    done = call(*(there.get(argument, argument) for argument in arguments))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert line in done.stderr
