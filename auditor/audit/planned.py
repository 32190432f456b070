"""What `check` would do, told before it does it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from auditor.audit.binding import bind_all
from auditor.audit.judge import EMPTY_WINDOW, Request, span_of
from auditor.audit.means import means, opened
from auditor.audit.selection import select, unknown_rules
from auditor.engines import plan
from auditor.model.window import Window
from auditor.rules.load import RuleSet
from auditor.tables.archive import Archive


def planned(archive: Archive, rules: RuleSet, *, request: Request, now: datetime) -> Iterator[str]:
    """The plan of the audit in words, line by line. Raises what `check` raises for a wrong request."""
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
    geo = opened(settings)
    yield from plan.planned(archive, bound, window=window, sites=sites, now=now, means=means(settings, geo=geo))
