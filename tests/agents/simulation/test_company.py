from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from agents.errors import Usage
from agents.simulation import Company, Region
from schemas import directory
from schemas.events import CLIENTS, CONTENT, HEARTBEAT, LOGIN, OBJECT_KINDS, VERBS
from tests.agents.simulation.reading import actor, changes, events, messages, records

COMPANY = Company(people=200, days=3, seed=5)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(COMPANY.lines())


def digest(company: Company) -> str:
    return sha256(b"\n".join([*company.directory(), *company.lines()])).hexdigest()


BUSY = Company(people=40, days=1, seed=3, shuffle_seconds=30, duplicates=0.05, late=0.05, edges=0.1, hostile=True)


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert digest(BUSY) == digest(replace(BUSY))
    assert list(BUSY.lines()) == list(BUSY.lines())


def test_another_seed_gives_another_company() -> None:
    assert digest(BUSY) != digest(replace(BUSY, seed=4))


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """Whoever changes a table changes everybody's rehearsals: put the new digest here knowingly."""
    assert (
        digest(Company(people=30, days=1, seed=1)) == "8712f2fa972c21c373f01137b5b5d3eff7ad9c4a9dd2c6a3fadbd90252e8fc81"
    )


def test_every_verb_kind_and_client_occurs(lines: list[bytes]) -> None:
    data = [event.data for event in events(lines) if event.data]
    assert {one.verb for one in data} == {*VERBS, None}
    kinds = {one.object_kind for one in data}
    assert kinds >= {*OBJECT_KINDS[1:], None}
    assert kinds - {*OBJECT_KINDS, None}, "kinds that count as other"
    clients = {one.client for one in data}
    assert clients >= {*CLIENTS[1:], None}
    assert clients - {*CLIENTS, None}, "clients that count as other"


@pytest.mark.parametrize("seed", range(6))
def test_every_verb_occurs_whatever_the_seed(seed: int) -> None:
    assert {event.data.verb for event in events(replace(COMPANY, seed=seed).lines()) if event.data} == {*VERBS, None}


def test_logins_succeed_by_default_or_in_words_or_fail(lines: list[bytes]) -> None:
    outcomes = Counter(event.data.outcome for event in events(lines) if event.type == LOGIN and event.data)
    assert set(outcomes) == {"success", "failure", None}
    assert outcomes["failure"] < 0.2 * outcomes.total()


def test_questions_texts_and_names(lines: list[bytes]) -> None:
    data = [event.data for event in events(lines) if event.data]
    assert {one.question for one in data} == {True, False, None}
    assert all(one.to for one in data if one.verb == "recognise")
    assert all(one.actor not in (one.to or []) for one in data)


def test_texts_are_in_several_languages_and_some_events_name_a_crowd() -> None:
    lines = list(Company(people=2000, days=2).lines())
    texts = b"".join(line for line in lines if b'"text"' in line).decode()
    for language in ("please", "gracias", "Tack", "شكر", "obrigado", "ありがとう", "Спасибо"):
        assert language in texts
    assert max(len(event.data.to or ()) for event in events(lines) if event.data) > 50


def test_answers_hang_below_what_was_written_before(lines: list[bytes]) -> None:
    written: set[str] = set()
    threads: dict[str, str] = {}
    for event in events(lines):
        one = event.data
        assert one is not None
        if one.in_reply_to:
            assert one.in_reply_to in written
        if one.verb in ("post", "comment", "upload", "recognise"):
            assert one.object is not None
            assert one.object not in written
            written.add(one.object)
            threads[one.object] = (
                threads[one.thread or one.in_reply_to or one.object] if one.in_reply_to else one.object
            )
            if one.thread:
                assert threads[one.object] == one.thread
    assert len(set(threads.values())) < len(threads)


def test_who_asked_accepts_the_answer(lines: list[bytes]) -> None:
    author = {
        event.data.object: event.data.actor
        for event in events(lines)
        if event.data and event.data.verb in ("post", "comment", "upload", "recognise")
    }
    accepted = [event.data for event in events(lines) if event.data and event.data.verb == "accept_answer"]
    assert accepted
    assert all(author[one.in_reply_to] == one.actor and one.object != one.in_reply_to for one in accepted)


