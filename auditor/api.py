"""The Python interface: open an archive, load rules, check, write reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from auditor.audit import Request
from auditor.audit import check as _check
from auditor.audit.judge import span_of
from auditor.errors import ConfigError
from auditor.model.audit import Audit as Document
from auditor.model.exit import exit_code
from auditor.model.vocabulary import Severity
from auditor.model.window import Window
from auditor.reports.formats import FORMATS, Options, format_named, format_of
from auditor.reports.frame import findings_frame
from auditor.reports.write import laid_out
from auditor.rules.reading.load import RuleSet
from auditor.rules.reading.load import load_rules as _load_rules
from auditor.settings import load as _load_settings
from auditor.tables.archive import Archive
from auditor.triage.waiver_file import load as _load_waivers

__all__ = ["FORMATS", "Archive", "Audit", "RuleSet", "Window", "check", "load_rules", "write_report"]


@dataclass(frozen=True)
class Audit:
    """One evaluation of one window; `document` is all of it, as `audit.json` holds it."""

    document: Document

    @cached_property
    def findings(self) -> pl.DataFrame:
        """One row a finding, the gravest first.

        Columns: fingerprint, rule_id, title, severity, confidence, state, waiver, subject, message, observed_at,
        occurrences, controls (list of text), evidence (struct of the rules' evidence columns), records (list of
        page and item), page and item (of the first record).
        """
        return findings_frame(self.document)

    def exit_code(self, fail_on: str = "high", *, new_only: bool = False) -> int:
        """The code `auditor check` would end with: 0, 1 or 3. `fail_on` is a severity or `never`."""
        bar = None if fail_on == "never" else _severity(fail_on)
        return exit_code(self.document, fail_on=bar, new_only=new_only)

    def __repr__(self) -> str:
        summary = self.document.summary
        return f"Audit({self.document.identity.id!r}, open={summary.open}, waived={summary.waived})"


def load_rules(*paths: str | Path, bundled: bool = True, allow_python: bool = False) -> RuleSet:
    """The bundled rules and those of the files and folders named.

    Raises `RuleError` with every mistake of every file.
    """
    return _load_rules([Path(path) for path in paths], bundled=bundled, allow_python=allow_python)


def check(
    archive: Archive,
    rules: RuleSet,
    *,
    window: Window | None = None,
    now: datetime | None = None,
    sites: Sequence[str] = (),
    config: str | Path | None = None,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    params: Sequence[str] = (),
    waivers: str | Path | None = None,
    previous: Audit | None = None,
) -> Audit:
    """The archive judged by the rules over the window: everything it holds without one.

    `now` is the end of the window unless given, so equal calls give equal audits. `config` is an `auditor.yaml`,
    `params` are texts such as `IDN-002.min_overlap=5m`. Raises `ConfigError` and `RuleError` when what was asked is
    wrong, before anything is judged.
    """
    settings = _load_settings(None if config is None else Path(config))
    file = settings.waivers if waivers is None else Path(waivers)
    named = tuple(site.lower() for site in sites)
    asked = window or span_of(archive, named or settings.sites)
    moment = now or (asked.end if asked is not None else None)
    if moment is None:
        raise ConfigError("the archive holds nothing to take a time from; give a window or now")
    if moment.tzinfo is None:
        raise ConfigError("now needs a time zone")
    request = Request(
        window=asked,
        sites=named,
        settings=settings,
        only=tuple(only),
        exclude=tuple(exclude),
        overrides=tuple(_override(text) for text in params),
        waivers=None if file is None else _load_waivers(file),
        previous=None if previous is None else previous.document,
    )
    return Audit(_check(archive, rules, request=request, now=moment))


def write_report(audit: Audit, path: str | Path, format: str | None = None) -> None:  # noqa: A002 - the contract's word
    """The audit written to `path` whole or not at all, in the format of the suffix unless `format` names one."""
    target = Path(path)
    chosen = format_of(target) if format is None else format_named(format)
    with laid_out(target, chosen.pieces(audit.document, Options())) as laid:
        laid.place()


def _override(text: str) -> tuple[str, str, str]:
    name, equals, value = text.partition("=")
    rule, dot, parameter = name.rpartition(".")
    if not equals or not dot:
        raise ConfigError(f"{text!r} is no RULE.param=VALUE such as IDN-002.min_overlap=5m")
    return rule, parameter, value


def _severity(word: str) -> Severity:
    try:
        return Severity(word)
    except ValueError:
        raise ConfigError(f"fail_on must be one of {', '.join(Severity)}, never") from None
