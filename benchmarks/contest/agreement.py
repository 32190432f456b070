"""Whether hand-written rules find what the engine finds: the same fingerprints, rule by rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from auditor.triage.fingerprint import fingerprint


def differences(audit: Path, keys: Path, *, name: str) -> list[str]:
    """One line a rule on which the contestant `name` and the audit differ; none when they agree."""
    document = json.loads(audit.read_bytes())
    ours: dict[str, set[str]] = {}
    for finding in document["findings"]:
        ours.setdefault(finding["rule_id"], set()).add(finding["fingerprint"])
    theirs: Mapping[str, list[list[object]]] = json.loads(keys.read_bytes())
    lines = []
    for rule, found in sorted(theirs.items()):
        marks = {fingerprint(rule, tuple(key)) for key in found}
        mine = ours.get(rule, set())
        if marks != mine:
            lines.append(
                f"{rule}: {name} finds {len(marks)}, the engine {len(mine)};"
                f" {len(marks - mine)} are {name}'s alone, {len(mine - marks)} the engine's"
            )
    return lines
