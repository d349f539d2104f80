"""The command line's frame: one line for every error, the right exit code, and no traceback but for a bug."""

import subprocess
import sys
import types

import click
import pytest

from agents.__main__ import COMMANDS, cli, main
from agents.errors import Failed, Usage
from agents.settings import Settings, pass_settings


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESN_STEP_SECONDS", raising=False)


def put_in(monkeypatch: pytest.MonkeyPatch, command: click.Command) -> None:
    """Let the command `topics` do something else."""
    module = types.ModuleType("agents.commands.topics")
    module.command = command  # type: ignore[attr-defined]  # modules are made for this
    monkeypatch.setitem(sys.modules, "agents.commands.topics", module)


def raising(error: BaseException) -> click.Command:
    def work() -> None:
        raise error

    return click.Command("topics", callback=work)


def test_help_lists_every_command_and_needs_no_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESN_STEP_SECONDS", "61")
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told and short in told for name, short in COMMANDS.items())
    assert main(["topics", "--help"]) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_is_there(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str()


def test_help_is_quick_because_it_imports_no_command() -> None:
    code = (
        "import sys; from agents.__main__ import main; main(['--help']);"
        "assert not {'kafka', 'aiokafka', 'faust', 'numpy', 'clickhouse_driver'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_it_runs_as_a_module_and_says_its_version() -> None:
    done = subprocess.run([sys.executable, "-m", "agents", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("esn-pulse ")


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (["topicz"], "esn-pulse: no such command topicz; did you mean topics? see --help"),
        (["qqqqqq"], "esn-pulse: no such command qqqqqq; see --help"),
        (["replay", "--sped", "3"], "esn-pulse replay: no such option --sped; did you mean --speed? see --help"),
        (["topics", "--partitions"], "esn-pulse topics: option '--partitions' requires an argument; see --help"),
        (["replay"], "esn-pulse replay: missing argument 'EVENTS...'; see --help"),
    ],
)
def test_a_wrong_call_is_one_line_and_2(call: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(call) == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", line + "\n")


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_what_failed_is_one_line_and_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put_in(monkeypatch, raising(Failed("no Kafka at h:1:\nstart one")))
    assert main(["topics"]) == 1
    assert capsys.readouterr().err == "esn-pulse: no Kafka at h:1: start one\n"


def test_a_wrong_setting_is_one_line_and_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ESN_STEP_SECONDS", "61")
    assert main(["topics"]) == 2
    assert capsys.readouterr().err == "esn-pulse: ESN_STEP_SECONDS is 61: choose 60, 300, 900 or 3600\n"


def test_a_wrong_use_that_a_command_finds_is_2(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, raising(Usage("choose one")))
    assert main(["topics"]) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=["ctrl-c", "abort"])
def test_an_interrupt_is_quiet_and_130(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_in(monkeypatch, raising(error))
    assert main(["topics"]) == 130
    assert capsys.readouterr().err == ""


def test_a_bug_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["topics"])


def test_a_reader_that_has_gone_is_no_error_to_tell() -> None:
    code = "import sys; from agents.__main__ import main; sys.stdin.read(); sys.exit(main(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        assert done.stdin is not None
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        done.stdin.close()
        assert done.stderr.read() == b""
        assert done.wait() == 1


def test_commands_get_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    @click.group("topics")
    @pass_settings
    def outer(settings: Settings) -> None:
        seen.append(settings)

    @outer.command("inner")
    @pass_settings
    def inner(settings: Settings) -> None:
        seen.append(settings)

    assert inner.name == "inner"
    put_in(monkeypatch, outer)
    assert main(["topics", "inner"]) == 0
    assert seen[0] is seen[1]
