"""Places that people declared: the countries they typed, as wide as countries are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from math import asin, cos, radians, sin, sqrt

import polars as pl
import pytest

from auditor.detectors.countries import declared
from auditor.detectors.impossible_travel import ImpossibleTravel, detect
from auditor.errors import RuleError
from auditor.model.vocabulary import Confidence
from auditor.model.window import Window
from auditor.rules.judging.run import run
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import load_rules
from auditor.tables.schema import TABLES

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ALL = Window(START, START + timedelta(days=9))
DECLARED = ImpossibleTravel(places="declared")


def leg(country: str | None, first: float, last: float) -> dict[str, object]:
    begin, end = (START + timedelta(hours=hour) for hour in (first, last))
    return {"country": country, "joined_time": begin, "left_time": end, "meeting_id": str(first), "ip_network": None}


def circles(*typed: str | None) -> list[tuple[str | None, float | None, float | None, float | None]]:
    rows = pl.LazyFrame({"country": typed}, schema={"country": pl.String})
    return declared(rows).select("geo_country", "geo_latitude", "geo_longitude", "geo_radius_km").collect().rows()


@pytest.mark.parametrize("typed", ["NO", "no", "Norway", " norway ", "NORGE"])
def test_a_country_is_known_by_code_and_by_name(typed: str) -> None:
    assert circles(typed)[0][0] == "NO"


def test_dots_and_blanks_do_not_matter() -> None:
    assert [row[0] for row in circles("U.S.A.", "United   Kingdom")] == ["US", "GB"]


def test_what_is_no_country_is_no_place() -> None:
    assert circles("Atlantis", "", None) == [(None, None, None, None)] * 3


@pytest.mark.parametrize(
    ("country", "latitude", "longitude"),
    [
        ("US", 21.3, -157.9),
        ("US", 64.8, -147.7),
        ("US", 44.8, -68.8),
        ("NO", 78.2, 15.6),
        ("NO", 58.1, 8.0),
        ("RU", 54.7, 20.5),
        ("RU", 66.2, -169.8),
        ("ES", 28.1, -15.4),
        ("PT", 38.7, -27.2),
        ("NZ", -46.4, 168.4),
        ("FJ", -17.8, 178.4),
        ("SG", 1.35, 103.8),
    ],
)
def test_a_circle_holds_the_far_parts_of_its_country(country: str, latitude: float, longitude: float) -> None:
    ((_, middle, meridian, radius),) = circles(country)
    assert middle is not None
    assert meridian is not None
    half = sin(radians(latitude - middle) / 2) ** 2 + cos(radians(latitude)) * cos(radians(middle)) * (
        sin(radians(longitude - meridian) / 2) ** 2
    )
    assert 2 * 6371 * asin(sqrt(half)) <= (radius or 0)


def test_the_least_distance_of_two_countries_counts_and_the_sentence_says_so(build) -> None:
    (row,) = detect(build([leg("Norway", 0, 1), leg("Brazil", 3, 4)]), DECLARED, ALL).findings.to_dicts()
    (_, lat_a, lon_a, far_a), (_, lat_b, lon_b, far_b) = circles("NO", "BR")
    half = sin(radians(lat_b - lat_a) / 2) ** 2 + cos(radians(lat_a)) * cos(radians(lat_b)) * (
        sin(radians(lon_b - lon_a) / 2) ** 2
    )
    least = 2 * 6371 * asin(sqrt(half)) - far_a - far_b
    assert row["distance"] == pytest.approx(least)
    assert row["speed"] == pytest.approx(least / 2)
    assert row["confidence"] == "low"
    assert re.search(rf"NO \(declared\) at .* BR \(declared\) at .*: at least {least:.0f} km", row["explanation"])


def test_neighbours_are_no_distance(build) -> None:
    assert detect(build([leg("Norway", 0, 1), leg("Sweden", 1.1, 4)]), DECLARED, ALL).ledger.candidates == 0


def test_a_person_without_a_country_is_not_evaluable(build) -> None:
    rows = [leg("Norway", 0, 1), leg(None, 3, 4), leg("Atlantis", 5, 6)]
    assert detect(build(rows), DECLARED, ALL).not_evaluable == 2


def test_when_nobody_declared_a_country_the_rule_says_so(build) -> None:
    assert detect(build([leg(None, 0, 1)]), DECLARED, ALL).reason == "no attendee declared a country"


RULE = """
schema: 1
id: GEO-901
name: travel-of-one-s-own
title: Nobody is quicker than an aircraft
severity: high
confidence: high
params: {where: {type: enum, values: [WORDS], default: declared, description: Which places}}
detect: {from: attendees, where: email is not None, detector: {type: impossible_travel, places: param.where}}
finding: {subject: "{email}", message: "{explanation}", fingerprint: [email, joined_time]}
"""


def test_a_finding_on_declared_places_is_of_low_confidence_whatever_its_rule_says(tmp_path) -> None:
    (tmp_path / "own.yaml").write_text(RULE.replace("WORDS", "located, declared"))
    rows = [{**leg(country, first, first + 1), "email": "a", "page": "0" * 64, "item": first} for country, first in (
        ("Norway", 0), ("Brazil", 3),
    )]  # fmt: skip
    schema = TABLES["attendees"].schema
    known = [{name: row.get(name) for name in schema} for row in rows]
    frames = {name: pl.LazyFrame(schema=table.schema) for name, table in TABLES.items()}
    frames["attendees"] = pl.LazyFrame(known, schema=schema)
    (rule,) = load_rules([tmp_path], bundled=False).rules
    (outcome,) = run([bind(rule, now=START)], frames, window=ALL, now=START)
    assert [finding.confidence for finding in outcome.findings] == [Confidence.LOW]


def test_an_enum_parameter_with_another_word_is_a_mistake(tmp_path) -> None:
    (tmp_path / "own.yaml").write_text(RULE.replace("WORDS", "declared, guessed"))
    with pytest.raises(RuleError, match="places must be one of located, declared"):
        load_rules([tmp_path], bundled=False)
