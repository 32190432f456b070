"""One evaluation of one window, from the archive to the finished audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

import polars as pl

from auditor.audit.binding import bind_all
from auditor.audit.cited import cited
from auditor.audit.controls import judge
from auditor.audit.identity import config_digest, identity
from auditor.audit.means import means, opened
from auditor.audit.results import changes, result, summary
from auditor.audit.selection import Selection, ids, select, unasked_lists, unknown_rules
from auditor.audit.visible import visible_names
from auditor.engines import local
from auditor.engines.engine import Engine
from auditor.frozen import dataclass
from auditor.model.audit import Audit, Identity, ReportSettings, RuleResult
from auditor.model.coverage import Gap
from auditor.model.finding import Finding, Value
from auditor.model.vocabulary import Severity, State, Verdict
from auditor.model.window import Window
from auditor.rules.language.frameworks import Framework, control_ids
from auditor.rules.language.spec import Rule
from auditor.rules.outcome import Outcome
from auditor.rules.profile import Profile
from auditor.rules.reading.bind import BoundRule
from auditor.rules.reading.frameworks import bundled
from auditor.rules.reading.load import RuleSet
from auditor.settings import Settings
from auditor.settings.fields import settle
from auditor.tables.archive import Archive
from auditor.tables.coverage import coverage
from auditor.tables.damage import damage_told, refuse_damage
from auditor.tables.geoip import GeoIP
from auditor.tables.schema import TABLES
from auditor.tables.still import held_still
from auditor.triage import waiver_file
from auditor.triage.compare import Comparison, Now, compare
from auditor.triage.waiver_file import WaiverFile
from auditor.triage.waivers import Waived, apply

EMPTY_WINDOW = timedelta(days=90)
"""What is asked about when an archive holds nothing: the time Webex keeps reports."""


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an archive beyond the rules; everything has the default of the configuration.

    `overrides` are (rule, parameter, text) as `--set` gives them. `timezone` is that of printed times.
    """

    window: Window | None = None
    sites: tuple[str, ...] = ()
    settings: Settings = DEFAULTS
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    overrides: tuple[tuple[str, str, str], ...] = ()
    waivers: WaiverFile | None = None
    previous: Audit | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a request comes to: the rules chosen, with their parameters, and the window and sites they are judged on."""

    selection: Selection
    bound: tuple[BoundRule, ...]
    window: Window
    sites: tuple[str, ...]


def prepared(archive: Archive, rules: RuleSet, *, request: Request, now: datetime) -> Prepared:
    """The request with everything decided. Raises `ConfigError` and `RuleError` for what is wrong with it."""
    settings = request.settings
    selection = select(rules.rules, settings, only=request.only, exclude=request.exclude)
    bound = bind_all(
        rules.rules,
        selection,
        settings=settings,
        overrides=request.overrides,
        now=now,
        misnamed=unknown_rules(settings, rules.rules),
    )
    sites = tuple(site.lower() for site in request.sites) or settings.sites or archive.sites()
    window = request.window or span_of(archive, sites) or Window(now - EMPTY_WINDOW, now)
    return Prepared(selection, tuple(bound), window, sites)


def check(
    archive: Archive,
    rules: RuleSet,
    *,
    request: Request,
    now: datetime,
    progress: Callable[[str], None] | None = None,
    engine: Engine = local.run,
    profile: Profile | None = None,
) -> Audit:
    """The audit of the archive as it is: the same archive, rules, request and `now` give equal audits.

    Which `engine` judges makes no difference to the audit. `progress` hears the id of each rule that is done, `profile`
    is told what each step costs. Raises `ConfigError` and `RuleError` for what is wrong with the request, before
    anything is judged, `ConfigError` for damage met inside a GeoIP database, and `ArchiveError` where tables are lost
    or cannot be read.
    """
    with held_still(archive) as still:
        with damage_told(archive, read=still):
            audit = _check(still, rules, request, now, progress=progress, engine=engine, profile=profile)
        if any(result.crashed for result in audit.rules):
            refuse_damage(archive)
    return audit


def _check(
    archive: Archive,
    rules: RuleSet,
    request: Request,
    now: datetime,
    *,
    progress: Callable[[str], None] | None,
    engine: Engine,
    profile: Profile | None,
) -> Audit:
    settings = request.settings
    ready = prepared(archive, rules, request=request, now=now)
    selection, bound, window, sites = ready.selection, ready.bound, ready.window, ready.sites
    known = ids(rules.rules)
    frameworks = bundled()
    waivers = _waivers(request.waivers, rules.rules, known, frameworks=frameworks)
    geoip = opened(settings)
    chain = archive.chain()
    outcomes = engine(
        archive,
        bound,
        window=window,
        sites=sites,
        now=now,
        means=replace(means(settings, geo=geoip), profile=profile),
        also=_named(waivers),
        progress=progress,
    )
    if geoip is not None:
        if any(outcome.crashed for outcome in outcomes):
            _look_up_again(archive, geoip)
        geoip.refuse_damage()
    seen = coverage(archive, window=window, sites=sites, now=now, settle=settings.collect.settle)
    waived = _held(outcomes, waivers, known=known, now=now)
    declared = {rule.id: rule.severity for rule in rules.rules}
    results = _results(outcomes, bound, waived.findings, declared=declared)
    look = _look(settings, request.timezone)
    databases = tuple(str(database) for database in geoip.databases) if geoip is not None else ()
    who = identity(
        window=window,
        sites=sites,
        now=now,
        rules_digest=rules.digest,
        evidence_head=chain.head,
        config=config_digest(
            settings.digest,
            chosen=[rule.id for rule in selection.chosen],
            overrides=request.overrides,
            waivers=waivers.waivers,
            attestations=waivers.attestations,
            report=look,
            databases=databases,
        ),
        previous=request.previous,
    )
    compared = _compared(waived.findings, request.previous, who=who, results=results, gaps=seen.gaps)
    return Audit(
        identity=who,
        coverage=seen,
        rules=results,
        rules_not_run=selection.left,
        frameworks=judge(frameworks, results, attestations=waivers.attestations, now=now),
        findings=compared.findings,
        resolved=compared.resolved,
        not_compared=compared.not_compared,
        waivers=waived.states,
        summary=summary(results, compared.findings),
        cited=cited(compared.findings, archive.evidence, findings_per_rule=look.max_findings_per_rule),
        chain=chain,
        previous=request.previous.identity.id if request.previous is not None else None,
        notes=(
            *(f"GeoIP database: {database}" for database in databases),
            *unasked_lists(settings, rules.rules),
            *_partly(compared.findings, request.previous),
        ),
        report=look,
        rule_changes=changes(results, request.previous) if request.previous is not None else None,
    )


def _look_up_again(archive: Archive, geoip: GeoIP) -> None:
    """Look every address up where rules crashed: they may have met damage of a database on another machine."""
    for name in (name for name, table in TABLES.items() if "ip_address" in table.schema):
        geoip(archive.scan(name).select(pl.col("ip_address").unique()).collect().to_series())


def span_of(archive: Archive, sites: Sequence[str]) -> Window | None:
    """Everything the archive holds of the sites, of all of them when none is named."""
    return archive.span(sites or None)


def _waivers(
    file: WaiverFile | None, rules: Sequence[Rule], known: Mapping[str, str], *, frameworks: Sequence[Framework]
) -> WaiverFile:
    """The waivers with their rules by id; every name, rule and control of the file exists."""
    if file is None:
        return WaiverFile("")
    named = waiver_file.with_ids(file, known)
    visible = {rule.id: visible_names(rule) for rule in rules}
    settle(
        [
            *waiver_file.unknown_rules(file, known),
            *waiver_file.invisible_names(named, visible),
            *waiver_file.unknown_controls(file, control_ids(frameworks)),
        ]
    )
    return named


def _named(waivers: WaiverFile) -> dict[str, frozenset[str]]:
    """The names waivers match on, by rule: what the engine must show of each finding."""
    named: dict[str, frozenset[str]] = {}
    for waiver in waivers.waivers:
        if waiver.rule is not None and waiver.match:
            named[waiver.rule] = named.get(waiver.rule, frozenset()) | frozenset(waiver.match)
    return named


def _held(outcomes: Sequence[Outcome], waivers: WaiverFile, *, known: Mapping[str, str], now: datetime) -> Waived:
    """All findings in their order, marked with the waivers that accept them."""
    shown = outcomes if waivers.waivers else ()
    seen: dict[str, Mapping[str, Value]] = {
        finding.fingerprint: values
        for outcome in shown
        for finding, values in zip(outcome.findings, outcome.seen, strict=True)
    }
    return apply(
        _in_order(outcomes),
        waivers.waivers,
        seen=lambda finding: seen[finding.fingerprint],
        judged={outcome.rule_id for outcome in outcomes if outcome.verdict is not Verdict.NOT_EVALUATED},
        known=set(known.values()),
        now=now,
    )


def _in_order(outcomes: Sequence[Outcome]) -> list[Finding]:
    """All findings in their order, which those of each outcome have."""
    found: dict[Severity, list[Finding]] = {severity: [] for severity in Severity}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.rule_id):
        for severity, some in groupby(outcome.findings, key=attrgetter("severity")):
            found[severity] += some
    return [finding for some in found.values() for finding in some]


def _results(
    outcomes: Sequence[Outcome],
    bound: Sequence[BoundRule],
    findings: Sequence[Finding],
    *,
    declared: Mapping[str, Severity],
) -> tuple[RuleResult, ...]:
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule_id, []).append(finding)
    return tuple(
        result(
            outcome,
            one.rule,
            declared=declared[one.rule.id],
            parameters=one.parameters,
            findings=by_rule.get(one.rule.id, ()),
        )
        for outcome, one in zip(outcomes, bound, strict=True)
    )


def _compared(
    findings: Sequence[Finding],
    previous: Audit | None,
    *,
    who: Identity,
    results: Sequence[RuleResult],
    gaps: tuple[Gap, ...],
) -> Comparison:
    if previous is None:
        return Comparison(tuple(findings), (), ())
    rules = {rule.id: rule for rule in results}
    return compare(
        findings, previous, now=Now(audit_id=who.id, window=who.window, sites=who.sites, rules=rules, gaps=gaps)
    )


def _partly(findings: Sequence[Finding], previous: Audit | None) -> list[str]:
    """What is said where findings called new may have lain beyond a limit of the previous audit."""
    cut = {rule.id for rule in previous.rules if rule.truncated} if previous is not None else set()
    named = sorted(cut & {finding.rule_id for finding in findings if finding.state is State.NEW})
    said = "the previous audit lists only a part of the findings of {}: what lay beyond the limit there is called new"
    return [said.format(", ".join(named))] if named else []


def _look(settings: Settings, timezone: str | None) -> ReportSettings:
    """How the report looks: the configuration over the defaults, the zone of the command line over both."""
    chosen = settings.report
    default = ReportSettings()
    return ReportSettings(
        title=chosen.title or default.title,
        organisation=chosen.organisation,
        prepared_for=chosen.prepared_for,
        classification=chosen.classification,
        logo=chosen.logo,
        max_findings_per_rule=chosen.max_findings_per_rule,
        timezone=timezone or chosen.timezone or default.timezone,
        accent=chosen.accent,
    )
