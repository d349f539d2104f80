"""A bank of many series: rows do not see each other but through their parents, and survive being written down."""

import numpy as np
import pytest

from pipeline.drops import Bank, make_detector
from pipeline.drops.profile import decode, encode
from pipeline.drops.state import NO_COUNT, Bools, Floats
from tests.pipeline.weeks import HOUR, MONDAY, crowd, run

WEEK = 7 * 24
SIZES = [10.0, 20.0, 40.0, 60.0, 100.0, 30.0, 50.0, 80.0]
BEGIN = 8 * WEEK + 24 + 10
"""A Tuesday, 10:00."""


def company(weeks: int = 9, seed: int = 1) -> Floats:
    """Counts (hours, 1 + departments): the company, then departments that swing together from day to day."""
    swing = np.repeat(np.exp(np.random.default_rng(seed).normal(0, 0.15, weeks * 7)), 24)
    parts = np.random.default_rng(seed).poisson(crowd(weeks, SIZES, seed) * swing[:, None]).astype(float)
    return np.column_stack([parts.sum(axis=1), parts])


def total(counts: Floats) -> Floats:
    counts[:, 0] = counts[:, 1:].sum(axis=1)
    return counts


def family(rows: int = 1 + len(SIZES)) -> Bank:
    bank = Bank(rows=rows)
    bank.state.parent[1:] = 0
    return bank


def found(bank: Bank, counts: Floats) -> Bools:
    """Say which rows were found since BEGIN."""
    drops: Bools = np.any(run(bank, counts)[BEGIN:] >= 1, axis=0)
    return drops


def test_a_row_is_judged_as_if_it_were_alone() -> None:
    counts = crowd(9, SIZES)
    counts[BEGIN : BEGIN + 8, :3] = 0
    counts[5 * WEEK + 3 :: 50, 1] = np.nan
    together = run(Bank(rows=len(SIZES)), counts)
    for row in (0, 1, 5):
        alone = make_detector()
        for step, count in enumerate(counts[:, row]):
            if not np.isnan(count):
                assert alone.update(MONDAY + step * HOUR, count) == together[step, row]


def test_a_bank_read_back_goes_on_as_if_it_had_not_stopped() -> None:
    counts = company()
    counts[BEGIN : BEGIN + 30, 3] = 0
    bank = family()
    run(bank, total(counts)[: BEGIN + 5])
    other = Bank.load(HOUR, bank.dump())
    start = MONDAY + (BEGIN + 5) * HOUR
    assert np.array_equal(run(bank, counts[BEGIN + 5 :], start), run(other, counts[BEGIN + 5 :], start))
    for name, column in bank.dump().items():
        assert np.array_equal(column, other.dump()[name], equal_nan=True), name


def test_rows_come_and_go_with_their_parents() -> None:
    bank = family(4)
    bank.add(1)
    assert bank.state.parent.tolist() == [-1, 0, 0, 0, -1]
    bank.state.day[:] = np.arange(5)
    bank.keep(np.array([3, 4, 0, 3]))
    assert bank.state.parent.tolist() == [2, -1, -1, 2]
    assert bank.state.day.tolist() == [3, 4, 0, 3]
    bank.keep(np.array([0, 1]))
    assert bank.state.parent.tolist() == [-1, -1]  # the parent is gone
    assert len(bank.step(np.array([MONDAY, MONDAY]), np.ones(2))) == 2


def test_what_happens_to_all_is_the_companys() -> None:
    counts = company()
    counts[BEGIN : BEGIN + 6] = np.round(counts[BEGIN : BEGIN + 6] * 0.3)
    assert found(family(), total(counts)).tolist() == [True] + [False] * len(SIZES)
    assert found(Bank(rows=9), counts).sum() > 5  # strangers to each other, nearly all would tell


def test_a_total_outage_is_the_companys() -> None:
    counts = company()
    counts[BEGIN : BEGIN + 4] = 0
    assert found(family(), counts).tolist() == [True] + [False] * len(SIZES)


@pytest.mark.parametrize("row", [5, 8])
def test_what_happens_to_one_is_its_own(row: int) -> None:
    counts = company()
    counts[BEGIN : BEGIN + 10, row] = 0  # up to a quarter of the company
    assert np.flatnonzero(found(family(), total(counts))).tolist() == [row]


def test_a_child_is_missed_on_a_common_bad_day_too() -> None:
    counts = company()
    counts[BEGIN - 2 : BEGIN + 12] = np.round(counts[BEGIN - 2 : BEGIN + 12] * 0.6)
    counts[BEGIN : BEGIN + 10, 5] = 0
    assert found(family(), total(counts))[1:].tolist() == [row == 5 for row in range(1, 9)]


def test_an_unfed_parent_explains_nothing() -> None:
    counts = company()
    counts[BEGIN : BEGIN + 10, 5] = 0
    total(counts)[BEGIN - 50 :, 0] = np.nan
    assert found(family(), counts)[5]


def test_counts_are_coded_finer_than_their_noise() -> None:
    counts = np.array([0, 1, 2, 5, 17, 333, 1e4, 1e6])
    codes = encode(counts)
    assert (np.abs(decode(codes, codes != NO_COUNT) - counts) <= 0.02 * np.sqrt(counts) + 1e-9).all()


@pytest.mark.parametrize(("interval", "limit"), [(3600, 8_000), (300, 32_000)])
def test_a_series_is_small(interval: int, limit: int) -> None:
    assert sum(column.nbytes for column in Bank(interval, 10).dump().values()) <= 10 * limit
