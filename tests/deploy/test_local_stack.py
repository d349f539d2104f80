"""The stack as far as it goes without starting anything: whose servers, which ClickHouse, what it is told."""

import io
import platform
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from deploy.local.clickhouse import ClickHouse
from deploy.local.progress import Progress
from deploy.local.stack import Stack
from deploy.local.state import Started, State
from deploy.local.trouble import Trouble

GIVEN = {"kafka": "broker.example:9092", "clickhouse": "clickhouse://me:secret@db.example:9000/esn"}


@pytest.fixture
def seen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def embedded(tmp_path: Path, seen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> ClickHouse:
    """A ClickHouse that was never started, where no binary is installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return ClickHouse(tmp_path / "home", tmp_path / "cache", {}, Progress(seen))


def binary(tmp_path: Path, says: str) -> Path:
    (tmp_path / "bin").mkdir()
    file = tmp_path / "bin" / "clickhouse"
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return file


def configured(service: ClickHouse) -> list[str]:
    service.data.mkdir(parents=True)
    State(service.data.parent / "stack.json", {"clickhouse": 20001, "clickhouse_http": 20002}).save()
    return service.configure()


def test_servers_of_ones_own_are_repeated_and_left_alone(tmp_path: Path, seen: io.StringIO) -> None:
    stack = Stack(tmp_path / "home", tmp_path / "cache", given=GIVEN, progress=Progress(seen))

    addresses = stack.up()
    assert (addresses.kafka, addresses.clickhouse) == (GIVEN["kafka"], GIVEN["clickhouse"])
    assert [status.state for status in stack.status()] == ["given", "given"]
    assert stack.down() == []
    assert seen.getvalue() == ""
    assert not (tmp_path / "cache").exists()


def test_our_own_addresses_that_come_back_are_not_somebody_elses(tmp_path: Path) -> None:
    State(tmp_path / "stack.json", {"kafka": 20001, "clickhouse": 20003}).save()
    given = {"kafka": "127.0.0.1:20001", "clickhouse": "clickhouse://default@127.0.0.1:20003/esn"}

    stack = Stack(tmp_path, tmp_path, given=given)
    assert [service.name for service in stack.ours] == ["kafka", "clickhouse"]


def test_down_and_status_know_a_directory_that_was_never_used(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", tmp_path / "cache")

    assert [(status.state, status.address) for status in stack.status()] == [("stopped", ""), ("stopped", "")]
    assert stack.down() == []
    assert not (tmp_path / "home").exists()


def test_after_a_reboot_both_have_crashed_and_down_tidies_up(tmp_path: Path) -> None:
    gone = Started(2**22 + 1, 1.0)  # above every pid
    State(tmp_path / "stack.json", {"kafka": 20001}, {"kafka": gone, "clickhouse": gone}).save()
    stack = Stack(tmp_path, tmp_path)

    assert [status.state for status in stack.status()] == ["crashed", "crashed"]
    assert stack.down() == []
    assert [status.state for status in stack.status()] == ["stopped", "stopped"]


def test_erase_takes_only_what_is_ours(tmp_path: Path) -> None:
    State(tmp_path / "stack.json").save()
    for name in ("kafka", "clickhouse", "logs", "mine"):
        (tmp_path / name).mkdir()

    Stack(tmp_path, tmp_path).erase()
    assert {file.name for file in tmp_path.iterdir()} == {"mine", "lock"}


@pytest.mark.parametrize(("system", "machine"), [("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")])
def test_where_there_is_no_libchdb_one_line_names_the_ways_out(
    tmp_path: Path, embedded: ClickHouse, monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)

    with pytest.raises(Trouble, match=rf"for {system} on {machine}: .*deploy/compose\.yaml") as told:
        embedded.fetch()
    assert "\n" not in str(told.value)
    assert not (tmp_path / "cache").exists()


def test_a_binary_on_path_comes_before_a_download(tmp_path: Path, embedded: ClickHouse) -> None:
    file = binary(tmp_path, "ClickHouse server version 26.3.1.12 (official build).")

    embedded.fetch()
    assert configured(embedded) == [str(file), "server", f"--config-file={embedded.data / 'config.xml'}"]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("says", ["ClickHouse server version 18.16.1.", "no idea"])
def test_a_binary_that_is_too_old_is_not_taken(
    tmp_path: Path, embedded: ClickHouse, seen: io.StringIO, says: str
) -> None:
    binary(tmp_path, says)
    library = tmp_path / "cache" / "chdb-26.7.3-stable.1" / "libchdb.so"
    library.parent.mkdir(parents=True)
    library.touch()

    assert str(library) in configured(embedded)
    assert "is not used" in seen.getvalue()


def test_clickhouse_is_told_to_stay_small_and_on_loopback(tmp_path: Path, embedded: ClickHouse) -> None:
    binary(tmp_path, "ClickHouse server version 26.3.1.12 (official build).")
    configured(embedded)

    config = ET.parse(embedded.data / "config.xml").getroot()  # noqa: S314  (we wrote it)
    assert config.findtext("listen_host") == "127.0.0.1"
    assert (config.findtext("tcp_port"), config.findtext("http_port")) == ("20001", "20002")
    assert config.findtext("users/default/networks/ip") == "127.0.0.1"
    assert config.findtext("path") == f"{embedded.data}/data/"
    assert float(config.findtext("max_server_memory_usage_to_ram_ratio") or 1) < 0.5
    assert config.find("query_log") is None
