"""Findings held against the previous audit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from auditor.frozen import dataclass
from auditor.model.audit import Audit, CitedRecord, NotCompared, Resolved, RuleResult
from auditor.model.coverage import Gap
from auditor.model.finding import Finding
from auditor.model.vocabulary import State, Verdict
from auditor.model.window import Window, iso

Known: TypeAlias = Finding | Resolved | NotCompared
"""A finding as an earlier audit tells it."""


@dataclass(frozen=True, slots=True)
class Now:
    """What this audit judged: enough to tell whether a finding that is absent is gone."""

    audit_id: str
    window: Window
    sites: tuple[str, ...]
    rules: Mapping[str, RuleResult]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`findings` with their state; `resolved` and `not_compared` in the order of findings."""

    findings: tuple[Finding, ...]
    resolved: tuple[Resolved, ...]
    not_compared: tuple[NotCompared, ...]


def compare(findings: Sequence[Finding], previous: Audit, *, now: Now) -> Comparison:
    """Every finding as `new`, `unchanged` or `reopened`, and what became of those of `previous` that are absent.

    A finding of `previous` that was not compared there is held on to: it is still known, so it is `unchanged` when
    it shows again. Resolved findings are carried forward until they return.
    """
    held: dict[str, Known] = {known.fingerprint: known for known in previous.not_compared}
    held.update((finding.fingerprint, finding) for finding in previous.findings)
    gone = {entry.fingerprint: entry for entry in previous.resolved}
    present = {finding.fingerprint for finding in findings}
    resolved = [entry for entry in previous.resolved if entry.fingerprint not in present]
    not_compared = []
    sites = _sites(previous)
    for known in held.values():
        if known.fingerprint in present:
            continue
        why = _doubt(known, now=now, site=sites.get(known.fingerprint), asked=previous.identity.sites)
        if why is None:
            resolved.append(_resolved(known, audit_id=now.audit_id))
        else:
            not_compared.append(_not_compared(known, why=why))
    return Comparison(
        findings=tuple(replace(finding, state=_state(finding, held=held, gone=gone)) for finding in findings),
        resolved=tuple(sorted(resolved, key=_order)),
        not_compared=tuple(sorted(not_compared, key=_order)),
    )


def _state(finding: Finding, *, held: Mapping[str, Known], gone: Mapping[str, Resolved]) -> State:
    if finding.fingerprint in held:
        return State.UNCHANGED
    return State.REOPENED if finding.fingerprint in gone else State.NEW


def _doubt(known: Known, *, now: Now, site: str | None, asked: tuple[str, ...]) -> str | None:
    """Why nothing can be said of an absent finding; None when it is gone."""
    if not now.window.contains(known.observed_at):
        return f"observed at {iso(known.observed_at)}, outside the window"
    missing = sorted(set(asked) - set(now.sites))
    if missing and (site is None or site in missing):
        return f"site {site or ', '.join(missing)} was not audited"
    rule = now.rules.get(known.rule_id)
    if rule is None:
        return f"rule {known.rule_id} did not run"
    if rule.verdict not in {Verdict.PASS, Verdict.FAIL}:
        return f"rule {known.rule_id} was not evaluated: {rule.reason}"
    if rule.truncated:
        return f"rule {known.rule_id} lists only a part of its findings"
    for gap in now.gaps:
        concerns = gap.table in rule.tables and (site is None or gap.site_url == site)
        if concerns and gap.window.contains(known.observed_at):
            return f"a gap covers it: {gap.table} of {gap.site_url}, {gap.reason}"
    return None


def _sites(audit: Audit) -> dict[str, str]:
    """The site of each finding whose evidence or raw record tells it, by fingerprint."""
    cited = {entry.record: entry for entry in audit.cited}
    sites = {}
    for finding in audit.findings:
        told = finding.evidence.get("site_url")
        if isinstance(told, str):
            sites[finding.fingerprint] = told
            continue
        named = {site for record in finding.records if record in cited for site in _site(cited[record])}
        if len(named) == 1:
            sites[finding.fingerprint] = named.pop()
    return sites


def _site(entry: CitedRecord) -> Iterator[str]:
    """The site a raw record was asked for, or names itself; none where an edited audit holds neither."""
    target = entry.request.split(" ", 2)[1:2]
    try:
        asked = parse_qs(urlsplit("".join(target)).query).get("siteUrl")
        raw = None if asked else json.loads(entry.raw)
    except (ValueError, RecursionError):
        return
    if asked:
        yield asked[0]
    elif isinstance(raw, dict) and isinstance(raw.get("siteUrl"), str):
        yield raw["siteUrl"]


def _order(known: Known) -> tuple[int, str, str, str]:
    return (known.severity.rank, known.rule_id, known.subject, known.fingerprint)


def _resolved(known: Known, *, audit_id: str) -> Resolved:
    return Resolved(
        fingerprint=known.fingerprint,
        rule_id=known.rule_id,
        severity=known.severity,
        subject=known.subject,
        message=known.message,
        observed_at=known.observed_at,
        resolved_in=audit_id,
    )


def _not_compared(known: Known, *, why: str) -> NotCompared:
    return NotCompared(
        fingerprint=known.fingerprint,
        rule_id=known.rule_id,
        severity=known.severity,
        subject=known.subject,
        message=known.message,
        observed_at=known.observed_at,
        why=why,
    )
