"""What the rows of an export say about people, and what that changes. No Kafka."""

import json
from typing import Any

import pytest

from agents.errors import Failed
from agents.hr_export.changes import Changes, Leavers, changes
from agents.hr_export.columns import columns
from agents.hr_export.people import Found, Reading, circles
from agents.hr_export.text import rows, sniff
from agents.hr_export.words import Words


def read(text: str, *words: str, manager_by: str = "id", known: tuple[str, ...] = (), **maps: str) -> Found:
    lines = rows(text, sniff(text))
    header = next(lines)[1]
    reading = Reading(columns(header, maps, manager_by), len(header), Words(words), manager_by)
    for number, cells in lines:
        reading.row(number, cells)
    return reading.finish(known)


def fields(found: Found) -> dict[str, dict[str, Any]]:
    return {person: entry.fields for person, entry in found.people.items()}


def test_cells_become_fields_and_blank_ones_none() -> None:
    text = "person,active,country,dept,tz\nu1,ja,DE,A\u00a0 B,Europe/Berlin\nu2,,,,\nu3\n"
    found = read(text)
    none = {"enabled": None, "region": None, "department": None, "timezone": None}
    assert fields(found) == {
        "u1": {"enabled": True, "region": "DE", "department": "A B", "timezone": "Europe/Berlin"},
        "u2": none,
        "u3": none,
    }
    assert found.lines() == []


def test_rows_that_cannot_be_read_are_told_without_ids() -> None:
    long = "i" * 300
    found = read(f"person,dept\nsecret,a,b\n,x\n1.23E+11,x\n{long},x\nu1,{long}\nu2,x\n")
    assert set(found.people) == {"u2"}
    assert found.lines() == [
        "row 2: more cells than the header has: left out",
        "row 3: no person's id: left out",
        "row 4: the id was rounded by a spreadsheet: left out",
        "rows 5 and 6: an id of more than 256 bytes: left out",
    ]


def test_words_that_mean_nothing_stop_the_import() -> None:
    with pytest.raises(
        Failed, match=r"rows 2 and 4: what is in the column of enabled means neither yes nor no"
    ) as error:
        read("person,status\nu1,secret\nu2,ja\nu3,hm\n")
    assert "secret" not in str(error.value)
    with pytest.raises(Failed, match="neither person, guest nor service"):
        read("person,type\nu1,hm\n", kind="type")


def test_of_two_rows_the_last_stands() -> None:
    found = read("person,dept\nu1,a\nu1,a\nu1,b\n")
    assert fields(found) == {"u1": {"department": "b"}}
    assert found.lines() == [
        "row 3: the person was in an earlier row",
        "row 4: the person was in an earlier row, and this row stands",
    ]


def test_managers_by_address_and_by_name() -> None:
    text = "person,email,name,manager\nu1,A@x.y,Ann Lee,\nu2,b@x.y,Bo,a@X.y\nu3,c@x.y,Bo,nobody@x.y\n"
    found = read(text, manager_by="email")
    assert {person: entry["manager"] for person, entry in fields(found).items()} == {"u1": None, "u2": "u1", "u3": None}
    assert found.lines() == ["row 4: the manager's email is nobody's in the file, so none is set"]
    text = "person,name,manager name\nu1,Ann Lee,\nu2,Bo,ann  lee\nu3,Bo,\nu4,Cy,Bo\n"
    found = read(text, manager_by="name")
    assert {person: entry["manager"] for person, entry in fields(found).items()} == {
        "u1": None, "u2": "u1", "u3": None, "u4": None,
    }  # fmt: skip
    assert found.lines() == ["row 5: the manager's name is that of several people, so none is set"]


def test_managers_who_do_not_exist_and_circles_are_told() -> None:
    found = read("person,manager\nu1,u2\nu2,u3\nu3,u1\nu4,u4\nu5,gone\nu6,listed\n", known=("listed",))
    assert found.lines() == [
        "row 6: the manager is neither in the file nor in the directory",
        "rows 2, 3 and 4: the person's managers form a circle",
        "row 5: the person is their own manager",
    ]
    assert fields(found)["u5"]["manager"] == "gone"


def test_circles() -> None:
    assert list(circles({"a": "b", "b": "c", "c": "b", "d": "a", "e": None, "f": "z"})) == [["b", "c"]]


# -- changes


def plan(text: str, present: dict[str, dict[str, Any] | bytes], leavers: Leavers = "ignore") -> Changes:
    raw = {
        person: old if isinstance(old, bytes) else json.dumps({"person": person} | old).encode()
        for person, old in present.items()
    }
    return changes(read(text).people, raw, leavers)


def sent(found: Changes) -> dict[str, Any]:
    return {person: None if raw is None else json.loads(raw) for person, raw in found.records.items()}


def test_only_differences_are_sent() -> None:
    found = plan(
        "person,dept\nu1,a\nu2,b\nu3,c\n", {"u1": {"department": "a", "leader": None}, "u2": {"department": "x"}}
    )
    assert sent(found) == {
        "u2": {"person": "u2", "enabled": True, "kind": "person", "department": "b"},
        "u3": {"person": "u3", "enabled": True, "kind": "person", "department": "c"},
    }
    assert (found.new, found.changed, found.unchanged) == (1, 1, 1)
    assert found.differences[0] == (3, "u2", "department", "x", "b")


def test_what_has_no_column_stays_and_a_blank_cell_clears() -> None:
    old = {"region": "ES", "ambassador": True, "kind": "guest", "x": 1, "department": "a"}
    found = plan("person,dept\nu1,\n", {"u1": old})
    assert sent(found) == {
        "u1": {"person": "u1", "enabled": True, "kind": "guest", "region": "ES", "ambassador": True, "x": 1}
    }


def test_who_is_in_the_file_is_enabled_again() -> None:
    assert sent(plan("person\nu1\n", {"u1": {"enabled": False}}))["u1"]["enabled"] is True
    found = plan("person,active\nu1,no\n", {"u1": {}})
    assert sent(found)["u1"]["enabled"] is False
    assert (found.disabled, found.enabled_before) == (1, 1)


def test_a_record_that_workers_refuse_is_mended() -> None:
    assert sent(plan("person\nu1\n", {"u1": b"not json"}))["u1"]["enabled"] is True


LEFT: dict[str, dict[str, Any] | bytes] = {
    "u2": {"region": "ES"},
    "u3": {"enabled": False},
    "s1": {"kind": "service"},
    "g1": {"kind": "guest"},
}


def test_leavers_are_counted_disabled_or_forgotten() -> None:
    text = "person\nu1\n"
    assert (plan(text, LEFT).leavers, set(plan(text, LEFT).records)) == (1, {"u1"})
    found = plan(text, LEFT, "disable")
    assert sent(found)["u2"] == {"person": "u2", "enabled": False, "region": "ES"}
    assert (set(found.records), found.disabled, found.enabled_before) == ({"u1", "u2"}, 1, 1)
    found = plan(text, LEFT, "forget")
    assert {person for person, raw in found.records.items() if raw is None} == {"u2", "u3"}


def test_an_export_with_guests_speaks_for_guests() -> None:
    assert set(plan("person,kind\nu1,person\ng2,guest\n", LEFT, "disable").records) == {"u1", "g2", "u2", "g1"}
