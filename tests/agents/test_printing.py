import csv
import io
import json
from typing import Any

import pytest

from agents.terminal.printing import Column, harmless, many, minute, show

COLUMNS = (
    Column("who"),
    Column("events", "count"),
    Column("share", "share"),
    Column("last", "time"),
    Column("on", "flag"),
)
AT = 1_795_335_303_120  # 2026-11-22T08:15:03.120Z
ROWS: list[tuple[Any, ...]] = [("Zoë \x1b[31m", 1234, 0.125, AT, True), ("部門,x", 0, None, None, False)]


def printed(how: str, capsys: pytest.CaptureFixture[str], rows: list[tuple[Any, ...]] | None = None) -> str:
    show(COLUMNS, iter(ROWS if rows is None else rows), how)
    return capsys.readouterr().out


def test_a_piped_table_is_aligned_plain_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed("table", capsys) == (
        "who           events   share  last              on\n"
        "Zoë \\x1b[31m   1,234  12.5 %  2026-11-22 08:15  yes\n"
        "部門,x             0       -  -                 no\n"
    )


def test_csv_and_json_carry_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    told = list(csv.DictReader(io.StringIO(printed("csv", capsys))))
    assert told[0] == {
        "who": "Zoë \x1b[31m", "events": "1234", "share": "0.125", "last": "2026-11-22T08:15:03.120Z", "on": "true",
    }  # fmt: skip
    assert told[1] == {"who": "部門,x", "events": "0", "share": "", "last": "", "on": "false"}
    objects = json.loads(printed("json", capsys))
    assert objects[0]["events"] == 1234
    assert objects[0]["last"] == "2026-11-22T08:15:03.120Z"
    assert objects[1] == {"who": "部門,x", "events": 0, "share": None, "last": None, "on": False}


def test_nothing_is_still_a_header_or_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed("csv", capsys, []) == "who,events,share,last,on\n"
    assert json.loads(printed("json", capsys, [])) == []
    assert printed("table", capsys, []).split() == ["who", "events", "share", "last", "on"]


def test_a_long_id_does_not_widen_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    row = ("x" * 256, 1, 1.0, AT, True)
    assert "x" * 61 not in printed("table", capsys, [row])
    assert "x" * 256 in printed("csv", capsys, [row])


def test_many_rows_are_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[tuple[Any, ...]] = [(f"u{number}", number, 0.5, AT, True) for number in range(5000)]
    assert len(json.loads(printed("json", capsys, rows))) == 5000
    assert printed("csv", capsys, rows).count("\n") == 5001


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Zoë 部門 🙂", "Zoë 部門 🙂"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_signs_that_move_a_terminal_are_spelled_out(text: str, told: str) -> None:
    assert harmless(text) == told


def test_words() -> None:
    assert (many(1, "row"), many(1234, "row"), many(0, "person", "people")) == ("1 row", "1,234 rows", "0 people")
    assert minute(-1) == "1969-12-31 23:59"
