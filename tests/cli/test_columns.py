"""Tables as plain text look as the library for terminals would print them."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from auditor.cli.columns import cells, lines, wrapped

HEADINGS = ("rule", "open", "title")
WORDS = st.text(st.sampled_from("abcäß-.,:'\u0301日本"), min_size=1, max_size=30)
TITLES = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


def drawn(rows, width):
    """The table as rich draws it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("rule", no_wrap=True)
    table.add_column("open", no_wrap=True, justify="right")
    table.add_column("title", ratio=1, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, markup=False, emoji=False).print(table)
    return out.getvalue().splitlines()


@given(
    rows=st.lists(
        st.tuples(st.from_regex(r"[A-Z]{3}-[0-9]{1,3}", fullmatch=True), st.integers(0, 9999).map(str), TITLES)
    ),
    width=st.integers(50, 120),
)
def test_lines_are_those_of_the_library_for_terminals(rows, width):
    assert list(lines(HEADINGS, rows, right={1}, width=width)) == drawn(rows, width)


@given(text=TITLES, width=st.integers(2, 40))
def test_wrapping_loses_nothing_and_stays_in_the_width(text, width):
    found = wrapped(text, width)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert all(cells(line) <= width for line in found)


def test_a_table_without_rows_has_its_headings():
    assert [line.strip() for line in lines(HEADINGS, [], right={1}, width=40)] == [
        "",
        "rule   open   title",
        "─" * 19,
        "",
    ]


def test_a_column_too_wide_makes_longer_lines():
    found = list(lines(HEADINGS, [("X" * 60, "1", "a title")], right={1}, width=40))
    assert len(set(map(len, found))) == 1
    assert "a title" in found[3]


def test_the_line_below_the_headings_can_do_with_ascii():
    assert list(lines(HEADINGS, [], right={1}, width=40, dash="-"))[2] == f" {'-' * 19} "
