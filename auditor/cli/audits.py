"""Audits read back from their files, and rules loaded as the configuration asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, ConfigError, ReportError
from auditor.model.audit import Audit

if TYPE_CHECKING:
    from auditor.model.finding import Finding
    from auditor.rules.reading.load import RuleSet
    from auditor.settings import Settings


def read_audit(path: Path) -> Audit:
    """The audit of an `audit.json`; `ConfigError` names the file when it is none."""
    from auditor.reports.audit_json import load

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return load(content)
    except AuditorError as error:
        why = str(error).removeprefix("this is no audit.json: ")
        raise ConfigError(f"{path}: is no audit.json of this version: {why}") from error


def whole_audit(path: Path) -> Audit:
    """The audit of an `audit.json` that lists all it counts; `ConfigError` names the place that contradicts."""
    from auditor.reports.audit_counts import reconcile

    audit = read_audit(path)
    try:
        reconcile(audit)
    except ReportError as error:
        raise ConfigError(f"{path}: lists other findings than it counts: {error}") from error
    return audit


def comparable(path: Path) -> Audit:
    """The audit of a file that may be held against another: fingerprints of a redacted one are pseudonyms."""
    audit = read_audit(path)
    if audit.redacted:
        raise ConfigError(f"{path}: is redacted; its fingerprints cannot be compared, name the audit it was made from")
    return audit


def one_finding(audit: Audit, fingerprint: str) -> Finding:
    """The finding whose fingerprint begins with the text given; `ConfigError` unless there is exactly one."""
    wanted = fingerprint.strip().lower()
    found = [finding for finding in audit.findings if finding.fingerprint.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(f"no finding of the audit has a fingerprint that begins with {wanted!r}")
    raise ConfigError(f"{len(found)} findings have a fingerprint that begins with {wanted!r}; write more of it")


def loaded_rules(settings: Settings, *, paths: Sequence[str] = (), bundled: bool = True) -> RuleSet:
    """The bundled rules without their tests, those of the configuration, and those of the paths."""
    from auditor.rules.reading.load import load_rules

    more = [*settings.rules.paths, *map(Path, paths)]
    return load_rules(more, bundled=bundled, allow_python=settings.allow_python_rules, tests=False)
