"""A detector names the columns it reads: with those alone it finds the same, and it can do without none of them."""

from __future__ import annotations

from functools import partial

import polars as pl
import pytest

from auditor.model.window import Window
from auditor.rules.language.spec import Detector
from auditor.rules.reading.bind import bind
from auditor.rules.stages.statistical import KINDS, needed, settings_of
from auditor.simulator import scale
from auditor.simulator.scale.people import DOMAIN
from auditor.tables.facts import with_facts
from tests.pack import bundled_rules

MADE = scale.Scale(24, 120, seed="3")
LISTS = {"internal_domains": (DOMAIN,), "office_networks": ()}
STAGES = {
    rule.id: stage
    for rule in bundled_rules().rules
    if isinstance(stage := bind(rule, now=MADE.end, lists=LISTS).rule.detect.stage, Detector)
}
LINEAGE = ("page", "item")


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    made = scale.make(MADE)
    every = frozenset().union(*(needed(stage) for stage in STAGES.values()))
    geo = partial(scale.places, blocks=made.geography.blocks())
    told = with_facts(scale.frames(made), "attendees", needed=every, internal_domains=(DOMAIN,), geo=geo)
    return told.select(*sorted(every), *LINEAGE).collect()


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(STAGES))
def test_a_detector_reads_what_it_names_and_no_more(rows, rule: str) -> None:
    stage = STAGES[rule]
    kind, names = KINDS[stage.type], sorted(needed(stage))
    detect = partial(kind.detect, settings=settings_of(stage, kind), window=Window(MADE.audited, MADE.end))
    whole, part = detect(rows.lazy()), detect(rows.select(*names, *LINEAGE).lazy())
    assert part.findings.equals(whole.findings)
    assert part.ledger == whole.ledger
    for name in names:
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=name):
            detect(rows.select(*(other for other in names if other != name), *LINEAGE).lazy())
