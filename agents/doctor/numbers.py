"""Whether there are numbers, and if not, why not: the first cause that applies. Pure.

    watermark of a source partition = the smaller clock of its two input topics - lateness
    a step closes when the watermark is greater than its end, and is complete when every source partition has closed it

With ESN_TIME=clock an idle topic's clock is the wall clock; with ESN_TIME=events nothing but its events and heartbeats.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agents.doctor.finding import Finding
from agents.doctor.sample import Feed, Feeds
from agents.terminal.printing import instant

_CHECK = "numbers"
_SLACK_MS = 60_000
_NAMED = 5


@dataclass(frozen=True)
class Facts:
    """What is known; `feeds` are those of the two input topics, logins first."""

    by_clock: bool
    step_ms: int
    lateness_ms: int
    now_ms: int
    feeds: Feeds
    workers: int
    behind: int
    newest_step_ms: int | None

    @property
    def topics(self) -> list[str]:
        """The input topics' full names."""
        return list(dict.fromkeys(topic for topic, _ in self.feeds))

    def clock(self, place: tuple[str, int]) -> int | None:
        """Return a topic partition's clock."""
        return self.now_ms if self.by_clock else self.feeds[place].clock_ms

    def total(self, count: Callable[[Feed], int]) -> int:
        """Add something up over all feeds."""
        return sum(map(count, self.feeds.values()))


def look(facts: Facts) -> Finding:
    """Say how far the numbers are, and what keeps them."""
    newest = facts.newest_step_ms
    if newest is not None:
        told = f"up to {_at(newest)}"
        due = _due(facts)
        if due is None or newest >= due - _SLACK_MS:
            return Finding(_CHECK, "ok", told)
        told = f"stand still at {_at(newest)}, and the step of {_at(due)} could be there"
    else:
        told = "there are none yet"
    cause = next(_causes(facts))
    return cause._replace(found=f"{told}: {cause.found}")


def _due(facts: Facts) -> int | None:
    """Return the end of the newest step that could be closed, if that can be told."""
    clocks = [facts.clock(place) for place in facts.feeds]
    known = [clock for clock in clocks if clock is not None]
    if len(known) < len(clocks) or not known:
        return None
    return (min(known) - facts.lateness_ms - 1) // facts.step_ms * facts.step_ms


def _causes(facts: Facts) -> Iterator[Finding]:
    """Yield what keeps the numbers, the first cause first."""
    if not facts.total(lambda feed: feed.end - feed.first):
        advice = "send some: `esn-pulse replay`, `esn-pulse simulate --kafka`, or a producer of yours"
        yield Finding(_CHECK, "warning", f"{' and '.join(facts.topics)} hold no messages", advice)
    if not facts.workers:
        yield Finding(_CHECK, "wrong", "no worker runs", "start `esn-pulse worker`")
    refused = sum((feed.refused for feed in facts.feeds.values()), Counter[str]())
    if refused and not facts.total(lambda feed: feed.events + feed.heartbeats):
        told = ", ".join(f"{reason} {count:,}" for reason, count in refused.most_common(3))
        yield Finding(_CHECK, "wrong", f"everything is refused ({told})", "see `esn-pulse rejects`, mend the producer")
    if not facts.by_clock:
        yield from _silent(facts)
    if not facts.total(lambda feed: feed.events):
        yield Finding(_CHECK, "warning", "there are heartbeats, and no events", "send events")
    yield from _not_over(facts)
    if facts.behind:
        advice = "wait, or start more workers"
        yield Finding(_CHECK, "warning", f"the worker is {facts.behind:,} messages behind", advice)
    yield Finding(_CHECK, "wrong", "messages are read, but no step is published", "see the worker's log")


def _silent(facts: Facts) -> Iterator[Finding]:
    """With ESN_TIME=events: topic partitions that have nothing that could move time."""
    for topic in facts.topics:
        partitions = [p for (of, p), feed in facts.feeds.items() if of == topic and feed.clock_ms is None]
        if partitions:
            found = (
                f"ESN_TIME=events, and there are neither events nor heartbeats in {_named(partitions)} of {topic}, so "
                "time stands still there"
            )
            advice = (
                "send heartbeats to every partition of both inputs, as `esn-pulse replay` does, or run the worker with "
                "ESN_TIME=clock"
            )
            yield Finding(_CHECK, "wrong", found, advice)


def _not_over(facts: Facts) -> Iterator[Finding]:
    """The first step, or the next one, is not over yet."""
    earliest = min((feed.earliest_ms for feed in facts.feeds.values() if feed.earliest_ms is not None), default=None)
    if earliest is None:
        return
    if facts.newest_step_ms is None:
        at = -(-earliest // facts.step_ms) * facts.step_ms
    else:
        at = facts.newest_step_ms + facts.step_ms
    closes = at + facts.lateness_ms
    if facts.by_clock:
        if facts.now_ms <= closes + _SLACK_MS:
            found = f"the step of {_at(at)} closes after ESN_LATENESS_SECONDS, at {_at(closes)}"
            yield Finding(_CHECK, "warning", found, "wait a little")
        return
    waits = [place for place, feed in facts.feeds.items() if feed.clock_ms is not None and feed.clock_ms <= closes]
    if waits:
        topic = waits[0][0]
        where = f"{_named([p for of, p in waits if of == topic])} of {topic}"
        found = (
            f"the step of {_at(at)} is not over: ESN_TIME=events, and nothing is later than {_at(closes)} (its end and "
            f"ESN_LATENESS_SECONDS) in {where}"
        )
        yield Finding(_CHECK, "warning", found, "send later events, or a heartbeat to every partition of both inputs")


def _named(partitions: Sequence[int]) -> str:
    if len(partitions) == 1:
        return f"partition {partitions[0]}"
    if len(partitions) <= _NAMED:
        return f"partitions {', '.join(map(str, partitions[:-1]))} and {partitions[-1]}"
    return f"{len(partitions)} partitions"


def _at(time_ms: int) -> str:
    return instant(time_ms).strftime("%Y-%m-%d %H:%M:%S UTC")
