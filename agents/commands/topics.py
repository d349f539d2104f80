"""`esn-pulse topics`: create the Kafka topics, or bring their configuration up to date; may be run at any time."""

import click

from agents.kafka.broker import create_topics
from agents.settings import Settings, pass_settings


@click.command("topics")
@click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    help="How many partitions new topics get: 4, or as many as the inputs have. It cannot be changed later.",
)
@pass_settings
def command(settings: Settings, partitions: int | None) -> None:
    """Create the Kafka topics, or bring their configuration up to date."""
    changes = create_topics(settings, partitions)
    width = max(len(change.topic) for change in changes)
    click.echo(f"{'topic':{width}}  partitions")
    for change in changes:
        click.echo(f"{change.topic:{width}}  {change.partitions:10}  {change.did}")
