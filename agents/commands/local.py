"""`esn-pulse local`: an embedded Kafka and ClickHouse for people without containers.

Rules: `up` prints nothing but `export` lines on standard output, so that `eval "$(esn-pulse local up)"` works;
everything for eyes goes to standard error. All the work is done in deploy/local.
"""

import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from agents.errors import Failed
from agents.settings import Settings, pass_settings
from deploy.local.stack import Stack
from deploy.local.trouble import Trouble

_VARIABLES = (
    ("kafka", "ESN_KAFKA"),
    ("clickhouse", "ESN_CLICKHOUSE"),
    ("clickhouse", "ESN_CLICKHOUSE_FILE"),  # a URL with a password may come from a file; the file is repeated
)
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_home = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the data and logs (default: the setting ESN_HOME).",
)


@click.group()
def command() -> None:
    """Start, stop or look at an embedded Kafka and ClickHouse.

    They listen on 127.0.0.1 only. A server of your own comes first: with ESN_KAFKA or ESN_CLICKHOUSE set, that
    one is not started.
    """


@command.command()
@_home
@click.option("--foreground", is_flag=True, help="Stay, and end both on Ctrl-C.")
@pass_settings
def up(settings: Settings, home: Path | None, foreground: bool) -> None:
    """Start both and print how to reach them.

    Use it as: eval "$(esn-pulse local up)"
    """
    for number in _ENDING[1:]:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, signal.default_int_handler)  # as Ctrl-C: what was started is ended
    with _one_line_errors():
        stack = _stack(settings, home)
        if foreground:
            _stay_up(stack)
        else:
            stack.up()
            _print_exports(stack)


@command.command()
@_home
@pass_settings
def down(settings: Settings, home: Path | None) -> None:
    """End both; the data stay."""
    with _one_line_errors():
        stack = _stack(settings, home)
        ran = stack.down()
    for service in (stack.kafka, stack.clickhouse):
        click.echo(f"{service.title} {'ended' if service.name in ran else 'did not run'}", err=True)


@command.command()
@_home
@pass_settings
def status(settings: Settings, home: Path | None) -> None:
    """Say whether both answer, where, and where their logs and data are."""
    with _one_line_errors():
        stack = _stack(settings, home)
        for found in stack.status():
            process = f"pid {found.pid}" if found.pid else "no process"
            click.echo(f"{found.name:<10}  {found.state:<8}  {found.address or '-'}  {process}  log {found.log}")
        if stack.clickhouse.pid:
            click.echo(f"ClickHouse over HTTP: {stack.clickhouse.http} (/play in a browser)")
        click.echo(f"data: {stack.home}")


def _given() -> dict[str, tuple[str, str]]:
    """Return the variables that name servers of the user's own; a Settings cannot tell set from default."""
    return {name: (variable, value) for name, variable in _VARIABLES if (value := os.environ.get(variable))}


def _stack(settings: Settings, home: Path | None) -> Stack:
    given = {name: value for name, (_, value) in _given().items()}
    return Stack(home or settings.home, settings.cache, given=given)


def _print_exports(stack: Stack) -> None:
    for name, address in (("kafka", stack.addresses.kafka), ("clickhouse", stack.addresses.clickhouse)):
        variable = f"ESN_{name.upper()}"
        if name in stack.given:
            variable, address = _given()[name]  # noqa: PLW2901
            click.echo(f"{variable} is set, so no {name} is started here; unset it to have one", err=True)
        click.echo(f"export {variable}={shlex.quote(address)}")
    sys.stdout.flush()


def _stay_up(stack: Stack) -> None:
    with stack.running():
        _print_exports(stack)
        click.echo("Ctrl-C ends it", err=True)
        try:
            while all(service.pid for service in stack.ours):
                time.sleep(1)
        except KeyboardInterrupt:
            for number in _ENDING:
                signal.signal(number, signal.SIG_IGN)  # ending takes a second; let nothing cut it short
            return
        gone = ", ".join(service.title for service in stack.ours if not service.pid)
        raise Trouble(f"{gone} ended, and the other with it: see {stack.home / 'logs'}")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except Trouble as error:
        raise Failed(str(error)) from error
