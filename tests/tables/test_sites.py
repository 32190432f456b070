"""Rows of some sites, whether one is named or several."""

import polars as pl
import pytest

from auditor.tables.sites import of_sites

ROWS = pl.DataFrame({"site_url": ["a.example", "b.example", None, "A.example", "a.example"], "row": range(5)})


@pytest.mark.parametrize(
    ("sites", "rows"),
    [((), []), (("a.example",), [0, 4]), (("a.example", "b.example"), [0, 1, 4]), (("c.example",), [])],
)
def test_rows_of_other_sites_and_of_none_are_left_out(sites: tuple[str, ...], rows: list[int]) -> None:
    assert ROWS.filter(of_sites(sites))["row"].to_list() == rows
    assert ROWS.lazy().filter(of_sites(sites)).collect()["row"].to_list() == rows
