"""An invented company judged by all rules with a detector, once for whoever looks at its findings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

from auditor.model.finding import Finding
from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.language.spec import Detector
from auditor.rules.reading.bind import bind
from auditor.simulator import scale
from auditor.simulator.scale.people import DOMAIN
from auditor.tables.facts import GEO, with_facts
from tests.pack import bundled_rules

Row = Mapping[str, object]
RULES = {rule.id: rule for rule in bundled_rules().rules if isinstance(rule.detect.stage, Detector)}
LISTS = {"internal_domains": (DOMAIN,), "office_networks": ()}
FACTS = {
    *GEO,
    "is_internal",
    "ip_network",
    "client_os",
    "client_app",
    "email",
    "meeting.start_time",
    "meeting.end_time",
}


class Site:
    """The findings of one invented company, and its rows."""

    def __init__(self) -> None:
        made = scale.make(scale.Scale(120, 180, seed="7"))
        geo = partial(scale.places, blocks=made.geography.blocks())
        bound = [bind(rule, now=made.scale.end, lists=LISTS) for rule in RULES.values()]
        window = Window(made.scale.audited, made.scale.end)
        tables = scale.frames(made)
        outcomes = run(bound, tables, window=window, now=made.scale.end, means=Means(lists=LISTS, geo=geo))
        self.found = {outcome.rule_id: outcome.findings for outcome in outcomes}
        told = with_facts(tables, "attendees", needed=FACTS, internal_domains=(DOMAIN,), geo=geo).collect()
        self.rows = sorted(told.to_dicts(), key=lambda row: row["joined_time"])
        self.by_record = {(row["page"], row["item"]): row for row in self.rows}

    def cited(self, finding: Finding) -> list[Row]:
        """The rows a finding cites, in order of time."""
        rows = [self.by_record[record.page, record.item] for record in finding.records]
        return sorted(rows, key=lambda row: row["joined_time"])


@cache
def site() -> Site:
    """The company."""
    return Site()
