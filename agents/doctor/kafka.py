"""Kafka's side: the topics as `schemas/topics.py` wants them, and the workers that read them."""

from collections.abc import Iterator, Mapping

from agents.doctor.finding import Finding
from agents.kafka.broker import Admin, Group
from agents.settings import Settings
from schemas.topics import CONTENT, DIRECTORY, LOGINS, TOPICS

INPUTS = (LOGINS, CONTENT, DIRECTORY)
_LAG_TOLD = 10_000

Offsets = dict[str, dict[int, tuple[int, int]]]


def topics(settings: Settings, admin: Admin) -> Iterator[Finding]:
    """Look at names, numbers of partitions and configurations."""
    present = admin.topics()
    names = {settings.topic(topic.name): topic for topic in TOPICS}
    missing = [name for name in names if name not in present]
    if missing:
        yield Finding("topics", "wrong", f"there is no topic {', '.join(missing)}", "run `esn-pulse topics`")
    counts = {name: present[name] for name, topic in names.items() if topic.per_source and name in present}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        advice = "delete the wrong ones and run `esn-pulse topics --partitions N`"
        yield Finding("topics", "wrong", f"numbers of partitions differ: {told}", advice)
    stale = [
        f"{name} has {key}={config.get(key)}, not {value}"
        for name, config in admin.configs(name for name in names if name in present).items()
        for key, value in names[name].config.items()
        if config.get(key) != value
    ]
    if stale:
        more = f" and {len(stale) - 3} more" if len(stale) > 3 else ""
        yield Finding("topics", "warning", "; ".join(stale[:3]) + more, "run `esn-pulse topics`")
    if not missing and not stale and len(set(counts.values())) == 1:
        yield Finding("topics", "ok", f"all {len(names)}, the inputs with {next(iter(counts.values()))} partitions")


def offsets(settings: Settings, admin: Admin) -> Offsets:
    """Return the first and end offsets of the inputs that are there."""
    present = admin.topics()
    return {name: admin.offsets(name) for name in (settings.topic(t.name) for t in INPUTS) if name in present}


def lag(ends: Offsets, committed: Mapping[tuple[str, int], int]) -> int:
    """Return how many messages the workers have still to read."""
    return sum(
        max(0, end - max(first, committed.get((topic, partition), 0)))
        for topic, of_topic in ends.items()
        for partition, (first, end) in of_topic.items()
    )


def workers(settings: Settings, group: Group, behind: int) -> Finding:
    """Look at the workers' group."""
    if not group.members:
        found = f"none runs (nobody is in the group {settings.group})"
        return Finding("worker", "wrong", found, "start `esn-pulse worker`")
    running = f"{group.members} in the group {settings.group}"
    if group.state != "Stable":
        return Finding("worker", "warning", f"{running}, partitions are being assigned", "ask again in a minute")
    if behind > _LAG_TOLD:
        advice = "wait, or start more workers; if it grows, see the workers' log"
        return Finding("worker", "warning", f"{running}, {behind:,} messages behind", advice)
    return Finding("worker", "ok", f"{running}, {behind:,} messages behind")
