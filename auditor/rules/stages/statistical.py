"""The statistical detectors as the `detector` stage calls them: settings in, hits out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import polars as pl

from auditor.detectors.detection import RECORDS as FOUND
from auditor.detectors.detection import Aggregate, Detection
from auditor.detectors.registry import DETECTORS as KINDS
from auditor.detectors.registry import Kind
from auditor.entities.packed import PACKED
from auditor.model.window import Window
from auditor.rules.compiled.aggregates import AGGREGATES, Rows
from auditor.rules.compiled.dtypes import DTYPES
from auditor.rules.compiled.operators import literal
from auditor.rules.language.spec import Detector
from auditor.rules.language.tree import Column, Expr, Literal, Op, Type
from auditor.rules.outcome import CONFIDENCE, NULL, RECORDS, Judged, NotEvaluated
from auditor.rules.reading.detector_forms import DETECTORS as FORMS
from auditor.rules.reading.detector_forms import VISIT
from auditor.rules.rows.places import AT, order
from auditor.rules.stages.detect import DetectorFunction, Request
from auditor.rules.stages.summary import summary
from auditor.tables.schema import LINEAGE, TEXT

_MINUTE = 60_000_000


def needed(stage: Detector) -> frozenset[str]:
    """The columns and facts of a row the detector reads, beside those its settings name."""
    kind = KINDS[stage.type]
    columns: frozenset[str] = settings_of(stage, kind).needed
    return columns - set(VISIT)


def must_have(stage: Detector) -> tuple[str, ...]:
    """The columns and facts without which the detector judges no row."""
    whole: tuple[str, ...] = settings_of(stage, KINDS[stage.type]).whole
    return whole


def compares(stage: Detector) -> tuple[str, ...]:
    """The columns and facts one of which is enough."""
    columns: tuple[str, ...] = getattr(settings_of(stage, KINDS[stage.type]), "columns", ())
    return columns


def _detect(request: Request, kind: Kind) -> Judged:
    stage = request.stage
    settings = settings_of(stage, kind)
    if request.rows.is_empty():
        return Judged(_hits(pl.DataFrame(), request), population=0, not_evaluable=0)
    return judged(kind.detect(request.rows.lazy(), settings, request.window or _whole(request.rows)), request)


def judged(found: Detection, request: Request) -> Judged:
    """What the detector found as the engine takes it; of the rows of the request only the types are looked at."""
    if found.reason is not None:
        raise NotEvaluated(found.reason, not_evaluable=found.not_evaluable)
    return Judged(
        _hits(found.findings, request),
        population=found.population,
        not_evaluable=found.not_evaluable,
        ledger=found.ledger,
        withheld=found.truncated,
    )


def _whole(rows: pl.DataFrame) -> Window:
    """A window around all rows, for tests that name none."""
    moments = rows[AT].drop_nulls().sort()
    if moments.is_empty():
        raise NotEvaluated("no row has a time")
    first = moments.dt.truncate("1w")[0]
    return Window(first, moments.dt.offset_by("8d")[-1])


def _hits(findings: pl.DataFrame, request: Request) -> pl.DataFrame:
    """The findings as the engine words them: every name the rule may show is there, null where it means nothing."""
    known = (
        findings if findings.width else pl.DataFrame(schema={"observed_at": request.rows.schema[AT], "records": FOUND})
    )
    form = FORMS[request.stage.type]
    names = [*dict.fromkeys([*form.yields, *request.task.shown])]
    moment = {"joined_time": pl.col("observed_at")}
    missing = [
        moment.get(name, pl.lit(None, dtype=_dtype(name, request))).alias(name)
        for name in names
        if name not in known.columns
    ]
    first = pl.col(RECORDS).list.first()
    return (
        known.with_columns(missing)
        .with_columns(pl.col(name).cast(DTYPES[type_]) for name, type_ in form.yields.items() if type_ is not Type.NULL)
        .rename({"records": RECORDS, "confidence": CONFIDENCE}, strict=False)
        .with_columns(pl.col(RECORDS).list.unique().list.sort())
        .with_columns(
            pl.col("observed_at").alias(AT), pl.lit(value=False).alias(NULL), *[first.struct.field(n) for n in LINEAGE]
        )
    )


def _dtype(name: str, request: Request) -> pl.DataType:
    """The type of a name no finding has a value of: what a rule asks of it must be understood all the same."""
    yields = FORMS[request.stage.type].yields
    kind = DTYPES[yields[name]] if name in yields else request.rows.schema.get(name, DTYPES[Type.NULL])
    return TEXT if kind == PACKED else kind


def settings_of(stage: Detector, kind: Kind) -> Any:
    """The settings of the detector, as the rule has them."""
    plain, stated = _values(stage, kind)
    settings = kind.settings(**plain)
    return replace(settings, budget=replace(settings.budget, **stated)) if stated else settings


def _values(stage: Detector, kind: Kind) -> tuple[dict[str, object], dict[str, int]]:
    """The settings as the detector takes them, and those of its budget; what is not set keeps its default."""
    plain: dict[str, object] = {}
    for name, setting in stage.settings.items():
        plain[name] = _value(name, setting)
    limits = {field: plain.pop(name, None) for field, name in (("total", "budget"), ("per_entity", "per_entity"))}
    taken = {field.name for field in fields(kind.settings)}
    plain = {name: value for name, value in plain.items() if name in taken and value is not None}
    return plain, {field: limit for field, limit in limits.items() if isinstance(limit, int)}


def _value(name: str, setting: Expr | tuple[str, ...] | Mapping[str, Expr] | str) -> object:
    match setting:
        case str() | tuple():
            return setting
        case Literal():
            return literal(setting)
        case Mapping():
            return _aggregate(setting)
        case _ if name == "value":
            return _aggregate({"value": setting})
    raise TypeError(f"{name} is not bound to a value")


def _aggregate(named: Mapping[str, Expr]) -> Aggregate:
    """The named trees as aggregates; durations become minutes."""
    trees = {name: _as_text(_of_visit(tree)) for name, tree in named.items()}
    in_time = order("joined_time")
    prepared = summary(list(trees.items()), Rows(in_time))
    minutes = [name for name, tree in trees.items() if tree.type is Type.DURATION]

    def finish(grouped: pl.LazyFrame) -> pl.LazyFrame:
        finished = prepared.finished(grouped)
        return finished.with_columns(pl.col(name).dt.total_microseconds() / _MINUTE for name in minutes)

    reads = frozenset().union(*(_columns(tree) for tree in trees.values()))
    if any(op.name in {"first", "last"} for op in prepared.aggregates):
        reads |= set(in_time)
    kinds = {
        column.meta.output_name(): op.args[0].name
        for op, column in zip(prepared.aggregates, prepared.columns, strict=True)
        if op.name == "n_unique" and isinstance(op.args[0], Column)
    }
    return Aggregate(tuple(trees), prepared.columns, finish, reads, prepared.alone(), kinds)


def _of_visit(tree: Expr) -> Expr:
    """The tree with `presence` and `meeting_length` taken once a visit; they are the same on all of its legs."""
    if isinstance(tree, Column) and tree.name in VISIT:
        return Op("max", (tree,), tree.type, tree.position)
    if isinstance(tree, Op) and tree.name not in AGGREGATES:
        return Op(tree.name, tuple(_of_visit(arg) for arg in tree.args), tree.type, tree.position)
    return tree


def _as_text(tree: Expr) -> Expr:
    """The tree with the columns it looks into as texts, since rows may hold them packed; what is only counted stays."""
    match tree:
        case Op("count" | "n_unique", (Column(),)):
            return tree
        case Op(name, args):
            return Op(name, tuple(map(_as_text, args)), tree.type, tree.position)
        case Column(type=Type.TEXT):
            return Op("text", (tree,), Type.TEXT, tree.position)
        case _:
            return tree


def _columns(tree: Expr) -> frozenset[str]:
    if isinstance(tree, Column):
        return frozenset({tree.name})
    return frozenset().union(*map(_columns, tree.args)) if isinstance(tree, Op) else frozenset()


def _function(kind: Kind) -> Callable[[Request], Judged]:
    return partial(_detect, kind=kind)


DETECTORS: Mapping[str, DetectorFunction] = MappingProxyType({name: _function(kind) for name, kind in KINDS.items()})
"""Every detector by the word of `type`, as the engine calls it."""
