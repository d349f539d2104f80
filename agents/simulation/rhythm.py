"""Day and week: how busy each region is in each quarter of an hour.

Local time comes from the zone's rules, so a clock change moves the office with it: the day has 23 or 25 hours of it.
"""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from agents.simulation.dice import Ints
from agents.simulation.regions import Region

SLOT_SECONDS: Final = 900
# How busy each local hour of a working day is; two peaks and a lunch between them.
WORKDAY: Final = (2, 1, 1, 1, 1, 2, 8, 26, 70, 96, 100, 94, 72, 52, 74, 94, 98, 84, 52, 30, 20, 14, 8, 4)
DAY_OFF: Final = (2, 1, 1, 1, 1, 1, 2, 3, 5, 7, 9, 10, 9, 8, 8, 8, 8, 8, 8, 9, 9, 8, 6, 4)
ALWAYS: Final = 40  # service accounts keep no hours


def is_free(region: Region, local: datetime) -> bool:
    """Tell whether the office is closed on this local day."""
    return local.weekday() in region.weekend or local.strftime("%m-%d") in region.holidays


def slot_weights(regions: tuple[Region, ...], start_ms: int, slots: int) -> Ints:
    """Return weights of shape (slots, regions + 1): each region's, and in the last column the service accounts'."""
    weights = np.full((slots, len(regions) + 1), ALWAYS, dtype=np.int64)
    for column, region in enumerate(regions):
        zone = region.zone
        for slot in range(slots):
            local = datetime.fromtimestamp(start_ms / 1000 + slot * SLOT_SECONDS, UTC).astimezone(zone)
            weights[slot, column] = (DAY_OFF if is_free(region, local) else WORKDAY)[local.hour]
    return weights
