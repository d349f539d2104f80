"""Who is below whom, however far down.

Rules: pure; names only.
"""

from collections.abc import Mapping


def managers_above(person: str, manager_of: Mapping[str, str]) -> set[str]:
    """All managers whom the person is below. In a loop everybody is below everybody, themselves included.

    `manager_of`: the manager of each person who has one. A manager who is not in the directory is the top of a tree.
    """
    above: set[str] = set()
    manager = manager_of.get(person)
    while manager is not None and manager not in above:
        above.add(manager)
        manager = manager_of.get(manager)
    return above
