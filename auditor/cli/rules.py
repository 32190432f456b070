"""The verb `rules`: list, show, check and test rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditor.cli.context import Exit, Session, fail, say, show_json
from auditor.cli.options import Folder, comma_list, overrides, settings_of
from auditor.documents import nearest, printable
from auditor.errors import ConfigError, RuleError
from auditor.words import counted

if TYPE_CHECKING:
    from auditor.errors import Problem
    from auditor.rules.authoring.embedded import CaseResult
    from auditor.rules.authoring.lint_notes import Note
    from auditor.rules.language.spec import Rule
    from auditor.rules.reading.load import RuleSet

Command = TypeVar("Command", bound=Callable[..., object])

_paths = click.argument("paths", nargs=-1, metavar="[PATH]…", type=click.Path(path_type=Path))
_only = click.option("--only", multiple=True, callback=comma_list, metavar="ID…", help="Only these rules.")


@click.group()
def command() -> None:
    """List, show, check and test rules: the bundled ones, or those of the files and folders named."""


def _read(session: Session, paths: Sequence[Path]) -> tuple[RuleSet, tuple[Problem, ...]]:
    from auditor.rules.reading.load import read_rules

    return read_rules(paths, bundled=not paths, allow_python=settings_of(session).allow_python_rules)


def _load(session: Session, paths: Sequence[Path]) -> RuleSet:
    rules, problems = _read(session, paths)
    if problems:
        raise RuleError(list(problems))
    return rules


def _chosen(rules: RuleSet, only: Sequence[str]) -> tuple[Rule, ...]:
    """The rules named, all without a name; `ConfigError` for a name no rule has."""
    if not only:
        return rules.rules
    names = [name for rule in rules.rules for name in (rule.id, rule.name)]
    for name in only:
        if name not in names:
            raise ConfigError(f"unknown rule '{name}'{nearest(name, names)}")
    return tuple(rule for rule in rules.rules if rule.id in only or rule.name in only)


@command.command("list")
@_paths
@_only
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="Form of the list.")
@click.pass_obj
def list_rules(session: Session, paths: tuple[Path, ...], only: tuple[str, ...], form: str) -> int:
    """Print one line a rule."""
    from auditor.cli.rule_text import UNWRAPPED, as_json, listing, put

    rules = _chosen(_load(session, paths), only)
    if form == "json":
        show_json([as_json(rule) for rule in rules])
    else:
        put(listing(rules), width=UNWRAPPED)
        say(session, counted(len(rules), "rule"))
    return Exit.OK


@command.command("show")
@click.argument("name", metavar="RULE")
@_paths
@click.option("--effective", is_flag=True, help="The parameters in force, and where each value came from.")
@click.option("--set", "changed", multiple=True, callback=overrides, metavar="RULE.param=VALUE…", help="Parameters.")
@click.pass_obj
def show_rule(
    session: Session,
    name: str,
    paths: tuple[Path, ...],
    changed: tuple[tuple[str, str, str], ...],
    *,
    effective: bool,
) -> int:
    """Print all that a rule says; RULE is an id or a name."""
    from auditor.cli.options import clock
    from auditor.cli.rule_text import page, put
    from auditor.rules.reading.bind import bind, params_for

    rules = _load(session, paths)
    rule = _chosen(rules, [name])[0]
    strange = [f"--set {of}.{param}={text}" for of, param, text in changed if of not in {rule.id, rule.name}]
    if strange:
        raise ConfigError("\n".join(f"{one}: this is no parameter of {rule.id}, the rule shown" for one in strange))
    settings = settings_of(session)
    bound = bind(
        rule,
        now=clock(None),
        settings_params=params_for(rule, settings.params),
        cli_params={param: text for _, param, text in changed},
        lists=settings.lists,
    )
    put(page(rule, rules.sources[rule.id], bound.parameters, effective=effective or bool(changed)))
    return Exit.OK


@command.command("lint")
@_paths
@_only
@click.option("--strict", is_flag=True, help="Leave with 1 for warnings too.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the notes.")
@click.pass_obj
def lint_rules(session: Session, paths: tuple[Path, ...], only: tuple[str, ...], form: str, *, strict: bool) -> int:
    """Check rules for what loads but will not do; run their tests too."""
    from auditor.rules.authoring.embedded import run_cases
    from auditor.rules.authoring.lint import lint
    from auditor.rules.language.frameworks import control_ids
    from auditor.rules.reading.frameworks import bundled

    rules, problems = _read(session, paths)
    chosen = {rule.id for rule in _chosen(rules, only)}
    notes = lint(
        rules,
        results=run_cases([rule for rule in rules.rules if rule.id in chosen]),
        known=_bundled_ids(rules) if paths else (),
        controls=control_ids(bundled()),
    )
    places = {place.path for place in (rules.sources[name].place for name in chosen)}
    notes = tuple(note for note in notes if not only or note.place.path in places)
    if form == "json":
        show_json([*map(_problem_json, problems), *map(_note_json, notes)])
    else:
        for note in notes:
            click.echo(printable(str(note), longest=1_000))
    errors = sum(note.level == "error" for note in notes)
    if problems:
        return fail(RuleError(list(problems)), session)
    told = (counted(errors, "error"), counted(len(notes) - errors, "warning"))
    say(session, f"{counted(len(chosen), 'rule')}: {', '.join(told)}")
    return Exit.FINDINGS if errors or (strict and notes) else Exit.OK


def _problem_json(problem: Problem) -> dict[str, str | int]:
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "code": "E",
        "level": "error",
        "message": problem.message,
    }


def _note_json(note: Note) -> dict[str, str | int]:
    return {
        "path": note.place.path,
        "line": note.place.line,
        "column": note.place.column,
        "code": note.code,
        "level": note.level,
        "message": note.message,
    }


def _bundled_ids(rules: RuleSet) -> frozenset[str]:
    """The ids of the bundled rules, read only when a rule says it is replaced by one that is not here."""
    from auditor.rules.reading.load import load_rules

    here = {rule.id for rule in rules.rules}
    wanted = {rule.replaced_by for rule in rules.rules if rule.replaced_by is not None}
    return frozenset(rule.id for rule in load_rules().rules) if wanted - here else frozenset()


@command.command("test")
@_paths
@_only
@click.option("--coverage", is_flag=True, help="Name the clauses that no test makes true.")
@click.pass_obj
def test_rules(session: Session, paths: tuple[Path, ...], only: tuple[str, ...], *, coverage: bool) -> int:
    """Run the tests that rules carry."""
    from auditor.rules.authoring.embedded import run_cases

    rules = _chosen(_load(session, paths), only)
    results = run_cases(rules)
    for result in results:
        _tell(session, result)
    if coverage:
        for line in _uncovered(rules, results):
            click.echo(line)
    failed = sum(result.failure is not None for result in results)
    untested = sum(not rule.cases for rule in rules)
    without = f"; {counted(untested, 'rule')} without a test" if untested else ""
    of = f"{counted(len(results), 'test')} of {counted(len(rules), 'rule')}"
    click.echo(f"{of}: {len(results) - failed} passed, {failed} failed{without}")
    return Exit.FINDINGS if failed else Exit.OK


def _tell(session: Session, result: CaseResult) -> None:
    from auditor.cli.rule_text import shown

    place = result.case.position
    if result.failure is not None:
        failure = shown(" ".join(result.failure.split()))
        click.echo(
            f"{place.path}:{place.line}:{place.column}: {result.rule_id} test '{shown(result.case.name)}' {failure}"
        )
    elif session.verbosity > 0:
        say(session, f"{result.rule_id} passed: {shown(result.case.name)}")


def _uncovered(rules: Sequence[Rule], results: Sequence[CaseResult]) -> list[str]:
    """The clauses that were never true, at their places, and how many there are of all."""
    from auditor.rules.language.walk import clauses

    seen = {place for result in results for place in result.clauses_true}
    every = [(rule.id, clause) for rule in rules for clause in clauses(rule)]
    lines = [
        str(clause.position.problem(f"{name} never true: {clause.source}"))
        for name, clause in every
        if clause.position not in seen
    ]
    return [*lines, f"{len(every) - len(lines)} of {len(every)} clauses were true in a test"]


@command.command("new")
@click.argument("rule_id", metavar="ID")
@click.argument("name", metavar="NAME")
@click.option("--from", "table", default="attendees", show_default=True, metavar="TABLE", help="The table it judges.")
@click.option(
    "--form", default="plain", show_default=True, metavar="FORM", help="plain, group, pairs or match: how it looks."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there; else print it.")
@click.pass_obj
def write_rule(session: Session, rule_id: str, name: str, table: str, form: str, out: Path | None) -> int:
    """Begin a rule. The file loads, its test passes, and each line has a word beside it."""
    from auditor.rules.authoring.new import STAGES, new_rule
    from auditor.rules.reading.forms import RULE_ID, RULE_NAME
    from auditor.rules.reading.load import SUFFIXES
    from auditor.tables.schema import TABLES

    if RULE_ID.fullmatch(rule_id) is None:
        raise click.BadParameter(f"{rule_id!r} is no rule id such as ACC-101")
    if RULE_NAME.fullmatch(name) is None:
        raise click.BadParameter(f"{name!r} is no rule name such as late-arrival")
    for option, value, known in (("--from", table, TABLES), ("--form", form, STAGES)):
        if value not in known:
            raise click.BadParameter(f"{value!r} is none of {', '.join(known)}", param_hint=option)
    _refuse_taken(session, rule_id, name)
    try:
        text = new_rule(rule_id, name, table=table, stage=form)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if out is None:
        click.echo(text, nl=False)
        return Exit.OK
    if out.suffix not in SUFFIXES:
        raise ConfigError(f"{out}: a rule file ends in .yaml or .yml")
    if out.exists():
        raise ConfigError(f"{out}: is there already")
    out.write_text(text, encoding="utf-8")
    say(session, f"wrote {out}; next: auditor rules lint {out}")
    return Exit.OK


def _refuse_taken(session: Session, rule_id: str, name: str) -> None:
    """Raise `ConfigError` for an id or a name that a bundled rule has, or one of the configuration."""
    from auditor.cli.audits import loaded_rules

    rules = loaded_rules(settings_of(session))
    for what, text in (("id", rule_id), ("name", name)):
        other = rules.get(text)
        if other is not None:
            raise ConfigError(
                f"{text!r} is already the {what} of {other.id} {other.name}; ids and names are never used twice"
            )


@command.command("docs")
@_paths
@click.option(
    "--out",
    type=Folder(),
    default="auditor-rules",
    show_default=True,
    metavar="DIR",
    help="The folder to write.",
)
@click.pass_obj
def write_docs(session: Session, paths: tuple[Path, ...], out: Path) -> int:
    """Write a web site with a page a rule."""
    from auditor.rules.authoring.site import site

    files = site(_load(session, paths))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
    say(session, f"wrote {counted(len(files), 'file')}: {out / 'index.html'}")
    return Exit.OK


@command.command("schema")
@_paths
@click.pass_obj
def rule_schema(session: Session, paths: tuple[Path, ...]) -> int:
    """Print the JSON Schema of a rule file. Editors complete and check by it; rules named beside must load."""
    from auditor.rules.authoring.json_schema import schema

    if paths:
        _load(session, paths)
    show_json(schema())
    return Exit.OK
