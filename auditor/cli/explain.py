"""The verb `explain`: a finding, the clauses that made it, the raw records behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.audits import loaded_rules, one_finding, read_audit
from auditor.cli.context import Exit, Session
from auditor.cli.options import ArchivePlace, comma_list, settings_of
from auditor.model.window import iso
from auditor.reports.text import visible

if TYPE_CHECKING:
    from auditor.audit.explained import Explanation
    from auditor.model.audit import Audit, CitedRecord
    from auditor.model.finding import Finding, Value

_LONGEST = 2_000
_WORDS = {True: "true", False: "false", None: "null"}


@click.command()
@click.argument("fingerprint")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), metavar="AUDIT.json")
@click.option(
    "--archive",
    type=ArchivePlace(),
    metavar="DIR",
    help="The archive or its address, to show the values of each clause and every record.",
)
@click.option(
    "--rules", "rules", multiple=True, callback=comma_list, metavar="PATH…", help="Rule files beside the bundled ones."
)
@click.pass_obj
def command(
    session: Session, fingerprint: str, path: Path, *, archive: Path | str | None, rules: tuple[str, ...]
) -> int:
    """Show the finding with this fingerprint: the beginning of it is enough."""
    audit = read_audit(path)
    finding = one_finding(audit, fingerprint)
    if archive is None:
        clauses = _alone(session, finding, audit, rules)
        cited = _cited(finding, audit)
    else:
        explanation, cited = _again(session, finding, audit, archive, rules)
        clauses = _clauses(explanation)
    for line in [*_finding(finding, audit), *clauses, *_records(finding, cited)]:
        click.echo(line)
    return Exit.OK


def _again(
    session: Session, finding: Finding, audit: Audit, place: Path | str, rules: tuple[str, ...]
) -> tuple[Explanation, tuple[CitedRecord, ...]]:
    from auditor.audit.cited import records
    from auditor.audit.explained import explain
    from auditor.tables.archive import Archive
    from auditor.tables.still import held_still

    settings = settings_of(session)
    with held_still(Archive(place)) as archive:
        loaded = loaded_rules(settings, paths=rules)
        explanation = explain(finding, audit, archive, rules=loaded, settings=settings)
        return explanation, tuple(records(sorted(finding.records), archive.evidence))


def _alone(session: Session, finding: Finding, audit: Audit, rules: tuple[str, ...]) -> Iterator[str]:
    """The clauses as far as the finding itself decides them."""
    from auditor.audit.entailed import entailed

    rule = loaded_rules(settings_of(session), paths=rules).get(finding.rule_id)
    if rule is None:
        yield f"clauses: rule {finding.rule_id} is not loaded; name it by --rules"
    else:
        explanation = entailed(finding, audit, rule)
        yield from _clauses(explanation)
        if not all(clause.known for row in explanation.rows for clause in row):
            yield "  ? may have been either"
    yield "  name the archive by --archive to see every value"


def _cited(finding: Finding, audit: Audit) -> tuple[CitedRecord, ...]:
    wanted = set(finding.records)
    return tuple(entry for entry in audit.cited if entry.record in wanted)


def _finding(finding: Finding, audit: Audit) -> Iterator[str]:
    rule = next(one for one in audit.rules if one.id == finding.rule_id)
    yield f"{finding.rule_id} {visible(rule.name)}: {visible(rule.title)}"
    yield f"  {visible(finding.message, cap=_LONGEST)}"
    told = {
        "fingerprint": visible(finding.fingerprint),
        "subject": visible(finding.subject),
        "severity": f"{finding.severity.value}, confidence {finding.confidence.value}",
        "observed at": iso(finding.observed_at),
        "occurrences": str(finding.occurrences),
        "state": finding.state.value if finding.state else "no previous audit",
        "waiver": visible(finding.waiver) if finding.waiver else "none",
    }
    yield from (f"  {name:<12} {value}" for name, value in told.items())
    yield "evidence"
    yield from (f"  {visible(name):<20} {_shown(value)}" for name, value in finding.evidence.items())
    if rule.parameters:
        yield "parameters"
        yield from (f"  {one.name:<20} {_shown(one.value)} ({one.source})" for one in rule.parameters)


def _clauses(explanation: Explanation) -> Iterator[str]:
    yield "clauses"
    if explanation.changed:
        yield "  the rule reads differently now than when the audit was made"
    if not explanation.found:
        yield "  judging this archive again does not make this finding"
    for number, row in enumerate(explanation.rows, start=1):
        if len(explanation.rows) > 1:
            yield f"  {number} of {len(explanation.rows)}"
        for clause in row:
            source = visible(" ".join(clause.source.split()), cap=_LONGEST)
            values = ", ".join(f"{name} = {_shown(value)}" for name, value in clause.values.items())
            shown = (
                f"  {_WORDS[clause.value] if clause.known else '?':<6} {'none of: ' if clause.denied else ''}{source}"
            )
            yield f"{shown}   [{values}]" if values else shown


def _records(finding: Finding, cited: tuple[CitedRecord, ...]) -> Iterator[str]:
    yield f"records ({len(cited)} of {len(finding.records)})"
    for entry in cited:
        yield f"  page sha256:{entry.record.page} item {entry.record.item}"
        yield f"  {visible(entry.request, cap=_LONGEST)}, received {iso(entry.fetched_at)}"
        yield f"  {visible(entry.raw, cap=_LONGEST)}"


def _shown(value: Value) -> str:
    return "null" if value is None else visible(value if isinstance(value, str) else json.dumps(value), cap=_LONGEST)
