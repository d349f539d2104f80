"""`esn-pulse migrate`: bring ClickHouse's tables up to date; may be run again at any time."""

import click

from agents.settings import Settings, pass_settings
from agents.storage.migrations import migrate


@click.command("migrate")
@pass_settings
def command(settings: Settings) -> None:
    """Bring ClickHouse's tables up to date."""
    done = migrate(settings)
    for line in done:
        click.echo(line)
    click.echo(f"ClickHouse's database {settings.database} is up to date.")
