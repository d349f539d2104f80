"""`esn-pulse directory import`, called as users call it, on a real Kafka."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.kafka import broker
from agents.kafka.broker import create_topics
from agents.settings import Settings
from tests.live.calling import NO_KAFKA, Caller


@pytest.fixture
def call(kafka: str, clickhouse_url: str, prefix: str) -> Caller:
    return Caller({"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix})


@pytest.fixture
def settings(call: Caller) -> Settings:
    return Settings.from_env(call.env)


@pytest.fixture
def topics(settings: Settings) -> None:
    create_topics(settings, 3)


@pytest.fixture
def imported(call: Caller, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Write a file and import it."""
    request.getfixturevalue("topics")

    def run(text: str, *words: str, encoding: str = "utf-8") -> Any:
        (tmp_path / "people.csv").write_bytes(text.encode(encoding))
        return call("directory", "import", str(tmp_path / "people.csv"), *words)

    return run


def directory(settings: Settings) -> list[tuple[str, Any]]:
    """Everything that was ever sent."""
    found = []
    for record in broker.read(settings, settings.topic("esn.directory")):
        assert record.partition == broker.partition_of(record.key, 3)
        found.append((record.timestamp, record.offset, record.key.decode(), record.value and json.loads(record.value)))
    return [(name, value) for *_, name, value in sorted(found, key=lambda one: one[:2])]


def latest(settings: Settings) -> dict[str, Any]:
    return {name: value for name, value in directory(settings) if value is not None}


FILE = "Personalnummer;Abteilung;Vorgesetzter;Status\n1;Müll;;aktiv\n2;Süd;1;aktiv\n3;Süd;1;ausgeschieden\n"


def test_an_export_is_imported_and_only_changes_later(imported: Callable[..., Any], settings: Settings) -> None:
    called = imported(FILE, encoding="cp1252")
    assert (called.code, called.err) == (0, "")
    assert called.out.startswith("3 rows (cp1252): 3 new, 0 changed, 0 unchanged; sent 3 records in ")
    assert latest(settings) == {
        "1": {"person": "1", "enabled": True, "kind": "person", "department": "Müll"},
        "2": {"person": "2", "enabled": True, "kind": "person", "department": "Süd", "manager": "1"},
        "3": {"person": "3", "enabled": False, "kind": "person", "department": "Süd", "manager": "1"},
    }
    assert "0 new, 0 changed, 3 unchanged; sent 0 records" in imported(FILE, encoding="utf-16").out
    assert "0 new, 1 changed, 2 unchanged; sent 1 record " in imported(FILE.replace("Müll", "Öl")).out
    assert len(directory(settings)) == 4


def test_a_dry_run_shows_and_sends_nothing(imported: Callable[..., Any], settings: Settings) -> None:
    imported(FILE)
    changed = FILE.replace("Müll", "Öl").replace("2;Süd;1;aktiv\n", "") + "4;x;;\n"
    called = imported(changed, "--dry-run", "--leavers", "disable")
    assert called.out == (
        "row  person  field       before  after\n"
        "  -  2       enabled     true    false\n"
        "  2  1       department  Müll    Öl\n"
        "  4  4       person      -       new\n"
        "3 rows (utf-8): 1 new, 1 changed, 1 unchanged; 1 person not in the file (disabled); would send 3 records\n"
    )
    assert called.code == 0
    assert "this would disable or forget 1 of 2 enabled people (50%)" in called.err
    assert len(json.loads(imported(changed, "--dry-run", "--format", "json").out)) == 2
    assert len(directory(settings)) == 3


