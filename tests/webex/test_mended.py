"""Which answers mend what a narrower question lacks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from auditor.evidence.entry import Unit
from auditor.model.coverage import Gap
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.webex.mended import mended

SITE = "example.webex.com"
DAY = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
DIGEST = "0123456789abcdef"


def unit(key: str, *, lacks: bool) -> Unit:
    gaps = (Gap("participants", SITE, DAY, GapReason.UNAVAILABLE, "503"),) if lacks else ()
    return Unit(key, "participants", SITE, None, (), complete=not lacks, rows=0, gaps=gaps)


@pytest.mark.parametrize(
    ("lacking", "answered", "goes"),
    [
        (f"m people {DIGEST}", "m", True),
        (f"m host {DIGEST}", "m", True),
        (f"m people {DIGEST} host {DIGEST}", "m", True),
        (f"m people {DIGEST}", f"m people {DIGEST[::-1]}", True),
        (f"m people {DIGEST} host {DIGEST}", f"m people {DIGEST}", True),
        (f"m people {DIGEST}", f"m people {DIGEST[::-1]} host {DIGEST}", False),
        (f"m host {DIGEST}", f"m people {DIGEST}", False),
        (f"m people {DIGEST}", f"m people people {DIGEST}", False),
        ("m host of all", "m", False),
        ("m people of ours", "m", False),
        (f"m people {DIGEST}", "n", False),
    ],
)
def test_what_a_question_lacks_goes_with_an_answer_that_brings_it(lacking: str, answered: str, *, goes: bool) -> None:
    units = {
        key: unit(key, lacks=name == lacking) for name in (lacking, answered) for key in [f"participants {SITE} {name}"]
    }
    found = mended(units, asked={f"participants {SITE} {answered}"})
    assert [each.complete for each in found] == ([True] if goes else [])
