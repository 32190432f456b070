"""The middle of what the peers of a visit did in the weeks before its own, for detectors that lean on it.

Peers have equal values in some columns; their visits of the 28 days before the Monday of a week speak for that week.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

WEEKS = 4
WEEK, MEDIAN, MAD = "_week", "_peer_med", "_peer_mad"


def week_of(time: pl.Expr) -> pl.Expr:
    """The number of the week, from Monday on, that a time lies in."""
    return (time.dt.epoch("d").cast(pl.Int64()) + 3) // 7


def middles(parts: list[pl.DataFrame], peers: Sequence[str], *, since: int) -> pl.DataFrame:
    """`MEDIAN` of `x` and `MAD`, by `WEEK` and peer, for the weeks of the parts from `since` on that have a past.

    A part has `WEEK`, `x` and the columns `peers`. The parts are used up: all of them once more would not fit beside.
    """
    weeks: dict[int, list[pl.DataFrame]] = {}
    while parts:
        for (week,), rows in parts.pop().partition_by(WEEK, as_dict=True, include_key=False).items():
            weeks.setdefault(week, []).append(rows)
    asked = {week for week in weeks if week >= since and any(week - before in weeks for before in range(1, WEEKS + 1))}
    if not asked:
        return pl.DataFrame(
            schema={WEEK: pl.Int64(), MEDIAN: pl.Float64(), MAD: pl.Float64(), **dict.fromkeys(peers, pl.Null())}
        )
    found = []
    for week in sorted(asked):
        # of a column in pieces a median is found by sorting all of it
        pieces = [rows for before in range(1, WEEKS + 1) for rows in weeks.get(week - before, ())]
        past = pl.concat(pieces, rechunk=True)
        found.append(_middle(past, peers).with_columns(pl.lit(week, dtype=pl.Int64).alias(WEEK)))
    return pl.concat(found, how="diagonal")


def with_middles(visits: pl.DataFrame, found: pl.DataFrame, peers: Sequence[str]) -> pl.DataFrame:
    """The visits with the `MEDIAN` and `MAD` of their peers; null where these have no past."""
    on = [WEEK, *peers]
    asked = visits.with_columns(week_of(pl.col("joined_time")).alias(WEEK))
    told = found.cast({name: asked.schema[name] for name in on})
    return asked.join(told, on=on, how="left", maintain_order="left", nulls_equal=True)


def _middle(past: pl.DataFrame, peers: Sequence[str]) -> pl.DataFrame:
    """The median of all values of each peer, and of their distances from it."""
    if not peers:
        middle = past["x"].median()
        # of a column without groups this takes a tenth of what the same takes in an expression
        return pl.DataFrame({MEDIAN: [middle], MAD: [(past["x"] - middle).abs().median()]})
    middles_ = past.group_by(peers).agg(pl.col("x").median().alias(MEDIAN))
    apart = past.join(middles_, on=peers, nulls_equal=True)
    distance = (pl.col("x") - pl.col(MEDIAN)).abs().median()
    return apart.group_by(peers).agg(pl.col(MEDIAN).first(), distance.alias(MAD))
