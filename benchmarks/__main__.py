"""Runs the benchmarks: those named, else all but the long ones; options go to each of them.

python -m benchmarks [NAME …] [OPTION …]
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

LONG = frozenset({"detection", "mutants"})
"""Campaigns of an hour; run by name."""


def main(words: list[str]) -> None:
    at = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    names, passed = words[:at], [word for word in words[at:] if word != "--"]
    known = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    for name in names or sorted(set(known) - LONG):
        print(f"== {name}", flush=True)
        import_module(f"benchmarks.{name}").main(passed)


if __name__ == "__main__":
    main(sys.argv[1:])
