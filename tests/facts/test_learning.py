"""What all rows of a table tell, handed to the rows of a window however they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import polars as pl
import pytest

from auditor.model.window import Window
from auditor.rules.rows.source import Source
from auditor.tables.facts import with_facts
from auditor.tables.modelled import LEARNED, Given, learned, learned_from
from auditor.tables.schema import LINEAGE
from tests.facts.conftest import PHONE, START, join, tables

NAMES = ("egress", "egress_why", "handoff", "network_people_why", "person_key", "visit_number", "phone_leg_of")
DOMAINS = ["example.com"]
OFFICES = ["203.0.113.0/24"]
PEOPLE = [{"email": "p1@example.com", "aliases": ["p1.old@example.com"], "page": "1" * 64, "item": 0}]


def rows() -> list[dict[str, object]]:
    """Two weeks in an office and at home, with phones that take over and a row without a time."""
    found = []
    for day in range(14):
        for number in range(6):
            person = "p1.old@example.com" if (number, day % 2) == (1, 0) else f"p{number}@example.com"
            address = f"198.51.100.{number % 2}" if number < 5 else f"2001:db8:{number}::{day}"
            found += [
                join(person, day, at=number, ip_address=address, stay=20),
                join(person, day, at=number + 24, ip_address="203.0.113.9", client_agent=PHONE),
            ]
    return [*found, join("p2@example.com", 3, ip_address="198.51.100.1") | {"joined_time": None}]


def plain(frames: dict[str, pl.LazyFrame], names: Sequence[str] = NAMES) -> pl.DataFrame:
    told = with_facts(frames, "attendees", needed=names, internal_domains=DOMAINS, offices=OFFICES)
    return told.select(*LINEAGE, *names).collect().sort(*LINEAGE)


def seen(source: Source, *, before: bool, names: Sequence[str] = NAMES) -> pl.DataFrame:
    found = source.judged("attendees", names, before=before).select(*LINEAGE, *names)
    return found.with_columns(pl.col(pl.Categorical()).cast(pl.String())).sort(*LINEAGE)


def source_of(frames: dict[str, pl.LazyFrame], window: Window | None, *, rows_kept: int = 1000) -> Source:
    now = START + timedelta(days=90)
    return Source(frames, now, window, DOMAINS, rows_kept=rows_kept, offices=OFFICES)


def days(first: int, last: int) -> Window:
    return Window(START + timedelta(days=first), START + timedelta(days=last))


@pytest.mark.slow
@pytest.mark.parametrize("rows_kept", [1000, 0])
@pytest.mark.parametrize("window", [None, days(-1, 40), days(4, 9), days(9, 40)])
@pytest.mark.parametrize("before", [True, False])
def test_rows_of_a_window_have_what_all_rows_tell(window: Window | None, rows_kept: int, *, before: bool) -> None:
    frames = tables(rows(), people=PEOPLE)
    source = source_of(frames, window, rows_kept=rows_kept)
    source.keep("attendees", NAMES, history=before)
    found = seen(source, before=before)
    expected = plain(frames).filter(pl.col("item").is_in(found["item"].implode()))
    assert found.equals(expected)
    assert found.height > 40
    assert {"office", "home"} <= set(found["egress"])


def test_what_is_learned_later_agrees_with_what_was_learned_first() -> None:
    frames = tables(rows(), people=PEOPLE)
    source = source_of(frames, days(4, 9), rows_kept=0)
    once = [seen(source, before=False, names=[name]) for name in NAMES]
    assert pl.concat([once[0], *(one.select(NAMES[n]) for n, one in enumerate(once) if n)], how="horizontal").equals(
        seen(source_of(frames, days(4, 9)), before=False)
    )


def test_rows_read_in_another_order_are_known_by_their_lineage() -> None:
    frames = tables(rows(), people=PEOPLE)
    turns = iter(range(100))

    def turned(frame: pl.DataFrame) -> pl.DataFrame:
        place = next(turns) % frame.height
        return pl.concat([frame[place:], frame[:place]])

    schema = frames["attendees"].collect_schema()
    shifting = frames["attendees"].map_batches(
        turned, schema=schema, projection_pushdown=False, predicate_pushdown=False
    )
    source = source_of({**frames, "attendees": shifting}, days(4, 9), rows_kept=0)
    found = seen(source, before=False)
    assert found.equals(plain(frames).filter(pl.col("item").is_in(found["item"].implode())))


def test_a_given_fact_says_more_than_the_text_another_is_made_from() -> None:
    given = [row | {"client_os": "ios" if row["client_agent"] == PHONE else "mac"} for row in rows()]
    frames = tables(given, people=PEOPLE)
    source = source_of(frames, days(0, 9))
    source.keep("attendees", NAMES, history=False)
    found = seen(source, before=False)
    assert found.equals(plain(frames).filter(pl.col("item").is_in(found["item"].implode())))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("located", [False, True], ids=["nowhere", "located"])
def test_what_is_asked_of_some_rows_is_what_all_are_told(seed: int, *, located: bool) -> None:
    draw = Random(seed)
    places = [{"geo_country": name, "geo_city": name} for name in ("NO", "BR")]
    known = [row | draw.choice(places) if located else row for row in rows()]
    reads = sorted(learned_from("attendees", LEARNED))
    made = with_facts(tables(known), "attendees", needed=reads, internal_domains=DOMAINS).select(reads).collect()
    since = START
    assert made["joined_time"].min() == since
    whole = learned(made, "attendees", wanted=sorted(LEARNED), given=Given(OFFICES, since))
    for share in (0.02, 0.5):
        asked = pl.Series([draw.random() < share for _ in known])
        some = learned(made, "attendees", wanted=sorted(LEARNED), given=Given(OFFICES, since, asked))
        assert some.filter(asked).equals(whole.filter(asked))
        assert some.height == whole.height
