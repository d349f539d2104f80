"""What people did, as columns: the form in which events travel through the pipeline.

An act is an event after reading: its person and community are slots of their source partition, its action, object
kind and client are codes (places in the tuples of `schemas.events`). A heartbeat is an act of nobody.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from schemas.events import ACTIONS, CONTRIBUTION, PRESENCE, REACTION

Ints = NDArray[np.signedinteger]
Bools = NDArray[np.bool_]

NOBODY: Final = -1
NEVER: Final = -(1 << 60)
"""A time before all times, in ms; far enough from the edge of int64 to be subtracted from."""

MEASURES: Final = ("active", "login", "contribute")
ACTIVE, LOGIN, CONTRIBUTE = range(3)
COUNTERS: Final = ("logins", "presences", "reactions", "contributions")

ACTION_CODE: Final = {name: code for code, name in enumerate(ACTIONS)}
LOGIN_CODE: Final = ACTION_CODE["login"]
FAILED_CODE: Final = ACTION_CODE["login_failed"]
JOINS: Final = (ACTION_CODE["join"], ACTION_CODE["create_community"])
CREATE_CODE: Final = ACTION_CODE["create_community"]
LEAVE_CODE: Final = ACTION_CODE["leave"]


def _of_tier(*verbs: str) -> Bools:
    table = np.zeros(len(ACTIONS), bool)
    table[[ACTION_CODE[verb] for verb in verbs]] = True
    return table


IS_ACTIVE: Final = ~_of_tier("login_failed")
IS_LOGIN: Final = _of_tier("login")
IS_CONTRIBUTION: Final = _of_tier(*CONTRIBUTION)
IN_MEASURE: Final = np.stack([IS_ACTIVE, IS_LOGIN, IS_CONTRIBUTION])
"""(measure, action) -> does it count there."""
IN_COUNTER: Final = np.stack([IS_LOGIN, _of_tier(*PRESENCE), _of_tier(*REACTION), IS_CONTRIBUTION])
"""(counter, action) -> does it count there; removals and failed logins are in none."""


@dataclass(frozen=True, slots=True)
class Acts:
    """Columns of equal length, in the order of reading."""

    time: Ints
    """Event time, ms."""
    clock: Ints
    """min(event time, the Kafka record's timestamp), ms: how far this record moves its topic's clock."""
    offset: Ints
    person: Ints
    """Slot in `People`, or NOBODY for a heartbeat and for somebody forgotten meanwhile."""
    action: Ints
    object_kind: Ints
    client: Ints
    community: Ints
    """Segment of the community, or NOBODY."""
    digest: NDArray[np.uint64]
    """Hash of actor, source and id; equal digests are duplicates."""
    source: Ints
    """Twice the source's number in `Hearing`, one more for a heartbeat."""
    naming: Ints
    """Number of the list of people whom the act names in `Partition.names`, or NOBODY."""

    def __len__(self) -> int:
        return len(self.time)

    def take(self, which: Ints | Bools | slice) -> Self:
        """Return the chosen acts, in the order of `which`."""
        return type(self)(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def join(cls, parts: "list[Self]") -> Self:
        """Put acts one behind the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.none()
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @classmethod
    def none(cls) -> Self:
        """Return no acts."""
        none = np.empty(0, np.int64)
        return cls(none, none, none, none, none, none, none, none, np.empty(0, np.uint64), none, none)
