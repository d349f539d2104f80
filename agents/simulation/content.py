"""From "this person acts now" to what they do: verb, object, community, whom they answer.

The steps of `Content.perform` each settle one thing for a whole batch of rows; a later step may turn a verb into a
tamer one where the world has nothing to act on (an answer without a question becomes a post).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agents.simulation.acts import (
    ABSENT,
    BY_ROLE,
    KIND,
    OCCASIONAL,
    POSTED,
    PREFERRED,
    VERB,
    is_any,
)
from agents.simulation.communities import NOWHERE, RING, SLOTS, Communities
from agents.simulation.dice import Dice, Ints, Mask
from agents.simulation.people import Staff

CREATES: Final = is_any("post", "comment", "upload", "recognise")
AIMED: Final = is_any(
    "view", "like", "unlike", "vote", "share", "share_external", "comment", "edit", "accept_answer", "delete"
)
PERSONAL: Final = is_any("follow", "unfollow")
COMMUNAL: Final = is_any("join", "leave", "create_community")
NONE: Final = -1

Allowed = Callable[[Ints, Ints, Ints], Mask]  # (actor, time, bucket) -> may this be in the record


@dataclass
class Acts:
    """Content events as columns. `object`, `answers` and `thread` are serials of objects or NONE."""

    time: Ints
    actor: Ints
    verb: NDArray[np.int8]
    bucket: Ints
    object: Ints
    profile: Ints  # the person whose profile it is, or NONE
    kind: NDArray[np.int8]
    client: NDArray[np.int8]
    answers: Ints
    root: Ints
    asker: Ints  # the root's author, or NONE
    thread: Ints  # the root, where the act says it
    addressed: Ints  # the author of what is answered, or NONE


class Content:
    """The network's memory: communities and their objects. Feed it batches in order of time."""

    def __init__(self, seed: int, staff: Staff, names: tuple[str, ...], days: float) -> None:
        self._dice = Dice(seed, "content")
        self._staff = staff
        self.communities = Communities(self._dice, staff, names, days)
        self._objects = 0
        self._preferred = PREFERRED[self._dice.below(len(PREFERRED), len(staff.ids))]

    def clients(self, actor: Ints) -> NDArray[np.int8]:
        """Draw a client for each act: mostly the person's own."""
        other = OCCASIONAL[self._dice.below(len(OCCASIONAL), len(actor))]
        client: NDArray[np.int8] = np.where(self._dice.share(0.2, len(actor)), other, self._preferred[actor])
        return client

    def perform(self, time: Ints, actor: Ints, allowed: Allowed) -> Acts:
        """Decide what the actors do; rows that are not allowed are left out and leave no trace."""
        role = self._staff.role[actor]
        verb = BY_ROLE[role, self._dice.below(BY_ROLE.shape[1], len(actor))]
        slot = self._dice.below(SLOTS, len(actor))
        bucket = self.communities.wish[actor, slot].astype(np.int64)
        kept = np.flatnonzero(allowed(actor, time, bucket))
        time, actor, verb, slot, bucket = time[kept], actor[kept], verb[kept], slot[kept], bucket[kept]
        self._move_in_and_out(actor, verb, slot, bucket)
        self._create_communities(actor, verb, bucket)
        acts = self._aim(time, actor, verb, bucket)
        self._accept(acts, allowed)
        return acts

    def _move_in_and_out(self, actor: Ints, verb: NDArray[np.int8], slot: Ints, bucket: Ints) -> None:
        """Settle joins and leaves: who acts in a community for the first time often joins it."""
        inside = self.communities.joined[actor, slot]
        somewhere = bucket > NOWHERE
        joins = somewhere & ~inside & ((verb == VERB["join"]) | self._dice.share(0.35, len(actor)))
        leaves = somewhere & inside & (verb == VERB["leave"])
        verb[((verb == VERB["join"]) & ~joins) | ((verb == VERB["leave"]) & ~leaves)] = VERB["view"]
        verb[joins] = VERB["join"]
        self.communities.join(actor[joins], slot[joins])
        self.communities.leave(actor[leaves], slot[leaves])

    def _create_communities(self, actor: Ints, verb: NDArray[np.int8], bucket: Ints) -> None:
        """Found communities while there is room; afterwards it is only a post about one."""
        for row in np.flatnonzero(verb == VERB["create_community"]).tolist():
            created = self.communities.create(int(actor[row]))
            if created:
                bucket[row] = created
            else:
                verb[row] = VERB["post"]

    def _aim(self, time: Ints, actor: Ints, verb: NDArray[np.int8], bucket: Ints) -> Acts:
        """Find each act its object; links point below the root or at it."""
        rings, creates = self.communities, CREATES[verb]
        serial, own, target, kind = self._place(actor, verb, bucket)
        comments = verb == VERB["comment"]
        at_root = self._dice.share(0.6, len(verb))
        below = np.where(comments, own, target)
        known = target >= 0
        root = np.where(known, rings.root[below], NONE)
        aimed = np.where(known, rings.serial[target], NONE)
        answers = np.where(comments, np.where(at_root, root, aimed), NONE)
        kind = np.where(creates & ~comments, kind, np.where(known, rings.kind[below], ABSENT)).astype(np.int8)
        kind[PERSONAL[verb]], kind[COMMUNAL[verb]] = KIND["profile"], KIND["community"]
        return Acts(
            time=time,
            actor=actor,
            verb=verb,
            bucket=bucket,
            object=np.where(creates, serial, aimed),
            profile=np.where(PERSONAL[verb], self._somebody(actor), NONE),
            kind=kind,
            client=self.clients(actor),
            answers=answers,
            root=root,
            asker=np.where(known, rings.asker[below], NONE),
            thread=np.where((comments & (answers != root)) | (known & ~comments & at_root), root, NONE),
            addressed=np.where(comments, np.where(at_root, rings.asker[below], rings.author[target]), NONE),
        )

    def _place(self, actor: Ints, verb: NDArray[np.int8], bucket: Ints) -> tuple[Ints, Ints, Ints, NDArray[np.int8]]:
        """Put new objects where others find them; return serials, the objects' own places, targets or NONE, kinds."""
        rings, creates = self.communities, CREATES[verb]
        serial = self._objects + np.cumsum(creates) - creates
        self._objects += int(creates.sum())
        place = rings.places(bucket, creates)
        target = np.where(AIMED[verb], rings.recent(bucket, place), NONE)
        own = bucket * RING + place % RING
        kind = self._new_kinds(verb)
        rings.write(own[creates], serial[creates], actor[creates], kind[creates])
        target[(target >= 0) & (rings.serial[target] >= serial)] = NONE  # overwritten by what came later
        comments = verb == VERB["comment"]
        lost = AIMED[verb] & (target < 0)
        verb[lost] = np.where(comments[lost], VERB["post"], VERB["view"])
        comments &= ~lost
        rings.answer(own[comments], target[comments])
        return serial, own, target, kind

    def _new_kinds(self, verb: NDArray[np.int8]) -> NDArray[np.int8]:
        """Draw the kinds of what may be new: uploads are files, recognition is a status."""
        kind = POSTED[self._dice.below(len(POSTED), len(verb))]
        kind[verb == VERB["upload"]] = KIND["file"]
        kind[verb == VERB["recognise"]] = KIND["status"]
        return kind

    def _somebody(self, actor: Ints) -> Ints:
        """Draw somebody of the directory's people for each actor, never the actor."""
        people = self._staff.people
        drawn = self._dice.below(people, len(actor))
        return np.where(drawn == actor, (drawn + 1) % people, drawn)

    def recipients(self, count: int) -> Ints:
        """Draw people to recognise or mention."""
        return self._dice.below(self._staff.people, count)

    def _accept(self, acts: Acts, allowed: Allowed) -> None:
        """Let whoever asked accept the answer, if it is one and they may be in the record; else it was a look at it."""
        rows = np.flatnonzero(acts.verb == VERB["accept_answer"])
        acts.verb[rows] = VERB["view"]
        asker = acts.asker[rows]
        is_answer = (asker >= 0) & (acts.object[rows] != acts.root[rows])
        fine = is_answer & allowed(np.maximum(asker, 0), acts.time[rows], acts.bucket[rows])
        rows, asker = rows[fine], asker[fine]
        acts.verb[rows], acts.actor[rows] = VERB["accept_answer"], asker
        acts.answers[rows] = acts.thread[rows] = acts.root[rows]
