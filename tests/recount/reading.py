"""A line of a record -> what it says: an act of somebody, a heartbeat's time, a directory entry.

Rules: valid lines only (refusing is not counted here); no state; times are unix milliseconds.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

Line = Mapping[str, Any]

PRESENCE = {"view", "search", "follow", "unfollow", "join", "leave"}
REACTION = {"like", "unlike", "vote", "share", "share_external"}
CONTRIBUTION = {"post", "comment", "upload", "edit", "recognise", "accept_answer", "create_community"}
OBJECT_KINDS = {
    "message", "blog", "wiki", "forum", "file", "status", "poll", "event", "profile", "community",
}  # fmt: skip
CLIENTS = {"web", "desktop", "mobile", "api"}
NAMED = 50  # so many of `to` count
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Act(NamedTuple):
    """One event of a person; `verb` is `login`, `login_failed` or a content verb."""

    time: int
    actor: str
    source: str
    id: str
    verb: str
    object_kind: str
    client: str
    community: str | None
    to: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """What the act counts for: a failed login for nothing."""
        if self.verb == "login_failed":
            return ()
        if self.verb == "login":
            return ("active", "login")
        return ("active", "contribute") if self.verb in CONTRIBUTION else ("active",)

    @property
    def deeds(self) -> tuple[str, ...]:
        """What the act is to those who ask who takes part: more than its measures."""
        more = {
            "use": self.verb in REACTION | CONTRIBUTION,
            "stir": self.verb in REACTION or self.verb == "follow",
            "share_external": self.verb == "share_external",
            "inside": "active" in self.measures and self.verb != "share_external",
        }
        return (*self.measures, *(deed for deed, done in more.items() if done))

    @property
    def counter(self) -> str | None:
        """The person's counter that the act raises; a removal and a failed login raise none."""
        tiers = {
            "logins": {"login"},
            "presences": PRESENCE,
            "reactions": REACTION,
            "contributions": CONTRIBUTION,
        }
        return next((name for name, verbs in tiers.items() if self.verb in verbs), None)


class Entry(NamedTuple):
    """A person's directory record."""

    kind: str
    enabled: bool
    region: str
    department: str
    manager: str
    leader: bool
    ambassador: bool

    @property
    def counted(self) -> bool:
        """Whether the person counts in windows and activity."""
        return self.enabled and self.kind in {"person", "guest"}

    @property
    def in_enabled(self) -> bool:
        """Whether the person is one of those that adoption is measured against."""
        return self.enabled and self.kind == "person"


# Somebody who is not in the directory: is counted, but is not among the enabled.
UNLISTED = Entry("unknown", False, "unknown", "unknown", "unknown", False, False)


def milliseconds(time: str) -> int:
    """An RFC 3339 time, floored to the millisecond (digits after the microseconds are cut off by Python)."""
    return (datetime.fromisoformat(time.upper()) - EPOCH) // timedelta(milliseconds=1)


def read_act(line: Line) -> Act:
    """Read an `esn.login` or `esn.content` event."""
    data = line["data"]
    login = line["type"] == "esn.login"
    outcome = "login_failed" if data.get("outcome") == "failure" else "login"
    object_kind, client = data.get("object_kind"), data.get("client")
    return Act(
        time=milliseconds(line["time"]),
        actor=data["actor"],
        source=line["source"],
        id=line["id"],
        verb=outcome if login else data["verb"],
        object_kind=object_kind if object_kind in OBJECT_KINDS else "other",
        client=client if client in CLIENTS else "other",
        community=None if login else data.get("community"),
        to=() if login else tuple(data.get("to") or ())[:NAMED],
    )


def read_entry(line: Line) -> Entry:
    """Read a directory record; null means absent."""
    given = {name: value for name, value in line.items() if value is not None}
    return Entry(
        kind=given.get("kind", "person"),
        enabled=given.get("enabled", True),
        region=given.get("region", "unknown"),
        department=given.get("department", "unknown"),
        manager=given.get("manager", "unknown"),
        leader=given.get("leader", False),
        ambassador=given.get("ambassador", False),
    )
