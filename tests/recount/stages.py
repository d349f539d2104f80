"""The stages of the adoption journey, and in which a person is.

Rules: asks a person only by `times`, that is by what is known at the day's end.
"""

from tests.recount.person import Person

STAGES = ("unaware", "aware", "visited", "first_use", "second_use", "continuous", "lapsed")


def stage(person: Person, day: int, *, named: bool) -> str:
    """The first stage that fits at the end of a day. `named`: in somebody's `to`, as far as that is known."""
    used_on = person.times("use", day)
    weeks = {(day - used) // 7 for used in used_on}
    fits = {
        "lapsed": bool(person.times("active", day)) and not person.times("active", day, 28),
        "continuous": weeks >= {0, 1, 2, 3},
        "second_use": len(used_on) >= 2,
        "first_use": len(used_on) == 1,
        "visited": bool(person.times("active", day)),
        "aware": named,
        "unaware": True,
    }
    return next(name for name, fitting in fits.items() if fitting)
