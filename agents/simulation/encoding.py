"""Events as JSON lines, many at a time: fixed parts are made once, a line is one format of finished pieces."""

from typing import Final

import msgspec
import numpy as np

from agents.simulation.acts import CLIENTS, OBJECT_KINDS, VERB, VERBS
from agents.simulation.communities import NOWHERE
from agents.simulation.content import CREATES, NONE, Acts, Content
from agents.simulation.dice import Dice, Ints
from agents.simulation.people import Staff
from agents.simulation.sessions import FAILED, Rows
from agents.simulation.words import ANSWER, HELP, PHRASES, PLAIN, QUESTION, THANKS

OUTCOMES: Final = ("", ',"outcome":"success"', ',"outcome":"success"', ',"outcome":"failure"')
CROWD: Final = 60  # an announcement to more people than count


def quoted(text: str) -> str:
    """Return text as a JSON string."""
    return msgspec.json.encode(text).decode()


def member(name: str, value: str) -> str:
    """Return `,"name":"value"`, or nothing for an empty value."""
    return f',"{name}":{quoted(value)}' if value else ""


def stamps(time: Ints) -> list[str]:
    """Return RFC 3339 times in UTC without the final Z."""
    stamped: list[str] = np.datetime_as_string(time.astype("datetime64[ms]")).tolist()
    return stamped


class Encoder:
    """Numbers the events of one run and writes them down."""

    def __init__(self, seed: int, source: str, staff: Staff, content: Content) -> None:
        self._dice = Dice(seed, "encoding")
        self._staff, self._content = staff, content
        self._opening = '{"specversion":"1.0","id":"%s","source":' + quoted(source) + ',"type":"esn.%s","time":"'
        self._ids = [quoted(person) for person in staff.ids]
        self._clients = [member("client", client) for client in CLIENTS]
        self._kinds = [member("object_kind", kind) for kind in OBJECT_KINDS]
        self._language = np.where(staff.region >= 0, staff.region, 0)
        self._numbered = 0

    def _numbers(self, count: int) -> range:
        self._numbered += count
        return range(self._numbered - count + 1, self._numbered + 1)

    def heartbeats(self, time: Ints) -> list[bytes]:
        """Encode heartbeats."""
        opening = self._opening.replace("%s", "h{}", 1).replace("%s", "heartbeat")
        front, back = opening.split("{}")
        return [f'{front}{at}{back}{stamp}Z"}}'.encode() for at, stamp in zip(time.tolist(), stamps(time), strict=True)]

    def logins(self, rows: Rows) -> list[bytes]:
        """Encode logins: successful (said or by default) and failed."""
        front, back = (self._opening % ("l\0", "login")).split("\0")
        said = self._dice.below(3, len(rows.time))
        said[rows.what == FAILED] = 3
        client = self._content.clients(rows.actor)
        ids, clients = self._ids, self._clients
        return [
            f'{front}{n}{back}{at}Z","data":{{"actor":{ids[a]}{OUTCOMES[o]}{clients[c]}}}}}'.encode()
            for n, at, a, o, c in zip(
                self._numbers(len(said)),
                stamps(rows.time),
                rows.actor.tolist(),
                said.tolist(),
                client.tolist(),
                strict=True,
            )
        ]

    def content(self, acts: Acts) -> list[bytes]:
        """Encode content events."""
        front, back = (self._opening % ("c\0", "content")).split("\0")
        ids, kinds, clients = self._ids, self._kinds, self._clients
        verbs = [f',"verb":"{verb}"' for verb in VERBS]
        places = [member("community", name) for name in self._content.communities.names]
        return [
            f'{front}{n}{back}{at}Z","data":{{"actor":{ids[a]}{verbs[v]}{o}{kinds[k]}{places[b]}{extra}{clients[c]}}}}}'.encode()
            for n, at, a, v, o, k, b, extra, c in zip(
                self._numbers(len(acts.time)),
                stamps(acts.time),
                acts.actor.tolist(),
                acts.verb.tolist(),
                self._objects(acts),
                acts.kind.tolist(),
                acts.bucket.tolist(),
                self._extras(acts),
                acts.client.tolist(),
                strict=True,
            )
        ]

    def _objects(self, acts: Acts) -> list[str]:
        """Name each act's object: something written, a profile, a community, or nothing."""
        objects = [f',"object":"p{serial}"' if serial >= 0 else "" for serial in acts.object.tolist()]
        for row in np.flatnonzero(acts.profile >= 0).tolist():
            objects[row] = f',"object":{self._ids[acts.profile[row]]}'
        communal = np.isin(acts.verb, [VERB["join"], VERB["leave"], VERB["create_community"]]) & (acts.bucket > NOWHERE)
        for row in np.flatnonzero(communal).tolist():
            objects[row] = member("object", self._content.communities.names[acts.bucket[row]])
        return objects

    def _extras(self, acts: Acts) -> list[str]:
        """Write whom it answers, whom it names, whether it asks, and the text, where there is any of it."""
        extras = [""] * len(acts.time)
        for row in np.flatnonzero(acts.answers >= 0).tolist():
            extras[row] = f',"in_reply_to":"p{acts.answers[row]}"'
        for row in np.flatnonzero(acts.thread >= 0).tolist():
            extras[row] += f',"thread":"p{acts.thread[row]}"'
        written = np.flatnonzero(CREATES[acts.verb])
        chance = self._dice.below(1 << 30, len(written)).tolist()
        for row, drawn in zip(written.tolist(), chance, strict=True):
            extras[row] += self._written(acts, row, drawn)
        return extras

    def _written(self, acts: Acts, row: int, drawn: int) -> str:
        """Write the free part of one contribution; `drawn` is all its chance."""
        verb, actor, addressed = acts.verb[row], int(acts.actor[row]), int(acts.addressed[row])
        asks, subject = "", ANSWER if verb == VERB["comment"] else PLAIN
        if verb == VERB["recognise"]:
            subject = THANKS
        elif verb == VERB["post"] and drawn % 4 == 0:
            asks, subject = ',"question":true', HELP if drawn & 64 else QUESTION
        elif drawn % 7 == 0:
            asks = ',"question":false'
        if subject == ANSWER and drawn % 10 == 0:
            subject = HELP
        drawn >>= 8
        named = self._named(verb, actor, addressed, drawn)
        drawn >>= 10
        if drawn % 5 > 2:
            return named + asks
        region = self._staff.regions[self._language[actor]]
        phrases = PHRASES["ru" if drawn % 16 == 0 else region.language][subject]
        return f"{named}{asks}{member('text', phrases[drawn % len(phrases)])}"

    def _named(self, verb: int, actor: int, addressed: int, drawn: int) -> str:
        """Write `to`: those who are recognised, answered, mentioned, or a whole crowd."""
        if verb == VERB["recognise"]:
            people = self._content.recipients(1 + drawn % 3).tolist()
        elif addressed != NONE:
            people = [addressed] if drawn % 2 else []
        elif drawn % 400 == 0:
            people = self._content.recipients(CROWD).tolist()
        else:
            people = self._content.recipients(1).tolist() if drawn % 8 == 0 else []
        others = (person if person != actor else (person + 1) % self._staff.people for person in people)
        names = dict.fromkeys(self._ids[person] for person in others)
        return f',"to":[{",".join(names)}]' if names else ""
