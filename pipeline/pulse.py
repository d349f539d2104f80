"""Closed steps as records of `esn.pulse`, key and value; encoded here in bulk, for there are as many as rows."""

from collections.abc import Sequence
from itertools import repeat

import msgspec

from pipeline.acts import MEASURES
from pipeline.partition import Partition, StepCounts
from pipeline.segments import DIMENSIONS
from schemas.pulse import CLOSING, Closing, Row, instant

Record = tuple[bytes, bytes]


def records(partition: Partition, steps: Sequence[StepCounts], epoch: int) -> list[Record]:
    """Return the records of closed steps in order, each step's followed by its closing record."""
    encode = msgspec.json.Encoder().encode
    written: list[Record] = []
    for step in steps:
        at, fed = instant(step.at // 1000), step.silent_since is None
        segment = step.segment.tolist()
        dimension = [DIMENSIONS[partition.segments.dimension[one]] for one in segment]
        member = [partition.segments.member[one] for one in segment]
        measure = [MEASURES[one] for one in step.measure.tolist()]
        rows = map(
            Row, repeat(at), repeat(partition.number), repeat(epoch), dimension, member, measure,
            step.enabled.tolist(), *step.windows.T.tolist(), repeat(fed),
        )  # fmt: skip
        keys = [f"{one}/{another}".encode() for one, another in zip(dimension, member, strict=True)]
        # not a loop in C: that would keep the interpreter from the event loop until all rows are written
        written += [(key, encode(row)) for key, row in zip(keys, rows, strict=True)]
        since = None if step.silent_since is None else instant(step.silent_since // 1000)
        closing = Closing(at, partition.number, epoch, partition.partitions, fed, since)
        written.append((CLOSING, encode(closing)))
    return written
