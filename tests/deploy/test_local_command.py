"""`esn-pulse local` without starting anything: what it prints where, and how it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GIVEN = {"ESN_KAFKA": "broker.example:9092", "ESN_CLICKHOUSE": "clickhouse://me:it's hush@db.example:9000/esn"}


def local(tmp_path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
    ours = {"ESN_HOME": str(tmp_path / "home"), "ESN_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "agents", "local", *words]
    return subprocess.run(command, env=clean | ours | environ, capture_output=True, text=True, check=False)


def test_servers_of_ones_own_are_exported_again_for_a_shell(tmp_path: Path) -> None:
    done = local(tmp_path, "up", **GIVEN)

    assert done.returncode == 0
    script = done.stdout + 'printf "%s|%s" "$ESN_KAFKA" "$ESN_CLICKHOUSE"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout == f"{GIVEN['ESN_KAFKA']}|{GIVEN['ESN_CLICKHOUSE']}"
    assert "ESN_KAFKA is set, so no kafka is started here" in done.stderr
    assert "hush" not in done.stderr


def test_a_secret_in_a_file_stays_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(GIVEN["ESN_CLICKHOUSE"])

    done = local(tmp_path, "up", ESN_KAFKA="broker.example:9092", ESN_CLICKHOUSE_FILE=str(file))
    assert f"export ESN_CLICKHOUSE_FILE={file}" in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_down_where_nothing_runs_is_no_error(tmp_path: Path) -> None:
    done = local(tmp_path, "down")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == ["Apache Kafka did not run", "ClickHouse did not run"]


def test_status_tells_where_things_would_be(tmp_path: Path) -> None:
    done = local(tmp_path, "status", "--home", str(tmp_path / "elsewhere"))

    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()[:2]] == [
        ["kafka", "stopped"],
        ["clickhouse", "stopped"],
    ]
    assert f"log {tmp_path}/elsewhere/logs/kafka.log" in done.stdout
    assert f"data: {tmp_path}/elsewhere" in done.stdout


@pytest.mark.parametrize("word", ["up", "down", "status"])
def test_trouble_is_one_line_and_exit_code_1(tmp_path: Path, word: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "stack.json").write_text("damaged")

    done = local(tmp_path, word)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "stack.json cannot be read" in done.stderr
