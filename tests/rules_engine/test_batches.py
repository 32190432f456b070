"""Rules judged a part at a time find what they find on whole tables, however the rows lie."""

from __future__ import annotations

import gc
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import polars as pl
import pytest

from auditor.engines.local import batches
from auditor.entities.packed import PACKED
from auditor.errors import ConfigError
from auditor.model.vocabulary import Verdict
from auditor.model.window import Window
from auditor.rules.judging.judge import counting
from auditor.rules.judging.run import Means, run, source_of
from auditor.rules.language.spec import Detector
from auditor.rules.outcome import Judged
from auditor.rules.reading.bind import bind
from auditor.rules.rows.parts import parts
from auditor.rules.rows.spill import MEMORY
from auditor.rules.stages.plain import judge_by_row
from auditor.rules.task import Task
from auditor.simulator.scale import Scale, frames, make, places
from auditor.tables.schema import TABLES
from tests.pack import bundled_rules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MEANS = Means(
    lists={
        "internal_domains": ("example.com",),
        "trusted_domains": ("example.net",),
        "office_networks": ("192.0.2.0/24",),
        "barrier_a": ("Team 1",),
        "barrier_b": ("Team 2",),
    }
)
RULES = [rule for rule in bundled_rules().rules if not isinstance(rule.detect.stage, Detector)]
LOOSE = {
    "ANM-001": {"min_bits": "4"},
    "ANM-003": {"threshold": "2", "min_presence": "5m"},
    "ANM-004": {"min_count": "2", "min_score": "0"},
    "ANM-005": {"threshold": "1", "min_change": "0.01", "min_side": "2"},
    "ANM-006": {"min_entities": "2"},
    "ANM-012": {"bits": "1"},
    "ANM-014": {"min_count": "3"},
}
DETECTORS = [
    bind(rule, now=NOW, lists=MEANS.lists, cli_params=LOOSE.get(rule.id, {}))
    for rule in bundled_rules().rules
    if isinstance(rule.detect.stage, Detector)
]
BOUND = [bind(rule, now=NOW, lists=MEANS.lists) for rule in RULES]
SCALE = Scale(60, 60, seed="5")
PART = 700
"""Rows of a part: the company has four such."""
SPLIT = tuple(name for name, table in TABLES.items() if "meeting_id" in table.schema)


@pytest.fixture(scope="module")
def company():
    scale = SCALE
    made = {name: frame.collect() for name, frame in frames(make(scale)).items()}
    people = made["participants"]
    devices = people.select("participant_id", "meeting_id", "site_url", "email", "display_name", "joined_time",
        "left_time", "page", "item", audio_type=pl.when(pl.col("item") % 5 == 0).then(pl.lit("pstn")).otherwise(
            pl.lit("voip")), device_type=pl.lit("windows"), correlation_id=pl.col("participant_id"))  # fmt: skip
    made["devices"] = pl.concat([devices, devices.head(40)])
    tables = {name: made.get(name, table.schema.to_frame()) for name, table in TABLES.items()}
    return {
        name: frame.select(
            (pl.col(column) if column in frame.columns else pl.lit(None)).cast(dtype).alias(column)
            for column, dtype in TABLES[name].schema.items()
        )
        for name, frame in tables.items()
    }, Window(scale.start + timedelta(days=20), scale.end)


@pytest.fixture(scope="module")
def whole(company):
    tables, window = company
    return run(BOUND, lazy(tables), window=window, now=NOW, means=MEANS)


def lazy(tables):
    return {name: frame.lazy() for name, frame in tables.items()}


def scattered(frame: pl.DataFrame, seed: int) -> list[pl.LazyFrame]:
    places = list(range(frame.height))
    random.Random(seed).shuffle(places)
    mixed = frame[places]
    return [mixed[start::7].lazy() for start in range(7)]


