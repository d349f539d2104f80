"""An engagement drop as it is published in `esn.drops`: the columns of the view `drops`, key `drop_id`.

It is published when it opens, whenever one of its numbers changes, and when it ends; the last record stands. Times are
RFC 3339, UTC, and the ends of the intervals in which people were counted, except `began_at` and `ended_at`: the starts.
"""

from typing import Final, Literal

import msgspec
from xxhash import xxh3_128_hexdigest

State = Literal["open", "recovered", "withdrawn"]
MAJOR_DEPTH: Final = 0.5


class Drop(msgspec.Struct, frozen=True):
    """One drop of one segment, measure and window."""

    drop_id: str
    parent_id: str | None
    """The drop that explains this one: of the company, or one of the same segment that opened before."""
    dimension: str
    member: str
    measure: str
    window: str
    severity: Literal["minor", "major"]
    """major: at least half of those expected are missing."""
    began_at: str
    detected_at: str
    ended_at: str | None
    expected: float
    """People per interval, added up over the drop's intervals; so is `observed`."""
    observed: float
    depth: float
    """Share lost, 0 to 1."""
    lost_person_hours: float
    causes: str
    """JSON: who and what carries it, see `pipeline/judge.py`."""
    state: State


def drop_id(dimension: str, member: str, measure: str, window: str, began_at: str) -> str:
    """Return the id: the same for the same drop, whoever finds it."""
    lengths = f"{len(dimension)} {len(member)} {len(measure)} {len(window)} "  # else two might read the same
    return xxh3_128_hexdigest(f"{lengths}{dimension}{member}{measure}{window}{began_at}".encode())
