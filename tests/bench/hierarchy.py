"""Drops of departments and of everybody in a company that is shaken as a whole, with the hierarchy and without."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import click

from tests.bench.tables import machine, markdown, put
from tests.pipeline.shaken import Score, Shaken, judged, score

_HEAD = (
    "seed",
    "departments' drops",
    "found",
    "clear ones",
    "found",
    "the company's",
    "found",
    "as one",
    "false",
    "without",
)


def hierarchy(out: Path, seeds: Sequence[int], weeks: int) -> None:
    """Judge a company for each seed, print and write."""
    told, alone = [], []
    for seed in seeds:
        company = Shaken(seed, weeks)
        told.append(score(company, judged(company)))
        alone.append(score(company, judged(company, hierarchy=False), hierarchy=False))
        click.echo(f"seed {seed}: {_row(str(seed), told[-1], alone[-1])}", err=True)
    rows = [_row(str(seed), one, other) for seed, one, other in zip(seeds, told, alone, strict=True)]
    rows.append(_row("all", reduce(Score.plus, told), reduce(Score.plus, alone)))
    figures: dict[str, Any] = {
        "machine": machine(),
        "weeks": weeks,
        "with": {str(seed): _figures(one) for seed, one in zip(seeds, told, strict=True)},
        "without": {str(seed): _figures(one) for seed, one in zip(seeds, alone, strict=True)},
    }
    put(out, "hierarchy", markdown(_HEAD, rows), figures)


def _row(seed: str, told: Score, alone: Score) -> tuple[str, ...]:
    pages = f"{alone.false_pages} false pages, {alone.departments_found} drops found"
    numbers = (told.departments, told.departments_found, told.clear, told.clear_found,
               told.companies, told.companies_found, told.companies_once, told.false_pages)  # fmt: skip
    return (seed, *map(str, numbers), pages)


def _figures(one: Score) -> dict[str, int]:
    return {name: value for name, value in asdict(one).items() if isinstance(value, int)}
