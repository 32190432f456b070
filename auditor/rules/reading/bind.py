"""A rule with its parameters and lists: literals stand where it named them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from auditor.documents import Map, Node, Place, nearest, printable
from auditor.errors import ConfigError, ConfigFileError, Problem, RuleError
from auditor.frozen import dataclass
from auditor.model.audit import Parameter
from auditor.rules.language.constants import (
    ConstantMistake,
    checked_call,
    history_mistake,
    network_mistake,
    window_mistake,
)
from auditor.rules.language.extent import LONGEST_TEXT, TEXT_LENGTH, too_long
from auditor.rules.language.operands import TypeMistake, folded
from auditor.rules.language.spec import Baseline, Case, Detector, Group, ParamSpec, Rule, Stage
from auditor.rules.language.tree import Expr, ListName, Literal, LiteralValue, Now, Op, Param, Type
from auditor.rules.language.values import shown
from auditor.rules.language.walk import rebuilt
from auditor.rules.reading.detector_forms import DETECTORS
from auditor.rules.reading.params import ValueMistake, param_value, param_value_of_text, texts
from auditor.tables.modelled import is_learned
from auditor.triage.fingerprint import canonical

LOWERED_LISTS = frozenset({"internal_domains", "trusted_domains"})
"""Lists whose items are lower-cased."""

_OFFICES = "office_networks"
"""The list that facts about networks are made with, whichever rule asks for them."""

_NO_NODES: Mapping[str, Node] = MappingProxyType({})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})
_NO_LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule ready to run.

    `values` are the parameters and `lists` the lists in force, `missing_lists` those nobody configured.
    """

    rule: Rule
    values: Mapping[str, LiteralValue]
    lists: Mapping[str, tuple[str, ...]]
    parameters: tuple[Parameter, ...]
    missing_lists: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a value came from: a word for reports, and a place in a file or the option's own words."""

    source: str
    place: Place | str


class _Faults:
    """What is wrong with the values, by the kind of place they came from."""

    def __init__(self) -> None:
        self.rule: dict[Problem, None] = {}
        self.config: dict[Problem, None] = {}
        self.words: dict[str, None] = {}

    def tell(self, origin: _Origin, message: str) -> None:
        if isinstance(origin.place, str):
            self.words.setdefault(f"{origin.place}: {message}")
        else:
            found = self.config if origin.source == "config" else self.rule
            found.setdefault(origin.place.problem(message))

    def settle(self) -> None:
        """Nothing when there are none; else all of them, as the kind of error they are."""
        if self.words:
            raise ConfigError("\n".join([*self.words, *map(str, sorted([*self.config, *self.rule]))]))
        if self.config:
            raise ConfigFileError([*self.config, *self.rule])
        if self.rule:
            raise RuleError(list(self.rule))


def params_for(rule: Rule, settings: Mapping[str, Map]) -> dict[str, Node]:
    """The nodes `auditor.yaml` gives a rule's parameters, under its id or its name."""
    return {
        key.text: value for name in (rule.name, rule.id) if name in settings for key, value in settings[name].entries
    }


def bind(
    rule: Rule,
    *,
    now: datetime,
    settings_params: Mapping[str, Node] = _NO_NODES,
    cli_params: Mapping[str, str] = _NO_TEXTS,
    lists: Mapping[str, tuple[str, ...]] = _NO_LISTS,
) -> BoundRule:
    """The rule with literals in place of parameters, lists and `now`.

    Precedence, low to high: default, `settings_params`, `cli_params`. Raises `ConfigError` for values of
    options, `ConfigFileError` for those of a configuration and `RuleError` for the rule's own; each names all.
    """
    nodes = {name: (node, _Origin("config", node.place)) for name, node in settings_params.items()}
    origins = {name: _Origin("config", f"lists.{name}") for name in lists}
    return _bind(rule, now, nodes, cli_params, (lists, origins))


def bind_case(rule: Rule, case: Case) -> BoundRule:
    """The rule as one of its embedded tests sees it; `RuleError` when the test's values do not fit."""
    nodes = {name: (node, _Origin("test", node.place)) for name, node in case.params.items()}
    items: dict[str, tuple[str, ...]] = {}
    faults = []
    for name, node in case.lists.items():
        try:
            items[name] = texts(node)
        except ValueMistake as mistake:
            faults.append(mistake.node.place.problem(mistake.message))
    if faults:
        raise RuleError(faults)
    origins = {name: _Origin("test", node.place) for name, node in case.lists.items()}
    return _bind(rule, case.now, nodes, _NO_TEXTS, (items, origins))


