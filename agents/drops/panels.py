"""What was found in a recorded period, put into the picture's panels: the company, and every segment with drops."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from agents.drops.picture import Panel, Shade, draw
from agents.drops.replay import HOUR, History, region_of
from agents.terminal.printing import many
from pipeline.acts import ACTIVE, MEASURES
from pipeline.calendars import Calendar
from pipeline.pulse_book import Key
from pipeline.segments import ALL, COMPANY, DIMENSIONS
from schemas.drops import Drop
from schemas.pulse import unix_seconds

MOST_PANELS: Final = 40
_COMPANY: Final = (DIMENSIONS[COMPANY], ALL)


def picture(name: str, history: History, drops: Sequence[Drop], calendar: Calendar) -> str:
    """Draw the period as SVG: the company first, then the segments that lost most, each in the measure that did."""
    lost: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    lost[_COMPANY][MEASURES[ACTIVE]] = 0.0
    for drop in drops:
        lost[drop.dimension, drop.member][drop.measure] += drop.lost_person_hours
    order = sorted(lost, key=lambda segment: (segment != _COMPANY, -max(lost[segment].values())))
    panels = []
    for segment in order[:MOST_PANELS]:
        measure = max(lost[segment], key=lambda one: lost[segment][one])
        here = [drop for drop in drops if (drop.dimension, drop.member) == segment]
        panels.append(_panel(history, (*segment, measure), here, calendar))
    first, last = (calendar.company.day(history.at[hour] - 1).isoformat() for hour in (0, -1))
    title = f"Engagement drops in {name}, {first} to {last}"
    if len(order) > MOST_PANELS:
        title += f" ({len(order) - MOST_PANELS:,} more segments had drops)"
    return draw(title, panels)


def local(instant: str, calendar: Calendar, region: str | None) -> str:
    """Write a time of a drop as the local clock shows it: Mon 2010-04-05 08:00."""
    wall = np.datetime64(calendar.wall(unix_seconds(instant), region), "s").item()
    return f"{wall:%a %Y-%m-%d %H:%M}"


def _panel(history: History, key: Key, here: Sequence[Drop], calendar: Calendar) -> Panel:
    """Draw a series; `here` are the segment's drops in any measure."""
    dimension, member, measure = key
    region = region_of(dimension, member)
    drops = sorted((drop for drop in here if drop.measure == measure), key=lambda drop: -drop.lost_person_hours)
    lost = sum(drop.lost_person_hours for drop in drops)
    heading = f"{dimension} {member} · {measure}: "
    heading += f"{many(len(drops), 'drop')}, {lost:,.0f} person-hours lost" if drops else "no drop"
    if others := sorted({drop.measure for drop in here} - {measure}):
        heading += f"; also in {' and '.join(others)}"
    starts = [at - HOUR for at in history.at]
    count, expected, low = history.of(key)
    return Panel(
        heading=heading,
        wall=np.array([calendar.wall(start, region) for start in starts], np.int64),
        count=count,
        expected=expected,
        low=low,
        holiday=np.array([calendar.is_free(region, start) for start in starts], bool),
        drops=[_shade(drop, history.at, calendar, region) for drop in drops],
    )


def _shade(drop: Drop, at: Sequence[int], calendar: Calendar, region: str | None) -> Shade:
    first = int(np.searchsorted(at, unix_seconds(drop.began_at), side="right"))
    last = int(np.searchsorted(at, unix_seconds(drop.ended_at))) if drop.ended_at else len(at) - 1
    found = int(np.searchsorted(at, unix_seconds(drop.detected_at)))
    after = many(found - first + 1, "hour")
    window = "" if drop.window == "1h" else f" over {drop.window}"
    label = f"{local(drop.began_at, calendar, region)}: {drop.depth:.0%} lost{window}, found after {after}"
    return Shade(first, max(first, last), found, label)
