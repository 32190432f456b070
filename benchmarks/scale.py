"""What judging costs: the engine against a scan, DuckDB and pandas, on the attendance of a bank.

    python -m benchmarks scale [--rows 1_000_000 …] [--data FOLDER] [--parts twenty,pack,more,threads,small] [--runs 3]

Every figure is of a process of its own, CPU of user and system, the cheapest of some runs. A contestant that finds
something else than the engine ends the benchmark with an error. Archives are made where they are absent and kept in
`--data`; ten million rows need 3 GB of disk and eight minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from auditor.resources import resource
from auditor.tables.archive import Archive
from benchmarks.attendance.archive import Scale, make
from benchmarks.contest.agreement import differences
from benchmarks.contest.machine import described
from benchmarks.contest.measure import Cost, cost, module

HERE = Path(__file__).parent
TABLES = ("attendees", "meetings", "participants", "devices")
DETECTORS = (
    "ANM-001",
    "ANM-003",
    "ANM-004",
    "ANM-005",
    "ANM-006",
    "ANM-012",
    "ANM-013",
    "ANM-014",
    "ANM-015",
    "GEO-001",
)
CONTESTANTS = {
    "DuckDB": "benchmarks.contest.duckdb_sql",
    "pandas": "benchmarks.contest.pandas_rules",
    "plain pandas": "benchmarks.contest.pandas_plain",
}
HEAD = f"{'rows':>12}  {'what':<44}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'scans':>9}"
MORE = 20
NOW = "2026-10-05T06:00Z"
EXTRA = """\
schema: 1
id: XTR-{number:03}
name: extra-{number:03}
title: One more rule that hits next to nothing
status: test
severity: info
detect:
  from: attendees
  where: |
    {where}
