"""Rules with the values the configuration and the command line give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from auditor.audit.results import with_severity
from auditor.audit.selection import Selection, ids
from auditor.documents import Scalar, nearest, printable
from auditor.errors import ConfigError, ConfigFileError, Problem, RuleError
from auditor.rules.language.spec import Rule
from auditor.rules.reading.bind import BoundRule, bind, params_for
from auditor.settings import Settings


def bind_all(
    rules: Sequence[Rule],
    selection: Selection,
    *,
    settings: Settings,
    overrides: Sequence[tuple[str, str, str]],
    now: datetime,
    misnamed: Sequence[Problem] = (),
) -> tuple[BoundRule, ...]:
    """The chosen rules, bound, in their order.

    Values for rules that do not run are checked too: a mistake in them is a mistake. Raises `ConfigError`,
    `ConfigFileError` or `RuleError` with every mistake of that kind; `misnamed` are those of the configuration
    that are known already.
    """
    texts = _by_rule(overrides, ids(rules))
    running = {rule.id for rule in selection.chosen}
    mistakes = _Mistakes()
    mistakes.config.update(dict.fromkeys(misnamed))
    bound = []
    for rule in rules:
        given = params_for(rule, settings.params)
        if rule.id not in running and not given and rule.id not in texts:
            continue
        with mistakes.kept():
            one = bind(
                with_severity(rule, _severity(rule, settings)),
                now=now,
                settings_params=given,
                cli_params=texts.get(rule.id, {}),
                lists=settings.lists,
            )
            if rule.id in running:
                bound.append(one)
    mistakes.settle()
    return tuple(sorted(bound, key=lambda one: one.rule.id))


class _Mistakes:
    """Errors of many rules, raised together: those of options, else of the configuration, else of the rules."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.config: dict[Problem, None] = {}
        self.rule: dict[Problem, None] = {}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what goes wrong inside."""
        try:
            yield
        except ConfigFileError as error:
            self.config.update(dict.fromkeys(error.problems))
        except RuleError as error:
            self.rule.update(dict.fromkeys(error.problems))
        except ConfigError as error:
            self.words.append(str(error))

    def settle(self) -> None:
        """Nothing when nothing went wrong."""
        if self.words:
            raise ConfigError("\n".join(self.words))
        if self.config:
            raise ConfigFileError(list(self.config))
        if self.rule:
            raise RuleError(list(self.rule))


def _severity(rule: Rule, settings: Settings) -> Scalar | None:
    return settings.severity.get(rule.id) or settings.severity.get(rule.name)


def _by_rule(overrides: Sequence[tuple[str, str, str]], known: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The texts of `--set` by rule id and parameter; a later one outweighs an earlier one."""
    unknown = [name for name, _, _ in overrides if name not in known]
    if unknown:
        raise ConfigError(
            "\n".join(f"--set: unknown rule '{printable(name)}'{nearest(name, known)}" for name in unknown)
        )
    texts: dict[str, dict[str, str]] = {}
    for name, parameter, text in overrides:
        texts.setdefault(known[name], {})[parameter] = text
    return texts
