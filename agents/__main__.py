"""The command line's frame: finds the command, runs it, and turns every error into one line and an exit code.

Rules: a command's module is imported only when the command is used, so `--help` is quick and needs no
settings. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Only a bug shows a traceback.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click

from agents.errors import Failed

# One module of `agents/commands` each, with a click command or group called `command`.
COMMANDS = {
    "worker": "Run the pipeline's worker.",
    "topics": "Create the Kafka topics, or bring them up to date.",
    "migrate": "Bring ClickHouse's tables up to date.",
    "replay": "Send a recorded file to Kafka.",
    "simulate": "Make up a company, as a file or into Kafka.",
    "directory": "Import people from an HR export.",
    "people": "List people by when they were last seen.",
    "report": "One page about a week, for those who steer.",
    "drops": "Show what would have been alarmed over a recorded period.",
    "rejects": "Show what was refused and why; send it again.",
    "repartition": "Give a stopped application more partitions.",
    "local": "Start, stop or look at an embedded Kafka and ClickHouse.",
    "demo": "Show it all on a bundled real record.",
    "doctor": "Check settings, Kafka, ClickHouse and clocks.",
}


class _Lazy(click.Group):
    """A group that imports a command's module when the command is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"agents.commands.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101  (else the module is wrong, a bug)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            ctx.fail(f"no such command {name}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version() -> str:
    try:
        return version("esn-pulse")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "(not installed)"


def _show_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:  # noqa: ARG001
    if wanted:
        click.echo(f"esn-pulse {_version()}")
        ctx.exit()


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Settings are environment variables that begin with ESN_; `esn-pulse doctor` checks them.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def cli() -> None:
    """See how an enterprise social network is used, as it happens."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `esn-pulse` and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        exit_code = _run(given)
    except Failed as error:
        exit_code = _say(f"esn-pulse: {error}", error.exit_code)
    except click.ClickException as error:
        exit_code = _tell_wrong_call(error, given)
    except (KeyboardInterrupt, click.Abort):
        exit_code = 130
    except BrokenPipeError:  # the reader of our output has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        exit_code = 1
    return exit_code


def _run(arguments: list[str]) -> int:
    try:
        with cli.make_context("esn-pulse", arguments) as ctx:
            cli.invoke(ctx)
        sys.stdout.flush()  # here, where a reader that is gone can still be told from a bug
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


def _tell_wrong_call(error: click.ClickException, given: list[str]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    if isinstance(error, click.UsageError):
        command = next((word for word in given if word in COMMANDS), "")  # some errors of click know no context
        path = error.ctx.command_path if error.ctx else f"esn-pulse {command}".rstrip()
        return _say(f"{path}: {_wrong_usage(error)} see --help", error.exit_code)
    return _say(f"esn-pulse: {error.format_message()}", error.exit_code)


def _wrong_usage(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        near = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ";"
        return f"no such option {error.option_name}{near}"
    text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:] + ("" if text.endswith("?") else ";")


def _say(text: str, exit_code: int) -> int:
    click.echo(" ".join(text.split()), err=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