finding: {{subject: "{{email}}", message: "{{email}} was there", fingerprint: [meeting_id, email]}}
"""
PLAIN = "email_domain == 'firm{number}.example' and client_agent == 'Linux,Webex' and not invited"
TEXTUAL = r"matches(display_name, '(?i)\b(zebra{number}|quokka{number}|axolotl)\b')"


@dataclass(slots=True)
class Table:
    """The lines of the table, and the CPU seconds of each kind of run by size."""

    spent: dict[str, dict[int, float]] = field(default_factory=dict)
    scans: dict[int, float] = field(default_factory=dict)

    def line(self, rows: int, what: str, one: Cost) -> None:
        """One measured process."""
        self.spent.setdefault(what, {})[rows] = one.cpu
        scans = f"{one.cpu / self.scans[rows]:9.1f}" if rows in self.scans else ""
        print(f"{rows:>12,}  {what:<44}{one.cpu:9.2f}{one.wall:9.2f}{one.peak:9.0f}{scans}", flush=True)

    def ratio(self, words: str, value: float, *, wanted: str) -> None:
        """One ratio beside what is wanted of it."""
        print(f"{'':>12}  {words:<62}{value:8.2f}   wanted: {wanted}", flush=True)


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--data", type=Path, default=Path("build/attendance"))
    parser.add_argument("--parts", default="twenty,pack,more,threads,small")
    parser.add_argument("--contestants", default=",".join(CONTESTANTS))
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args(words)
    print("\n".join(described()), f"\n{HEAD}", sep="\n")
    table, parts = Table(), set(asked.parts.split(","))
    chosen = [name for name in CONTESTANTS if name in asked.contestants.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        for rows in sorted(asked.rows):
            bench = _Bench(table, rows, _archive(asked.data, rows), Path(folder), asked.runs)
            bench.floor()
            if "twenty" in parts:
                bench.twenty(chosen)
            for part, measured in (("pack", bench.pack), ("more", bench.more), ("threads", bench.threads)):
                if part in parts:
                    measured()
        if "small" in parts:
            _small(table, Path(folder), asked.runs)
    _growth(table)


def twenty() -> tuple[str, ...]:
    """The ids in `rules.txt`."""
    lines = (HERE / "rules.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.split()[0] for line in lines if line and not line.startswith("#"))


@dataclass(frozen=True, slots=True)
class _Bench:
    """The measurements on one archive."""

    table: Table
    rows: int
    archive: Path
    folder: Path
    runs: int

    @property
    def task(self) -> Path:
        return self.folder / f"{self.rows}.json"

    def floor(self) -> None:
        """One scan, and what starting an interpreter with Polars costs beside it."""
        self.task.write_text(json.dumps(_task(self.archive)), encoding="utf-8")
        words = module("benchmarks.contest.scan", str(self.task))
        best = min((cost(words) for _ in range(max(self.runs, 3))), key=lambda one: _told(one)["cpu"])
        scan = _told(best)["cpu"]
        self.table.scans[self.rows] = scan
        self.table.line(self.rows, "one scan (start of the process apart)", Cost(scan, best.wall, best.peak, "", 0))

    def twenty(self, contestants: Sequence[str]) -> None:
        """The twenty rules by the engine, as a command and alone, and by each contestant, who must agree."""
        rules, audit = twenty(), self.folder / "audit.json"
        checked = self.check("auditor check, twenty rules", "--only", ",".join(rules), into=audit)
        alone = cost(module("benchmarks.contest.engine", str(self.archive), *rules), runs=self.runs)
        self.table.line(self.rows, "engine alone, twenty rules", alone)
        scan = self.table.scans[self.rows]
        self.table.ratio("auditor check / scan", checked.cpu / scan, wanted="10")
        self.table.ratio("engine alone / scan", alone.cpu / scan, wanted="10")
        for name in contestants:
            keys = self.folder / "keys.json"
            theirs = cost(module(CONTESTANTS[name], str(self.task), str(keys)))
            if lines := differences(audit, keys, name=name):
                raise SystemExit("\n".join(["the answers differ:", *lines]))
            if self.runs > 1:
                theirs = cost(module(CONTESTANTS[name], str(self.task)), runs=self.runs)
            self.table.line(self.rows, f"{name}, twenty rules", theirs)
            wanted = "3, 2.5 at 1 M" if name == "DuckDB" else "8 at 1 M"
            self.table.ratio(f"{name} / auditor check", theirs.cpu / checked.cpu, wanted=wanted)
            self.table.ratio(f"{name} / engine alone", theirs.cpu / alone.cpu, wanted=wanted)

    def pack(self) -> None:
        """All bundled rules, without the detectors and with them."""
        plain = self.check("auditor check, pack without detectors", "--exclude", ",".join(DETECTORS))
        whole = self.check("auditor check, pack with detectors")
        scan = self.table.scans[self.rows]
        self.table.ratio("pack without detectors / scan", plain.cpu / scan, wanted="20")
        self.table.ratio("pack with detectors / scan", whole.cpu / scan, wanted="50")

    def more(self) -> None:
        """What one more rule on rows costs, from twenty of them beside the twenty."""
        base = self.check("auditor check, twenty rules", "--only", ",".join(twenty()), quiet=True)
        for name, where, wanted in (("plain row rule", PLAIN, "4 %"), ("regular expression", TEXTUAL, "25 %")):
            path = self.folder / "extra.yaml"
            numbers = range(1, MORE + 1)
            texts = [EXTRA.format(number=number, where=where.format(number=number + 100)) for number in numbers]
            path.write_text("---\n".join(texts), encoding="utf-8")
            only = ",".join([*twenty(), *(f"XTR-{number:03}" for number in numbers)])
            more = self.check(f"auditor check, twenty and {MORE} more: {name}", "--rules", str(path), "--only", only)
            share = (more.cpu - base.cpu) / MORE / self.table.scans[self.rows] * 100
            self.table.ratio(f"one more {name}, % of a scan", share, wanted=wanted)

    def threads(self) -> None:
        """The twenty with one and two threads."""
        only = ("--only", ",".join(twenty()))
        for count in (1, 2):
            env = {"POLARS_MAX_THREADS": str(count)}
            self.check(f"auditor check, twenty rules, {count} threads", *only, env=env)

    def check(
        self,
        what: str,
        *options: str,
        into: Path | None = None,
        env: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> Cost:
        """The cost of `auditor check`, audit written to a file."""
        path = into or self.folder / "other.json"
        config = ("--config", str(self.archive / "auditor.yaml"))
        words = ("--archive", str(self.archive), "--fail-on", "never", "--now", NOW, "--format", f"json={path}")
        command = module("auditor", "-q", *config, "check", *words, *options)
        one = cost(command, runs=self.runs, env=env, codes=(0, 3))
        if not quiet:
            self.table.line(self.rows, what, one)
        return one


def _archive(data: Path, rows: int) -> Path:
    place = data / str(rows)
    if not (place / "auditor.yaml").exists():
        make(place, Scale(rows))
    return place


def _task(folder: Path) -> dict[str, object]:
    """What contestants are told: the files of each table as Delta lists them, and the span of time."""
    archive = Archive(folder)
    window = archive.span()
    if window is None:
        raise SystemExit(f"{folder} holds nothing")
    files = {name: sorted(_files(folder / "tables" / name)) for name in TABLES}
    return {"files": files, "start": _micros(window.start.timestamp()), "end": _micros(window.end.timestamp())}


def _files(table: Path) -> list[str]:
    paths = pl.DataFrame(DeltaTable(table).get_add_actions())["path"]
    return [str(table / path) for path in paths]


def _micros(seconds: float) -> int:
    return round(seconds) * 1_000_000


def _told(one: Cost) -> Mapping[str, float]:
    told: Mapping[str, float] = json.loads(one.said)
    return told


def _small(table: Table, folder: Path, runs: int) -> None:
    """`check` where there is next to nothing to judge: start and end count."""
    empty = folder / "empty"
    Archive.create(empty)
    demo = folder / "demo"
    cost(module("auditor", "-q", "demo", "--out", str(demo)))
    sample = ("--config", str(resource("sample_data") / "auditor.yaml"))
    measured: Sequence[tuple[str, Path, Sequence[str]]] = (
        ("empty archive", empty, ()),
        ("demo archive, configured as in the demo", demo / "archive", sample),
        ("demo archive, nothing configured", demo / "archive", ()),
    )
    for name, archive, config in measured:
        words = ("check", "--archive", str(archive), "--fail-on", "never", "--now", NOW)
        one = cost(module("auditor", "-q", *config, *words), runs=max(runs, 3), codes=(0, 3))
        table.line(0, f"auditor check, {name}", one)
        table.ratio(f"check of the {name}, CPU s", one.cpu, wanted="0.5" if archive == empty else "1.5")


def _growth(table: Table) -> None:
    """How cost grows with rows: CPU ~ rows ^ exponent, between the smallest and the largest size."""
    for what, spent in table.spent.items():
        sizes = sorted(size for size in spent if size)
        if len(sizes) > 1:
            low, high = sizes[0], sizes[-1]
            exponent = math.log(spent[high] / spent[low]) / math.log(high / low)
            table.ratio(f"growth of {what}, exponent", exponent, wanted="1.05")


if __name__ == "__main__":
    main(sys.argv[1:])
