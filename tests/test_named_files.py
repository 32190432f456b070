"""The files that `conftest` names are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import LONG, UNCOUNTED


@pytest.mark.parametrize("name", [*LONG, *UNCOUNTED])
def test_a_file_named_is_there(name: str) -> None:
    assert (Path(__file__).parent / name).is_file()
