"""ESN_TARGETS: a TOML file of the shares of people to reach -> `Targets`.

    default = 0.8                       # for company/all, and every region and department not named below

    [company]
    all = 0.75
    [region]
    ES = 0.9                            # members as the directory writes them
    [department]
    "Research & Development" = 0.6
    [community]
    c17 = 0.5

A target is what `share_7d` of the view `adoption` is to reach: more than 0, at most 1, exact to a millionth. What is
wrong is one line that names the table and the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agents.errors import Usage
from agents.files import toml
from agents.settings import Settings

_TABLES: Final = ("company", "region", "department", "community")
_BY_DEFAULT: Final = ("region", "department")
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Targets:
    """The share to reach per segment."""

    default: float | None = None
    named: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))
    """(dimension, member) -> share"""

    def of(self, dimension: str, member: str) -> float | None:
        """Return the share to reach, above 0 to 1; None if there is no target."""
        is_default = dimension in _BY_DEFAULT or (dimension, member) == ("company", "all")
        return self.named.get((dimension, member), self.default if is_default else None)

    def millionths(self, dimension: str, member: str) -> int:
        """Return the same in millionths, as daily_rows keeps it; 0 if there is no target."""
        share = self.of(dimension, member)
        return 0 if share is None else round(share * _MILLION)


def targets(settings: Settings) -> Targets:
    """Return the targets that the settings name; without a file there are none. Raises Usage."""
    return read(Path(settings.targets)) if settings.targets else Targets()


def read(path: Path) -> Targets:
    """Read a file of targets. Raises Usage."""
    found = toml.tables(path, "targets")
    try:
        toml.known(found, ("default", *_TABLES), "a table of targets")
        named = {
            (dimension, member): _share(share, f"[{dimension}] {member}")
            for dimension in _TABLES
            for member, share in _members(found.get(dimension, {}), dimension).items()
        }
        default = _share(found["default"], "default") if "default" in found else None
    except ValueError as error:
        raise Usage(f"targets {path}: {error}") from None
    return Targets(default, MappingProxyType(named))


def _members(found: Any, dimension: str) -> Mapping[str, Any]:
    members = toml.table(found, f"[{dimension}]")
    if dimension == "company" and (others := members.keys() - {"all"}):
        raise ValueError(f"[company] {min(others)} is no member: write all")
    return members


def _share(found: Any, place: str) -> float:
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not (is_number and 1 <= found * _MILLION <= _MILLION):
        shown = "a table" if isinstance(found, dict) else found
        raise ValueError(f"{place} is {shown}: write a share, more than 0 and at most 1, as in 0.8")
    return float(found)
