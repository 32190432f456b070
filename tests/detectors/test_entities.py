"""An entity may be any columns, those a detector itself looks at among them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.detectors.burst import Burst
from auditor.detectors.detection import Aggregate
from auditor.detectors.fan_in import FanIn
from auditor.detectors.impossible_travel import ImpossibleTravel
from auditor.detectors.overlap import Overlap
from auditor.detectors.rarity import Rarity
from auditor.detectors.registry import DETECTORS
from auditor.detectors.robust_zscore import RobustZscore
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=100))
HERE = {"geo_country": "NO", "geo_city": "Oslo", "geo_latitude": 59.91, "geo_longitude": 10.75, "asn": 1}
FAR = {"geo_latitude": -22.91, "geo_longitude": -43.17}
STAY = Aggregate.of(value=pl.col("presence").first().dt.total_minutes() / 60)
SETTINGS = {
    "burst": Burst(),
    "fan_in": FanIn(),
    "impossible_travel": ImpossibleTravel(suppress=()),
    "overlap": Overlap(suppress=("hand_off",)),
    "rarity": Rarity(columns=("ip_network",), min_bits=3.0),
    "robust_zscore": RobustZscore(value=STAY),
}


def leg(day: float, minute: float = 0, stay: float = 30, **more: object) -> dict[str, object]:
    begin = START + timedelta(days=day, minutes=minute)
    return {"joined_time": begin, "left_time": begin + timedelta(minutes=stay), "meeting_id": f"m{day}", **HERE, **more}


@pytest.fixture
def rows(build) -> pl.LazyFrame:
    """Thirty ordinary days of a person, and one of everything that is unusual; every row is of one site."""
    odd = {"ip_network": "192.0.2.0/24"}
    crowd = [leg(41, n / 10, email=f"p{n}@example.com", meeting_id="proxy", **odd) for n in range(6)]
    return build(
        [
            *[leg(day) for day in range(30)],
            *[leg(40, n, 0.5, meeting_id="again") for n in range(9)],
            *crowd,
            leg(42, 0, 60, meeting_id="both"),
            leg(42, 10, 30, meeting_id="both", **odd),
            leg(43, meeting_id="here"),
            leg(43, 60, meeting_id="there", **{**odd, **FAR}),
            leg(50, 0, 900, meeting_id="long"),
        ]
    )


SHARED = ["site_url", "meeting_title", "is_internal", "client_os", "client_agent", "geo_country", "geo_city", "asn"]


@pytest.mark.parametrize("kind", sorted(SETTINGS))
@pytest.mark.parametrize("column", SHARED)
def test_a_column_that_is_the_same_on_every_row_makes_no_other_entities(rows, kind: str, column: str) -> None:
    settings = SETTINGS[kind]
    entity = tuple(dict.fromkeys((*settings.entity, column)))
    one, other = (
        DETECTORS[kind].detect(rows, replace(settings, entity=names), WINDOW) for names in (settings.entity, entity)
    )
    told = ["observed_at", "score", "n", "records"]
    assert one.findings.height > 0
    assert other.findings.select(told).equals(one.findings.select(told))
    assert other.findings.select(entity).null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("kind", ["overlap", "burst"])
def test_what_happens_within_a_meeting_is_found_for_a_person_in_it(rows, kind: str) -> None:
    within = replace(SETTINGS[kind], entity=("email", "meeting_id"))
    found = DETECTORS[kind].detect(rows, within, WINDOW).findings
    assert found["meeting_id"].to_list() == [{"overlap": "both", "burst": "again"}[kind]]


def test_the_network_need_not_be_named_first(rows) -> None:
    first, last = (
        DETECTORS["fan_in"].detect(rows, FanIn(entity=names), WINDOW)
        for names in (("ip_network", "client_agent"), ("client_agent", "ip_network"))
    )
    told = ["ip_network", "client_agent", "count", "center", "n", "score"]
    assert last.findings.select(told).equals(first.findings.select(told))
    assert last.ledger == first.ledger


def test_what_a_network_stands_for_in_a_scope_of_its_own_columns_is_counted(rows) -> None:
    twice = FanIn(entity=("ip_network", "meeting_id"), scope=("meeting_id",))
    assert DETECTORS["fan_in"].detect(rows, twice, WINDOW).findings["count"].to_list() == [6]


def test_a_yes_or_no_may_be_rare(build) -> None:
    usual = [leg(day, is_internal=True) for day in range(30)]
    found = DETECTORS["rarity"].detect(
        build([*usual, leg(40, is_internal=False)]), Rarity(columns=("is_internal",), min_bits=3.0), WINDOW
    )
    assert found.findings.select("attribute", "value", "n_value", "n").rows() == [("is_internal", "false", 0, 30)]


def test_peers_may_be_those_of_one_title(rows) -> None:
    usual, titled = (
        DETECTORS["robust_zscore"].detect(rows, RobustZscore(value=STAY, peer=peer), WINDOW)
        for peer in ((), ("meeting_title",))
    )
    assert titled.findings.equals(usual.findings)
