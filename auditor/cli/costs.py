"""The costs of a run as a table of text."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

from auditor.rules.profile import Profile

_UNIT = 1 if sys.platform == "darwin" else 1024


def costs(profile: Profile) -> Iterator[str]:
    """One line a step, the dearest first: rows or groups looked at, what came out, CPU-seconds; then the peak."""
    steps = sorted(profile.steps.values(), key=lambda step: (-step.seconds, step.name))
    width = max([len(step.name) for step in steps] + [4])
    yield f"{'step':<{width}}  {'looked at':>12}  {'found':>10}  {'CPU s':>8}"
    for step in steps:
        yield f"{step.name:<{width}}  {step.rows:>12,}  {step.found:>10,}  {step.seconds:>8.2f}"
    total = sum(step.seconds for step in steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    yield f"{'all':<{width}}  {'':>12}  {'':>10}  {total:>8.2f}"
    yield f"most memory {peak / 1e6:,.0f} MB"
