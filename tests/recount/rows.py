"""The rows of the views: key columns and the other columns, in the order of the contract.

Rules: names and types only. `at` and `minute` are unix seconds, the times of a person unix milliseconds, days are
dates.
"""

from datetime import date
from typing import NamedTuple


class ActiveKey(NamedTuple):
    """Names a row of `active_people`."""

    at: int
    dimension: str
    member: str
    measure: str


class ActiveRow(NamedTuple):
    """The other columns of `active_people`."""

    enabled: int
    w5m: int
    w1h: int
    w24h: int
    w7d: int
    w28d: int
    adoption_7d: float
    complete: bool = True


class ActivityKey(NamedTuple):
    """Names a row of `activity`."""

    minute: int
    dimension: str
    member: str
    verb: str
    object_kind: str
    client: str


class ActivityRow(NamedTuple):
    """The other column of `activity`."""

    events: int


class PersonRow(NamedTuple):
    """All columns of `people` but the person."""

    kind: str
    listed: bool
    enabled: bool
    region: str
    department: str
    manager: str
    leader: bool
    ambassador: bool
    first_seen: int | None
    last_seen: int | None
    last_login: int | None
    last_contribution: int | None
    logins: int
    presences: int
    reactions: int
    contributions: int


class SegmentKey(NamedTuple):
    """Names a row of `adoption`, `participation`, `advocacy` and `spread`."""

    day: date
    dimension: str
    member: str


class AdoptionRow(NamedTuple):
    """The other columns of `adoption`."""

    enabled: int
    logged_in_7d: int
    active_7d: int
    contributed_7d: int
    share_7d: float
    change_7d: float | None
    change_28d: float | None
    stickiness: float
    target: float | None
    below_target: bool


class RoleKey(NamedTuple):
    """Names a row of `roles`; in the view `enabled` stands between member and role."""

    day: date
    dimension: str
    member: str
    role: str


class RoleRow(NamedTuple):
    """The other columns of `roles`."""

    enabled: int
    people: int
    share: float
    change_28d: float | None


class ParticipationRow(NamedTuple):
    """The other columns of `participation`."""

    participants: int
    readers: int
    contributors: int
    leading: int
    readers_share: float
    contributors_share: float
    leading_share: float


class StageKey(NamedTuple):
    """Names a row of `journey`; in the view `enabled` stands between member and stage."""

    day: date
    dimension: str
    member: str
    stage: str


class StageRow(NamedTuple):
    """The other columns of `journey`."""

    enabled: int
    people: int
    share: float
    reached: int
    conversion: float


class MoveKey(NamedTuple):
    """Names a row of `journey_moves`."""

    day: date
    dimension: str
    member: str
    from_stage: str
    to_stage: str


class LifecycleKey(NamedTuple):
    """Names a row of `lifecycle`."""

    day: date
    dimension: str
    member: str
    transition: str


class PeopleRow(NamedTuple):
    """The other column of `journey_moves` and `lifecycle`."""

    people: int


class LeadersKey(NamedTuple):
    """Names a row of `leaders`."""

    day: date
    dimension: str
    member: str
    who: str


class LeadersRow(NamedTuple):
    """The other columns of `leaders`."""

    people: int
    active_7d: int
    contributed_7d: int
    active_share: float
    contributing_share: float


class AdvocacyRow(NamedTuple):
    """The other columns of `advocacy`."""

    enabled: int
    shared_28d: int
    active_7d: int
    both: int
    active_of_sharers: float
    active_of_all: float
    sharing_of_active: float
    sharing_of_all: float


class SpreadRow(NamedTuple):
    """The other columns of `spread`."""

    enabled: int
    ever_used: int
    share: float
    reached_10: date | None
    reached_25: date | None
    reached_50: date | None
    position: int | None


class EarlyAdopterRow(NamedTuple):
    """All columns of `early_adopters` but the person."""

    first_contribution: int
    region: str
    department: str
    position: int


class MembershipRow(NamedTuple):
    """All columns of `memberships` but the person."""

    communities: int
    owned: int


class TransitionKey(NamedTuple):
    """What the id of a record of `esn.transitions` is made of; `at` as it is written there."""

    at: str
    kind: str
    person: str


class TransitionRow(NamedTuple):
    """The other fields of the record: `id`, `from` and `to`."""

    id: str
    before: str
    after: str
