"""All that the tests need of pytest: they are trial TestCases, and trial runs them without this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _scratch_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a directory of its own, as trial runs them all in _trial_temp."""
    monkeypatch.chdir(tmp_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out ``SynchronousTestCase.runTest``, which pytest takes for the one test of a base class without tests."""
    items[:] = [item for item in items if item.name != "runTest"]
