"""The files that settings name: whether a worker could read them."""

from collections.abc import Iterator

from agents.doctor.finding import Finding, wrong
from agents.errors import Failed
from agents.files.calendar import calendar
from agents.files.targets import targets
from agents.settings import Settings
from agents.terminal.printing import many


def look(settings: Settings) -> Iterator[Finding]:
    """Read each file that is named; nothing is said of what is not."""
    if settings.calendar:
        try:
            regions = len(calendar(settings).regions)
            yield Finding("calendar", "ok", f"{settings.calendar} is of the company and {many(regions, 'region')}")
        except Failed as error:
            yield wrong("calendar", error)
    if settings.targets:
        try:
            found = targets(settings)
            default = "no default" if found.default is None else f"the default is {found.default:g}"
            yield Finding("targets", "ok", f"{settings.targets} names {many(len(found.named), 'segment')}, {default}")
        except Failed as error:
            yield wrong("targets", error)