def test_people_join_before_they_leave_and_communities_are_created(lines: list[bytes]) -> None:
    joined: set[tuple[str | None, str | None]] = set()
    known = set(COMPANY.community_names)
    for event in events(lines):
        one = event.data
        assert one is not None
        place = (one.actor, one.community)
        if one.verb == "create_community":
            assert one.community not in known
            known.add(one.community or "")
        assert one.community is None or one.community in known
        if one.verb in ("join", "create_community"):
            joined.add(place)
        if one.verb == "leave":
            assert place in joined
    assert len(known) > len(COMPANY.community_names)


def test_everybody_of_the_directory_acts_in_some_way_and_strangers_too(lines: list[bytes]) -> None:
    letters = Counter(actor(event)[0] for event in events(lines))
    assert set(letters) == {"u", "g", "s", "x"}


def test_the_number_of_events_follows_rate_and_days() -> None:
    company = Company(people=500, days=2, rate=0.5)
    assert company.expected_events == 86_400
    assert len(events(company.lines())) == pytest.approx(86_400, rel=0.05)


@pytest.mark.parametrize("people", [2, 3, 10])
def test_the_smallest_companies_have_a_record(people: int) -> None:
    company = Company(people=people, days=1, seed=1, rate=0.01)
    assert len(records(company.directory())) > people
    assert events(company.lines())


def test_a_short_run_has_its_rate_from_the_first_minute() -> None:
    company = Company(people=500, days=1 / 48, rate=20, start=datetime(2026, 3, 3, 9, tzinfo=UTC))
    minutes = Counter((event.time_ms - company.start_ms) // 60_000 for event in events(company.lines()))
    assert minutes.total() == pytest.approx(company.expected_events, rel=0.15)
    assert minutes[0] == pytest.approx(1200, rel=0.4)
    assert minutes[29] == pytest.approx(1200, rel=0.4)


def test_nothing_lies_outside_the_run_and_ids_are_unique(lines: list[bytes]) -> None:
    told = messages(lines)
    assert all(COMPANY.start_ms <= event.time_ms <= COMPANY.end_ms for event in told)
    assert len({event.id for event in told}) == len(told)
    assert told[0].type == told[-1].type == HEARTBEAT
    assert told[-1].time_ms == COMPANY.end_ms


def test_every_line_is_an_event_or_a_change_of_the_directory(lines: list[bytes]) -> None:
    assert len(messages(lines)) + len(changes(lines)) == len(lines)
    for line in COMPANY.directory():
        directory.read(line)


def test_regions_departments_and_communities_can_be_chosen() -> None:
    tokyo = Region("Tokyo", "Asia/Tokyo", language="ja")
    company = Company(people=50, days=1, regions=(tokyo,), departments=("A", "B"), communities=2)
    listed = records(company.directory()).values()
    assert {record["region"] for record in listed} == {"Tokyo", None}
    assert {record["department"] for record in listed} == {"A", "B", None}
    spoken = {event.data.community for event in events(company.lines()) if event.data and event.type == CONTENT}
    assert {"news", "help-desk"} <= spoken


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 1},
        {"days": 0},
        {"rate": 0.0},
        {"start": datetime(2026, 3, 2)},  # noqa: DTZ001  (it has no zone: that is what is refused)
        {"shuffle_seconds": 121},
        {"late": 1.5},
    ],
)
def test_what_makes_no_company_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Usage):
        Company(**wrong)  # type: ignore[arg-type]  # each is of the right type, mypy sees only object


def test_a_company_may_start_at_any_moment_and_be_short() -> None:
    start = datetime(2026, 3, 4, 9, 7, 13, 5000, tzinfo=UTC)
    company = Company(people=100, start=start, days=0.1, rate=1)
    times = [event.time_ms for event in events(company.lines())]
    assert times
    assert company.start_ms <= min(times) <= max(times) <= company.end_ms
