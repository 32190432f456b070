"""The `sequence` stage: steps in time order inside a group."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from auditor.entities.groups import repeated
from auditor.entities.packed import texts
from auditor.model.window import Window
from auditor.rules.compiled.bounds import parts_of
from auditor.rules.compiled.temporal import span
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Sequence, Step
from auditor.rules.language.tree import Column, Expr, Op, Type
from auditor.rules.outcome import Judged
from auditor.rules.rows.evaluate import verdicts
from auditor.rules.rows.handed import Handed
from auditor.rules.rows.keys import KEY, code_of, with_key
from auditor.rules.rows.places import AT, inside
from auditor.rules.rows.runs import among
from auditor.rules.stages.kept import hits, no_hits, split, with_joined_records
from auditor.rules.task import Task
from auditor.tables.schema import LINEAGE

_ROW, _MAY = "__row", "__may"


def judge_sequence(handed: Handed, stage: Sequence, task: Task, *, window: Window | None = None) -> Judged:
    """Complete matches whose `where` is true, each resting on the record of every step.

    Where the rows reach beyond the `window` they may be steps, but what is judged and counted lies in it.
    """
    taken = own = split(handed.rows, task, whole=stage.by)
    if window is not None:
        own = split(inside(handed.rows, window), task, whole=stage.by)
    keyed = with_key(taken.rows, stage.by)
    every = (*stage.steps, *stage.absent)
    for step in every:
        task.applied(step.where, keyed)
    # one row is never two steps, and most keys of several columns have one row
    several = repeated(keyed[KEY])
    if window is None:
        unknown = own.unknown + _untimed(keyed, stage)
        population = keyed.height - int(several.sum()) + keyed[KEY].filter(several).n_unique()
    else:
        counted = inside(keyed, window)
        unknown, population = own.unknown + _untimed(counted, stage), counted[KEY].n_unique()
    if len(stage.steps) > 1:
        keyed = keyed.filter(several)
    keyed = keyed.with_columns(verdicts(keyed, step.where).alias(_of(place)) for place, step in enumerate(every))
    chosen = _promising(keyed, stage)
    chosen = _differing(chosen, handed, stage) if task.watch is None else chosen
    if chosen.is_empty() and (none := no_hits(task, population=population, not_evaluable=unknown)):
        return none
    # lineage orders the row numbers, so that they break ties in time
    placed = (
        texts(handed.complete(chosen), LINEAGE)
        .sort(KEY, *LINEAGE, maintain_order=True)
        .with_row_index(_ROW)
        .with_columns(pl.col(_ROW).cast(pl.Int64))
    )
    chains = _chains(placed, stage)
    for place, step in enumerate(stage.absent, start=len(stage.steps)):
        chains = _without(chains, _events(placed, step, place), stage)
    matches = _greedy(chains, len(stage.steps))
    joined = _joined(placed, matches, stage, task)
    found, not_judged = hits(joined if window is None else inside(joined, window), stage.where, task)
    return Judged(
        with_joined_records(found, [step.name for step in stage.steps]),
        population=population,
        not_evaluable=unknown + not_judged,
    )


def _untimed(rows: pl.DataFrame, stage: Sequence) -> int:
    """How many rows would be a step, had they the time of it."""
    lost = rows.filter(pl.any_horizontal(pl.col(step.time).is_null() for step in stage.steps))
    found = [verdicts(lost, step.where).fill_null(value=False) & lost[step.time].is_null() for step in stage.steps]
    return lost.filter(pl.any_horizontal(found)).height


def _promising(rows: pl.DataFrame, stage: Sequence) -> pl.DataFrame:
    """The rows of groups in which every step has a row, and that have enough rows for all of them."""
    steps = [(pl.col(_of(place)) & pl.col(step.time).is_not_null()).any() for place, step in enumerate(stage.steps)]
    if len(steps) == 1:
        return rows
    groups = (
        rows.lazy().group_by(KEY).agg(pl.len() >= len(steps), *(step.alias(f"__{n}") for n, step in enumerate(steps)))
    )
    chosen = groups.filter(pl.all_horizontal(pl.exclude(KEY))).select(KEY).collect(engine="in-memory")
    return rows.join(chosen, on=KEY, how="semi", maintain_order="left")


def _differing(rows: pl.DataFrame, handed: Handed, stage: Sequence) -> pl.DataFrame:
    """The rows of groups whose rows differ where `where` wants two steps to, or of which that is not known."""
    wanted = [names for part in parts_of(stage.where.tree) if (names := _must_differ(part))] if stage.where else []
    if not wanted or rows.is_empty():
        return rows
    codes = {name: code_of(handed.column(rows, name)).alias(name) for names in wanted for name in names}
    told = {name: (pl.col(name).min() != pl.col(name).max()) | pl.col(name).is_null().any() for name in codes}
    either = pl.all_horizontal(pl.any_horizontal(told[name] for name in sorted(names)) for names in wanted)
    groups = pl.DataFrame([rows[KEY], *codes.values()]).lazy().group_by(KEY).agg(either.alias(_MAY))
    may = groups.filter(_MAY).collect(engine="in-memory")[KEY]
    return rows.filter(among(rows[KEY], may))


def _must_differ(tree: Expr) -> frozenset[str]:
    """The columns one of which differs between two rows, or is null, where the tree is not false; none if not told."""
    match tree:
        case Op("!=", (Column(one, kind), Column(other))) if kind is not Type.LIST:
            (_, _, name), (_, _, same) = one.partition("."), other.partition(".")
            return frozenset({name}) if name == same else frozenset()
        case Op("or", args):
            found = [_must_differ(arg) for arg in args]
            return frozenset[str]().union(*found) if all(found) else frozenset()
        case _:
            return frozenset()


def _of(place: int) -> str:
    """The column that tells whether a row satisfies a step."""
    return f"__step{place}"


def _events(rows: pl.DataFrame, step: Step, place: int) -> pl.DataFrame:
    """The rows that satisfy the step at `place`: key, time and row number, in that order, and their place in it."""
    return (
        rows.filter(pl.col(_of(place)) & pl.col(step.time).is_not_null())
        .select(KEY, pl.col(step.time).alias("time"), _ROW)
        .sort(KEY, "time", _ROW)
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )


def _chains(rows: pl.DataFrame, stage: Sequence) -> pl.DataFrame:
    """For each row that satisfies the first step its first complete chain: times `time0` …, rows `row0` …, end `at`."""
    chains = _events(rows, stage.steps[0], 0).select(
        KEY, pl.col("time").alias("time0"), pl.col(_ROW).alias("row0"), pl.col("time").alias("at")
    )
    for number, step in enumerate(stage.steps[1:], start=1):
        events = _events(rows, step, number)
        nearest = chains.sort("at").join_asof(
            events.select(KEY, "time", "place").sort("time", "place"),
            left_on="at",
            right_on="time",
            by=KEY,
            strategy="forward",
            check_sortedness=False,
        )
        chains = _next_free(nearest.drop("time"), events, number).filter(
            pl.col(f"time{number}") - pl.col("time0") <= span(stage.within)
        )
    return chains


def _next_free(chains: pl.DataFrame, events: pl.DataFrame, number: int) -> pl.DataFrame:
    """Each chain with the first event from `place` on whose row it does not use yet; at most `number` are used."""
    used = [f"row{earlier}" for earlier in range(number)]
    columns = {"time": f"time{number}", _ROW: f"row{number}"}
    done = []
    for _ in range(number + 1):
        chains = chains.join(events.rename(columns), on=[KEY, "place"], how="inner")
        taken = pl.any_horizontal(pl.col(f"row{number}") == pl.col(name) for name in used)
        done.append(chains.filter(~taken).drop("place").with_columns(pl.col(f"time{number}").alias("at")))
        chains = chains.filter(taken).drop(columns.values()).with_columns(pl.col("place") + 1)
    return pl.concat(done)


def _without(chains: pl.DataFrame, events: pl.DataFrame, stage: Sequence) -> pl.DataFrame:
    """The chains after whose start no other row is an event in (start, start + within]."""
    used = [f"row{number}" for number in range(len(stage.steps))]
    ends = events.select(KEY, "time", "place").sort("time", "place")
    counted = chains.with_columns((pl.col("time0") + span(stage.within)).alias("__until"))
    for edge, name in (("time0", "__before"), ("__until", "__upto")):
        counted = (
            counted.sort(edge)
            .join_asof(
                ends.rename({"time": "__time", "place": name}),
                left_on=edge,
                right_on="__time",
                by=KEY,
                strategy="backward",
                check_sortedness=False,
            )
            .drop("__time")
        )
    first = events.group_by(KEY).agg((pl.col("place").min() - 1).alias("__none"))
    counted = counted.join(first, on=KEY, how="left").with_columns(
        pl.coalesce("__before", "__none"), pl.coalesce("__upto", "__none")
    )
    inside = (pl.col("__upto") - pl.col("__before")).fill_null(0)
    own = events.select(KEY, pl.col("time").alias("__time"), pl.col(_ROW).alias("__own"))
    of_chain = pl.lit(0)
    for number, name in enumerate(used):
        counted = counted.join(own, left_on=[KEY, name], right_on=[KEY, "__own"], how="left").rename(
            {"__time": f"__own{number}"}
        )
        mine = (pl.col(f"__own{number}") > pl.col("time0")) & (pl.col(f"__own{number}") <= pl.col("__until"))
        of_chain = of_chain + mine.fill_null(False).cast(pl.Int64)
    return counted.filter(inside - of_chain == 0).select(chains.columns)


def _greedy(chains: pl.DataFrame, steps: int) -> pl.DataFrame:
    """The chains a search from left to right takes: each starts after the last row of the one before."""
    ordered = chains.sort(KEY, "time0", "row0")
    same = (pl.col(KEY) == pl.col(KEY).shift(1)).fill_null(value=False)
    before = pl.col("at").shift(1)
    if ordered.select((same & (pl.col("at") < before)).any()).item():
        before = pl.col("at").cum_max().over(KEY).shift(1)
    apart = ~same | (before < pl.col("time0"))
    # chains that start after all before them have ended are taken in any case, and what comes before them is of no
    # concern; only the others that follow one are walked
    alone = ordered.select(apart & apart.shift(-1, fill_value=True)).to_series()
    walked = ordered.filter(~alone)
    spans = walked.select(KEY, "time0", "row0", "at", pl.col(f"row{steps - 1}").alias("last")).rows()
    return pl.concat([ordered.filter(alone), walked[_taken(spans)]])


def _taken(spans: Iterable[tuple[int, object, int, object, int]]) -> list[int]:
    """Places of the spans (key, start, row, end, last row), sorted, that overlap none taken before."""
    found: list[int] = []
    reached: tuple[object, ...] | None = None
    for place, (key, start, row, end, last) in enumerate(spans):
        if reached is not None and reached[0] == key and not reached < (key, start, row):
            continue
        found.append(place)
        reached = (key, end, last)
    return found


def _joined(rows: pl.DataFrame, matches: pl.DataFrame, stage: Sequence, task: Task) -> pl.DataFrame:
    """One row a match: keys, `elapsed`, and what is named of each step."""
    names = task.shown | (names_in(stage.where.tree) if stage.where else frozenset())
    bare = sorted(name for name in {*stage.by, *names} if name in rows.columns)
    pieces = [rows[matches["row0"]].select(bare)]
    for number, step in enumerate(stage.steps):
        prefix = f"{step.name}."
        wanted = {name.removeprefix(prefix) for name in names if name.startswith(prefix)} | set(LINEAGE)
        pieces.append(rows[matches[f"row{number}"]].select(pl.col(sorted(wanted)).name.prefix(prefix)))
    elapsed = matches.select((pl.col("at") - pl.col("time0")).alias("elapsed"), pl.col("at").alias(AT))
    return pl.concat([*pieces, elapsed], how="horizontal")