def in_order(frame: pl.DataFrame) -> list[pl.LazyFrame]:
    time = next(name for name in ("joined_time", "start_time", "created", "meeting_id") if name in frame.columns)
    by_time = frame.sort(time)
    size = max(1, frame.height // 9)
    return [by_time[start : start + size].lazy() for start in range(0, max(1, frame.height), size)]


LAYOUTS = {
    "one piece": lambda frame: [frame.lazy()],
    "in time": in_order,
    "scattered": lambda frame: scattered(frame, 1),
}


def kinds_of(found):
    """How many hits each part gave each rule, and of what types their columns are."""
    return [
        (name, part.hits.height, part.hits.schema)
        for name, given in found.items()
        for part in given
        if isinstance(part, Judged)
    ]


@pytest.fixture(scope="module")
def apart(company):
    """How the rules end in parts of a layout, judged once for each, and what the parts gave."""
    tables, window = company
    held = {}

    def judged(layout):
        if layout not in held:
            pieces = {name: LAYOUTS[layout](tables[name]) for name in SPLIT}
            elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)
            kinds = []

            def seen(tasks):
                found = elsewhere(tasks)
                kinds.extend(kinds_of(found))
                return found

            held[layout] = run(BOUND, lazy(tables), window=window, now=NOW, means=MEANS, elsewhere=seen), kinds
        return held[layout]

    return judged


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_find_what_the_whole_finds(whole, apart, layout):
    for one, other in zip(whole, apart(layout)[0], strict=True):
        assert one == other, one.rule_id


@pytest.mark.slow
def test_parts_find_the_same_where_rows_wait_on_disk(company, whole, tmp_path):
    tables, window = company
    pieces = {name: in_order(tables[name]) for name in SPLIT}
    elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)
    on_disk = replace(elsewhere, memory=0, scratch=tmp_path)
    apart = run(BOUND, lazy(tables), window=window, now=NOW, means=MEANS, elsewhere=on_disk)
    for one, other in zip(whole, apart, strict=True):
        assert one == other, one.rule_id
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_fault_of_a_rule(company, tmp_path, full_disk):
    tables, window = company
    pieces = {name: in_order(tables[name]) for name in SPLIT}
    elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)
    on_disk = replace(elsewhere, memory=0, scratch=tmp_path)
    tasks = [Task(one.rule, one.values) for one in BOUND]
    with full_disk(1000), pytest.raises(ConfigError, match=f"^{tmp_path}: rows .* file too large; TMPDIR"):
        on_disk(tasks)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match=f"^{tmp_path / 'gone'}: rows .* no such file or directory; TMPDIR"):
        replace(on_disk, scratch=tmp_path / "gone")(tasks)


@pytest.fixture(scope="module")
def geo():
    return partial(places, blocks=make(SCALE).geography.blocks())


@pytest.mark.slow
@pytest.mark.parametrize("located", [False, True], ids=["places unknown", "places known"])
@pytest.mark.parametrize("memory", [MEMORY, 0], ids=["in memory", "on disk"])
def test_detectors_find_in_parts_what_they_find_in_the_whole(company, geo, located, memory, tmp_path):
    tables, window = company
    means = replace(MEANS, geo=geo if located else None)
    whole = run(DETECTORS, lazy(tables), window=window, now=NOW, means=means)
    pieces = {name: scattered(tables[name], 2) for name in SPLIT}
    elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=means, rows=PART)
    elsewhere = replace(elsewhere, memory=memory, scratch=tmp_path)
    placed = elsewhere.plans([Task(one.rule, one.values) for one in DETECTORS])
    assert sorted(set(placed.values())) == (
        ["", "email", "meeting_id"] if located else ["email", "ip_network", "meeting_id"]
    )
    apart = run(DETECTORS, lazy(tables), window=window, now=NOW, means=means, elsewhere=elsewhere)
    for one, other in zip(whole, apart, strict=True):
        assert not one.crashed
        assert one == other, one.rule_id
    assert sum(one.found > 0 for one in whole) >= (4 if located else 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_where_rows_set_aside_are_lost_only_rules_that_wait_for_them_say_so(company, whole, tmp_path):
    tables, window = company
    pieces = {name: in_order(tables[name]) for name in SPLIT}
    elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)

    def source_of(frames):
        # once all parts were read no table is given
        if not frames:
            for path in tmp_path.rglob("*.arrow"):
                path.unlink()
        return elsewhere.source_of(frames)

    broken = replace(elsewhere, source_of=source_of, memory=0, scratch=tmp_path)
    placed = broken.plans([Task(one.rule, one.values) for one in BOUND if not one.missing_lists])
    apart = run(BOUND, lazy(tables), window=window, now=NOW, means=MEANS, elsewhere=broken)
    crashed = {one.rule_id for one in apart if one.crashed}
    assert {"ENU-002", "IDN-006", "EVD-011"} <= crashed
    assert not [name for name in crashed if placed[name] == "meeting_id"]
    for one, other in zip(whole, apart, strict=True):
        assert other.rule_id in crashed or one == other, one.rule_id


