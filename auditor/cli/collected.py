"""What `collect` tells at its end: what was fetched, what is missing."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from auditor.cli.context import Session, admit, say
from auditor.model.coverage import Gap
from auditor.model.window import iso
from auditor.webex.collect import Outcome
from auditor.words import counted

log = logging.getLogger(__name__)


def tell_collected(outcome: Outcome, session: Session) -> None:
    """What was fetched, and what is absent, as a table or as one JSON line; with `-q` only what is absent."""
    if session.verbosity < 0:
        for line in _gap_lines(outcome.gaps):
            admit(session, line)
        return
    if session.log_format == "json":
        click.echo(json.dumps(_summary(outcome)), err=True)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("site", "endpoint", "units", "records"):
        table.add_column(heading, justify="right" if heading in {"units", "records"} else "left")
    for each in outcome.fetched:
        table.add_row(each.site_url or "", each.endpoint, str(each.units), f"{each.rows:,}")
    if outcome.fetched:
        Console(stderr=True, highlight=False).print(table)
    waited = outcome.waited.total_seconds()
    words = counted(outcome.requests, "request") + (f", {waited:.0f} s waited for Webex" if waited else "")
    end = "it ended before all was asked for" if outcome.refusal is not None else "nothing is missing"
    say(session, f"{words}; " + (counted(len(outcome.gaps), "gap") if outcome.gaps else end))
    for line in _gap_lines(outcome.gaps):
        log.warning("%s", line)


def _summary(outcome: Outcome) -> dict[str, object]:
    return {
        "level": "info",
        "message": "collected",
        "sites": list(outcome.sites),
        "from": iso(outcome.window.start),
        "to": iso(outcome.window.end),
        "fetched": [
            {"site_url": each.site_url, "endpoint": each.endpoint, "units": each.units, "records": each.rows}
            for each in outcome.fetched
        ],
        "requests": outcome.requests,
        "waited_seconds": outcome.waited.total_seconds(),
        "gaps": [
            {
                "table": gap.table,
                "site_url": gap.site_url,
                "from": iso(gap.window.start),
                "to": iso(gap.window.end),
                "reason": gap.reason.value,
                "detail": gap.detail,
            }
            for gap in outcome.gaps
        ],
    }


def _gap_lines(gaps: Sequence[Gap]) -> list[str]:
    """One line for gaps that differ only in their span or meeting."""
    groups: dict[tuple[str, str, str], list[Gap]] = {}
    for gap in gaps:
        groups.setdefault((gap.site_url, gap.table, gap.reason.value), []).append(gap)
    lines = []
    for (site, table, reason), same in groups.items():
        start, end = min(gap.window.start for gap in same), max(gap.window.end for gap in same)
        times = f", {len(same)} times" if len(same) > 1 else ""
        lines.append(f"{reason} in {table} of {site} from {iso(start)} to {iso(end)}{times}: {same[0].detail}")
    return lines
