"""The records a hit rests on, however large their numbers are."""

from __future__ import annotations

import polars as pl
import pytest

from auditor.rules.outcome import RECORDS
from auditor.rules.stages.kept import with_records

PAGES = ["b" * 64, "a" * 64]


@pytest.mark.parametrize("far", [3, 1 << 31, 1 << 32, 1 << 40])
@pytest.mark.parametrize("hits", [1, 2])
def test_each_hit_rests_on_its_records_in_order_and_once(far: int, hits: int) -> None:
    cited = [(0, PAGES[0], far), (0, PAGES[1], far), (0, PAGES[1], 0), (0, PAGES[0], far), (1, PAGES[0], 1)]
    members = pl.DataFrame(
        [one for one in cited if one[0] < hits],
        schema={"of": pl.Int64, "page": pl.Categorical(), "item": pl.Int64},
        orient="row",
    )
    found = with_records(pl.DataFrame({"of": range(hits)}), members, on=["of"])
    records = [[(one["page"], one["item"]) for one in row] for row in found[RECORDS].to_list()]
    wanted = [[(PAGES[1], 0), (PAGES[1], far), (PAGES[0], far)], [(PAGES[0], 1)]]
    assert records == wanted[:hits]
    assert found.select("page", "item").rows() == [row[0] for row in wanted[:hits]]
