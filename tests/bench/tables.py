"""Figures as a Markdown table on standard output, and as JSON beside it."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click


def spread(values: Sequence[float], digits: int = 0, unit: str = "") -> str:
    """Return a median with its lowest and highest: `12 (11-14)`; a single value alone."""
    if not values:
        return "-"
    shown = [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]
    alone = len(values) == 1 or shown[1] == shown[2]
    return f"{shown[0]}{unit}" if alone else f"{shown[0]}{unit} ({shown[1]}-{shown[2]})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns but the first and the last hold numbers."""
    marks = ["---" if place in (0, len(head) - 1) else "---:" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))


def machine() -> dict[str, Any]:
    """Say what it was measured on."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def put(out: Path, name: str, table: str, figures: Mapping[str, Any]) -> None:
    """Print a table, and write it and its figures into a directory."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.md").write_text(table + "\n")
    (out / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    click.echo(f"\n{table}\n\nwritten to {out / name}.md and .json")
