"""A moment of a partition, to be counted in another thread while the partition itself goes on.

Gauges count people over whole columns, too long for the thread that also reads Kafka; and columns that change under
the counting tear: people are added, arrays are given up for longer ones, a segment is newer than the table it belongs
into. So the thread that changes them copies what `Partition.live` reads (38 bytes per person: milliseconds for
hundreds of thousands), and any thread counts the copy.
"""

from copy import copy

from pipeline.partition import Partition


def still(state: Partition) -> Partition:
    """Return a partition of which only `live()` and the segments may be asked; call it where the state is changed."""
    moment = copy(state)
    moment.segments = copy(state.segments)
    moment.segments.dimension = list(state.segments.dimension)
    moment.segments.member = list(state.segments.member)
    moment.people = people = copy(state.people)
    people.segments_of = moment.segments
    many = len(state.people.name)
    people.latest = people.latest[:, :many].copy()
    people.segment = people.segment[:, :many].copy()
    people.counted = people.counted[:many].copy()
    people.enabled = people.enabled[:many].copy()
    moment.pairs = pairs = copy(state.pairs)
    many = len(state.pairs)
    pairs.latest = pairs.latest[:, :many].copy()
    pairs.person = pairs.person[:many].copy()
    pairs.community = pairs.community[:many].copy()
    moment.clocks = copy(state.clocks)
    moment.clocks.newest = max(state.clocks.newest, 0)  # nothing was read yet: nobody is in a window
    return moment


def place_of(state: Partition, segment: tuple[int, str]) -> int | None:
    """Return the number of a segment (dimension, member) of a moment, or None if it was not there yet."""
    place = state.segments._of.get(segment)  # the original's: it goes on growing, and numbers stay
    return place if place is not None and place < len(state.segments) else None
