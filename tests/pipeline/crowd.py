"""A real partition, fed with made-up people through the real reader."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pipeline.partition import Partition
from pipeline.reading import Reader
from tests.pipeline.pure import Message

NOON = 1_774_440_000_000
"""2026-03-25T12:00Z, ms"""


class Crowd:
    """People u0, u1, ... of one partition, all of them in it whatever their names."""

    def __init__(self, seed: int, number: int = 0, partitions: int = 1, step_seconds: int = 60) -> None:
        self.state = Partition(number, partitions, step_ms=step_seconds * 1000, lateness_ms=0)
        self.random = random.Random(seed)
        self.people: list[str] = []
        self.now = NOON
        self._reader = Reader(self.state, lambda _key: number, refuse_old=False)
        self._ids = 0

    @property
    def enabled(self) -> int:
        return int(self.state.people.enabled.sum())

    def list_people(self, many: int, **fields: Any) -> None:
        """Add people of a few regions and departments, some of them guests or disabled."""
        start = len(self.people)
        for number in range(start, start + many):
            person = f"u{self.state.number}-{number}"
            listing = {
                "person": person,
                "enabled": self.random.random() < 0.9,
                "kind": self.random.choice(["person", "person", "person", "guest"]),
                "region": self.random.choice(["ES", "BR", "SE", None]),
                "department": f"d{number % 7}",
                "manager": f"u{self.state.number}-{number // 10}",
            }
            self.people.append(person)
            self._directory(person, listing | fields)

    def forget(self, many: int) -> None:
        for _ in range(many):
            person = self.people.pop(self.random.randrange(len(self.people)))
            self._directory(person, None)

    def act(self, many: int, seconds: float = 1.0, **data: Any) -> None:
        """Somebody does something every so many seconds."""
        lines = []
        for _ in range(many):
            self.now += int(seconds * 1000)
            verb = self.random.choice(["view", "post", "join", "leave", "login"])
            did = {"actor": self.random.choice(self.people), "community": f"c{self.random.randrange(9)}", "verb": verb}
            lines.append(self.event("esn.login" if verb == "login" else "esn.content", did | data))
        self.read(lines)

    def event(self, kind: str, data: dict[str, Any], **fields: Any) -> dict[str, Any]:
        self._ids += 1
        time = datetime.fromtimestamp(self.now / 1000, UTC).isoformat(timespec="milliseconds")
        event = {"id": str(self._ids), "source": "/crowd", "type": kind, "time": time, "data": data}
        return event | fields

    def read_and_wait(self, line: dict[str, Any]) -> int:
        """Let the partition read an event and wait for the other topic; return its offset."""
        read = self._reader.read_events([Message(None, json.dumps(line).encode(), self._ids)])
        self.state.clocks.add(int(line["type"] != "esn.login"), read.acts)
        return self._ids

    def read(self, lines: Iterable[dict[str, Any]]) -> None:
        """Let the partition read and apply events, the topic of each being idle whenever it is the other's turn."""
        for line in lines:
            self.read_and_wait(line)
        self.state.apply((True, True))
        self.state.clocks.idle_until((self.now, self.now))

    def _directory(self, person: str, listing: dict[str, Any] | None) -> None:
        value = None if listing is None else json.dumps(listing).encode()
        self._reader.read_directory([Message(person.encode(), value, 0)])