def test_the_company_is_worth_judging(whole):
    assert sum(outcome.found > 0 for outcome in whole) > 25
    assert not [outcome.rule_id for outcome in whole if outcome.crashed]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_part_has_whole_meetings_and_no_row_is_lost(company, layout):
    tables, _ = company
    pieces = {name: LAYOUTS[layout](tables[name]) for name in ("attendees", "participants", "meetings")}
    found = [{name: frame.collect() for name, frame in part.items()} for part in parts(pieces, rows=300)]
    assert len(found) > 3
    for name in pieces:
        rows = pl.concat([part[name] for part in found])
        assert rows.sort(rows.columns).equals(tables[name].sort(rows.columns))
    meetings = [set().union(*(part[name]["meeting_id"] for name in pieces)) for part in found]
    assert sum(len(held) for held in meetings) == len(set().union(*meetings))


def test_rows_that_count_for_no_rule_are_not_read_and_nothing_else_changes(company):
    tables, window = company
    pieces = {name: in_order(tables[name]) for name in SPLIT}
    tasks = {one.rule.id: Task(one.rule, one.values) for one in BOUND if not one.missing_lists}
    told = {name: counting([task], task.rule.detect.table) for name, task in tasks.items()}
    chosen = [one for one in BOUND if told.get(one.rule.id) is not None]
    assert {"CHN-002", "ATT-008"} <= {one.rule.id for one in chosen}
    assert told["CLI-001"] is None
    assert counting([tasks["CHN-002"], tasks["CHN-004"]], "devices") is None
    assert tables["devices"].filter(told["CHN-002"]).height < tables["devices"].height
    for one in chosen:
        elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)
        whole, apart = (
            run([one], lazy(tables), window=window, now=NOW, means=MEANS, elsewhere=way) for way in (None, elsewhere)
        )
        assert whole == apart, one.rule.id


def test_small_tables_are_left_to_one_go(company):
    tables, window = company
    pieces = {name: [tables[name].lazy()] for name in SPLIT}
    assert batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS)([]) == {}


@pytest.mark.slow
def test_a_rule_that_crashes_on_a_part_says_so_and_the_others_do_not_notice(company):
    tables, window = company
    broken = {**tables, "attendees": tables["attendees"].with_columns(pl.lit(1).alias("ip_address"))}
    pieces = {name: in_order(broken[name]) for name in SPLIT}
    elsewhere = batches(pieces, lazy(broken), window=window, now=NOW, means=MEANS, rows=PART)
    ended = {
        one.rule_id: one for one in run(BOUND, lazy(broken), window=window, now=NOW, means=MEANS, elsewhere=elsewhere)
    }
    assert ended["IDN-002"].crashed
    assert not ended["HST-007"].crashed


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["left_time", "meeting_title"])
def test_a_detector_that_crashes_says_so_and_rules_that_share_its_rows_do_not_notice(company, broken):
    tables, window = company
    changed = {**tables, "attendees": tables["attendees"].with_columns(pl.lit(1).alias(broken))}
    weighed = {"ANM-001", "ANM-003", "ANM-005", "ANM-013", "ANM-014"}
    chosen = [one for one in (*DETECTORS, *BOUND) if one.rule.id in {*weighed, "ANM-009", "CLI-002", "HST-007"}]
    pieces = {name: in_order(changed[name]) for name in SPLIT}
    elsewhere = batches(pieces, lazy(changed), window=window, now=NOW, means=MEANS, rows=PART)
    placed = elsewhere.plans([Task(one.rule, one.values) for one in chosen])
    assert placed["ANM-003"] == placed["ANM-009"] == placed["CLI-002"] == "email"
    whole = run(chosen, lazy(changed), window=window, now=NOW, means=MEANS)
    apart = run(chosen, lazy(changed), window=window, now=NOW, means=MEANS, elsewhere=elsewhere)
    crashed = {one.rule_id for one in whole if one.crashed}
    assert {one.rule_id for one in apart if one.crashed} == crashed
    if broken == "left_time":
        assert "ANM-003" in crashed
    for one, other in zip(whole, apart, strict=True):
        assert one.rule_id in crashed or one == other, one.rule_id


