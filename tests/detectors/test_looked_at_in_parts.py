"""Detectors that look at their rows part by part find what they find among all of them at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.detectors.burst import Burst
from auditor.detectors.change_point import ChangePoint
from auditor.detectors.detection import ROW, Aggregate
from auditor.detectors.fan_in import FanIn
from auditor.detectors.impossible_travel import ImpossibleTravel
from auditor.detectors.outlier import Outlier
from auditor.detectors.overlap import Overlap
from auditor.detectors.rarity import Rarity
from auditor.detectors.registry import DETECTORS
from auditor.detectors.robust_zscore import RobustZscore
from auditor.detectors.seen import Beside
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WINDOW = Window(START + timedelta(days=60), START + timedelta(days=140))
COUNT = Aggregate.of(value=pl.len().cast(pl.Float64))
STAY = Aggregate.of(value=pl.col("presence").first().dt.total_minutes() / 60)
SETTINGS = {
    "burst": Burst(min_count=2, min_score=0.0, suppress=()),
    "change_point": ChangePoint(value=COUNT, floor=0.25, min_change=0.2, threshold=0.5),
    "fan_in": FanIn(min_count=2, min_score=0.0, suppress=()),
    "impossible_travel": ImpossibleTravel(),
    "outlier": Outlier(features=Aggregate.of(joins=pl.len(), clients=pl.col("client_os").n_unique()), min_entities=5),
    "overlap": Overlap(grace=timedelta(), suppress=("hand_off", "known_network")),
    "rarity": Rarity(min_history=5, min_bits=3.0),
    "robust_zscore": RobustZscore(value=STAY, peer=("client_os",), threshold=1.0, min_history=5),
}
FOUND = frozenset(SETTINGS) - {"impossible_travel"}


def population() -> list[dict[str, object]]:
    """Forty people's days, each a little different, without a place anywhere."""
    rows: list[dict[str, object]] = []
    for day in range(100):
        for person in range(40):
            if (day * 7 + person * 3) % 11 > 6:
                continue
            begin = START + timedelta(days=day, minutes=(person * day) % 13)
            meeting = f"{day}.{person % 5}"
            odd = (day * person) % 97 == 5
            for again in range(1 + (day * person) % 41 // 20 * 3):
                joined = begin + timedelta(minutes=7 * again)
                rows.append(
                    {
                        "email": None if person == 39 and day % 2 else f"p{person:02}@example.com",
                        "meeting_id": meeting,
                        "joined_time": joined,
                        "left_time": None if (day + person) % 29 == 0 else joined + timedelta(minutes=5 + 40 * odd),
                        "meeting.start_time": begin,
                        "meeting.end_time": begin + timedelta(minutes=30),
                        "ip_network": f"198.51.{person // 10 + 100 * (odd and person % 2)}.0/24",
                        "client_os": "linux" if odd else "mac" if person % 3 else "windows",
                    }
                )
            if odd:
                rows.append({**rows[-1], "meeting_id": f"{meeting}, too", "ip_network": "203.0.113.0/24"})
    return rows


@pytest.fixture(scope="module")
def rows(build) -> pl.DataFrame:
    return build(population()).collect()


@pytest.fixture(params=["texts", "packed, in runs"])
def laid(rows, request) -> pl.DataFrame:
    if request.param == "texts":
        return rows
    packed = rows.with_columns(pl.col(pl.String()).cast(pl.Categorical()))
    return packed.sort("email", "joined_time", "item")


def sifted(part: pl.DataFrame, settings: object) -> tuple[pl.DataFrame, Beside]:
    """The part with the columns all rows are looked at by, and what gives few of them the rest."""
    kept = [*settings.sifted, *getattr(settings, "prepared", ())]
    waiting = part.drop(kept)

    def later(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.drop(ROW).hstack(waiting[rows[ROW]])

    return part.select(kept).with_row_index(ROW), Beside(later=later)


def in_parts(kind: str, rows: pl.DataFrame, column: str, settings: object, *, sift: bool = False):
    detector = DETECTORS[kind]
    if getattr(settings, "prepared", ()):
        some = rows["meeting_id"].cast(pl.String()).hash(5) % 3
        meetings = [rows.filter(some == number) for number in range(3)]
        rows = pl.concat([one.hstack(detector.prepare(one, settings)) for one in meetings])
    numbers = rows[column].cast(pl.String()).hash(3).fill_null(0) % 4
    parts = [rows.filter(numbers == number) for number in range(4)]

    def again(names):
        return [part.select(names) for part in parts]

    told = detector.survey(again, settings, WINDOW) if getattr(settings, "prepared", ()) else pl.DataFrame()
    beside = Beside(rows.height, told)
    given = [sifted(part, settings) if sift else (part, beside) for part in parts]
    seen = [detector.look(part.lazy(), settings, WINDOW, replace(beside, later=one.later)) for part, one in given]
    return detector.tell(seen, settings, WINDOW, again)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SETTINGS)
def test_parts_show_what_the_whole_shows(kind, laid) -> None:
    settings = SETTINGS[kind]
    whole = DETECTORS[kind].detect(laid.lazy(), settings, WINDOW)
    for column in settings.apart:
        for sift in (False, True)[: 1 + hasattr(settings, "sifted")]:
            apart = in_parts(kind, laid, column, settings, sift=sift)
            assert apart.findings.equals(whole.findings)
            assert replace(apart, findings=whole.findings) == whole
    assert bool(whole.findings.height) == (kind in FOUND)


@pytest.mark.parametrize("kind", sorted(SETTINGS))
def test_nothing_is_looked_at_where_every_part_is_empty(kind, rows) -> None:
    settings = SETTINGS[kind]
    apart = in_parts(kind, rows.clear(), settings.apart[0], settings)
    whole = DETECTORS[kind].detect(rows.clear().lazy(), settings, WINDOW)
    assert (apart.population, apart.not_evaluable, apart.reason) == (
        whole.population,
        whole.not_evaluable,
        whole.reason,
    )


def test_of_a_place_nothing_is_said_in_parts(rows) -> None:
    located = rows.with_columns(geo_latitude=pl.lit(59.9), geo_longitude=pl.lit(10.7))
    with pytest.raises(ValueError, match="rows with a place"):
        in_parts("impossible_travel", located, "email", ImpossibleTravel())
