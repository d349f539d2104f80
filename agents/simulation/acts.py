"""What people do: verbs by role, kinds of objects, clients. Tables only; weights are whole numbers."""

from typing import Final

import numpy as np

from agents.simulation.dice import table

# Per verb: how often a lurker, a contributor, a creator and a service account do it.
VERBS: Final[dict[str, tuple[int, int, int, int]]] = {
    "view": (690, 470, 330, 300),
    "search": (130, 90, 60, 60),
    "follow": (12, 14, 14, 4),
    "unfollow": (3, 3, 3, 2),
    "join": (8, 10, 12, 4),
    "leave": (12, 12, 12, 4),
    "like": (90, 170, 170, 4),
    "unlike": (5, 6, 5, 2),
    "vote": (12, 18, 14, 2),
    "share": (6, 22, 30, 10),
    "share_external": (3, 6, 8, 10),
    "post": (5, 50, 130, 400),
    "comment": (12, 100, 160, 30),
    "upload": (3, 16, 30, 120),
    "edit": (3, 14, 24, 40),
    "recognise": (3, 12, 16, 2),
    "accept_answer": (3, 8, 8, 2),
    "create_community": (1, 2, 4, 2),
    "delete": (2, 5, 6, 10),
}
VERB: Final = {verb: code for code, verb in enumerate(VERBS)}
BY_ROLE: Final = np.stack([table([weights[role] for weights in VERBS.values()], 8192) for role in range(4)])

# The last is absent; those after "community" are unknown to the contract and count as `other`.
OBJECT_KINDS: Final = (
    "message", "blog", "wiki", "forum", "file", "status", "poll", "event", "profile", "community", "idea", "bookmark",
    "",
)  # fmt: skip
KIND: Final = {kind: code for code, kind in enumerate(OBJECT_KINDS)}
ABSENT: Final = KIND[""]
POSTED: Final = table([30, 9, 8, 24, 0, 14, 5, 4, 0, 0, 3, 1, 2])  # the kinds of new posts

CLIENTS: Final = ("web", "desktop", "mobile", "api", "television", "watch", "")
PREFERRED: Final = table([55, 18, 22, 2, 1, 1, 1])  # each person has one for four acts of five
OCCASIONAL: Final = table([30, 15, 30, 5, 3, 2, 15])
API: Final = CLIENTS.index("api")


def codes(*verbs: str) -> list[int]:
    """Return the codes of verbs."""
    return [VERB[verb] for verb in verbs]


def is_any(*verbs: str) -> "np.typing.NDArray[np.bool_]":
    """Return a look-up table by code: is it one of these?"""
    known = np.zeros(len(VERBS), dtype=np.bool_)
    known[codes(*verbs)] = True
    return known
