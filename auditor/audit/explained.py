"""A finding made again, with each clause of its rule and the values that decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from auditor.audit.binding import bind_all
from auditor.audit.means import means, opened
from auditor.audit.selection import Selection
from auditor.audit.visible import visible_names, with_reasons
from auditor.documents import Items, Map, Node, Place, Scalar, nearest
from auditor.engines.local import frames
from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.model.audit import Audit, RuleResult
from auditor.model.finding import Finding, Value
from auditor.rules.compiled.compile import expression
from auditor.rules.judging.run import run
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Condition, Match, Rule
from auditor.rules.language.tree import Expr, Op
from auditor.rules.reading.load import RuleSet
from auditor.settings import Settings
from auditor.tables.archive import Archive
from auditor.tables.damage import damage_told, refuse_damage
from auditor.tables.schema import LINEAGE
from auditor.triage.fingerprint import canonical

MOST_ROWS = 20
"""How many rows, groups or pairs of a finding are shown for one condition."""


@dataclass(frozen=True, slots=True)
class ClauseValue:
    """A clause as the author wrote it, what it came out as for one row, and the values it names.

    `denied` says that it stands under `none`, so that false is what makes the finding; `known` that the value is more
    than a guess.
    """

    source: str
    line: int
    denied: bool
    value: bool | None
    values: Mapping[str, Value]
    known: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rows` has the clauses of each condition that holds for a row, group or pair behind the finding.

    `changed` says that the rule reads differently now than when the audit was made; `found` that judging the
    archive again makes the finding again.
    """

    rows: tuple[tuple[ClauseValue, ...], ...]
    changed: bool
    found: bool


def explain(finding: Finding, audit: Audit, archive: Archive, *, rules: RuleSet, settings: Settings) -> Explanation:
    """The finding's rule judged again as the audit judged it: same window, sites, time and parameters.

    Raises `ConfigError` when the rule is not among `rules`.
    """
    rule = rules.get(finding.rule_id)
    if rule is None:
        known = [one.id for one in rules.rules]
        raise ConfigError(f"rule {finding.rule_id} is not loaded{nearest(finding.rule_id, known)}; name it by --rules")
    result = next(one for one in audit.rules if one.id == rule.id)
    moment = audit.identity.evaluated_at
    settings = _as_then(settings, rule, result)
    bound = bind_all([rule], Selection((rule,), ()), settings=settings, overrides=_overrides(result), now=moment)
    applied: list[tuple[Condition, pl.DataFrame]] = []
    geoip = opened(settings)
    with damage_told(archive):
        outcome = run(
            bound,
            frames(archive, audit.identity.sites),
            window=audit.identity.window,
            now=moment,
            means=means(settings, geo=geoip),
            also={rule.id: visible_names(rule)},
            watch=lambda condition, frame: applied.append((condition, frame)),
        )[0]
    if geoip is not None:
        geoip.refuse_damage()
    if outcome.crashed:
        refuse_damage(archive)
    again = {one.fingerprint: seen for one, seen in zip(outcome.findings, outcome.seen, strict=True)}
    seen = again.get(finding.fingerprint, {})
    shown = [row for condition, frame in applied for row in _rows(condition, _own(frame, finding, rule, seen))]
    return Explanation(tuple(_distinct(shown)), rule.digest != result.digest, finding.fingerprint in again)


def _as_then(settings: Settings, rule: Rule, result: RuleResult) -> Settings:
    """The settings with the rule's lists as the audit had them, item by item, and no other value for the rule."""
    place = rule.position
    lists: dict[str, Node] = {
        one.name: Items(place, tuple(_scalar(place, item) for item in one.value))
        for one in result.parameters
        if one.source != "default" and isinstance(one.value, list)
    }
    given = Map(place, tuple((_scalar(place, name), node) for name, node in lists.items()), lists)
    others = {name: node for name, node in settings.params.items() if name not in {rule.id, rule.name}}
    return replace(settings, params={**others, rule.id: given})


def _scalar(place: Place, text: str) -> Scalar:
    return Scalar(place, text, text, "plain")


def _overrides(result: RuleResult) -> list[tuple[str, str, str]]:
    """The other parameters as the audit had them, as texts of the command line."""
    return [
        (result.id, one.name, _option(one.value))
        for one in result.parameters
        if one.source != "default" and one.value is not None and not isinstance(one.value, list)
    ]


def _option(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _own(frame: pl.DataFrame, finding: Finding, rule: Rule, seen: Mapping[str, Value]) -> pl.DataFrame:
    """The rows of the frame the finding rests on: by their records, else by what identifies the finding."""
    if set(LINEAGE) <= set(frame.columns):
        records = pl.DataFrame([(record.page, record.item) for record in finding.records], schema=LINEAGE, orient="row")
        return frame.join(records, on=list(LINEAGE), how="semi", maintain_order="left")
    stage = rule.detect.stage
    keys = [*rule.finding.fingerprint, *([one for one, _ in stage.same] if isinstance(stage, Match) else [])]
    named = {column: key for key in keys if key in seen for column in (key, f"a.{key}") if column in frame.columns}
    if not named:
        return frame.clear()
    return frame.filter(_equal(column, frame.schema[column], seen[key]) for column, key in named.items())


def _equal(name: str, dtype: pl.DataType, value: Value) -> pl.Expr:
    if value is None:
        return pl.col(name).is_null()
    if isinstance(value, list):
        return pl.col(name) == pl.lit(pl.Series([value], dtype=dtype))
    if isinstance(dtype, pl.Datetime) and isinstance(value, str):
        return pl.col(name) == datetime.fromisoformat(value)
    if isinstance(dtype, pl.Duration) and isinstance(value, str):
        return pl.col(name) == timedelta(microseconds=int(value.removesuffix("us")))
    return pl.col(name) == value


def _rows(condition: Condition, frame: pl.DataFrame) -> list[tuple[ClauseValue, ...]]:
    """The clauses of the condition on every row of the frame that it is not false of."""
    frame = frame.filter(expression(condition.tree).fill_null(True)).head(MOST_ROWS)
    if frame.is_empty():
        return []
    clauses = condition.clauses
    verdicts = frame.select(expression(clause.tree).alias(str(place)) for place, clause in enumerate(clauses))
    named = [sorted(with_reasons(names_in(clause.tree)) & set(frame.columns)) for clause in clauses]
    under_none = [denied(condition.tree, clause.tree) is True for clause in clauses]
    return [
        tuple(
            ClauseValue(
                clause.source,
                clause.position.line,
                none,
                result,
                {name: canonical(values[name]) for name in names},
            )
            for clause, names, none, result in zip(clauses, named, under_none, results, strict=True)
        )
        for values, results in zip(frame.iter_rows(named=True), verdicts.iter_rows(), strict=True)
    ]


def denied(tree: Expr, clause: Expr) -> bool | None:
    """Whether an odd number of `not` stands above the clause in the tree; None when it is not in it."""
    if tree == clause:
        return False
    if isinstance(tree, Op):
        for argument in tree.args:
            below = denied(argument, clause)
            if below is not None:
                return below != (tree.name == "not")
    return None


def _distinct(rows: Sequence[tuple[ClauseValue, ...]]) -> list[tuple[ClauseValue, ...]]:
    kept: list[tuple[ClauseValue, ...]] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    return kept