def _bind(
    rule: Rule,
    now: datetime,
    nodes: Mapping[str, tuple[Node, _Origin]],
    options: Mapping[str, str],
    configured: tuple[Mapping[str, tuple[str, ...]], Mapping[str, _Origin]],
) -> BoundRule:
    faults = _Faults()
    values, origins = _values(rule, nodes, options, faults)
    lists, list_origins, missing = _lists(rule, *configured)
    binder = _Binder(rule, now, values, lists, {**origins, **list_origins}, faults)
    bound = rebuilt(rule, binder.whole)
    for tree, mistake_of in _limits(rule):
        if isinstance(tree, Param | ListName):
            found, key = (values, "param") if isinstance(tree, Param) else (lists, "list")
            mistake = mistake_of(found.get(tree.name))
            if mistake is not None:
                faults.tell(binder.origins[f"{key}.{tree.name}"], mistake)
    for tree, mistake in _unfit_history(rule.detect.stage, bound.detect.stage):
        faults.tell(origins[f"param.{tree.name}"], mistake)
    for tree in too_long(bound):
        message = f"a text of {TEXT_LENGTH} characters may become one of more than {LONGEST_TEXT:,} here"
        faults.tell(_Origin("rule", tree.position or rule.position), message)
    faults.settle()
    parameters = tuple(
        Parameter(
            name=spec.name,
            type=spec.type,
            value=canonical(_scalar(values[spec.name])),
            default=canonical(_scalar(spec.default)),
            source=origins[f"param.{spec.name}"].source,
            description=spec.description,
        )
        for spec in rule.params
    )
    return BoundRule(bound, MappingProxyType(values), MappingProxyType(lists), parameters, missing)


def _scalar(value: LiteralValue) -> str | bool | int | float | timedelta | datetime | tuple[str, ...] | None:
    return tuple(str(item) for item in value) if isinstance(value, tuple) else value


def _values(
    rule: Rule, nodes: Mapping[str, tuple[Node, _Origin]], options: Mapping[str, str], faults: _Faults
) -> tuple[dict[str, LiteralValue], dict[str, _Origin]]:
    """Each parameter's value, and where it came from under `param.NAME`."""
    specs = {spec.name: spec for spec in rule.params}
    values: dict[str, LiteralValue] = {spec.name: spec.default for spec in rule.params}
    origins = {f"param.{spec.name}": _Origin("default", spec.position) for spec in rule.params}
    for name, (node, origin) in nodes.items():
        spec = specs.get(name)
        if spec is None:
            faults.tell(origin, _unknown(name, rule))
            continue
        origins[f"param.{name}"] = origin
        try:
            values[name] = param_value(spec, node)
        except ValueMistake as mistake:
            faults.tell(replace(origin, place=mistake.node.place), mistake.message)
    for name, text in options.items():
        origin = _Origin("command line", f"--set {rule.id}.{printable(name)}={printable(text)}")
        _from_option(specs.get(name), name, text, origin, rule, values, origins, faults)
    return values, origins


def _from_option(
    spec: ParamSpec | None,
    name: str,
    text: str,
    origin: _Origin,
    rule: Rule,
    values: dict[str, LiteralValue],
    origins: dict[str, _Origin],
    faults: _Faults,
) -> None:
    if spec is None:
        faults.tell(origin, _unknown(name, rule))
        return
    origins[f"param.{name}"] = origin
    try:
        values[name] = param_value_of_text(spec, text, place=rule.position)
    except ValueMistake as mistake:
        faults.tell(origin, mistake.message)


def _unknown(name: str, rule: Rule) -> str:
    known = [spec.name for spec in rule.params]
    return f"unknown parameter '{printable(name)}' of {rule.id}{nearest(name, known)}"


def _lists(
    rule: Rule, configured: Mapping[str, tuple[str, ...]], origins: Mapping[str, _Origin]
) -> tuple[dict[str, tuple[str, ...]], dict[str, _Origin], tuple[str, ...]]:
    """The lists in force, where they came from under `list.NAME`, and the missing ones."""
    values = dict(configured)
    found = {f"list.{name}": origin for name, origin in origins.items()}
    missing = []
    for spec in rule.lists:
        if spec.name in values:
            continue
        if spec.default is None:
            missing.append(spec.name)
        else:
            values[spec.name] = spec.default
            found[f"list.{spec.name}"] = _Origin("default", spec.position or rule.position)
    prepared = {
        name: tuple(item.strip().lower() if name in LOWERED_LISTS else item.strip() for item in items)
        for name, items in values.items()
    }
    used = set(rule.needs.lists)
    return prepared, found, tuple(name for name in missing if name in used)


