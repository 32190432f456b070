"""Texts as numbers and back."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.entities.packed import of_their_own, texts

KEEP = """
import resource, sys
import polars as pl
from auditor.rules.reading.load import load_rules
from auditor.rules.judging.merging import kept_columns, trimmed
from auditor.rules.outcome import Judged
from auditor.rules.task import Task

task = Task(load_rules(bundled=True).rules[0])

def held():
    # the most a process ever held counts what its parent did before
    try:
        return int(open("/proc/self/statm").read().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def rows(number):
    text = pl.concat_str(pl.lit(f"a text too long to lie in a view {number} "), pl.int_range(60_000).cast(pl.String))
    return pl.select(text.alias(name) for name in kept_columns(task))

kept, before = [], 0
for number in range(24):
    found = rows(number)[[5, 50_000]]
    kept.append(trimmed(Judged(found, population=2, not_evaluable=0), task) if sys.argv[1] == "own" else found)
    if number == 3:
        before = held()
print(held() - before)
"""


def grown(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", KEEP, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
def test_hits_do_not_keep_the_columns_they_were_taken_from():
    assert 3 * grown("own") < grown("shared")


@given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.lists(st.none() | st.text())), max_size=9))
def test_texts_of_their_own_are_the_same(rows):
    schema = {"one": pl.String, "several": pl.List(pl.String)}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(packed=pl.col("one").cast(pl.Categorical()))
    own = of_their_own(frame)
    assert own.schema == frame.schema
    assert texts(own).equals(texts(frame))
