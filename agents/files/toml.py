"""TOML files that a setting names: read whole, and every problem one line that names the place.

Rules: `tables` raises Usage with the file's name; `known` and `table` raise ValueError with what is wrong in it.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.errors import Usage


def tables(path: Path, what: str) -> Mapping[str, Any]:
    """Return the file's contents; `what` is what a person calls such a file. Raises Usage."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Usage(f"{what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Usage(f"{what} {path} is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"{what} {path} is not TOML: {error}") from None


def table(found: Any, name: str) -> Mapping[str, Any]:
    """Take a table. Raises ValueError."""
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no table: write {name} on a line of its own and its keys below")
    return found


def known(found: Mapping[str, Any], words: tuple[str, ...], kind: str) -> None:
    """Let nothing pass but these keys. Raises ValueError, with the nearest one."""
    for key in found:
        if key not in words:
            near = difflib.get_close_matches(key, words, n=1)
            told = f"did you mean {near[0]}?" if near else f"use {', '.join(words[:-1])} or {words[-1]}"
            raise ValueError(f"{key} is not {kind}: {told}")
