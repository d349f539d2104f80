"""What `esn.directory` says now: the latest record of each person, read to the topic's end."""

from agents.kafka import broker
from agents.settings import Settings
from agents.terminal.progress import progress
from schemas import directory
from schemas.events import Refused
from schemas.topics import DIRECTORY


def latest(settings: Settings) -> dict[str, bytes]:
    """Return each listed person's latest record. Raises Failed.

    A producer with another partitioner may have written a person into two partitions: the later record counts, and
    of equally late ones the one in the right partition.
    """
    topic = settings.topic(DIRECTORY.name)
    with broker.admin(settings) as admin:
        total = sum(end - first for first, end in admin.offsets(topic).values())
        partitions = admin.partitions(topic)
    found: dict[str, tuple[int, bool, bytes | None]] = {}
    with progress("reading the directory", total, "records") as tell:
        for done, record in enumerate(broker.read(settings, topic), 1):
            if done % 1000 == 0:
                tell(done)
            person = _person(record.key, record.value)
            if person is None:
                continue
            is_right = broker.partition_of(person.encode(), partitions) == record.partition
            before = found.get(person)
            if before is None or (record.timestamp, is_right) >= before[:2]:
                found[person] = (record.timestamp, is_right, record.value)
    return {person: value for person, (_, _, value) in found.items() if value is not None}


def _person(key: bytes | None, value: bytes | None) -> str | None:
    """Return whom a message is about, as a worker reads it; None if it refuses the message."""
    try:
        return directory.read_key(key) if value is None else directory.read(value).person
    except Refused:
        return None
