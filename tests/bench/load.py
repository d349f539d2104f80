"""A steady load of now, in a process of its own: python -m tests.bench.load RATE SECONDS PEOPLE (settings as ESN_*).

One event in ten is a login, the others views. Every second it says what it has sent so far, the last line is the total.
"""

import itertools
import sys
import time
from datetime import UTC, datetime
from typing import Final

import click

from agents.kafka.broker import partition_of
from agents.kafka.bulk import bulk
from agents.settings import Settings
from schemas.topics import CONTENT, LOGINS

SOURCE: Final = "/bench/load"
PARTITIONS: Final = 4
_TICK_SECONDS: Final = 0.05


def person(number: int) -> str:
    """Return the id of one of the people."""
    return f"load-{number}"


def event(kind: str, number: int, actor: str) -> bytes:
    """Return an event of this moment; `kind` is login or view."""
    time_ = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f'{{"specversion":"1.0","id":"{kind}-{number}","source":"{SOURCE}","time":"{time_}",'
    if kind == "login":
        return f'{head}"type":"esn.login","data":{{"actor":"{actor}","client":"web"}}}}'.encode()
    data = f'{{"actor":"{actor}","verb":"view","object":"p{number % 997}","object_kind":"forum","client":"web"}}'
    return f'{head}"type":"esn.content","data":{data}}}'.encode()


def main(rate: int, seconds: float, people: int) -> None:
    """Send; keeps up with the clock as well as it can."""
    import os  # noqa: PLC0415  (the settings of a process of our own)

    settings = Settings.from_env({name: value for name, value in os.environ.items() if name.startswith("ESN_")})
    names = {"login": settings.topic(LOGINS.name), "view": settings.topic(CONTENT.name)}
    keys = [person(number).encode() for number in range(people)]
    places = [partition_of(key, PARTITIONS) for key in keys]
    with bulk(settings) as stream:
        begun = told = time.monotonic()
        for number in itertools.count():
            if number >= (due := (time.monotonic() - begun) * rate):
                stream.hand_over()
                if time.monotonic() - told >= 1:
                    told = time.monotonic()
                    click.echo(number)
                if told - begun >= seconds:
                    break
                time.sleep(max(_TICK_SECONDS, (number - due) / rate))
            kind = "login" if number % 10 == 0 else "view"
            who = number * 7919 % people
            stream.send(names[kind], event(kind, number, keys[who].decode()), keys[who], places[who])
    click.echo(number)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
