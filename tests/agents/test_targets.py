"""The file of targets: what it says of each segment, and one line for whatever is wrong with it."""

from pathlib import Path

import pytest

from agents.doctor import files
from agents.errors import Usage
from agents.files.targets import Targets, read, targets
from agents.settings import Settings

GOOD = """
default = 0.8
[company]
all = 0.75
[region]
ES = 1
unknown = 0.333333
[department]
"Research & Development" = 0.6
[community]
c17 = 0.5
"""


def reading(tmp_path: Path, text: str) -> Targets:
    file = tmp_path / "targets.toml"
    file.write_text(text)
    return read(file)


def test_what_is_named_and_what_the_default_is_for(tmp_path: Path) -> None:
    found = reading(tmp_path, GOOD)
    assert found.of("company", "all") == 0.75
    assert found.of("region", "ES") == 1
    assert found.of("region", "SE") == found.of("department", "unknown") == 0.8
    assert found.of("department", "Research & Development") == 0.6
    assert found.of("community", "c17") == 0.5
    assert [found.of(dimension, "c18") for dimension in ("community", "manager", "manager_tree")] == [None] * 3
    assert found.millionths("region", "unknown") == 333_333
    assert found.millionths("region", "SE") == 800_000
    assert found.millionths("community", "c18") == 0


def test_without_a_default_only_what_is_named_has_a_target(tmp_path: Path) -> None:
    found = reading(tmp_path, "[region]\nES = 0.9\n")
    assert (found.of("region", "ES"), found.of("region", "SE"), found.of("company", "all")) == (0.9, None, None)


def test_the_settings_name_the_file(tmp_path: Path) -> None:
    assert targets(Settings.from_env({})) == Targets()
    file = tmp_path / "targets.toml"
    file.write_text(GOOD)
    assert targets(Settings.from_env({"ESN_TARGETS": str(file)})).of("company", "all") == 0.75


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[regions]\nES = 1", "regions is not a table of targets: did you mean region?"),
        ("[manager]\nu1 = 1", "manager is not a table of targets: use default, company, region, department or comm"),
        ("region = 1", "[region] is no table: write [region] on a line of its own and its keys below"),
        ("[company]\neverybody = 1\nall = 1", "[company] everybody is no member: write all"),
        ("[company]\neverybody = 1", "[company] everybody is no member: write all"),
        ("default = 80", "default is 80: write a share, more than 0 and at most 1, as in 0.8"),
        ("[region]\nES = 0", "[region] ES is 0: write a share, "),
        ("[region]\nES = 1.1", "[region] ES is 1.1: write a share, "),
        ("[region]\nES = 1e-7", "[region] ES is 1e-07: write a share, "),
        ("[region]\nES = nan", "[region] ES is nan: write a share, "),
        ("[region]\nES = '80 %'", "[region] ES is 80 %: write a share, "),
        ("[region]\nES = true", "[region] ES is True: write a share, "),
        ("[region]\nE.S = 0.5", "[region] E is a table: write a share, "),
        ("[region", " is not TOML: "),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(Usage) as raised:
        reading(tmp_path, text)
    told = str(raised.value)
    assert told.startswith(f"targets {tmp_path / 'targets.toml'}")
    assert line in told
    assert "\n" not in told


def test_the_doctor_reads_the_files(tmp_path: Path) -> None:
    good, bad, days = tmp_path / "good.toml", tmp_path / "bad.toml", tmp_path / "calendar.toml"
    good.write_text(GOOD)
    bad.write_text("default = 80\n")
    days.write_text('[company]\nholidays = "SE"\n')
    assert list(files.look(Settings.from_env({}))) == []
    [calendar, found] = files.look(Settings.from_env({"ESN_TARGETS": str(good), "ESN_CALENDAR": str(days)}))
    assert (calendar.state, calendar.found) == ("ok", f"{days} is of the company and 0 regions")
    assert (found.state, found.found) == ("ok", f"{good} names 5 segments, the default is 0.8")
    [calendar, found] = files.look(Settings.from_env({"ESN_TARGETS": str(bad), "ESN_CALENDAR": str(bad)}))
    assert (calendar.check, calendar.state) == ("calendar", "wrong")
    assert (found.check, found.state, found.found) == ("targets", "wrong", f"targets {bad}: default is 80")
    assert found.advice == "write a share, more than 0 and at most 1, as in 0.8"
