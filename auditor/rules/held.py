"""Rows of a table that were read, with facts and parts of conditions made from the values that differ."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from auditor.rules.columns import names_in
from auditor.rules.compile import expression
from auditor.rules.keys import code_of, highest, key_of, lowest
from auditor.rules.once import MADE, Sources, made_name
from auditor.rules.outcome import CRASHES
from auditor.rules.packed import packed
from auditor.rules.places import PLACE, places_of
from auditor.tables.facts import OF_MEETING, Geo, value_source, with_facts
from auditor.tables.schema import TABLES, TEXT

_log = logging.getLogger(__name__)
_PLACE_TYPE = pl.UInt32


@dataclass(frozen=True, slots=True)
class Beside:
    """What facts need beside the rows: the other tables, the configured domains, the places of addresses."""

    frames: Mapping[str, pl.LazyFrame]
    internal_domains: Collection[str] | None = None
    geo: Geo | None = None


@dataclass(slots=True)
class _Values:
    """The values that differ, once each, with the facts made from them; `places` tells each row's."""

    frame: pl.DataFrame
    places: pl.Series


@dataclass(slots=True)
class Held:
    """The rows of a table; a column is made when it is first asked for and kept.

    `own` are the columns that were read, texts of them packed or not.
    """

    table: str
    own: pl.DataFrame
    beside: Beside
    _made: dict[str, pl.Series] = field(default_factory=dict, init=False)
    _values: dict[str, _Values] = field(default_factory=dict, init=False)

    def in_order(self) -> Held:
        """The rows in the order of time and lineage, with `PLACE`."""
        places = places_of(self.own, TABLES[self.table].time)
        found = self if places.is_sorted() else self.taken_whole(places.arg_sort())
        found.own = found.own.with_columns(pl.int_range(found.height, dtype=pl.Int64, eager=True).alias(PLACE))
        return found

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.own.height

    def can(self, names: Iterable[str]) -> bool:
        """Whether every name is a column here, or a fact that what was read is enough for."""
        return all(self._known(name) for name in names)

    def frame(self, names: Iterable[str]) -> pl.DataFrame:
        """The rows with the named columns, texts packed where they were read so or made."""
        return pl.DataFrame([self._column(name).alias(name) for name in names])

    def taken(self, names: Iterable[str], places: pl.Series) -> pl.DataFrame:
        """The rows at the places."""
        return pl.DataFrame([self._taken(name, places).alias(name) for name in names])

    def made(self) -> list[str]:
        """The columns of the parts of conditions that were made."""
        return [name for name in self._made if name.startswith(MADE)]

    def filtered(self, kept: pl.Series) -> Held:
        """The rows of which `kept` is true."""
        return self.taken_whole(kept.arg_true())

    def taken_whole(self, places: pl.Series) -> Held:
        """The rows at the places, with all that was made of them."""
        found = Held(self.table, self.own[places], self.beside)
        found._made = {name: column.gather(places) for name, column in self._made.items()}
        found._values = {name: _Values(one.frame, one.places.gather(places)) for name, one in self._values.items()}
        return found

    def prepare(self, facts: Collection[str], parts: Sources) -> None:
        """Make the parts of conditions, and first what they and the rules read of the meetings."""
        meetings = {name for name in facts if value_source(self.table, name) == OF_MEETING}
        meetings |= {name for tree in parts.get(OF_MEETING, ()) for name in names_in(tree)}
        self._with_facts(OF_MEETING, sorted(meetings - set(self.own.columns)))
        for source, found in parts.items():
            # a fact the rows were given says more than the text it is usually made from
            given = set(self.own.columns) - {source}
            trees = [tree for tree in found if not names_in(tree) & given]
            if not trees or not self._can_tell(source):
                continue
            values = self._of(source)
            self._with_facts(source, sorted({name for tree in trees for name in names_in(tree)}))
            for tree in trees:
                if not names_in(tree) <= set(values.frame.columns):
                    continue
                try:
                    told = values.frame.select(expression(tree).alias("made")).to_series()
                except CRASHES as error:  # the rule at fault computes it for itself, and shows
                    _log.debug("a part of a condition could not be computed once a value", exc_info=error)
                else:
                    self._made[made_name(tree)] = told.gather(values.places)

    def _known(self, name: str) -> bool:
        if name in self.own.columns or name in self._made:
            return True
        source = value_source(self.table, name)
        return source is not None and self._can_tell(source)

    def _can_tell(self, source: str) -> bool:
        return ("meeting_id" if source == OF_MEETING else source) in self.own.columns

    def _column(self, name: str) -> pl.Series:
        if name in self.own.columns:
            return self.own[name]
        if name not in self._made:
            values = self._with_fact(name)
            column = values.frame[name]
            self._made[name] = (packed(column) if column.dtype == TEXT else column).gather(values.places)
        return self._made[name]

    def _taken(self, name: str, places: pl.Series) -> pl.Series:
        if name in self.own.columns or name in self._made:
            return self._column(name).gather(places)
        values = self._with_fact(name)
        return values.frame[name].gather(values.places.gather(places))

    def _with_fact(self, name: str) -> _Values:
        source = value_source(self.table, name)
        if source is None:
            raise KeyError(name)
        self._with_facts(source, [name])
        return self._values[source]

    def _with_facts(self, source: str, names: Collection[str]) -> None:
        if not names:
            return
        values = self._of(source)
        missing = [name for name in names if name not in values.frame.columns]
        if missing:
            frames = {**self.beside.frames, self.table: values.frame.lazy()}
            values.frame = with_facts(
                frames,
                self.table,
                needed=missing,
                internal_domains=self.beside.internal_domains,
                geo=self.beside.geo,
            ).collect(engine="in-memory")

    def _meeting_key(self) -> list[str]:
        return [name for name in ("site_url", "meeting_id") if name in self.own.columns]

    def _of(self, source: str) -> _Values:
        if source not in self._values:
            columns = self._meeting_key() if source == OF_MEETING else [source]
            keys = code_of(self.own[source]) if source != OF_MEETING else key_of(self.own, columns)
            first, places = _numbered(keys)
            frame = self.own.select(columns)[first]
            self._values[source] = _Values(frame.with_columns(pl.col(pl.Categorical).cast(TEXT)), places)
        return self._values[source]


def _numbered(keys: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The first row of each key, and the place of each row's key among them."""
    keys = keys.fill_null(highest(keys) + 1) if keys.null_count() else keys
    first = keys.arg_unique()
    places = pl.int_range(first.len(), dtype=_PLACE_TYPE, eager=True)
    low, top = lowest(keys), highest(keys)
    if top - low < 16 * keys.len() + 1_000_000:
        own = (keys - low).cast(_PLACE_TYPE)
        lookup = pl.zeros(top - low + 1, _PLACE_TYPE, eager=True).scatter(own.gather(first), places)
        return first, lookup.gather(own)
    known = pl.DataFrame({"key": keys.gather(first), "place": places})
    return first, keys.to_frame("key").join(known, on="key", how="left", maintain_order="left")["place"]
