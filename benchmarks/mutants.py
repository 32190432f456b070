"""Mutation testing of `auditor/rules` and `auditor/triage`: how many of a seeded sample of mutants the tests notice.

    make mutants                                  400 mutants, seed 2026
    python -m benchmarks mutants --count 50 --seed 7

mutmut makes the mutants and notes which tests reach which function; `make mutants` sets it up in an environment of its
own. The running is ours, since a process whose Polars has begun to work cannot be forked: everything is imported once,
and each mutant is a fork that runs the tests which reach it, quick ones first, until one fails. Results are kept in
build/mutants/results.jsonl, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORK = ROOT / "build" / "mutants"
COPIED = ("auditor", "rules", "tests", "report_templates", "sample_data", "docs", "pyproject.toml", "README.md")
TESTED = ("tests/rules_language", "tests/rules_engine", "tests/triage", "tests/rules", "tests/audit")
UNSEEING = (  # these run the command line or measure time, and so see no mutant
    "tests/rules_language/test_hostile_files.py",
    "tests/rules_language/test_whole_rules.py::test_a_hundred_rules_load_and_are_linted_within_a_second_of_work",
    "tests/rules_engine/test_laws.py::test_the_number_of_threads_changes_nothing",
    "tests/audit/test_installed_rules.py",
)
BUNDLED = "tests/rules/"
"""Tests that load every bundled rule, which takes a while by itself."""
OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib")
IMPORTED = (
    *("polars", "pytest", "hypothesis.strategies", "deltalake", "jinja2", "zstandard", "rich.console"),
    *("auditor.audit", "auditor.cli.rules", "auditor.triage.waiver_file"),
    *(f"auditor.rules.authoring.{name}" for name in ("embedded", "json_schema", "lint", "new", "site")),
)
ONE = "auditor.triage.fingerprint.x_fingerprint__mutmut_1"
"""mutmut notes what it notes before it judges; one mutant is enough for it."""
FIRST = 5.0
"""Seconds of tests that are tried before the rest is even imported."""
PATIENCE = 10
"""How many times the seconds its tests take unchanged a mutant may take, and half a minute, before it is a timeout."""

Stats = dict[str, dict[str, list[str]]]


def prepare() -> None:
    """The copy of the tree with every mutant in it, and the tests that reach each function."""
    tracked = subprocess.run(["git", "ls-files", "-z", *COPIED], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        target = WORK / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    settings = {
        "source_paths": ["auditor"],
        "only_mutate": ["auditor/rules/*", "auditor/triage/*"],
        "also_copy": [*COPIED[1:-2], "README.md"],
        "pytest_add_cli_args_test_selection": list(TESTED),
        "pytest_add_cli_args": [*OPTIONS, *(f"--deselect={name}" for name in UNSEEING)],
        "process_isolation": ["forkserver"],
        "forkserver_warmup": ["none"],
        "track_dependencies": ["false"],
    }
    lines = [f"{key}=" + "".join(f"\n    {value}" for value in values) for key, values in settings.items()]
    single = [line.replace("=\n    ", "=") if line.count("\n") == 1 else line for line in lines]
    (WORK / "setup.cfg").write_text("[mutmut]\n" + "\n".join(single) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "mutmut", "run", ONE], cwd=WORK, check=True)


def names() -> list[str]:
    """Every mutant."""
    found = sorted((WORK / "mutants" / "auditor").rglob("*.meta"))
    return [name for path in found for name in json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]]


def reaching(stats: Stats, name: str) -> list[str]:
    """The tests that reach the mutant's function, the quick ones first."""
    spent = stats["duration_by_test"]
    return sorted(stats["tests_by_mangled_function_name"].get(name.rpartition("__mutmut_")[0], ()), key=spent.get)


def allowed(stats: Stats, tests: list[str]) -> int:
    """Seconds of CPU after which a mutant is a timeout, as mutmut reckons it."""
    return 30 + PATIENCE * int(sum(stats["duration_by_test"][name] for name in tests))


def rounds(stats: Stats, tests: list[str]) -> list[list[str]]:
    """The tests in two rounds: a few quick ones that stand in few files, then the others."""
    spent = list(accumulate(stats["duration_by_test"][name] for name in tests))
    quick = [name for name, end in zip(tests, spent, strict=True) if end < FIRST and BUNDLED not in name]
    return [some for some in (quick, [name for name in tests if name not in set(quick)]) if some]


def judge(name: str, tests: list[list[str]], longest: int) -> int:
    """The pid of a fork that runs the tests on the mutant."""
    pid = os.fork()
    if pid:
        return pid
    import pytest

    os.environ["MUTANT_UNDER_TEST"] = name
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (longest, longest + 5))
    signal.alarm(10 * longest)  # for one that waits without working
    quiet = ("-x", "-q", "--tb=no", "--rootdir=.", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    code = 0
    for some in tests:
        code = code or int(pytest.main([*quiet, *OPTIONS, *some]))
    os._exit(code)


def ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        return "timeout" if os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM} else "killed"
    return {0: "survived", 1: "killed", 2: "killed"}.get(os.WEXITSTATUS(status), f"exit {os.WEXITSTATUS(status)}")


def run(sample: list[str], stats: Stats, results: Path, *, workers: int) -> None:
    known = (
        {json.loads(line)["name"] for line in results.read_text("utf-8").splitlines()} if results.exists() else set()
    )
    running: dict[int, tuple[str, int]] = {}

    def note(name: str, verdict: str, tests: int, cpu: float = 0.0) -> None:
        known.add(name)
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "verdict": verdict, "tests": tests, "cpu": round(cpu, 1)}) + "\n")
        print(f"{len(known)}/{len(sample)} {verdict}: {name}", flush=True)

    def wait(most: int) -> None:
        while len(running) > most:
            pid, status, used = os.wait4(-1, 0)
            name, tests = running.pop(pid)
            note(name, ended(status), tests, used.ru_utime + used.ru_stime)

    for name in [name for name in sample if name not in known]:
        tests = reaching(stats, name)
        if not tests:
            note(name, "no test", 0)
            continue
        wait(workers - 1)
        running[judge(name, rounds(stats, tests), allowed(stats, tests))] = (name, len(tests))
    wait(0)


def main(words: list[str]) -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--count", type=int, default=400)
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = options.parse_args(words)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # rows of tests are few, and every worker is a process
    WORK.mkdir(parents=True, exist_ok=True)
    noted = WORK / "mutants" / "mutmut-stats.json"
    if not noted.exists():
        prepare()
    stats = json.loads(noted.read_text(encoding="utf-8"))
    every = names()
    sample = random.Random(asked.seed).sample(every, min(asked.count, len(every)))
    os.environ |= {"MUTANT_UNDER_TEST": "", "HYPOTHESIS_PROFILE": "unshrunk"}
    os.chdir(WORK / "mutants")
    sys.path.insert(0, str(Path.cwd()))
    for module in IMPORTED:
        importlib.import_module(module)
    results = WORK / "results.jsonl"
    run(sample, stats, results, workers=asked.workers)
    kept = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    told = {entry["name"]: entry["verdict"] for entry in kept}
    counts = Counter(told[name] for name in sample)
    for name in sample:
        if told[name] != "killed":
            print(f"{told[name]}: {name}   (see it: cd build/mutants; mutmut show {name})")
    share = counts["killed"] / len(sample)
    print(
        f"{counts['killed']} of {len(sample)} mutants killed ({share:.1%}), of {len(every)} there are; {dict(counts)}"
    )
