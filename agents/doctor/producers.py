"""What the latest messages say about those who send them: partitioners, refusals, clocks."""

from collections import Counter
from collections.abc import Iterator
from statistics import median

from agents.doctor.finding import Finding, State, seconds
from agents.doctor.sample import Feed, Feeds, newest
from agents.settings import Settings
from agents.terminal.printing import many
from schemas.topics import CONTENT, DIRECTORY, LOGINS

_CAUSES = {
    "crc32": ("librdkafka's default partitioner", "set partitioner=murmur2_random in the producer's configuration"),
    "no key": ("they have no key", "send the actor's id as the key, UTF-8"),
    "another key": ("their key is not the actor's id", "send the actor's id as the key, UTF-8"),
    "another partitioner": ("some other partitioner", "let the producer use Kafka's default partitioner (murmur2)"),
}
_WRONG_SHARE = 0.01
_LATE_SHARE = 0.05
_AHEAD_MS = 2000


def look(settings: Settings, sample: Feeds) -> Iterator[Finding]:
    """Look at each input topic that has messages."""
    for topic in (LOGINS, CONTENT, DIRECTORY):
        name = settings.topic(topic.name)
        feeds = [feed for (of, _), feed in sample.items() if of == name]
        if sum(feed.events for feed in feeds):
            yield _partitions(name, feeds, "person" if topic is DIRECTORY else "actor")
    feeds = list(sample.values())
    yield from _refused(feeds)
    yield from _times(settings, _inputs(settings, sample))


def _inputs(settings: Settings, feeds: Feeds) -> list[Feed]:
    names = {settings.topic(topic.name) for topic in (LOGINS, CONTENT)}
    return [feed for (topic, _), feed in feeds.items() if topic in names]


def _partitions(name: str, feeds: list[Feed], who: str) -> Finding:
    total = sum(feed.events for feed in feeds)
    causes = sum((feed.misplaced for feed in feeds), Counter[str]())
    check = f"partitions of {name}"
    if not causes:
        return Finding(check, "ok", f"none of the latest {total:,} is outside its {who}'s partition")
    cause, advice = _CAUSES[causes.most_common(1)[0][0]]
    share = causes.total() / total
    state: State = "wrong" if share >= _WRONG_SHARE else "warning"
    found = f"{share:.0%} of the latest {total:,} are not in the partition of their {who} (murmur2): {cause}"
    return Finding(check, state, found, f"{advice}; until then workers send such messages on, and they may be late")


def _refused(feeds: list[Feed]) -> Iterator[Finding]:
    reasons = sum((feed.refused for feed in feeds), Counter[str]())
    total = reasons.total() + sum(feed.events + feed.heartbeats for feed in feeds)
    if not total:
        return
    if not reasons:
        yield Finding("messages", "ok", f"none of the latest {total:,} is refused")
        return
    told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(3))
    state: State = "wrong" if reasons.total() == total else "warning"
    found = f"of the latest {total:,}, workers refuse {reasons.total():,}: {told}"
    yield Finding("messages", state, found, "see `esn-pulse rejects`, and mend the producer")


def _times(settings: Settings, feeds: list[Feed]) -> Iterator[Finding]:
    delays = [delay for feed in feeds for delay in feed.delays_ms]
    if not delays:
        return
    middle = median(delays)
    late = sum(delay > settings.lateness_seconds * 1000 for delay in delays) / len(delays)
    told = f"half of the latest {many(len(delays), 'event')} produced within {seconds(max(middle, 0))} of their time"
    if middle < -_AHEAD_MS:
        found = f"events are {seconds(middle)} ahead of the time they are produced at"
        yield Finding("event times", "warning", found, "set the clocks of the sources; over 5 minutes is refused")
    elif late > _LATE_SHARE and settings.time == "clock":
        found = f"{told}; {late:.0%} were later than ESN_LATENESS_SECONDS={settings.lateness_seconds}"
        advice = "raise it, or, for the replay of an old record, run the worker with ESN_TIME=events"
        yield Finding("event times", "warning", found, advice)
    else:
        yield Finding("event times", "ok", told)


def ahead(sample: Feeds, now_ms: int) -> Finding | None:
    """Compare the latest messages' timestamps with this machine's clock; they cannot lie ahead of it."""
    produced = newest(sample.values())
    if produced is None:
        return None
    off = produced - now_ms
    if off <= _AHEAD_MS:
        return Finding("clock of producers", "ok", f"the latest message is {seconds(off)} old")
    state: State = "wrong" if off > 60_000 else "warning"
    found = f"the latest message is {seconds(off)} ahead of this machine's clock"
    return Finding("clock of producers", state, found, "set the clocks of the producers and of this machine (NTP)")
