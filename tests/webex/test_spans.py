from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from auditor.model.spans import subtract
from auditor.model.window import Window
from auditor.webex.spans import MARGIN, SLICE, Held, Horizon, Span, missing

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
HORIZON = Horizon.at(NOW, lookback=timedelta(days=90), settle=timedelta(hours=24))

hours = st.integers(-2400, 0)
windows = st.builds(
    lambda start, length: Window(NOW + timedelta(hours=start), NOW + timedelta(hours=start + length)),
    hours,
    st.integers(1, 1200),
)


def instants(found: tuple[Window, ...], moment: datetime) -> int:
    return sum(window.contains(moment) for window in found)


def held_after(span: Span, number: int) -> Held:
    return Held(span.key or str(number), span.window, done=span.settled, lacking=False)


@given(st.lists(windows, max_size=5), st.lists(windows, max_size=5), hours)
def test_subtracting_leaves_exactly_what_the_others_do_not_cover(
    left: list[Window], right: list[Window], hour: int
) -> None:
    moment = NOW + timedelta(hours=hour, minutes=1)
    expected = any(w.contains(moment) for w in left) and not any(w.contains(moment) for w in right)
    assert instants(subtract(left, right), moment) == expected


@given(windows, hours)
def test_spans_and_losses_cover_the_wanted_window_exactly_once(wanted: Window, hour: int) -> None:
    moment = NOW + timedelta(hours=hour, minutes=1)
    found = missing(wanted, (), horizon=HORIZON)
    covered = instants(tuple(span.window for span in found.spans), moment) + instants(found.lost, moment)
    assert covered == (wanted.contains(moment) and moment < HORIZON.latest)


@given(windows, st.lists(windows, max_size=4), st.booleans())
def test_every_request_is_legal(wanted: Window, before: list[Window], lacking: bool) -> None:  # noqa: FBT001 - hypothesis
    held = [Held(str(n), window, done=not lacking, lacking=lacking) for n, window in enumerate(before)]
    for span in missing(wanted, held, horizon=HORIZON).spans:
        assert span.asked.start >= NOW - timedelta(days=90)
        assert span.asked.end <= NOW
        if span.key is None:
            assert span.window.length <= SLICE
            assert span.asked.length <= SLICE + 2 * MARGIN


@given(windows)
def test_a_second_run_asks_only_for_what_was_too_fresh(wanted: Window) -> None:
    first = missing(wanted, (), horizon=HORIZON)
    held = [held_after(span, number) for number, span in enumerate(first.spans)]
    second = missing(wanted, held, horizon=HORIZON)
    assert [span.window for span in second.spans] == [span.window for span in first.spans if not span.settled]
    assert second.lost == first.lost


@given(windows, st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_many_runs_hold_everything_under_few_keys(wanted: Window, steps: list[int]) -> None:
    """However the clock moves on, the same key never names two spans at once and nothing is forgotten."""
    held: dict[str, Held] = {}
    now = NOW
    for number, step in enumerate([0, *steps]):
        now += timedelta(hours=step)
        horizon = Horizon.at(now, lookback=timedelta(days=90), settle=timedelta(hours=24))
        for span in missing(wanted, list(held.values()), horizon=horizon).spans:
            key = span.key or f"{number} {span.window.start}"
            held[key] = Held(key, span.window, done=span.settled, lacking=False)
    everything = [each.window for each in held.values()]
    first = max(wanted.start, HORIZON.earliest)
    last = min(wanted.end, now.replace(microsecond=0))
    if first < last:
        assert subtract([Window(first, last)], everything) == ()
    assert sum((w.length for w in subtract(everything, ())), timedelta()) == sum(
        (w.length for w in everything), timedelta()
    )


def test_the_requests_reach_a_day_over_the_outer_edges_only() -> None:
    wanted = Window(NOW - timedelta(days=30), NOW - timedelta(days=10))
    spans = missing(wanted, (), horizon=HORIZON).spans
    assert [span.window.length.days for span in spans] == [7, 7, 6]
    assert spans[0].asked.start == wanted.start - MARGIN
    assert spans[-1].asked.end == wanted.end + MARGIN
    for before, after in pairwise(spans):
        assert before.asked.end == after.window.start
        assert after.asked.start == after.window.start - timedelta(seconds=1)


def test_what_may_still_change_is_cut_at_midnight() -> None:
    spans = missing(Window(NOW - timedelta(days=3), NOW), (), horizon=HORIZON).spans
    assert [(span.settled, span.window.start.hour) for span in spans] == [(True, 15), (False, 15), (False, 0)]


def test_a_fresh_day_grows_under_its_key() -> None:
    day = Window(NOW.replace(hour=0, minute=0), NOW)
    later = Horizon.at(NOW + timedelta(hours=2), lookback=timedelta(days=90), settle=timedelta(hours=24))
    held = [Held("today", day, done=False, lacking=False)]
    spans = missing(Window(day.start, NOW + timedelta(days=1)), held, horizon=later).spans
    assert [(span.key, span.window) for span in spans] == [("today", Window(day.start, NOW + timedelta(hours=2)))]


def test_a_refused_span_is_asked_again_whole_under_its_key() -> None:
    refused = Window(NOW - timedelta(days=40), NOW - timedelta(days=33))
    held = [Held("refused", refused, done=False, lacking=True)]
    found = missing(Window(NOW - timedelta(days=36), NOW - timedelta(days=30)), held, horizon=HORIZON)
    assert [(span.key, span.window) for span in found.spans] == [
        ("refused", refused),
        (None, Window(refused.end, NOW - timedelta(days=30))),
    ]


def test_what_lies_beyond_the_horizon_is_lost_unless_it_is_held() -> None:
    wanted = Window(NOW - timedelta(days=200), NOW - timedelta(days=80))
    held = [Held("old", Window(wanted.start, NOW - timedelta(days=120)), done=True, lacking=False)]
    found = missing(wanted, held, horizon=HORIZON)
    assert found.lost == (Window(NOW - timedelta(days=120), HORIZON.earliest),)
    assert found.spans[0].asked.start == HORIZON.earliest