@dataclass(frozen=True, slots=True)
class _Binder:
    """Puts literals into trees; what a function refuses is told where its value came from."""

    rule: Rule
    now: datetime
    values: Mapping[str, LiteralValue]
    lists: Mapping[str, tuple[str, ...]]
    origins: Mapping[str, _Origin]
    faults: _Faults

    def whole(self, tree: Expr) -> Expr:
        match tree:
            case Param(name, kind, position):
                return Literal(self.values[name], kind, position)
            case ListName(name, _, position):
                return Literal(self.lists.get(name, ()), Type.LIST, position)
            case Now(kind, position):
                return Literal(self.now, kind, position)
            case Op():
                return self._op(tree)
        return tree

    def _op(self, tree: Op) -> Expr:
        args = tuple(self.whole(arg) for arg in tree.args)
        if args == tree.args:
            return tree
        try:
            found = folded(tree.name, args, tree.type, position=tree.position)
            return checked_call(found) if isinstance(found, Op) else found
        except ConstantMistake as mistake:
            self._tell(tree.args[mistake.index], str(mistake))
        except TypeMistake as mistake:
            self._tell(tree, str(mistake))
        return replace(tree, args=args)

    def _tell(self, tree: Expr, message: str) -> None:
        key = (
            f"param.{tree.name}"
            if isinstance(tree, Param)
            else f"list.{tree.name}"
            if isinstance(tree, ListName)
            else ""
        )
        own = _Origin("rule", tree.position or self.rule.position)
        origin = self.origins.get(key, own)
        self.faults.tell(own if origin.source == "default" and key.startswith("param.") else origin, message)


def _unfit_history(stage: Stage | None, bound: Stage | None) -> Iterator[tuple[Param, str]]:
    """A parameter that lets a baseline ask for more history than it looks at."""
    if not isinstance(stage, Baseline) or not isinstance(bound, Baseline) or stage.method == "first_seen":
        return
    named = [tree for tree in (stage.min_history, stage.history) if isinstance(tree, Param)]
    mistake = history_mistake(bound.history, bound.min_history)
    if named and mistake is not None:
        yield named[0], mistake


def _limits(rule: Rule) -> Iterator[tuple[Expr, Callable[[LiteralValue], str | None]]]:
    """Trees that a parameter or a list may stand for, each with what it refuses."""
    stage = rule.detect.stage
    if any(is_learned(table, name) for table, names in rule.needs.reads.items() for name in names):
        yield ListName(_OFFICES), _networks
    match stage:
        case Group(window=window) if window is not None:
            yield window.length, _tumbling if window.kind == "tumbling" else _positive
        case Baseline():
            yield stage.period, _tumbling
            yield stage.history, _between(1, 10_000)
            yield stage.min_history, _between(1, 10_000)
            yield stage.min_scale, _between(0, None)
        case Detector():
            for name, setting in DETECTORS[stage.type].settings.items():
                value = stage.settings.get(name)
                if isinstance(value, Param) and setting.form in {"integer", "number"}:
                    yield value, _between(setting.least, setting.most)
                elif isinstance(value, Param) and setting.form in {"length", "period"}:
                    yield value, _positive if setting.form == "length" else _tumbling
                elif isinstance(value, ListName):
                    yield value, _networks


def _tumbling(value: LiteralValue) -> str | None:
    return window_mistake(value) if isinstance(value, timedelta) else None


def _networks(value: LiteralValue) -> str | None:
    return network_mistake(value) if isinstance(value, tuple) else None


def _positive(value: LiteralValue) -> str | None:
    return "a window must be longer than 0s" if value == timedelta() else None


def _between(least: float | None, most: float | None) -> Callable[[LiteralValue], str | None]:
    def mistake_of(value: LiteralValue) -> str | None:
        if not isinstance(value, int | float):
            return None
        if (least is None or value >= least) and (most is None or value <= most):
            return None
        bounds = f"{'' if least is None else f'{least:g}'}..{'' if most is None else f'{most:g}'}"
        return f"value {shown(value)} is outside {bounds}"

    return mistake_of