@pytest.mark.slow
@pytest.mark.parametrize("rows", [400, 10**6], ids=["parts", "whole"])
def test_rules_judged_one_by_one_since_another_crashed_count_the_rows_they_do_not_find(company, rows):
    tables, window = company
    broken = {**tables, "attendees": tables["attendees"].with_columns(pl.lit(1).alias("meeting_title"))}
    chosen = [one for one in BOUND if one.rule.id in {"ACC-001", "CLI-001"}]

    def judged(tables):
        pieces = {name: in_order(tables[name]) for name in SPLIT}
        elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=rows)
        found = run(chosen, lazy(tables), window=window, now=NOW, means=MEANS, elsewhere=elsewhere)
        return {one.rule_id: one for one in found}

    assert judged(broken)["ACC-001"].crashed
    assert judged(broken)["CLI-001"].population == judged(tables)["CLI-001"].population > 0


def test_rules_that_share_a_list_of_words_are_judged_in_one_pass(company):
    tables, window = company
    chosen = [
        Task(one.rule, one.values) for one in BOUND if one.rule.id in {"ACC-001", "ACC-004", "ACC-008", "IDN-003"}
    ]
    source = source_of(lazy(tables), window=window, now=NOW, means=MEANS)
    judged = judge_by_row(source, chosen)
    assert [one.population for one in judged] == [judged[0].population] * 4


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 2600])
def test_tables_too_large_to_be_kept_give_what_kept_ones_give(company, whole, most):
    tables, window = company
    again = run(BOUND, lazy(tables), window=window, now=NOW, means=replace(MEANS, rows_kept=most))
    for one, other in zip(whole, again, strict=True):
        assert one == other, one.rule_id


def test_rules_that_read_more_columns_are_judged_on_fewer_rows_at_once():
    pieces = {name: [TABLES[name].schema.to_frame().lazy()] for name in SPLIT}
    pieces["attendees"] = [pl.LazyFrame({"meeting_id": pl.repeat("m", 900_000, eager=True)})]
    judge = batches(pieces, lazy({}), window=Window(NOW, NOW + timedelta(days=1)), now=NOW, means=MEANS)
    tasks = [Task(bound.rule, bound.values) for bound in BOUND]
    few = [task for task in tasks if task.rule.id == "ACC-005"]
    assert judge.large(few) == 1
    assert judge.large(tasks) > 1


def test_nothing_that_was_read_is_kept_once_rules_are_judged(company):
    tables, window = company
    schema = TABLES["collections"].schema
    own = {"site_url": tables["attendees"]["site_url"][0], "endpoint": "usage", "complete": True, "page": "ab" * 32}
    done = [own | {"finished_at": window.end + timedelta(days=days), "item": days} for days in (-1, 1)]
    collected = pl.DataFrame([{name: one.get(name) for name in schema} for one in done], schema=schema)
    tables = {**tables, "collections": collected}
    pieces = {name: in_order(tables[name]) for name in SPLIT}
    chosen = [*DETECTORS, *BOUND]
    elsewhere = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)
    gc.collect()
    gc.disable()
    try:
        before = {id(one) for one in gc.get_objects() if isinstance(one, pl.DataFrame | pl.Series)}
        ended = run(chosen, lazy(tables), window=window, now=NOW, means=MEANS, elsewhere=elsewhere)
        left = [one for one in gc.get_objects() if isinstance(one, pl.DataFrame | pl.Series) and id(one) not in before]
    finally:
        gc.enable()
    assert any(one.verdict is Verdict.NOT_EVALUATED and one.not_evaluable == 0 and not one.crashed for one in ended)
    assert not left


def _inside(kind):
    """A type and those it is made of."""
    if isinstance(kind, pl.List):
        return [kind, *_inside(kind.inner)]
    fields = kind.fields if isinstance(kind, pl.Struct) else []
    return [kind, *(one for field in fields for one in _inside(field.dtype))]


def test_hits_of_parts_hold_texts_and_no_numbers_of_texts(company, apart):
    tables, window = company
    pieces = {name: in_order(tables[name]) for name in SPLIT}
    others = [*DETECTORS, *(one for one in BOUND if one.missing_lists)]
    tasks = [Task(one.rule, one.values) for one in others]
    found = batches(pieces, lazy(tables), window=window, now=NOW, means=MEANS, rows=PART)(tasks)
    hits = [*apart("in time")[1], *kinds_of(found)]
    assert sum(height for _, height, _ in hits) > 100
    packed = {(name, column) for name, _, schema in hits for column, kind in schema.items() if PACKED in _inside(kind)}
    assert not packed
    pages = {schema["page"] for _, height, schema in hits if height}
    assert len(pages) == 1
    assert pages.pop() != TABLES["attendees"].schema["page"]
