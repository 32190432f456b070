"""What each detector costs over a million rows: CPU-seconds, and memory above what the rows take."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl

from auditor.entities.packed import read_packed
from auditor.model.window import Window
from auditor.rules.language.spec import Detector, Rule
from auditor.rules.reading.bind import bind
from auditor.rules.reading.load import load_rules
from auditor.rules.stages.statistical import KINDS, needed, settings_of
from auditor.simulator.scale import Scale, frames, make, places
from auditor.simulator.scale.people import DOMAIN
from auditor.tables.facts import with_facts

ROWS = 1_000_000
RULES = ("ANM-001", "ANM-003", "ANM-004", "ANM-005", "ANM-006", "ANM-013", "ANM-014", "GEO-001")
CPU_LIMIT, MEMORY_LIMIT = 5.0, 1024


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks detector_cost")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--one", nargs=2, metavar=("RULE", "FILE"), help="measure one rule in this process")
    asked = parser.parse_args(list(arguments))
    if asked.one:
        print(json.dumps(_measured(asked.one[0], Path(asked.one[1]))))
        return
    scale = Scale(max(24, asked.rows * 6 // 1000), 180, seed="1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        rows = _written(scale, path, limit=asked.rows)
        print(f"{rows:,} rows; limits {CPU_LIMIT} CPU-seconds, {MEMORY_LIMIT} MB above the rows")
        for rule_id in RULES:
            command = [sys.executable, "-m", "benchmarks.detector_cost", "--one", rule_id, str(path)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            within = found["cpu"] <= CPU_LIMIT and found["memory"] <= MEMORY_LIMIT
            print(
                f"  {rule_id} {found['type']:18} {found['cpu']:6.1f} CPU s {found['memory']:7.0f} MB"
                f" {found['findings']:5} findings  {'met' if within else 'NOT met'}",
                flush=True,
            )


def _rule(rule_id: str) -> Rule:
    rule = load_rules().get(rule_id)
    if rule is None:
        raise SystemExit(f"no rule {rule_id}")
    return bind(rule, now=Scale(24, 180).end, lists={"internal_domains": (DOMAIN,), "office_networks": ()}).rule


def _stage(rule: Rule) -> Detector:
    stage = rule.detect.stage
    if not isinstance(stage, Detector):
        raise SystemExit(f"{rule.id} has no detector")
    return stage


def _written(scale: Scale, path: Path, *, limit: int) -> int:
    made = make(scale)
    columns = frozenset().union(*(needed(_stage(_rule(rule_id))) for rule_id in RULES)) | {"is_internal", "email"}
    rows = with_facts(
        frames(made), "attendees", needed=columns, internal_domains=(DOMAIN,),
        geo=partial(places, blocks=made.geography.blocks()),
    )  # fmt: skip
    kept = rows.filter("is_internal").select(*sorted(columns), "page", "item").tail(limit).collect()
    kept.write_parquet(path)
    return kept.height


def _measured(rule_id: str, path: Path) -> dict[str, object]:
    stage = _stage(_rule(rule_id))
    kind = KINDS[stage.type]
    settings = settings_of(stage, kind)
    # as rules hand them: texts are packed while an archive is read
    rows = read_packed(pl.scan_parquet(path).select(sorted(needed(stage) | {"page", "item"})))
    scale = Scale(24, 180)
    window = Window(scale.end - timedelta(days=90), scale.end)
    _forgotten()
    begin, used = time.process_time(), _peak()
    found = kind.detect(rows.lazy(), settings, window)
    return {
        "type": stage.type,
        "cpu": time.process_time() - begin,
        "memory": _peak() - used,
        "findings": found.findings.height,
    }


def _peak() -> float:
    """The most memory this process held since `_forgotten`, in MB; of its whole life where /proc is missing."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def _forgotten() -> None:
    """Let the peak begin at what is held now."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


if __name__ == "__main__":
    main(sys.argv[1:])
