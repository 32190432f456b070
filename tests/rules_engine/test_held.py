"""What is made once a text is what each row would have given; packed rows say what their texts say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.entities.columns import runs_of
from auditor.entities.packed import packed, texts
from auditor.rules.compiled.compile import expression
from auditor.rules.language.columns import names_in
from auditor.rules.language.spec import Condition
from auditor.rules.language.tree import Column, Literal, Op, Type
from auditor.rules.reading.bind import bind
from auditor.rules.rows.evaluate import Reading, computed
from auditor.rules.rows.held import Beside, Held, Late
from auditor.rules.rows.keys import RUN, key_of
from auditor.rules.rows.known import Known, Memory
from auditor.rules.rows.once import by_source, made_name, row_trees, settled
from auditor.rules.rows.places import PLACE, in_runs
from auditor.rules.rows.source import Source
from auditor.tables.facts import OF_MEETING, value_source, with_facts
from auditor.tables.schema import LINEAGE, TABLES
from tests.pack import bundled_rules

NOW = datetime(2026, 10, 5, tzinfo=UTC)
LISTS = {
    "internal_domains": ("example.com",),
    "trusted_domains": ("example.net",),
    "denied_domains": ("example.org",),
    "office_networks": ("192.0.2.0/24",),
    "allowed_bots": ("Note Taker",),
}
RULES = [bind(rule, now=NOW, lists=LISTS).rule for rule in bundled_rules().rules]
WORDS = st.none() | st.sampled_from(["", "Board meeting", "guest", "Otter.ai notes", "all hands", "0123", "Anna"])
EMAILS = st.none() | st.sampled_from(["anna@example.com", "bo@example.net", "eve@sub.example.org", "@", "x@y@z", ""])
ADDRESSES = st.none() | st.sampled_from(["192.0.2.7", "203.0.113.9", "10.1.2.3", "2001:db8::1", "unknown", "1.2.3"])
AGENTS = st.none() | st.sampled_from(["Windows 7,Webex", "Mac,IE", "x", ",", ""])
MOMENTS = st.none() | st.integers(0, 3600).map(lambda seconds: NOW - timedelta(days=30, seconds=seconds))
PAGE = "ab" * 32


@st.composite
def attendees(draw, most=8):
    height = draw(st.integers(0, most))
    each = [
        {
            "site_url": "example.webex.com",
            "meeting_id": draw(st.sampled_from(["m1", "m2", "m3", None])),
            "meeting_title": draw(WORDS),
            "meeting_number": draw(st.none() | st.sampled_from(["123 456", "7", "x"])),
            "display_name": draw(WORDS),
            "email": draw(EMAILS),
            "ip_address": draw(ADDRESSES),
            "client_agent": draw(AGENTS),
            "phone_number": draw(st.none() | st.sampled_from(["+47 22 33 44 55", "anonymous"])),
            "participant_type": draw(st.sampled_from(["host", "attendee", None])),
            "joined_time": draw(MOMENTS),
            "left_time": draw(MOMENTS),
            "invited": draw(st.none() | st.booleans()),
            "page": PAGE,
            "item": item,
        }
        for item in range(height)
    ]
    schema = TABLES["attendees"].schema
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in each], schema=schema)


MEETINGS = pl.DataFrame(
    [
        {
            **dict.fromkeys(TABLES["meetings"].schema),
            "site_url": "example.webex.com",
            "meeting_id": meeting,
            "title": "Board meeting",
            "start_time": NOW - timedelta(days=30 + number),
            "tracking_codes": ["class=secret"],
            "page": PAGE,
            "item": number,
        }
        for number, meeting in enumerate(["m1", "m2", "m2"])
    ],
    schema=TABLES["meetings"].schema,
)
PEOPLE = TABLES["people"].schema.to_frame()


def frames(rows):
    return {"attendees": rows.lazy(), "meetings": MEETINGS.lazy(), "people": PEOPLE.lazy()}


def all_new():
    """What is known after parts whose texts hardly any other part had."""
    return Memory(_passing={("attendees", name) for name in rows_names()})


def facts_of(rule):
    return {name for tree in row_trees(rule, "attendees") for name in names_in(tree)} - set(rows_names())


def rows_names():
    return TABLES["attendees"].schema


TREES = {
    rule.id: tuple(tree for trees in by_source(row_trees(rule, "attendees"), "attendees").values() for tree in trees)
    for rule in RULES
    if rule.detect.table == "attendees"
}


def test_most_rules_of_attendees_have_parts_that_one_text_tells():
    assert sum(bool(trees) for trees in TREES.values()) > len(TREES) / 2


@settings(max_examples=30)
@given(pieces=st.lists(attendees(), min_size=1, max_size=3))
def test_what_is_made_once_a_text_is_what_each_row_gives_in_every_part(pieces):
    memories = Memory(), all_new()
    trees = dict.fromkeys(tree for found in TREES.values() for tree in found)
    parts = by_source(trees, "attendees")
    columns = [made_name(tree) for tree in trees]
    needed = {name for tree in trees for name in names_in(tree)}
    for rows in pieces:
        plain = with_facts(
            frames(rows), "attendees", needed=needed, internal_domains=LISTS["internal_domains"]
        ).collect()
        wanted = (
            plain.with_columns(expression(tree).alias(made_name(tree)) for tree in trees).select(columns).to_dicts()
        )
        for memory in memories:
            beside = Beside(frames(rows), LISTS["internal_domains"], None, memory)
            held = Held("attendees", rows.with_columns(packed(column) for column in rows), beside)
            held.prepare((), parts)
            assert set(held.made()) == set(columns)
            assert texts(held.frame(columns)).to_dicts() == wanted


@pytest.mark.parametrize("mostly_new", [False, True])
@settings(max_examples=30)
@given(rows=attendees(), data=st.data())
def test_facts_of_texts_and_of_meetings_are_those_of_rows(rows, data, mostly_new):
    names = sorted(
        name for name in ("email_domain", "is_internal", "ip_network", "client_os", "name_key", "meeting.title",
                          "meeting.start_time", "meeting.tracking_code.class", "is_host")
    )  # fmt: skip
    plain = with_facts(frames(rows), "attendees", needed=names, internal_domains=("example.com",)).collect()
    memory = all_new() if mostly_new else Memory()
    beside = Beside(frames(rows), ("example.com",), None, memory)
    held = Held("attendees", rows.with_columns(packed(column) for column in rows), beside)
    assert texts(held.frame(names)).to_dicts() == plain.select(names).to_dicts()
    places = pl.Series(data.draw(st.lists(st.integers(0, rows.height - 1), max_size=4)) if rows.height else [])
    places = places.cast(pl.UInt32)
    assert texts(held.taken(names, places)).to_dicts() == plain.select(names)[places].to_dicts()


@given(attendees(), st.randoms(use_true_random=False))
def test_held_rows_stand_in_order_whatever_order_they_came_in(rows, random):
    places = list(range(rows.height))
    random.shuffle(places)
    one, other = (
        Held("attendees", some, Beside(frames(rows))).in_order().frame(["joined_time", *LINEAGE])
        for some in (rows, rows[places])
    )
    assert one.equals(other)
    assert one["joined_time"].drop_nulls().is_sorted()


@given(attendees(), st.booleans(), st.randoms(use_true_random=False))
def test_rows_of_a_meeting_stand_together_and_in_order_whatever_order_they_came_in(rows, late, random):
    random.shuffle(places := list(range(rows.height)))
    for came in (rows, rows[places], rows.sort("meeting_id", "joined_time", *LINEAGE, nulls_last=True)):
        held = Held("attendees", came, Beside(frames(rows)))
        if late:
            read = came.select("site_url", "meeting_id")
            held = Held("attendees", came.drop(read.columns), held.beside, Late(read, read.columns))
        found = held.together("meeting_id").frame(["joined_time", *LINEAGE, "meeting_id", PLACE, f"{RUN}meeting_id"])
        assert found.select(*LINEAGE).sort(*LINEAGE).equals(rows.select(*LINEAGE).sort(*LINEAGE))
        assert found[PLACE].to_list() == list(range(rows.height))
        assert found[f"{RUN}meeting_id"].to_list() == texts(found)["meeting_id"].rle_id().to_list()
        assert found[f"{RUN}meeting_id"].n_unique() == rows["meeting_id"].n_unique()
        by_time = held.in_order().frame([*LINEAGE]).with_row_index("time")
        in_run = found.join(by_time, on=[*LINEAGE], how="left", maintain_order="left").group_by("meeting_id")
        assert all(of_meeting["time"].is_sorted() for _, of_meeting in in_run)
        assert found.select(key=key_of(found, ["meeting_id"]))["key"].is_sorted()


_ROW = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 2), st.sampled_from([*"abb", None]), st.integers(0, 2))


@given(st.lists(_ROW, max_size=24), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_rows_of_each_run_are_put_in_the_order_all_rows_have(each, are_packed, scattered, random):
    each.sort(key=lambda row: row[0])
    rows = pl.DataFrame(
        each, schema={"run": pl.UInt32, "time": pl.Int64, "page": pl.String, "item": pl.Int64}, orient="row"
    )
    rows = rows.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")).alias("joined_time"))
    rows = rows.with_columns(packed(rows["page"])) if are_packed else rows
    plain = texts(rows).sort("run", "joined_time", *LINEAGE, nulls_last=True, maintain_order=True)
    random.shuffle(places := list(range(rows.height)))
    brought = pl.Series(sorted(places, key=places.__getitem__), dtype=pl.UInt32) if scattered else None
    given_rows = rows[places] if scattered else rows
    found = in_runs(given_rows, "joined_time", rows["run"], brought)
    assert texts(given_rows if found is None else given_rows[found]).equals(plain)
    if found is None:
        assert not scattered


def test_a_given_fact_counts_more_than_the_text_it_is_usually_made_from():
    rows = pl.DataFrame({"email": ["a@example.com"], "is_internal": [False], "page": [PAGE], "item": [0]})
    tree = Op("not", (Column("is_internal", Type.BOOLEAN),), Type.BOOLEAN)
    held = Held("attendees", rows, Beside({}, ("example.com",)))
    held.prepare((), {"email": (tree,)})
    assert held.made() == []
    assert held.frame(["is_internal"])["is_internal"].to_list() == [False]


def test_a_part_that_crashes_is_left_to_its_rule_and_the_others_are_made():
    good = Op("is_null", (Column("email", Type.TEXT),), Type.BOOLEAN)
    bad = Op("matches", (Column("email", Type.TEXT), Literal(value="(", type=Type.TEXT)), Type.BOOLEAN)
    rows = pl.DataFrame({"email": ["a", None], "page": [PAGE] * 2, "item": [0, 1]})
    held = Held("attendees", rows, Beside({}))
    held.prepare((), {"email": (bad, good)})
    assert held.made() == [made_name(good)]
    assert held.frame([made_name(good)]).to_series().to_list() == [False, True]


def test_each_text_is_looked_at_once_however_many_parts_hold_it():
    known = Known.of("email")
    asked = []

    def make(values):
        asked.extend(values["email"].to_list())
        return values.select(size=pl.col("email").str.len_chars())

    found = []
    for part in (["a", "bb", None, "a"], ["bb", "ccc"], [], ["ccc", None, "dddd"]):
        places = known.placed(packed(pl.Series("email", part, dtype=pl.String)))
        known.require(["size"], make)
        found.append(known.frame["size"].gather(places).to_list())
    assert found == [[1, 2, None, 1], [2, 3], [], [3, None, 4]]
    assert sorted(text for text in asked if text is not None) == ["a", "bb", "ccc", "dddd"]


TEXT = st.none() | st.sampled_from(["a", "b", "B", ""])


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=6))
def test_packed_rows_give_what_their_texts_give(rows):
    a, b, c = (Column(name, Type.TEXT) for name in "abc")
    either = Op("coalesce", (a, b), Type.TEXT)
    lowered = Op("lower", (a,), Type.TEXT)
    lacking = Op("is_null", (c,), Type.BOOLEAN)
    told = Op("if", (lacking, a, Literal(value=None, type=Type.NULL)), Type.TEXT)
    other = Op("if", (Op("not", (lacking,), Type.BOOLEAN), b, told), Type.TEXT)
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
    small = frame.with_columns(packed(column) for column in frame)
    for tree in (
        either,
        a,
        Op("==", (either, c), Type.BOOLEAN),
        Op("is_null", (either,), Type.BOOLEAN),
        Op("!=", (a, Literal(value="a", type=Type.TEXT)), Type.BOOLEAN),
        Op("==", (Op("lower", (either,), Type.TEXT), c), Type.BOOLEAN),
        told,
        other,
        Op("coalesce", (other, a), Type.TEXT),
        Op("==", (told, b), Type.BOOLEAN),
        Op("==", (Op("lower", (told,), Type.TEXT), other), Type.BOOLEAN),
        Op("if", (Op("==", (a, b), Type.BOOLEAN), a, c), Type.TEXT),
        Op("if", (Op("is_null", (told,), Type.BOOLEAN), either, c), Type.TEXT),
        Op("and", (Op("==", (a, b), Type.BOOLEAN), Op("is_null", (lowered,), Type.BOOLEAN)), Type.BOOLEAN),
    ):
        wanted = frame.with_columns(expression(tree).alias("it"))["it"].to_list()
        assert texts(computed(small, tree).alias("it").to_frame())["it"].to_list() == wanted


def test_texts_of_many_rows_are_looked_into_some_rows_at_a_time_with_the_same_answers():
    words = pl.Series("a", ["Board", "board call", None, "standup"])
    frame = words.gather(pl.int_range(2_500_000, eager=True) * 7 % 4).to_frame()
    for tree in (Op("lower", (Column("a", Type.TEXT),), Type.TEXT), Literal(value=True, type=Type.BOOLEAN)):
        wanted = frame.with_columns(expression(tree).alias("it"))["it"]
        found = computed(frame.with_columns(packed(frame["a"])), tree)
        assert texts(found.alias("it").to_frame())["it"].equals(wanted)


def test_texts_that_are_only_compared_stay_packed():
    schema = pl.Schema({"a": pl.Categorical(), "b": pl.Categorical(), "c": pl.Categorical()})
    a, b, c = (Column(name, Type.TEXT) for name in "abc")
    alike = Op("!=", (Op("coalesce", (a, b), Type.TEXT), c), Type.BOOLEAN)
    assert Reading.of(alike, schema).texts == frozenset()
    told = Op("if", (Op("is_null", (c,), Type.BOOLEAN), a, Literal(value=None, type=Type.NULL)), Type.TEXT)
    assert Reading.of(told, schema).texts == frozenset()
    both = Op("and", (alike, Op("==", (Op("lower", (c,), Type.TEXT), a), Type.BOOLEAN)), Type.BOOLEAN)
    assert Reading.of(both, schema).texts == {"a", "b", "c"}


@pytest.mark.parametrize("values", [[], [None], ["a"] * 9, [None, "a", "a", None], list("abcabc"), [*"aaabbb"] * 9])
def test_packing_loses_nothing(values):
    series = pl.Series("x", values, dtype=pl.String)
    assert texts(packed(series).to_frame())["x"].to_list() == values
    assert texts(packed(series, runs=runs_of(series)).to_frame())["x"].to_list() == values


def test_a_part_that_was_made_is_read_where_it_stands_in_another_tree():
    inner = Op("lower", (Column("email", Type.TEXT),), Type.TEXT)
    outer = Op("==", (inner, Column("company", Type.TEXT)), Type.BOOLEAN)
    assert settled(outer, [made_name(inner)]) == Op(
        "==", (Column(made_name(inner), Type.TEXT), Column("company", Type.TEXT)), Type.BOOLEAN
    )
    assert settled(outer, []) == outer


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("email", "email"),
        ("is_internal", "email"),
        ("ip_network", "ip_address"),
        ("meeting.title", OF_MEETING),
        ("meeting.tracking_code.class", OF_MEETING),
        ("is_host", "participant_type"),
        ("joined_time", None),
        ("egress", None),
        ("person_key", None),
        ("handoff", None),
    ],
)
def test_what_follows_from_one_text_alone_is_known(name, source):
    assert value_source("attendees", name) == source


def test_rows_left_out_for_some_rules_are_there_for_everybody_else():
    rows = pl.DataFrame(
        {
            **dict.fromkeys(TABLES["devices"].schema, None),
            "audio_type": ["pstn", "voip", None],
            "joined_time": [NOW - timedelta(hours=1)] * 3,
            "page": [PAGE] * 3,
            "item": [0, 1, 2],
        },
        schema=TABLES["devices"].schema,
    )
    source = Source({"devices": rows.lazy()}, NOW)
    where = Condition(
        Op("==", (Column("audio_type", Type.TEXT), Literal(value="pstn", type=Type.TEXT)), Type.BOOLEAN), ()
    )
    columns = list(TABLES["devices"].schema)
    source.keep("devices", columns, history=False, judged=["audio_type"])
    assert source.handed("devices", columns, before=False, where=where).rows["item"].to_list() == [0, 2]
    assert source.judged("devices", columns, before=False)["item"].to_list() == [0, 1, 2]
    assert source.rows("devices", columns).collect()["item"].to_list() == [0, 1, 2]
    assert source.rows_with_history("devices", columns).collect()["item"].to_list() == [0, 1, 2]
    assert source.taken("devices", columns, pl.Series([1], dtype=pl.UInt32))["item"].to_list() == [1]
    assert source.count("devices") == 3


def test_rows_of_other_meetings_are_left_out_where_few_are_near():
    count = 40
    rows = pl.DataFrame(
        {
            **dict.fromkeys(TABLES["devices"].schema, None),
            "meeting_id": [f"m{place % 20}" for place in range(count)],
            "joined_time": [NOW - timedelta(hours=1)] * count,
            "page": [PAGE] * count,
            "item": list(range(count)),
        },
        schema=TABLES["devices"].schema,
    )
    source = Source({"devices": rows.lazy()}, NOW)
    source.keep("devices", ["meeting_id"], history=False)
    for near, left in ((["m3", None], [3, 23]), ([], []), (["m1"] * 39, list(range(count)))):
        meetings = packed(pl.Series(near, dtype=pl.String))
        found = source.handed("devices", ["meeting_id"], before=False, near=meetings).rows
        assert found["item"].to_list() == left


def test_texts_met_before_are_packed_as_others_are():
    keeper = packed(pl.Series(["keeps the numbers of this test"]))
    known = Known.of("email")
    for part in range(4):
        # so many that some share a place by their hash, some new and some met before, some none
        numbers = range(part * 1500, part * 1500 + 4000)
        texts_ = pl.Series(
            "email", [f"{number * 7919 % 9973}@example.com" if number % 11 else None for number in numbers]
        )
        plain = packed(texts_)
        found = known.packed(texts_)
        assert found.dtype == plain.dtype
        assert found.name == "email"
        assert found.to_physical().to_list() == plain.to_physical().to_list()
        assert known.placed(found).to_list() == known.placed(plain).to_list()
        assert known.frame["email"].gather(known.placed(found)).to_list() == texts_.to_list()
    assert known.frame["email"].n_unique() == known.frame.height
    assert keeper.len() == 1


def test_so_many_texts_that_they_are_looked_up_in_turns_are_packed_as_others_are():
    keeper = packed(pl.Series(["keeps the numbers of this test"]))
    known = Known.of("email")
    numbers = pl.int_range(400_000, eager=True) * 7919
    for shift in (0, 30_000):
        found = (numbers % 50_021 + shift).cast(pl.String).alias("email")
        plain = packed(found)
        assert known.packed(found).to_physical().equals(plain.to_physical())
        assert known.frame["email"].gather(known.placed(plain)).equals(found)
    assert known.frame["email"].n_unique() == known.frame.height == 80_022
    assert keeper.len() == 1


def test_texts_most_of_which_are_new_are_packed_without_a_table_of_those_met():
    keeper = packed(pl.Series(["keeps the numbers of this test"]))
    known = Known.of("title")
    for part in range(3):
        numbers = pl.int_range(part * 150_000, part * 150_000 + 200_000, eager=True)
        found = (numbers * 7919).cast(pl.String).alias("title")
        assert known.packed(found).to_physical().equals(packed(found).to_physical())
        assert known.packed(found).name == "title"
    assert known.frame.height < 400_000
    places = known.placed(packed(found))
    assert known.frame["title"].gather(places).equals(found)
    assert keeper.len() == 1


def test_only_columns_whose_texts_come_again_are_remembered_from_part_to_part():
    memory = Memory()
    for part in range(4):
        keeper = packed(pl.Series(["keeps the numbers of this test"]))
        titles = (pl.int_range(part * 90_000, (part + 1) * 90_000, eager=True) * 7919).cast(pl.String)
        for table, texts_ in (("meetings", titles), ("attendees", titles.str.slice(0, 2))):
            known = memory.of(table, "title")
            found = known.packed(texts_)
            assert known.frame["title"].gather(known.placed(found)).equals(texts_.alias("title"))
        memory.let_go()
        assert ("attendees", "title") in memory.known
        assert keeper.len() == 1
    assert ("meetings", "title") not in memory.known
    assert memory.of("meetings", "title").frame.height == 1


def test_what_follows_from_texts_is_packed_as_far_as_it_goes():
    known = Known.of("email")
    for part in (["a@example.com", "b@example.com"], ["c@example.com", None, "a@example.com"]):
        known.placed(packed(pl.Series("email", part, dtype=pl.String)))
        known.require(["domain"], lambda texts_: texts_.select(domain=pl.col("email").str.slice(0, 1)))
        assert known.packed_column("domain").cast(pl.String).to_list() == known.frame["domain"].to_list()
    assert known.packed_column("domain").len() == 4


def test_texts_met_in_another_table_are_packed_by_what_is_known_of_them():
    memory = Memory()
    assert memory.met("email") is None
    known = memory.of("attendees", "email")
    known.placed(packed(pl.Series("email", ["a@example.com", "b@example.com"])))
    memory.of("devices", "email")
    assert memory.met("email") is known
    # no two neighbours are alike, so that each text is looked up
    emails = ["b@example.com", None, "c@example.net", "a@example.com", "c@example.net"]
    rows = pl.DataFrame(
        {"email": emails, "joined_time": [NOW - timedelta(hours=1)] * 5, "page": [PAGE] * 5, "item": list(range(5))},
        schema_overrides={"joined_time": TABLES["participants"].schema["joined_time"]},
    )
    source = Source({"participants": rows.lazy()}, NOW, memory=memory)
    source.keep("participants", ["email"], history=False, judged=["email"])
    found = source.judged("participants", ["email"], before=False)["email"]
    assert found.to_list() == emails
    assert found.to_physical().to_list() == packed(pl.Series(emails)).to_physical().to_list()
    assert known.frame["email"].to_list() == [None, "a@example.com", "b@example.com", "c@example.net"]
