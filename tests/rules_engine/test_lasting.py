"""Collections beyond the window are there to be matched with and to be steps; what is judged lies in the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auditor.model.vocabulary import Verdict
from auditor.model.window import Window

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
FOLLOWED = "match: {with: collections, same: [endpoint], where: b.finished_at > a.finished_at, absent: true}"
LAST = "sequence: {by: [endpoint], within: 60d, steps: [{name: done, where: complete}], absent: [{where: complete}]}"


def collected(day, *, endpoint="usage", **more):
    finished = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return {"endpoint": endpoint, "complete": True, "finished_at": finished, "rows": 1, **more}


@pytest.mark.parametrize(
    ("stage", "names"), [(FOLLOWED, "[endpoint, finished_at]"), (LAST, "[endpoint, done.finished_at]")]
)
@pytest.mark.parametrize(("days", "found"), [((0, 70, 100), 0), ((0, 70), 1), ((0, 70, 80, 100), 0), ((70, 89), 1)])
def test_a_collection_after_the_window_followed_one_in_it(judge, stage, names, days, found):
    rows = {"collections": [collected(day) for day in days]}
    judged = judge(f"from: collections\n{stage}", rows, fingerprint=names, window=WINDOW)
    assert judged.reason is None or found
    assert (judged.found, judged.verdict) == (found, Verdict.FAIL if found else Verdict.PASS)


@pytest.mark.parametrize("stage", [FOLLOWED, LAST, LAST[:-1] + ", where: done.rows > 5}"])
def test_what_lies_beyond_the_window_is_not_counted(judge, stage):
    rows = [
        *(collected(day, rows=None) for day in (0, 20, 100, 120)),
        *(collected(day, endpoint=None) for day in (0, 110)),
        collected(300, endpoint="attendees"),
        *(collected(day) for day in (70, 90)),
    ]
    where = "" if "done.rows" in stage else "where: rows > 0\n"
    judged = judge(f"from: collections\n{where}{stage}", {"collections": rows}, fingerprint="[endpoint]", window=WINDOW)
    assert (judged.population, judged.not_evaluable) == (1, 0)
