"""What a run asks for and what it says is lost, by what is held."""

from datetime import UTC, datetime, timedelta

import pytest

from auditor.evidence.entry import Unit
from auditor.model.window import Window
from auditor.webex.plan import Plan, Wanted, reports
from auditor.webex.spans import Horizon

START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=5))


def planned(units: dict[str, Unit], *, after: int, **wanted: object) -> Plan:
    horizon = Horizon.at(WINDOW.end + timedelta(days=after), lookback=timedelta(days=90), settle=timedelta(hours=24))
    asked = Wanted(("example.webex.com",), WINDOW, participants=False, **wanted)  # type: ignore[arg-type]
    return reports(asked, units, horizon=horizon)


def had(plan: Plan) -> dict[str, Unit]:
    """Every unit of the plan, as it is once all of it came."""
    units = [
        Unit(
            work.key,
            work.endpoint.name,
            work.site_url,
            work.window,
            (),
            complete=True,
            rows=0,
            meeting_id=work.meeting_id,
            service_type=work.service_type,
            settled=work.settled,
        )
        for work in plan.todo
    ]
    return {unit.key: unit for unit in units}


def lost(plan: Plan) -> list[tuple[str, Window]]:
    return [(gap.table, gap.window) for unit in plan.lost for gap in unit.gaps]


NARROWED = [("meetingId", ("m1",)), ("meetingNumber", ("123",)), ("meetingTitle", ("Board",))]


@pytest.mark.parametrize("narrowed", [None, *NARROWED])
def test_what_lies_beyond_the_look_back_is_lost_however_it_is_asked_for(narrowed) -> None:
    plan = planned({}, after=100, narrowed=narrowed)
    assert plan.todo == ()
    assert lost(plan) == [("meetings", WINDOW), ("attendees", WINDOW)]
    stated = {unit.key: unit for unit in plan.lost}
    assert planned(stated, after=100, narrowed=narrowed) == plan


@pytest.mark.parametrize("narrowed", NARROWED)
def test_a_narrowed_question_that_was_answered_in_time_is_not_lost_later(narrowed) -> None:
    units = had(planned({}, after=10, narrowed=narrowed))
    assert planned(units, after=100, narrowed=narrowed) == Plan()
    other = planned(units, after=100, narrowed=(narrowed[0], ("another",)))
    assert lost(other) == [("attendees", WINDOW)]
    assert lost(planned(units, after=100)) == [("attendees", WINDOW)]


@pytest.mark.parametrize("narrowed", NARROWED)
def test_a_narrowed_question_that_lies_beyond_in_part_says_so_again(narrowed) -> None:
    first = planned({}, after=87, narrowed=narrowed)
    assert [(table, window.start) for table, window in lost(first)] == [("meetings", START), ("attendees", START)]
    units = had(first) | {unit.key: unit for unit in first.lost}
    again = planned(units, after=87, narrowed=narrowed)
    assert (again.todo, again.lost) == ((), first.lost)


@pytest.mark.parametrize("narrowed", NARROWED)
def test_what_a_whole_site_was_asked_for_is_not_lost_to_a_narrowed_question(narrowed) -> None:
    units = had(planned({}, after=10))
    assert planned(units, after=100, narrowed=narrowed) == Plan()
