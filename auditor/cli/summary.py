"""What `check` tells a person: a table of rules, gaps, counts."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import click

from auditor.cli.columns import lines
from auditor.cli.context import Session, admit, say
from auditor.model.audit import Audit, RuleResult
from auditor.model.exit import counts, shortfalls
from auditor.model.vocabulary import Severity, State, Verdict
from auditor.model.window import Window, on_clock
from auditor.reports.text import visible
from auditor.words import counted

_WIDTH = 120
_VERDICT = 2
_RIGHT = frozenset({3, 4, 5, 6})
_GAPS = 20
_STYLES = {"fail": "bold red", "fail (all waived)": "yellow", "pass": "green", "not evaluated": "dim"}


def verdict(rule: RuleResult) -> str:
    """The rule's verdict in words: a rule whose findings are all waived says so."""
    if rule.verdict is Verdict.FAIL and rule.findings == rule.waived:
        return "fail (all waived)"
    return rule.verdict.value.replace("_", " ")


def tell(audit: Audit, session: Session, *, new_only: bool = False) -> None:
    """Print the audit to stderr: with `--log-format json` as lines, else as a table.

    With `-q` only what makes the audit incomplete is said.
    With `new_only` the open findings that are counted are those the previous audit did not have.
    """
    if session.verbosity < 0:
        for line in _shortfalls(audit):
            admit(session, line)
        return
    if session.log_format == "json":
        for line in (*_plain_rules(audit, new_only=new_only), *_lines(audit, new_only=new_only)):
            say(session, line)
        return
    cells = list(_cells(audit, new_only=new_only))
    if _is_looked_at():
        _show(audit, cells, _headings(new_only=new_only))
    else:
        dash = "─" if (sys.stderr.encoding or "").lower().startswith("utf") else "-"
        for line in lines(_headings(new_only=new_only), cells, right=_RIGHT, width=_WIDTH, dash=dash):
            click.echo(line, err=True)
    for line in _lines(audit, new_only=new_only):
        click.echo(line, err=True)


def _is_looked_at() -> bool:
    """Whether a terminal shows what is printed to stderr, or somebody wants its colours all the same."""
    return sys.stderr.isatty() or any(os.environ.get(name) for name in ("FORCE_COLOR", "TTY_COMPATIBLE"))


def _standing(audit: Audit, *, new_only: bool) -> Counter[str]:
    """Open findings by rule; those a limit keeps off the list stand whatever is asked for."""
    standing = Counter(finding.rule_id for finding in audit.findings if counts(finding, new_only=new_only))
    standing.update({rule.id: rule.truncated for rule in audit.rules})
    return standing


def _headings(*, new_only: bool) -> Sequence[str]:
    return ("rule", "severity", "verdict", "new" if new_only else "open", "waived", "looked at", "unknown", "title")


def _cells(audit: Audit, *, new_only: bool) -> Iterator[Sequence[str]]:
    """What the table says of each rule, column by column."""
    standing = _standing(audit, new_only=new_only)
    for rule in audit.rules:
        told = rule.title if rule.verdict is not Verdict.NOT_EVALUATED else f"{rule.title}: {rule.reason}"
        yield (
            rule.id,
            rule.severity.value,
            "crashed" if rule.crashed else verdict(rule),
            f"{standing[rule.id]:,}",
            f"{rule.waived:,}",
            f"{rule.population:,}",
            f"{rule.not_evaluable:,}",
            visible(told),
        )


def _show(audit: Audit, rows: Sequence[Sequence[str]], headings: Sequence[str]) -> None:
    """The table on a terminal, as wide as that is, with colours where it has them."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings[:-1]):
        table.add_column(heading, justify="right" if place in _RIGHT else "left", no_wrap=True)
    table.add_column(headings[-1], ratio=1, overflow="fold")
    for rule, cells in zip(audit.rules, rows, strict=True):
        style = _STYLES.get(verdict(rule), "")
        table.add_row(*(Text(cell, style=style if place == _VERDICT else "") for place, cell in enumerate(cells)))
    Console(stderr=True, highlight=False, markup=False, emoji=False).print(table)


def _plain_rules(audit: Audit, *, new_only: bool) -> Iterator[str]:
    standing = _standing(audit, new_only=new_only)
    word = "new" if new_only else "open"
    for rule in audit.rules:
        yield f"{rule.id} {verdict(rule)}: {standing[rule.id]} {word}, {rule.waived} waived"


def _span(window: Window, zone: str) -> str:
    """The window to the minute, on the clock of the zone."""
    place = ZoneInfo(zone)
    return " to ".join(on_clock(end, place).isoformat(" ", "minutes")[:16] for end in (window.start, window.end))


def _lines(audit: Audit, *, new_only: bool) -> Iterator[str]:
    zone, summary = audit.report.timezone, audit.summary
    sites = ", ".join(audit.identity.sites) or "no site"
    verdicts = [rule.verdict for rule in audit.rules]
    yield (
        f"{_span(audit.identity.window, zone)} {zone}, "
        f"{sites}: {counted(len(verdicts), 'rule')}, {verdicts.count(Verdict.FAIL)} failed, "
        f"{verdicts.count(Verdict.PASS)} passed, {verdicts.count(Verdict.NOT_EVALUATED)} not evaluated"
    )
    by_severity = ", ".join(f"{summary.by_severity[severity]:,} {severity.value}" for severity in Severity)
    findings = counted(summary.findings, "finding")
    yield f"{findings}: {summary.open:,} open ({by_severity}), {summary.waived:,} waived"
    if new_only:
        new = _standing(audit, new_only=True).total()
        yield f"only what is new or reopened counts: {new:,} of {summary.open:,} open"
    if audit.previous is not None:
        states = [finding.state for finding in audit.findings]
        gone = sum(one.resolved_in == audit.identity.id for one in audit.resolved)
        yield (
            f"since the previous audit: {states.count(State.NEW):,} new, {states.count(State.REOPENED):,} reopened, "
            f"{states.count(State.UNCHANGED):,} unchanged, {gone:,} resolved, "
            f"{len(audit.not_compared):,} not compared"
        )
    for state in audit.waivers:
        if state.state != "active":
            yield f"waiver {visible(state.waiver.id)} is {state.state} (expires {state.waiver.expires})"
    yield from (f"note: {visible(note, cap=500)}" for note in audit.notes)
    yield from _coverage(audit)


def _coverage(audit: Audit) -> Iterator[str]:
    gaps = audit.coverage.gaps
    for gap in gaps[:_GAPS]:
        span = _span(gap.window, audit.report.timezone)
        where = f"{gap.table} of {gap.site_url}" if gap.site_url else gap.table
        yield visible(f"gap: {where}, {span}: {gap.reason.value} {gap.detail}".rstrip(), cap=500)
    if len(gaps) > _GAPS:
        yield f"gap: … and {len(gaps) - _GAPS} more"
    crashed = [rule for rule in audit.rules if rule.crashed]
    yield from (visible(f"rule {rule.id} crashed: {rule.reason}", cap=500) for rule in crashed)
    yield from _incomplete(audit)


def _shortfalls(audit: Audit) -> Iterator[str]:
    """What makes the audit incomplete, one by one up to a number of them, and how much it is."""
    yield from (visible(one, cap=500) for one in shortfalls(audit)[:_GAPS])
    yield from _incomplete(audit)


def _incomplete(audit: Audit) -> Iterator[str]:
    short = shortfalls(audit)
    if short:
        yield f"the audit is incomplete: {len(short)} shortfall{'s' if len(short) > 1 else ''} in what the rules read"
