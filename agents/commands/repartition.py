"""`esn-pulse repartition`: give a stopped application more partitions."""

import click

from agents.repartitioning import run
from agents.settings import Settings, pass_settings


@click.command("repartition")
@click.option("--partitions", type=click.IntRange(1, 1000), required=True, help="How many there are to be.")
@pass_settings
def command(settings: Settings, partitions: int) -> None:
    """Give the topics of a stopped application more partitions, and rewrite its state for them.

    The numbers afterwards are the same. Stop all workers in order first (SIGTERM), and let producers wait or go on:
    what they sent to the old partitions is sent on to the right ones. It may be run again after an interruption.

    \b
    Example:
      esn-pulse repartition --partitions 12
    """
    old = run(settings, partitions)
    if old == partitions:
        click.echo(f"the state is for {partitions} source partitions")
    else:
        click.echo(f"the state was rewritten from {old} source partitions to {partitions}: start the workers")
