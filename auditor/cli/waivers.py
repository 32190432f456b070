"""The verb `waivers`: list them with their states, check them, add one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.context import Exit, Session, say
from auditor.cli.options import clock, comma_list, now_option, settings_of
from auditor.errors import naming
from auditor.reports.text import visible
from auditor.words import counted

if TYPE_CHECKING:
    from auditor.errors import Problem
    from auditor.model.waiver import WaiverState
    from auditor.settings import Settings
    from auditor.triage.waiver_file import WaiverFile

DEFAULT = "waivers.yaml"

_file_option = click.option(
    "--waivers",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The waiver file; the one of the configuration, else waivers.yaml.",
)
_rules_option = click.option(
    "--rules", "rules", multiple=True, callback=comma_list, metavar="PATH…", help="Rule files beside the bundled ones."
)


@click.group()
def command() -> None:
    """Look after waivers: approved, expiring acceptance of findings."""


@command.command("list")
@_file_option
@_rules_option
@click.option(
    "--audit",
    "audit_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="AUDIT.json",
    help="An audit, to tell which waivers are unused and how many findings each covers.",
)
@now_option
@click.pass_obj
def list_command(
    session: Session, path: Path | None, rules: tuple[str, ...], audit_path: Path | None, now: datetime | None
) -> int:
    """Show every waiver with its state. That is active, expiring, expired, unused or unknown-rule."""
    settings = settings_of(session)
    file, _ = _known(_file(settings, path), settings, rules)
    states = _states(file, settings, rules, audit_path, now=clock(now))
    for state in states:
        waiver = state.waiver
        target = visible(waiver.rule or (waiver.fingerprint or "")[:12])
        covers = counted(state.findings, "finding") if audit_path is not None else "—"
        click.echo(
            f"{visible(waiver.id):<16} {state.state:<12} {target:<32} {waiver.expires}  {covers:<14} "
            f"{visible(waiver.owner)}: {visible(waiver.reason)}"
        )
    today = _day(clock(now))
    for one in file.attestations:
        held = "expired" if one.expires < today else "in force" if one.date <= today else "not yet"
        click.echo(
            f"attestation      {held:<12} {visible(one.framework)} {visible(one.control)}: {one.verdict.value}, "
            f"{visible(one.by)}, until {one.expires}"
        )
    if not file.waivers and not file.attestations:
        say(session, f"{file.path}: holds no waiver")
    return Exit.OK


@command.command()
@_file_option
@_rules_option
@now_option
@click.pass_obj
def lint(session: Session, path: Path | None, rules: tuple[str, ...], now: datetime | None) -> int:
    """Check the waiver file. Unknown rules and names are errors, expired waivers are warnings."""
    from auditor.triage.waivers import EXPIRING

    settings = settings_of(session)
    file, problems = _known(_file(settings, path), settings, rules)
    for problem in problems:
        click.echo(str(problem))
    today = _day(clock(now))
    warned = 0
    for entry in file.entries:
        waiver = entry.waiver
        warnings = []
        if waiver.expires < today:
            warnings.append(f"expired on {waiver.expires}")
        elif waiver.expires - today <= EXPIRING:
            warnings.append(f"expires on {waiver.expires}")
        if waiver.approved_by is None:
            warnings.append("names nobody in approved_by")
        for words in warnings:
            click.echo(str(entry.place.problem(f"warning: waiver {visible(waiver.id)} {words}")))
        warned += len(warnings)
    told = (counted(len(file.entries), "waiver"), counted(len(problems), "error"), counted(warned, "warning"))
    say(session, "{}: {}, {}".format(*told))
    return Exit.FINDINGS if problems else Exit.OK


@command.command()
@_file_option
@_rules_option
@click.option("--id", "name", required=True, metavar="ID", help="The waiver's id, never used before.")
@click.option("--rule", metavar="ID", help="The rule whose findings are accepted.")
@click.option("--match", "match", multiple=True, metavar="NAME=VALUE", help="Repeat for more; all must be equal.")
@click.option("--fingerprint", metavar="HEX", help="One finding, in place of --match.")
@click.option("--reason", required=True, metavar="TEXT", help="Why the findings are accepted.")
@click.option("--owner", required=True, metavar="WHO", help="Who answers for the waiver.")
@click.option("--expires", required=True, metavar="DATE", help="Its last day, YYYY-MM-DD.")
@click.option("--approved-by", metavar="WHO", help="Who approved it.")
@click.option("--ticket", metavar="ID", help="Where the approval is recorded.")
@click.option("--category", metavar="WORD", help="Such as accepted_risk or false_positive.")
@now_option
@click.pass_obj
def add(
    session: Session,
    /,
    path: Path | None,
    rules: tuple[str, ...],
    *,
    name: str,
    rule: str | None,
    match: tuple[str, ...],
    fingerprint: str | None,
    now: datetime | None,
    **told: str | None,
) -> int:
    """Add a waiver to the file. What stands there keeps its place and its comments."""
    from auditor.cli.waiver_text import entry_text, with_entry
    from auditor.evidence.lock import alone
    from auditor.reports.write import write_file

    settings = settings_of(session)
    configured = settings.waivers
    target = path or configured or Path(DEFAULT)
    values = [_pair(text) for text in match]
    entry = entry_text(
        name=name,
        rule=rule,
        match=values,
        fingerprint=fingerprint,
        created=_day(clock(now)),
        told={key: value for key, value in told.items() if value is not None},
    )
    with alone(target.resolve().parent):  # who adds at the same moment reads what this one wrote
        with naming(target):
            held = target.read_bytes() if target.exists() else b""
        content = with_entry(held, entry, path=str(target))
        elsewhere = rule is not None and _is_elsewhere(content, settings, rules, path=str(target))
        write_file(target, content)
    say(session, f"added waiver {visible(name)} to {target}")
    if configured is None or target.resolve() != configured.resolve():
        say(session, f"check reads that file where --waivers, or waivers in auditor.yaml, names {target}")
    if elsewhere:
        where = "where --rules, or rules.paths in auditor.yaml, names its file"
        say(session, f"no rule {rule} is known here; check takes its waiver only {where}")
    return Exit.OK


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{text!r} is no NAME=VALUE such as email=eve@example.org")
    return name, value


def _is_elsewhere(content: bytes, settings: Settings, rules: Sequence[str], *, path: str) -> bool:
    """Whether only `check` can tell if the rule of the last waiver is there.

    That is an id of a family which no rule has that is known here, while no file of rules was named. Raises
    `ConfigFileError` for any other rule or name that `check` would refuse.
    """
    from auditor.cli.audits import loaded_rules
    from auditor.errors import ConfigFileError
    from auditor.rules.reading.forms import RULE_ID
    from auditor.triage import waiver_file

    file = waiver_file.parse(content, path=path)
    added, problems = _known(replace(file, entries=file.entries[-1:], attested=()), settings, rules)
    if not problems:
        return False
    rule = added.waivers[0].rule or ""
    families = {one.id.partition("-")[0] for one in loaded_rules(settings, paths=rules).rules}
    if rules or RULE_ID.fullmatch(rule) is None or rule.partition("-")[0] in families:
        raise ConfigFileError(problems)
    return True


def _file(settings: Settings, path: Path | None) -> WaiverFile:
    from auditor.triage import waiver_file

    return waiver_file.load(path or settings.waivers or Path(DEFAULT))


def _known(file: WaiverFile, settings: Settings, rules: Sequence[str]) -> tuple[WaiverFile, list[Problem]]:
    """The waiver file with rules by id, and every name in it that nobody knows."""
    from auditor.audit.selection import ids
    from auditor.audit.visible import visible_names
    from auditor.cli.audits import loaded_rules
    from auditor.rules.language.frameworks import control_ids
    from auditor.rules.reading.frameworks import bundled
    from auditor.triage import waiver_file

    loaded = loaded_rules(settings, paths=rules).rules
    known = ids(loaded)
    named = waiver_file.with_ids(file, known)
    problems = [
        *waiver_file.unknown_rules(file, known),
        *waiver_file.invisible_names(named, {rule.id: visible_names(rule) for rule in loaded}),
        *waiver_file.unknown_controls(file, control_ids(bundled())),
    ]
    return named, sorted(problems)


def _states(
    file: WaiverFile, settings: Settings, rules: Sequence[str], audit_path: Path | None, *, now: datetime
) -> Iterator[WaiverState]:
    """The state of each waiver; whether one is unused only an audit can tell."""
    from auditor.audit.selection import ids
    from auditor.cli.audits import comparable, loaded_rules
    from auditor.model.vocabulary import Verdict
    from auditor.triage.waivers import apply

    known = set(ids(loaded_rules(settings, paths=rules).rules).values())
    if audit_path is None:
        yield from apply((), file.waivers, seen=lambda _: {}, judged=(), known=known, now=now).states
        return
    audit = comparable(audit_path)
    judged = {rule.id for rule in audit.rules if rule.verdict is not Verdict.NOT_EVALUATED}
    covered = [replace(finding, waiver=None) for finding in audit.findings]
    done = apply(covered, file.waivers, seen=lambda one: one.evidence, judged=judged, known=known, now=now)
    # an audit keeps only the evidence columns, so what it already holds waived counts as well
    marked = {finding.fingerprint: finding.waiver for finding in audit.findings}
    for state in done.states:
        taken = {one.fingerprint for one in done.findings if one.waiver == state.waiver.id}
        taken |= {mark for mark, waiver in marked.items() if waiver == state.waiver.id}
        yield _restated(state, len(taken), judged=judged, known=known, now=now)


def _restated(state: WaiverState, findings: int, *, judged: set[str], known: set[str], now: datetime) -> WaiverState:
    from auditor.triage.waivers import state as state_of

    word = state_of(state.waiver, covered=findings, judged=judged, known=known, now=now)
    return replace(state, state=word, findings=findings)
