"""Which of the loaded rules run, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auditor.documents import nearest, printable
from auditor.errors import ConfigError, Problem
from auditor.frozen import dataclass
from auditor.model.audit import RuleNotRun
from auditor.model.vocabulary import Status
from auditor.rules.language.spec import Rule
from auditor.rules.reading.load import load_rules
from auditor.settings import Settings

_OF_FACTS = frozenset({"internal_domains", "office_networks"})
"""Lists that facts are made with, whichever rules there are."""

_RANK = {Status.STABLE: 0, Status.TEST: 1, Status.EXPERIMENTAL: 2}


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules that run and those that do not, both by id."""

    chosen: tuple[Rule, ...]
    left: tuple[RuleNotRun, ...]


def ids(rules: Iterable[Rule]) -> dict[str, str]:
    """Ids and names of the rules, each with the id it stands for."""
    known: dict[str, str] = {}
    for rule in rules:
        known[rule.id] = rule.id
        known[rule.name] = rule.id
    return known


def select(
    rules: Sequence[Rule], settings: Settings, *, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Selection:
    """The rules to run, by the configuration and what was asked for; names and ids both count.

    Raises `ConfigError` when `only` or `exclude` name an unknown rule, or when no rule is left; those of the
    configuration are told by `unknown_rules`.
    """
    known = ids(rules)
    wanted, unwanted = _known(only, known), _known(exclude, known)
    configured = {known[name.text] for name in settings.rules.exclude if name.text in known}
    chosen, left = [], []
    for rule in sorted(rules, key=lambda rule: rule.id):
        why = _why_not(rule, settings, only=wanted, exclude=unwanted, configured=configured)
        if why is None:
            chosen.append(rule)
        else:
            left.append(RuleNotRun(rule.id, rule.status.value, why))
    if not chosen:
        raise ConfigError(f"no rule is selected: {_reasons(left)}")
    return Selection(tuple(chosen), tuple(left))


def _why_not(
    rule: Rule, settings: Settings, *, only: frozenset[str], exclude: frozenset[str], configured: set[str]
) -> str | None:
    """Why a rule does not run; None when it does. What the command line says outweighs the configuration."""
    if rule.status is Status.DISABLED:
        return "it is disabled"
    if rule.id in exclude:
        return "excluded by --exclude"
    if only:
        return None if rule.id in only else "not named by --only"
    if rule.id in configured:
        return "excluded by the configuration"
    if rule.status is Status.DEPRECATED:
        after = f"; {rule.replaced_by} replaces it" if rule.replaced_by else ""
        return f"it is deprecated and runs only by --only{after}"
    least = Status(settings.rules.min_status)
    if rule.bundled and _RANK[rule.status] > _RANK[least]:
        return f"its status is {rule.status.value}; rules.min_status is {least.value}"
    return None


def _known(names: Sequence[str], known: dict[str, str]) -> frozenset[str]:
    unknown = [f"unknown rule '{printable(name)}'{nearest(name, known)}" for name in names if name not in known]
    if unknown:
        raise ConfigError("\n".join(unknown))
    return frozenset(known[name] for name in names)


def unknown_rules(settings: Settings, rules: Iterable[Rule]) -> tuple[Problem, ...]:
    """Every place where the configuration names a rule that is not loaded."""
    known = ids(rules)
    return tuple(
        name.place.problem(f"unknown rule '{printable(name.text)}'{nearest(name.text, known)}")
        for name in (*settings.rules.exclude, *settings.named.values())
        if name.text not in known
    )


def unasked_lists(settings: Settings, rules: Iterable[Rule]) -> tuple[str, ...]:
    """What is said of every list of the configuration that no rule asks for, be it a bundled one that was left out."""
    asked = _OF_FACTS | _lists_of(rules)
    if asked.issuperset(settings.lists):
        return ()
    asked |= _lists_of(load_rules(tests=False).rules)
    return tuple(
        f"no rule asks for the list '{printable(name)}' of the configuration{nearest(name, asked)}"
        for name in sorted(settings.lists)
        if name not in asked
    )


def _lists_of(rules: Iterable[Rule]) -> frozenset[str]:
    return frozenset(spec.name for rule in rules for spec in rule.lists)


def _reasons(left: Sequence[RuleNotRun]) -> str:
    if not left:
        return "no rule was loaded"
    first = left[0]
    return f"{first.id}: {first.why}" + (f", and {len(left) - 1} more" if len(left) > 1 else "")
