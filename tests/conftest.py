"""For all tests: what their subprocesses inherit."""

import signal
from collections.abc import Iterator
from itertools import groupby

import pytest

# A shell that puts us into the background has Ctrl-C ignored, and our subprocesses would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put a test that uses up what its file shares (mark `last`) behind the others of that file."""

    def ordered() -> Iterator[pytest.Item]:
        for _, group in groupby(items, key=lambda item: item.path):
            yield from sorted(group, key=lambda item: item.get_closest_marker("last") is not None)

    items[:] = list(ordered())
