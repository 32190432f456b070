"""What a detector sums up may look into texts, and may go by time, as any aggregate may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auditor.model.window import Window

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(weeks=26))
ROWS = [
    {
        "email": f"p{person}@example.com",
        "meeting_id": f"m{week}-{join}",
        "display_name": "Eve" * (1 + join + 20 * (person == 0 and week > 10)),
        "client_agent": "windows,webex" if join or (person == 0 and week > 10) else "mac,webex",
        "joined_time": START + timedelta(weeks=week, days=join, minutes=person),
        "left_time": START + timedelta(weeks=week, days=join, hours=1),
    }
    for person in range(4)
    for week in range(20)
    for join in range(3)
]
for one in ROWS:
    one["invited"] = "win" in one["client_agent"]
    one["duration"] = timedelta(minutes=len(one["display_name"]))


SETTINGS = {
    "change_point": "floor: 0.01, min_change: 0.01, threshold: 1",
    "robust_zscore": "threshold: 1",
}


def value(detector, term):
    settings = f'type: {detector}, entity: [email], value: "{term}", {SETTINGS[detector]}'
    return f"from: attendees\ndetector: {{{settings}}}"


@pytest.mark.parametrize("detector", ["change_point", "robust_zscore"])
@pytest.mark.parametrize(
    ("texts", "plain"),
    [
        ("count_if(contains(client_agent, 'win'))", "count_if(invited)"),
        ("max(len(lower(display_name)))", "to_minutes(max(duration))"),
        ("len(last(display_name))", "to_minutes(last(duration))"),
        ("first(len(display_name))", "to_minutes(first(duration))"),
    ],
)
def test_texts_are_looked_into_and_rows_go_by_time(judge, detector, texts, plain):
    one, other = (
        judge(value(detector, term), {"attendees": ROWS}, window=WINDOW, fingerprint="[email]", evidence="[score]")
        for term in (texts, plain)
    )
    assert not one.crashed
    assert one == other
    assert one.found


def test_a_feature_may_look_into_texts_and_go_by_time(judge):
    features = "{f: \"count_if(contains(client_agent, 'win'))\", g: len(last(display_name))}"
    detect = f"from: attendees\ndetector: {{type: outlier, entity: [email], min_entities: 2, features: {features}}}"
    outcome = judge(detect, {"attendees": ROWS}, window=WINDOW, fingerprint="[email]")
    assert not outcome.crashed
    assert outcome.population


@pytest.mark.parametrize("where", ["where: contains(email, 'nobody')", ""], ids=["no row left", "nothing odd"])
@pytest.mark.parametrize("asked", ["endswith(email, '.com')", "contains(explanation, 'joins') or score > 1"])
def test_a_detector_that_finds_nothing_passes_whatever_its_severity_would_depend_on(judge, where, asked):
    detect = f"from: attendees\n{where}\ndetector: {{type: burst, entity: [email]}}"
    rest = f'severity_when: [{{if: "{asked}", severity: info}}]'
    found = judge(detect, {"attendees": ROWS}, window=WINDOW, fingerprint="[email, window_start]", rest=rest)
    assert (found.reason, found.found, found.crashed) == (None, 0, False)


@pytest.mark.parametrize(
    ("settings", "candidates", "emitted"),
    [
        ("top: 60", 60, 60),
        ("top: 4", 4, 4),
        ("top: 40, budget: 6", 40, 6),
        ("top: 4, budget: 6", 4, 4),
        ("top: 240, per_entity: 1", 240, 80),
        ("top: 240, per_entity: 1, budget: 50", 240, 50),
    ],
)
def test_an_outlier_rule_reports_no_more_than_its_budget_and_accounts_for_the_rest(
    judge, settings, candidates, emitted
):
    features = "{joins: count(), longest: max(len(display_name))}"
    given = f"entity: [email], period: 1d, min_rows: 1, min_entities: 2, {settings}, features: {features}"
    found = judge(
        f"from: attendees\ndetector: {{type: outlier, {given}}}",
        {"attendees": ROWS},
        window=Window(START - timedelta(hours=10), START + timedelta(weeks=26)),
        fingerprint="[email, period]",
    )
    assert len(found.findings) == emitted
    assert (found.ledger.candidates, found.ledger.emitted) == (candidates, emitted)
    assert found.ledger.truncated == candidates - emitted
