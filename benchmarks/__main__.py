"""Runs the benchmarks: all of them, or those named; what follows `--` goes to each."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(words: list[str]) -> None:
    names, passed = words, []
    if "--" in words:
        at = words.index("--")
        names, passed = words[:at], words[at + 1 :]
    known = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    for name in names or known:
        print(f"== {name}", flush=True)
        import_module(f"benchmarks.{name}").main(passed)


if __name__ == "__main__":
    main(sys.argv[1:])
