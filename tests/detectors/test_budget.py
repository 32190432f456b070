"""What the budget lets through: so many findings of an entity in any seven days, the highest scores first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import RECORDS, Budget, conclude

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
Case = tuple[str, float, float]


def emitted(cases: Sequence[Case], budget: Budget) -> list[Case]:
    """Of candidates of an entity on a day with a score those that are findings."""
    candidates = pl.DataFrame(
        {
            "email": [who for who, _, _ in cases],
            "observed_at": pl.Series(
                [START + timedelta(days=day) for _, day, _ in cases], dtype=pl.Datetime("us", "UTC")
            ),
            "score": pl.Series([score for *_, score in cases], dtype=pl.Float64()),
            "records": pl.Series([[{"page": "0" * 64, "item": n}] for n in range(len(cases))], dtype=RECORDS),
            "suppressed": pl.Series([None] * len(cases), dtype=pl.String()),
        },
        schema_overrides={"email": pl.String()},
    )
    found = conclude(candidates, entity=["email"], budget=budget, population=0, not_evaluable=0, history=None)
    assert found.truncated == len(cases) - found.findings.height
    return [(who, (at - START) / timedelta(days=1), score) for who, at, score in found.findings.drop("records").rows()]


@pytest.mark.parametrize("scores", [(9.0, 5.0), (5.0, 9.0)], ids=["first", "second"])
@pytest.mark.parametrize(("apart", "many"), [(1, 1), (6.5, 1), (7, 2), (8, 2)])
def test_within_a_week_the_higher_score_is_kept_whichever_came_first(scores, apart, many) -> None:
    cases = [("ann", 20, scores[0]), ("ann", 20 + apart, scores[1])]
    kept = emitted(cases, Budget(50, 1))
    assert len(kept) == many
    assert kept[0] == max(cases, key=lambda case: case[2])


CASES = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 1000)),
    max_size=25,
    unique_by=lambda case: case[2],
)


@given(CASES, st.integers(1, 3))
def test_what_is_cut_would_be_one_too_many_beside_higher_scores(cases: list[Case], most: int) -> None:
    kept = emitted(cases, Budget(1000, most))

    def crowded(some: Sequence[Case]) -> bool:
        return any(
            sum(who == other and day <= later < day + 7 for other, later, _ in some) > most for who, day, _ in some
        )

    assert not crowded(kept)
    for case in set(cases) - set(kept):
        assert crowded([case, *(other for other in kept if other[2] > case[2])])
