"""Differences are told, all of them, and rows that prove nothing are refused."""

import pytest

from tests.recount import ActiveKey, ActiveRow, ActivityKey, ActivityRow, PersonRow, assert_varied, differences

KEY = ActiveKey(60, "company", "all", "active")
ROW = ActiveRow(3, 0, 1, 1, 1, 2, 1 / 3)
ZEROS = ActiveRow(0, 0, 0, 0, 0, 0, 0.0)


def test_equal_rows_have_no_differences() -> None:
    assert differences({KEY: ROW}, {(60, "company", "all", "active"): ActiveRow(*ROW)}) == []


def test_a_difference_names_key_column_and_both_values() -> None:
    found = differences({KEY: ROW}, {KEY: ROW._replace(w1h=2, complete=False)})
    assert len(found) == 1
    assert found[0].startswith("differs 60 / company / all / active: ")
    assert "w1h expected 1, found 2" in found[0]
    assert "complete expected True, found False" in found[0]


def test_a_difference_in_the_last_bit_of_a_share_is_none() -> None:
    assert differences({KEY: ROW}, {KEY: ROW._replace(adoption_7d=1 / 3 + 1e-16)}) == []
    assert differences({KEY: ROW}, {KEY: ROW._replace(adoption_7d=0.3334)}) != []


def test_missing_and_unexpected_rows_are_told_in_order() -> None:
    later = KEY._replace(at=120)
    found = differences({later: ROW}, {KEY: ZEROS})
    assert [line.split()[0] for line in found] == ["unexpected", "missing"]
    assert "enabled 3" in found[1]


def test_zeros_equal_a_missing_row_only_where_it_is_asked_for() -> None:
    assert len(differences({KEY: ZEROS}, {})) == len(differences({}, {KEY: ZEROS})) == 1
    assert differences({KEY: ZEROS}, {}, missing_is_zero=True) == []
    assert differences({}, {KEY: ZEROS}, missing_is_zero=True) == []
    only_enabled = ZEROS._replace(enabled=1)
    assert len(differences({KEY: only_enabled}, {}, missing_is_zero=True)) == 1
    activity = {ActivityKey(0, "company", "all", "post", "other", "web"): ActivityRow(0)}
    assert len(differences(activity, {}, missing_is_zero=True)) == 1


def test_none_and_a_time_differ() -> None:
    row = PersonRow("person", True, True, "ES", "HR", "x", False, False, 1, 2, None, None, 0, 1, 0, 0)
    assert differences({"ann": row}, {"ann": row._replace(last_login=0)}) == [
        "differs ann: last_login expected None, found 0"
    ]


def test_each_numeric_column_must_take_three_values() -> None:
    rows = {i: ActiveRow(i, i, i, i, i, i, i / 3) for i in range(3)}
    assert_varied(rows)
    with pytest.raises(AssertionError, match="w24h takes only the values"):
        assert_varied({i: row._replace(w24h=i % 2) for i, row in rows.items()})
    assert_varied({i: row._replace(w24h=i % 2) for i, row in rows.items()}, but=["w24h"])
    with pytest.raises(AssertionError, match="no rows"):
        assert_varied({})


def test_none_is_no_value_of_a_nullable_time() -> None:
    row = PersonRow("person", True, True, "ES", "HR", "x", False, False, 1, 1, 1, 1, 1, 1, 1, 1)
    rows = {i: PersonRow(*row[:8], i, i, i, i, i, i, i, i) for i in range(3)}
    assert_varied(rows)
    rows[2] = rows[2]._replace(last_login=None)
    with pytest.raises(AssertionError, match="last_login takes only the values"):
        assert_varied(rows)
