"""What detectors say of records that are few, empty or crowded: a finding that holds, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.detectors.burst import Burst
from auditor.detectors.change_point import ChangePoint
from auditor.detectors.detection import Aggregate, Detection, EmptyBaselineError, recognised
from auditor.detectors.fan_in import FanIn
from auditor.detectors.impossible_travel import ImpossibleTravel
from auditor.detectors.outlier import Outlier
from auditor.detectors.overlap import Overlap
from auditor.detectors.rarity import Rarity
from auditor.detectors.registry import DETECTORS
from auditor.detectors.robust_zscore import RobustZscore
from auditor.model.window import Window

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
COUNT = Aggregate.of(value=pl.len().cast(pl.Float64))
SETTINGS = {
    "burst": Burst(),
    "change_point": ChangePoint(value=COUNT),
    "fan_in": FanIn(),
    "impossible_travel": ImpossibleTravel(),
    "outlier": Outlier(features=Aggregate.of(joins=pl.len(), networks=pl.col("ip_network").n_unique()), min_rows=1),
    "overlap": Overlap(),
    "rarity": Rarity(),
    "robust_zscore": RobustZscore(value=Aggregate.of(value=pl.col("presence").first().dt.total_minutes() / 60)),
}
PLACE = {"geo_country": "NO", "geo_city": "Oslo", "geo_latitude": 59.91, "geo_longitude": 10.75, "asn": 1}
MONDAY = START.replace(hour=0)
WHOLE = Window(MONDAY, MONDAY + timedelta(days=120))
LATE = Window(MONDAY + timedelta(days=56), MONDAY + timedelta(days=120))
Detect = Callable[..., Detection]


def leg(person: int, day: float = 61, minutes: float = 0, stay: float = 30, **more: object) -> dict[str, object]:
    begin = START + timedelta(days=day, minutes=minutes)
    times = {"joined_time": begin, "left_time": begin + timedelta(minutes=stay), "meeting.start_time": begin}
    network = {"ip_network": f"10.{person % 250}.{person // 250}.0/24"}
    return {"email": f"p{person}@example.com", "meeting_id": f"m{day}", **network, **PLACE, **times, **more}


@pytest.fixture
def detect(build) -> Detect:
    def run(kind: str, rows: list[dict[str, object]], window: Window = LATE) -> Detection:
        return DETECTORS[kind].detect(build(rows), SETTINGS[kind], window)

    return run


every = pytest.mark.parametrize("kind", sorted(DETECTORS))
JUDGED, TOO_LITTLE = None, "no entity has enough history"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("burst", JUDGED),
        ("change_point", "too little history"),
        ("fan_in", JUDGED),
        ("impossible_travel", JUDGED),
        ("outlier", JUDGED),
        ("overlap", JUDGED),
        ("rarity", TOO_LITTLE),
        ("robust_zscore", TOO_LITTLE),
    ],
)
def test_the_first_week_of_an_archive_is_judged_or_said_to_be_too_little(
    detect: Detect, kind: str, reason: str | None
) -> None:
    found = detect(kind, [leg(person, day, person % 5) for day in range(5) for person in range(60)], WHOLE)
    assert (found.reason, found.findings.height) == (reason, 0)
    assert found.population + found.not_evaluable > 0
    assert found.ledger is not None
    assert found.ledger.history is None or kind in {"outlier", "overlap"}


def test_what_the_first_week_finds_is_said_without_history_and_with_low_confidence(detect: Detect) -> None:
    rio = {"geo_country": "BR", "geo_city": "Rio", "geo_latitude": -22.91, "geo_longitude": -43.17, "asn": 3}
    early = {
        "burst": [leg(1, 1, minute, 0.1, meeting_id="m") for minute in range(6)],
        "fan_in": [leg(person, 1, ip_network="192.0.2.0/24") for person in range(8)],
        "impossible_travel": [leg(1, 1), leg(1, 1, 60, ip_network="192.0.2.0/24", meeting_id="n", **rio)],
    }
    for kind, rows in early.items():
        (finding,) = detect(kind, rows, WHOLE).findings.iter_rows(named=True)
        assert finding["explanation"].endswith(", without history")
        assert finding["confidence"] == "low"


def test_what_has_history_is_said_with_the_confidence_of_the_rule(detect: Detect) -> None:
    rio = {"geo_country": "BR", "geo_city": "Rio", "geo_latitude": -22.91, "geo_longitude": -43.17, "asn": 3}
    past = [leg(person, day) for day in range(20) for person in range(250)]
    late = {
        "burst": [leg(1, 61, minute, 0.1, meeting_id="m") for minute in range(9)],
        "fan_in": [leg(person, 61, ip_network="10.1.0.0/24") for person in range(8)],
        "impossible_travel": [leg(1), leg(1, 61, 60, ip_network="192.0.2.0/24", meeting_id="n", **rio)],
    }
    for kind, rows in late.items():
        (finding,) = detect(kind, past + rows).findings.iter_rows(named=True)
        assert not finding["explanation"].endswith("without history")
        assert finding["confidence"] is None


@every
def test_one_person_alone_is_never_unusual_for_doing_the_same_every_day(detect: Detect, kind: str) -> None:
    found = detect(kind, [leg(1, day) for day in range(100)])
    assert found.findings.is_empty()
    assert (found.reason is not None) == (kind == "outlier")
    assert found.population > 0 or kind == "outlier"


@every
def test_one_day_is_judged_or_said_to_be_too_little(detect: Detect, kind: str) -> None:
    found = detect(kind, [leg(person, 0, person % 300) for person in range(300)], WHOLE)
    assert found.findings.is_empty()
    assert (found.reason is not None) == (kind in {"change_point", "rarity", "robust_zscore"})


@every
def test_rows_of_nothing_but_nulls_are_counted_and_named_as_the_reason(detect: Detect, kind: str) -> None:
    known = {"page", "item", "joined_time"}
    rows = [{name: None if name not in known else value for name, value in leg(1, 61, n).items()} for n in range(50)]
    blank = dict.fromkeys(["site_url", "meeting_title", "client_agent", "client_os", "client_app", "is_internal"])
    found = detect(kind, [{**row, **blank} for row in rows])
    assert (found.population, found.not_evaluable, found.findings.height) == (0, 50, 0)
    assert found.reason is not None
    assert found.reason.startswith(("no row has all of ", "no attendee has a place"))


@pytest.mark.parametrize("kind", sorted({*DETECTORS} - {"outlier"}))  # that one compares history, too
@pytest.mark.parametrize(
    "lacks",
    [{"email": None}, {"ip_network": None, "geo_latitude": None}, {"left_time": None}, {"client_agent": None}],
    ids=["nobody", "nowhere", "no end", "no client"],
)
def test_what_lies_before_the_window_is_no_case_that_could_not_be_judged(
    detect: Detect, kind: str, lacks: dict[str, object]
) -> None:
    rows = [leg(person, day, person % 5) for day in range(100) for person in range(9)]
    before = [{**leg(person, day, 300), **lacks} for day in range(50) for person in range(9)]
    inside = [{**leg(person, 70, 300), **lacks} for person in range(7)]
    more = detect(kind, rows + inside).not_evaluable
    assert detect(kind, rows + before).not_evaluable == detect(kind, rows).not_evaluable
    assert detect(kind, rows + before + inside).not_evaluable == more


@pytest.mark.parametrize("kind", sorted({*DETECTORS} - {"change_point"}))  # that one judges whole series
def test_what_lies_before_the_window_was_not_looked_at_for_findings(detect: Detect, kind: str) -> None:
    rows = [leg(person, day, person % 5) for day in range(100) for person in range(60)]
    before = [leg(person, day, 300) for day in range(50) for person in range(80)]
    found = detect(kind, rows)
    assert found.population > 0
    assert detect(kind, rows + before).population == found.population


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("burst", {"email": None}),
        ("fan_in", {"client_agent": None}),
        ("impossible_travel", {"left_time": None}),
        ("overlap", {"left_time": None}),
        ("rarity", {"email": None}),
        ("robust_zscore", {"left_time": None}),
    ],
)
def test_where_every_row_of_the_window_lacks_something_the_ones_before_are_no_judgement(
    detect: Detect, kind: str, lacks: dict[str, object]
) -> None:
    before = [leg(person, day) for day in range(50) for person in range(9)]
    inside = [{**leg(person, 70), **lacks} for person in range(9)]
    found = detect(kind, before + inside)
    assert (found.population, found.not_evaluable, found.findings.height) == (0, 9, 0)
    assert found.reason is not None
    assert found.reason.startswith("no row of the window has all of ")
    assert detect(kind, [*before, *inside, leg(1, 71)]).reason is None
    assert detect(kind, before).reason is None


@pytest.mark.slow
@every
def test_a_webinar_of_ten_thousand_is_nothing_unusual(detect: Detect, kind: str) -> None:
    found = detect(kind, [leg(person, 61, person % 30, meeting_id="webinar") for person in range(10_000)])
    assert found.findings.is_empty()
    assert found.population + found.not_evaluable >= 10_000


def test_ten_thousand_behind_one_network_are_one_finding_with_a_few_of_their_names(detect: Detect) -> None:
    rows = [leg(person, 61, person % 30, meeting_id="webinar", ip_network="192.0.2.0/24") for person in range(10_000)]
    (finding,) = detect("fan_in", rows).findings.iter_rows(named=True)
    assert finding["count"] == 10_000
    assert len(finding["members"]) == 20


@every
@pytest.mark.parametrize("apart", [0, 1], ids=["at once", "one after another"])
def test_one_person_in_a_thousand_meetings_is_one_entity(detect: Detect, kind: str, apart: int) -> None:
    found = detect(kind, [leg(1, 61, apart * 40 * place, meeting_id=f"m{place}") for place in range(1000)])
    assert found.findings.is_empty()
    together = {"rarity", "robust_zscore"} if apart == 0 else set()
    assert (found.reason is not None) == (kind in {"change_point", "outlier", *together})


def test_a_window_without_a_whole_week_is_no_comparison_of_weeks(detect: Detect) -> None:
    midweek = Window(MONDAY + timedelta(days=2), MONDAY + timedelta(days=6))
    found = detect("outlier", [leg(person, 3) for person in range(60)], midweek)
    assert (found.population, found.reason) == (0, "no period with known features begins in the window")


def test_networks_that_nobody_seems_to_know_are_a_mistake_of_ours(build) -> None:
    frame = build([leg(1, day) for day in range(3)]).collect()
    none = pl.Series([False] * 3)
    with pytest.raises(EmptyBaselineError):
        recognised(frame, none)
    assert recognised(frame.head(2), none[:2]).to_list() == [False, False]


@every
def test_no_rows_are_nothing_to_judge_and_no_mistake(detect: Detect, kind: str) -> None:
    found = detect(kind, [])
    assert (found.population, found.not_evaluable, found.findings.height) == (0, 0, 0)
