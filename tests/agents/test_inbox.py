"""When a topic counts as idle, so that the acts of the other go on without it."""

from dataclasses import dataclass
from typing import cast

from faust.types import TP

from agents import clock
from agents.seam.batches import Batches, Reading
from agents.worker.feed import News
from agents.worker.inbox import Inbox

PATIENCE = 5.0


@dataclass
class Broker:
    """Says of every topic partition that it is read to its end, as of a time."""

    as_of: float

    def read_to_end(self, _tp: TP) -> Reading:
        return Reading(at_end=True, next_offset=0, as_of_ms=self.as_of * 1000)


def inbox(broker: Broker, *, logins_at: float, content_at: float) -> Inbox:
    """One whose topics brought something last at these times."""
    made = Inbox(0, ["logins", "content"], "directory", "named", {}, cast(Batches, broker), News())
    made.feeds["logins"].news_at, made.feeds["content"].news_at = logins_at, content_at
    return made


def test_it_is_idle_when_the_broker_said_so_after_a_while() -> None:
    now = clock.monotonic()
    soon, late = (inbox(Broker(now + after), logins_at=now, content_at=now) for after in (4, 6))
    assert soon.idle_since(soon.feeds["logins"], PATIENCE) is None
    assert late.idle_since(late.feeds["logins"], PATIENCE) is not None


def test_news_of_the_other_may_have_an_answer_that_is_still_to_come() -> None:
    now = clock.monotonic()
    for after, idle in ((1, False), (6, True)):  # esn.logins was quiet for long when esn.content brought something
        one = inbox(Broker(now + after), logins_at=now - 60, content_at=now)
        logins = one.feeds["logins"]
        assert one.idle_since(logins, PATIENCE) is not None
        assert (one.idle_since(logins, PATIENCE, after_news_of_both=True) is not None) == idle
