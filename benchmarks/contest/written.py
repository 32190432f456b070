"""How a contestant is told what to read, and how it tells what it found."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

Key: TypeAlias = tuple[object, ...]
Found: TypeAlias = Mapping[str, list[Key]]


@dataclass(frozen=True, slots=True)
class Task:
    """The files of each table, the days the audit is about in microseconds, and the hits wanted in `keys`."""

    files: Mapping[str, list[str]]
    start: int
    end: int
    keys: Path | None


def contest(judged: Callable[[Task], Found]) -> None:
    """Read the task, judge, and tell the number of hits by rule; their keys go into a file where one is named."""
    asked = json.loads(Path(sys.argv[1]).read_bytes())
    keys = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    found = judged(Task(asked["files"], asked["start"], asked["end"], keys))
    print(json.dumps({rule: len(rows) for rule, rows in sorted(found.items())}))
    if keys is not None:
        keys.write_text(json.dumps({rule: _plain(rows) for rule, rows in found.items()}), encoding="utf-8")


def _plain(rows: Iterable[Key]) -> list[list[object]]:
    """The keys in the form fingerprints are made of."""
    return [[_stamp(value) if isinstance(value, datetime) else value for value in row] for row in rows]


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
