"""The verb `diff`: what became of the findings between two audits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from auditor.cli.audits import comparable
from auditor.cli.context import Exit, show_json
from auditor.model.audit import Audit, NotCompared, Resolved
from auditor.model.finding import Finding
from auditor.model.vocabulary import State
from auditor.model.window import iso
from auditor.reports.text import visible
from auditor.triage.compare import Comparison, Now, compare

_ORDER = (State.NEW, State.REOPENED, State.UNCHANGED)


@click.command()
@click.argument("old", type=click.Path(dir_okay=False, path_type=Path), metavar="OLD.json")
@click.argument("new", type=click.Path(dir_okay=False, path_type=Path), metavar="NEW.json")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the result.")
@click.option("--all", "everything", is_flag=True, help="List the unchanged findings too.")
def command(old: Path, new: Path, *, form: str, everything: bool) -> int:
    """Show which findings of NEW are new, reopened or unchanged since OLD, and which of OLD are resolved."""
    earlier, later = comparable(old), comparable(new)
    made = between(earlier, later)
    if form == "json":
        show_json(_document(made, earlier, later))
    else:
        for line in _lines(made, _since(made, earlier), everything=everything):
            click.echo(line)
    return Exit.OK


def between(earlier: Audit, later: Audit) -> Comparison:
    """The findings of the later audit held against the earlier one."""
    now = Now(
        audit_id=later.identity.id,
        window=later.identity.window,
        sites=later.identity.sites,
        rules={rule.id: rule for rule in later.rules},
        gaps=later.coverage.gaps,
    )
    return compare(later.findings, earlier, now=now)


def _since(made: Comparison, earlier: Audit) -> tuple[Resolved, ...]:
    """The findings resolved since the earlier audit; those it had resolved itself are old news."""
    before = {entry.fingerprint for entry in earlier.resolved}
    return tuple(entry for entry in made.resolved if entry.fingerprint not in before)


def _by_state(made: Comparison) -> dict[State, list[Finding]]:
    return {state: [finding for finding in made.findings if finding.state is state] for state in _ORDER}


def _lines(made: Comparison, resolved: Sequence[Resolved], *, everything: bool) -> Iterator[str]:
    counts = {state: len(found) for state, found in _by_state(made).items()}
    for state, found in _by_state(made).items():
        if state is not State.UNCHANGED or everything:
            yield from _told(state.value, found)
    yield from _told(State.RESOLVED.value, resolved)
    yield from _told("not compared", made.not_compared)
    yield (
        f"{counts[State.NEW]} new, {len(resolved)} resolved, {counts[State.REOPENED]} reopened, "
        f"{counts[State.UNCHANGED]} unchanged, {len(made.not_compared)} not compared"
    )


def _told(state: str, entries: Iterable[Finding | Resolved | NotCompared]) -> Iterator[str]:
    for entry in entries:
        waived = f" [waived by {visible(entry.waiver)}]" if isinstance(entry, Finding) and entry.waiver else ""
        why = f" ({visible(entry.why)})" if isinstance(entry, NotCompared) else ""
        head = f"{state:<12} {entry.severity.value:<8} {entry.rule_id}  {entry.fingerprint[:12]}"
        yield f"{head}  {visible(entry.message)}{waived}{why}"


def _document(made: Comparison, earlier: Audit, later: Audit) -> dict[str, object]:
    return {
        "old": earlier.identity.id,
        "new": later.identity.id,
        **{state.value: [_plain(finding) for finding in found] for state, found in _by_state(made).items()},
        "resolved": [_plain(entry) for entry in _since(made, earlier)],
        "not_compared": [{**_plain(entry), "why": entry.why} for entry in made.not_compared],
    }


def _plain(entry: Finding | Resolved | NotCompared) -> dict[str, str]:
    return {
        "fingerprint": entry.fingerprint,
        "rule_id": entry.rule_id,
        "severity": entry.severity.value,
        "subject": entry.subject,
        "message": entry.message,
        "observed_at": iso(entry.observed_at),
    }
