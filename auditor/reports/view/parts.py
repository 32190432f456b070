"""The pieces that sections are made of: tables, facts, paragraphs of prose."""

from __future__ import annotations

from auditor.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a table. `kind` is text, number, mono, code, severity or verdict; `word` a class of a fixed list.

    `note` stands below in small print, `href` is an address that was found safe or an anchor of this report. `anchor`
    is the element id of the cell, `finding` that of a finding which only the script of the HTML report can show.
    """

    text: str
    kind: str = "text"
    word: str = ""
    note: str = ""
    href: str = ""
    anchor: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, its share of the width in percent, and whether it holds numbers."""

    title: str
    width: int
    number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; the first cell of a row names it. `empty` is said instead when there is no row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    total: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        if sum(column.width for column in self.columns) != 100:
            raise ValueError(f"{self.caption}: the widths of columns add up to 100")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.caption}: each row has a cell for each column")


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value, such as a line of the cover."""

    label: str
    value: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Mark:
    """A word with a marker: severity or verdict. `word` is a class of a fixed list."""

    text: str
    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a section stands: its anchor, its number or letter, its title."""

    anchor: str
    number: str
    title: str