def test_leavers_are_disabled_and_many_only_with_yes(imported: Callable[..., Any], settings: Settings) -> None:
    everybody = "person\n" + "".join(f"u{number}\n" for number in range(10))
    imported(everybody)
    assert (
        "2 people not in the file (left as they are, see --leavers)" in imported(everybody.replace("u8\nu9\n", "")).out
    )
    called = imported(everybody.replace("u8\nu9\n", ""), "--leavers", "disable")
    assert "2 people not in the file (disabled); sent 2 records" in called.out
    assert latest(settings)["u9"] == {"person": "u9", "enabled": False, "kind": "person"}
    called = imported("person\nu0\n", "--leavers", "disable")
    assert (called.code, called.out) == (1, "")
    assert called.err == (
        "esn-pulse: this would disable or forget 7 of 8 enabled people (88%): look at --dry-run, and if it is right "
        "say --yes; nothing was sent\n"
    )
    assert "sent 7 records" in imported("person\nu0\n", "--leavers", "disable", "--yes").out
    assert "sent 1 record " in imported("person\nu0\nu9\n").out  # and back again
    assert "(forgotten); sent 8 records" in imported("person\nu0\nu9\n", "--leavers", "forget").out
    assert imported("person\nu0\nu9\n", "--leavers", "forget").out.startswith(
        "2 rows (utf-8): 0 new, 0 changed, 2 unchanged; sent 0"
    )


def test_rows_left_out_are_no_leavers(imported: Callable[..., Any]) -> None:
    imported("person,dept\n" + "".join(f"u{number},x\n" for number in range(20)))
    text = "person,dept\n" + "".join(f"u{number},x\n" for number in range(19)) + "u19,x,y\n"
    called = imported(text, "--leavers", "disable")
    assert (called.code, called.out) == (1, "")
    assert "row 21: more cells than the header has: left out" in called.err
    assert "esn-pulse: 1 row left out, and whom they are about would count as having left" in called.err
    assert imported(text).code == 0


@pytest.mark.usefixtures("topics")
def test_a_pipe_and_columns_of_ones_own(call: Caller, settings: Settings) -> None:
    text = b"Mail,Art,Chef\na@x.y,Zeitarbeit,\nb@x.y,Mitarbeiter,A@X.Y\n"
    called = call(
        "directory", "import", "-", "--map", "person=mail", "--map", "email=Mail", "--kind-column", "Art",
        "--word", "Zeitarbeit=guest", "--manager-by", "email", stdin=text,
    )  # fmt: skip
    assert called.code == 0, called.err
    assert latest(settings) == {
        "a@x.y": {"person": "a@x.y", "enabled": True, "kind": "guest"},
        "b@x.y": {"person": "b@x.y", "enabled": True, "kind": "person", "manager": "a@x.y"},
    }


@pytest.mark.parametrize(
    ("text", "words", "code", "told"),
    [
        ("a,b\n1,2\n", [], 1, "The file has the columns a, b: say --map person=COLUMN"),
        ("person,x\n1,2\n", ["--map", "region=y"], 2, "there is no such column, but the columns person, x"),
        ("person,x\n1,2\n", ["--map", "region"], 2, "--map region: write FIELD=COLUMN"),
        ("person,x\n1,2\n", ["--word", "a=b"], 2, "--word a=b: write WORD=MEANING"),
        ("person,x\n1,2\n", ["--encoding", "x"], 2, "--encoding x is unknown"),
        ("person,x\n1,2\n", ["--delimiter", "xy"], 2, "--delimiter is one sign, or tab"),
        ("person,manager\n1,2\n", ["--manager-by", "email"], 2, "which column holds people's own"),
        ("person,status\n1,secret\n", [], 1, "row 2: what is in the column of enabled means neither yes nor no"),
        ('person,x\n1,"2\n', [], 1, "row 2 opens a quote that is never closed: mend it in the file"),
        ("person\n", [], 1, "the file has a header and no rows: export it again"),
        ("", [], 1, "the file is empty: export it again"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_line(
    imported: Callable[..., Any], text: str, words: list[str], code: int, told: str
) -> None:
    called = imported(text, *words)
    assert (called.code, called.out, called.err.count("\n")) == (code, "", 1)
    assert told in called.err
    assert "secret" not in called.err


def test_imports_without_kafka_topic_or_file(call: Caller, settings: Settings) -> None:
    assert call.line("directory", "import", "-", stdin=b"person\nu1\n", ESN_KAFKA="127.0.0.1:1") == (1, NO_KAFKA)
    code, line = call.line("directory", "import", "-", stdin=b"person\nu1\n")
    assert (code, line) == (
        1,
        f"esn-pulse: there is no topic {settings.topic('esn.directory')}: run `esn-pulse topics`",
    )
    code, line = call.line("directory", "import", "nofile.csv")
    assert code == 2
    assert "No such file" in line
