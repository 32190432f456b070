"""What `check` would do, told before it does it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from auditor.audit.judge import Request, prepared
from auditor.audit.means import means, opened
from auditor.engines import plan
from auditor.rules.reading.load import RuleSet
from auditor.tables.archive import Archive


def planned(archive: Archive, rules: RuleSet, *, request: Request, now: datetime) -> Iterator[str]:
    """The plan of the audit in words, line by line. Raises what `check` raises for a wrong request."""
    ready = prepared(archive, rules, request=request, now=now)
    found = means(request.settings, geo=opened(request.settings))
    yield from plan.planned(archive, ready.bound, window=ready.window, sites=ready.sites, now=now, means=found)
