"""The engine alone, from the tables to worded findings: `python -m benchmarks.contest.engine ARCHIVE RULE…`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from auditor.audit.binding import bind_all
from auditor.audit.means import means, opened
from auditor.audit.selection import select
from auditor.engines.local import run
from auditor.rules.reading.load import load_rules
from auditor.settings import load
from auditor.tables.archive import Archive


def main() -> None:
    folder, only = Path(sys.argv[1]), tuple(sys.argv[2:])
    archive, settings = Archive(folder), load(folder / "auditor.yaml")
    window = archive.span()
    if window is None:
        raise SystemExit("the archive holds nothing")
    rules = load_rules([], bundled=True)
    selection = select(rules.rules, settings, only=only, exclude=())
    bound = bind_all(rules.rules, selection, settings=settings, overrides=(), now=window.end)
    means_ = means(settings, geo=opened(settings))
    outcomes = run(archive, bound, window=window, sites=archive.sites(), now=window.end, means=means_)
    print(json.dumps({outcome.rule_id: outcome.found for outcome in sorted(outcomes, key=lambda one: one.rule_id)}))


if __name__ == "__main__":
    main()
