"""`esn-pulse report`: one page about a week for those who steer, beside the week before and a baseline."""

from typing import Final
from zoneinfo import ZoneInfo

import click

from agents.report.page import Page
from agents.report.query import DIMENSIONS, Asking, Moment, whole_days
from agents.report.weeks import Period, Week, newest_week, whole_day
from agents.settings import Settings, pass_settings
from agents.storage.clickhouse import Reader

HELP: Final = """One page about a week for the steering group: who takes part, who lags, and what happened.

Adoption by segment against its target, roles beside 90-9-1, the journey as a funnel, transitions, leaders and drops;
each beside the week before and, with --compare, beside a baseline: a week or a day, as before a campaign or a relaunch.
Weeks are ISO weeks of local days (ESN_TIMEZONE). Numbers are those of the week's last whole day, transitions are sums.

\b
The newest week that is over, as a page to send around:
  esn-pulse report --format markdown > week.md
\b
A week beside the one before a relaunch; beside the day before a campaign began:
  esn-pulse report --week 2026-W47 --compare 2026-W40
  esn-pulse report --week 2026-W47 --compare 2026-03-01
\b
By department and community, every number as a row for a spreadsheet:
  esn-pulse report --by department --by community --format csv > week.csv

Segments with fewer than ESN_MIN_GROUP enabled people are shown as *; --all-groups is for those who may see them.
"""


@click.command("report", help=HELP)
@click.option("--week", type=Week(), help="As in 2026-W47; without it the newest that is over.")
@click.option("--compare", type=Week(or_day=True), help="A baseline: as in 2026-W40, or 2026-03-01.")
@click.option(
    "--by", "dimensions", type=click.Choice(DIMENSIONS), multiple=True, default=DIMENSIONS[:2], show_default=True,
    help="Adoption by these; repeatable.",
)  # fmt: skip
@click.option("--all-groups", is_flag=True, help="Hide no small groups.")
@click.option(
    "--format", "how", type=click.Choice(["table", "markdown", "csv"]), default="table", show_default=True,
    help="How to print.",
)  # fmt: skip
@pass_settings
def command(
    settings: Settings,
    /,
    week: Period | None,
    compare: Period | None,
    dimensions: tuple[str, ...],
    all_groups: bool,
    how: str,
) -> None:
    """Run the command."""
    least = 0 if all_groups else settings.min_group
    with Reader.of(settings) as reader:
        days = whole_days(reader)
        this = week or newest_week(days)
        before = this.before()
        moments = [Moment(this, whole_day(this, days)), Moment(before, before.newest(days))]
        if compare:
            moments.append(Moment(compare, whole_day(compare, days)))
        facts = Asking(reader, ZoneInfo(settings.timezone), least, dimensions).facts(moments)
    page = Page(facts, dimensions, least, settings.timezone)
    {"table": page.text, "markdown": page.markdown, "csv": page.csv}[how]()
