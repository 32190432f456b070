"""`rarity`: joins that do not look like the person's past."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from auditor.detectors.detection import Budget
from auditor.detectors.rarity import Rarity, detect
from auditor.model.window import Window

START = datetime(2026, 1, 5, tzinfo=UTC)
ALL = Window(START - timedelta(days=1), START + timedelta(days=400))
ANY = Rarity(columns=("client_os",), min_history=1, min_bits=0.0, suppress=(), budget=Budget(10_000, 10_000))


def join(day: float, system: str | None, person: str = "ann@example.com") -> dict[str, object]:
    return {
        "joined_time": START + timedelta(days=day),
        "client_os": system,
        "email": person,
        "meeting_id": f"{day}{person}",
    }


def bits(row: dict[str, object], rows: list[dict[str, object]], *, weight: float = 5.0) -> tuple[float, int, int]:
    """The surprise of one join by counting, as the formula says."""
    known = [other for other in rows if other["client_os"] is not None and other["joined_time"] < row["joined_time"]]
    horizon = row["joined_time"] - timedelta(days=90)
    recent = [other for other in known if other["joined_time"] >= horizon]
    own = [other for other in recent if other["email"] == row["email"]]
    same = [other for other in recent if other["client_os"] == row["client_os"]]
    kinds = len({other["client_os"] for other in known})
    q = (len(same) + 1) / (len(recent) + kinds + 1)
    mine = sum(other["client_os"] == row["client_os"] for other in own)
    return -math.log2((mine + weight * q) / (len(own) + weight)), mine, len(own)


JOINS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["windows", "mac", "linux", None]), st.sampled_from("xyz")),
    min_size=1,
    max_size=25,
)


@given(JOINS)
def test_every_number_is_what_counting_gives(build, joins: list[tuple[int, str | None, str]]) -> None:
    rows = [join(day, system, person) for day, system, person in joins]
    found = detect(build(rows), ANY, ALL).findings
    for record, score, n_value, n in found.select("records", "score", "n_value", "n").rows() if found.height else []:
        expected = bits(rows[record[0]["item"]], rows)
        assert math.isclose(score, expected[0], rel_tol=1e-9, abs_tol=1e-9)
        assert (n_value, n) == expected[1:]


def test_a_join_as_rare_as_the_least_score_printed_is_told(build) -> None:
    rows = [join(day, ("windows", "mac", "linux")[day % 7 % 3]) for day in range(40)]
    scores = detect(build(rows), ANY, ALL).findings["score"].to_list()
    assert len(scores) == 3
    for score in scores:
        found = detect(build(rows), replace(ANY, min_bits=score), ALL).findings
        assert score in found["score"].to_list()


def test_joins_in_the_same_moment_do_not_know_each_other(build) -> None:
    rows = [join(day, "windows") for day in range(20)] + [join(30, "linux"), {**join(30, "linux"), "meeting_id": "m"}]
    found = detect(build(rows), Rarity(columns=("client_os",), suppress=()), ALL).findings
    assert found.select("n_value", "n").rows() == [(0, 20)]


def test_a_person_with_little_history_is_not_judged(build) -> None:
    found = detect(build([join(day, "windows") for day in range(5)]), Rarity(columns=("client_os",)), ALL)
    assert (found.not_evaluable, found.reason) == (5, "no entity has enough history")


def test_surprise_of_several_attributes_adds_up(build) -> None:
    rows = [join(day, "windows") for day in range(25)]
    rows.append({**join(30, "linux"), "ip_network": "203.0.113.0/24"})
    settings = Rarity(columns=("client_os", "ip_network"), suppress=())
    found = detect(build(rows), settings, ALL).findings
    (row,) = found.select("score", "bits_client_os", "bits_ip_network").rows()
    assert math.isclose(row[0], row[1] + row[2], abs_tol=1e-9)


def test_the_sentence_repeats_the_counts(build) -> None:
    rows = [join(day, "windows") for day in range(25)] + [join(30, "linux")]
    (sentence,) = detect(build(rows), Rarity(columns=("client_os",)), ALL).findings["explanation"]
    assert sentence == (
        "ann@example.com joined with client_os linux; 0 of 25 earlier joins of this person and 0 of 25 in the "
        "organisation had that value (7.3 bits)"
    )


def test_a_value_first_met_where_it_falls_away_is_named_where_it_does_not(build) -> None:
    rows = [join(day, "windows") for day in range(25)]
    rows += [{**join(30, "linux"), "ip_network": "192.0.2.0/24"}, {**join(31, "linux"), "ip_network": "203.0.113.0/24"}]
    settings = Rarity(columns=("client_os",), min_bits=3.0, networks=("192.0.2.0/24",), suppress=("listed_network",))
    found = detect(build(rows), settings, ALL)
    assert found.findings.select("observed_at", "n_value", "n").rows() == [(START + timedelta(days=31), 1, 26)]
    assert (found.ledger.candidates, found.ledger.suppressed, found.ledger.emitted) == (1, {}, 1)


def test_a_value_met_only_where_it_falls_away_is_one_suppressed_candidate(build) -> None:
    rows = [join(day, "windows") for day in range(25)]
    rows += [{**join(30 + place, "linux"), "ip_network": "192.0.2.0/24"} for place in range(2)]
    settings = Rarity(columns=("client_os",), min_bits=3.0, networks=("192.0.2.0/24",), suppress=("listed_network",))
    found = detect(build(rows), settings, ALL)
    assert (found.ledger.candidates, found.ledger.suppressed) == (1, {"listed_network": 1})
