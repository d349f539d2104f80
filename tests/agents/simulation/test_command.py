import gzip
from pathlib import Path

import pytest

from agents.__main__ import main
from agents.simulation import Company

ARGUMENTS = ["simulate", "--people", "40", "--days", "1", "--rate", "0.02", "--seed", "9"]


def test_it_writes_the_company_into_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "sim"
    assert main([*ARGUMENTS, "--out", str(out)]) == 0
    company = Company(people=40, days=1, rate=0.02, seed=9)
    assert gzip.decompress((out / "events.jsonl.gz").read_bytes()).splitlines() == list(company.lines())
    assert gzip.decompress((out / "people.jsonl.gz").read_bytes()).splitlines() == company.directory()
    assert sorted(path.name for path in out.iterdir()) == ["events.jsonl.gz", "people.jsonl.gz"]
    assert "lines" in capsys.readouterr().out


def test_the_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main([*ARGUMENTS, "--out", str(tmp_path / name)]) == 0
    for file in ("events.jsonl.gz", "people.jsonl.gz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_all_knobs_reach_the_company(tmp_path: Path) -> None:
    knobs = [
        "--start",
        "2026-03-03T00:00Z",
        "--shuffle",
        "30",
        "--duplicates",
        "0.1",
        "--late",
        "0.1",
        "--edges",
        "0.1",
    ]
    more = ["--lateness", "300", "--step", "300", "--hostile", "--region", "TK=Asia/Tokyo", "--communities", "3"]
    drop = ["--departments", "A, B", "--drop", "department=A,depth=0.5,start=2026-03-03T08:00Z,hours=2"]
    assert main([*ARGUMENTS, *knobs, *more, *drop, "--out", str(tmp_path)]) == 0
    people = gzip.decompress((tmp_path / "people.jsonl.gz").read_bytes())
    assert b'"department":"B"' in people
    assert b"Asia/Tokyo" in people
    assert b"Madrid" not in people


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--out", "x", "--kafka"],
        ["--out", "x", "--speed", "1"],
        ["--out", "x", "--start", "yesterday"],
        ["--out", "x", "--start", "2026-03-03"],
        ["--out", "x", "--region", "Nowhere"],
        ["--out", "x", "--region", "X=Europe/Atlantis"],
        ["--out", "x", "--people", "1"],
        ["--out", "x", "--shuffle", "500"],
        ["--out", "x", "--drop", "department=Slaes,depth=1,start=2026-03-02T08:00Z,hours=1"],
        ["--out", "x", "--drop", "everything"],
    ],
)
def test_wrong_calls_end_with_one_line_and_write_nothing(
    wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*ARGUMENTS, *wrong]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert not told.out
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to_fails_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main([*ARGUMENTS, "--out", str(tmp_path / "file" / "sim")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("start", ["now", "-1d", "-36h"])
def test_a_start_may_be_told_from_now(start: str, tmp_path: Path) -> None:
    assert main([*ARGUMENTS, f"--start={start}", "--out", str(tmp_path)]) == 0
