"""The numbers of `fan_in`, beside plain counting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from auditor.detectors.crowds import Cases
from auditor.model.window import Window

START = datetime(2026, 1, 5, tzinfo=UTC)
LEAST = 3


def drawn(seed: int, *, count: int = 600) -> pl.DataFrame:
    random = Random(seed)
    rows = [
        {
            "ip_network": f"n{random.choice('aabbbcde')}",
            "client_agent": random.choice(["MAC", "WIN", "WIN", "LINUX"]),
            "meeting_id": f"m{random.randrange(40)}",
            "email": f"p{random.randrange(25)}",
            "joined_time": START + timedelta(minutes=random.randrange(900)),
        }
        for _ in range(count)
    ]
    return pl.DataFrame(rows, schema_overrides={"joined_time": pl.Datetime("us", "UTC")})


def recounted(rows: pl.DataFrame, window: Window) -> list[tuple[object, ...]]:
    """Every case with enough accounts, counted one by one."""
    cases: dict[tuple[str, str, str], list[tuple[datetime, str]]] = {}
    for network, client, meeting, who, time in rows.iter_rows():
        cases.setdefault((network, client, meeting), []).append((time, who))
    for key, members in cases.items():
        inside = [one for one in members if one[0] >= window.start]
        cases[key] = inside or members
    began = {key: min(time for time, _ in members) for key, members in cases.items()}
    counts = {key: len({who for _, who in members}) for key, members in cases.items()}
    scopes: dict[tuple[str, str], datetime] = {}
    for (network, _, meeting), time in began.items():
        scopes[network, meeting] = min(time, scopes.get((network, meeting), time))
    found = []
    for (network, client, meeting), time in began.items():
        key = (network, client, meeting)
        others = sum(counts[one] for one in began if one[:2] == key[:2] and began[one] < time)
        earlier = sum(scopes[one] < time for one in scopes if one[0] == network and one[1] != meeting)
        if counts[key] >= LEAST:
            found.append((*key, counts[key], time, others, earlier))
    return sorted(found)


@pytest.mark.parametrize("order", ["as drawn", "in time", "network after network"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("late", [0, 400])
def test_cases_are_what_counting_gives(order: str, late: int, *, packed: bool) -> None:
    window = Window(START + timedelta(minutes=late), START + timedelta(days=9))
    for seed in range(4):
        rows = drawn(seed)
        plain = recounted(rows, window)
        by = {"in time": ["joined_time"], "network after network": ["ip_network", "joined_time"]}.get(order)
        rows = rows.sort(by) if by else rows
        rows = rows.with_columns(pl.col(pl.String()).cast(pl.Categorical())) if packed else rows
        entity = ["ip_network", "client_agent"]
        cases = Cases.of(rows, window, network="ip_network", entity=entity, scope=["meeting_id"], who="email")
        # numbers of packed texts may be large
        for one in (cases, replace(cases, who=cases.who * (1 << 35))):
            rated = one.rated(LEAST)
            first = one.row.gather(rated["_case"])
            key = one.frame.select(*entity, "meeting_id")[first].cast(pl.String())
            assert sorted(key.hstack(rated.select("count", "observed_at", "_others", "_scopes")).rows()) == plain
        inside = cases.frame["joined_time"] >= window.start
        assert (
            cases.within(inside)
            == rows.filter(pl.col("joined_time") >= window.start)
            .select(pl.struct(*entity, "meeting_id").n_unique())
            .item()
        )
