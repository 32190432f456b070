"""Items cut out of a page are those that reading all of it gives."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.evidence.items import first_of_equal, items

PARTS = [
    "},{",
    '},{"a":',
    "{",
    "}",
    "[",
    "]",
    "]}",
    '"a":',
    ",",
    "null",
    "x",
    "é",
    "\u2028",
    "",
    "\\",
    '"',
    "\n",
    "\ud800",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=4).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcx") | TEXTS, inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "devices"]), VALUES, max_size=3) | VALUES, max_size=5)
SPACES = st.sampled_from([(",", ":"), (", ", ": "), (", ", ":"), (",", ": ")])


def whole(body, wanted):
    """The wanted items of a page that was read in full."""
    document = json.loads(body.decode("utf-8-sig", "replace"), object_pairs_hook=first_of_equal)
    found = document.get("items") if isinstance(document, dict) else document
    return {place: found[place] for place in wanted if place < len(found)} if isinstance(found, list) else {}


@given(
    held=ITEMS,
    before=st.dictionaries(st.sampled_from(["a", "items"]), VALUES, max_size=1),
    after=st.dictionaries(st.sampled_from(["b", "items"]), VALUES, max_size=1),
    spaces=SPACES,
    escaped=st.booleans(),
    wanted=st.frozensets(st.integers(0, 6), max_size=4),
)
def test_an_item_is_the_one_that_reading_the_page_gives(held, before, after, spaces, escaped, wanted):
    def written(value):
        return json.dumps(value, separators=spaces, ensure_ascii=escaped).encode("utf-8", "surrogatepass")

    members = [*before.items(), ("items", held), *after.items()]
    body = b"{" + b",".join(written(name) + b":" + written(value) for name, value in members) + b"}"
    assert items(body, wanted) == whole(body, wanted)


@given(
    sizes=st.lists(st.sampled_from([0, 0, 1, 7, 400]), min_size=1, max_size=60),
    odd=st.none()
    | st.tuples(st.integers(0, 59), st.sampled_from([None, {"b": 1}, {"a": {"a": 1}}, {"a": [{"a": 1}, {"a": 2}]}])),
    wanted=st.frozensets(st.integers(0, 62), min_size=1, max_size=4),
)
def test_items_of_very_different_sizes_are_found(sizes, odd, wanted):
    held = [{"a": place, "b": "x" * size} for place, size in enumerate(sizes)]
    if odd is not None:
        held.insert(*odd)
    page = json.dumps({"items": held}, separators=(",", ":")).encode()
    assert items(page, wanted) == whole(page, wanted)


class Counting(bytes):
    """A page that knows how often a part of it was counted."""

    counted = 0

    def count(self, *asked):
        self.counted += 1
        return super().count(*asked)


def test_a_long_item_before_many_short_ones_is_not_counted_over_and_over():
    held = [{"a": "x" * 9_000}, *({"a": place} for place in range(1_002)), {"a": "x" * 9_000_000}, {"a": 1}]
    page = Counting(json.dumps({"items": held}, separators=(",", ":")).encode())
    assert items(page, {1_000}) == {1_000: {"a": 999}}
    assert page.counted < 100


FEW = st.integers(0, 3) | st.sampled_from(PARTS) | st.lists(st.integers(0, 1), max_size=1)
PEOPLE = st.fixed_dictionaries(
    {"a": FEW},
    optional={
        "b": FEW,
        "devices": st.lists(st.dictionaries(st.sampled_from(["c", "a", "d"]), FEW, max_size=2), max_size=3),
    },
)


@given(held=st.lists(PEOPLE, max_size=5), after=st.sampled_from(["", ',"b":[{"c":1},{"a":2}]', ',"b":[1]']))
def test_items_that_end_with_lists_of_maps_are_told_apart(held, after):
    page = f'{{"items":{json.dumps(held, separators=(",", ":"))}{after}}}'.encode()
    for wanted in range(5):
        assert items(page, {wanted}) == whole(page, {wanted})


PIECES = ['{"a":1', '{"b":2', "}", ",", "null", "[", "]", '"x":', '"[', ']"', '"', "{", '"},{"a":', "3", " "]


@given(body=st.lists(st.sampled_from(PIECES), max_size=12).map("".join), wanted=st.frozensets(st.integers(0, 4)))
@example(body='{"a":1},{"a":2}, {"a":3}', wanted=frozenset({0, 1, 2}))
@example(body='{"a":1}, {"a":2},{"a":3}', wanted=frozenset({0, 1, 2}))
@example(body='{"a":1},null,{"a":3}', wanted=frozenset({1, 2}))
@example(body='{"a":1},{"b":2},{"a":3}', wanted=frozenset({0, 1, 2}))
@example(body='{"a":[{"b":1},{"a":2}]},{"a":3}', wanted=frozenset({0, 1}))
@example(body='{"a":{"b":1},"c":[{"a":2},{"a":3}]},{"a":3}', wanted=frozenset({0, 1}))
@example(body='{"a":"[","b":1},{"b":2,"c":"]"},{"a":3}', wanted=frozenset({0, 1, 2}))
@example(body='{"a":1}],"b":[{"a":2}', wanted=frozenset({0, 1}))
@example(body='{"a":1}],"items":[{"a":2},{"a":3}', wanted=frozenset({0, 1}))
@example(body='{"a":1},{"a":2},null', wanted=frozenset({2}))
@example(body='{"a":"},{"},{"a":2}', wanted=frozenset({0, 1}))
def test_items_are_told_apart_whatever_stands_between_them(body, wanted):
    page = b'{"items":[' + body.encode() + b"]}"
    try:
        expected = whole(page, wanted)
    except ValueError:
        return
    assert items(page, wanted) == expected


@pytest.mark.parametrize(
    "page",
    [
        b'[{"a":1},{"a":2}]',
        b'\xef\xbb\xbf{"items":[{"a":1},{"a":2}]}',
        b'{"items":[{"a":1},{"a":2}]}\n',
        b'{"items":[{"a":"\xff\xfe"},{"a":"\xc3"}]}',
        b'{"items":{"a":1}}',
        b'{"items":[]}',
        b'{"rows":[{"a":1}]}',
        b"3",
        b"[null,1]",
        b'{"items":[{"":1},{"":2}]}',
        b'{"items":[{",":1,"c":"},{",":2":3},{",":4}]}',
        b'{"items":[ {"a":{"b":1}} ,\t{"a":"\\"},{"} , [] , {"a":3} ],"items":[{"a":9}]}',
        b'{"items":[{"a":1,"y":":["},{"a":2,"y":"]"},{"a":3}]}',
        b'{"items":[{"a":1,"c":[{"a":2,"x":"]"},{"a":3}],"y":":["},{"a":4}]}',
        b'{"items":[1,"two",null,{"a":4},[5],{"a":6}]}',
        b'{"items":[{"a":[{"b":1},{"c":2}]},{"a":"[}","d":[]},{"a":{"b":{}}}]}',
        b'{"items":[{"a":[{"b":1},{"a":2}]},{"a":3},{"a":4}]}',
        b'{"items":[{"a":[{"b":1},{"a":2}]},{"b":3},{"a":4}]}',
        b'{"items":[{"a":[{"b":1}]},{"a":2}],"b":[{"c":1},{"a":2}]}',
        b'{"items":[{"a":"\\\\"},{"a":"\\"},{"},{"a":"\\u007b\\\\\\"["},{"a":[{"b":"\\\\"}]}]}',
        b'{"items":[{"a":' + b"[" * 40 + b"]" * 40 + b'},{"a":[{"b":2}]},{"a":3}]}',
    ],
)
def test_a_page_of_another_form_is_read_in_full(page):
    assert items(page, {0, 1, 5}) == whole(page, {0, 1, 5})


@pytest.mark.parametrize(
    "page",
    [
        b'{"items":[{"a":nonsense},{"a":1},{"a":2}]}',
        b'{"items":[{"a":nonsense,"b":"\\\\"},{"a":1},{"a":2}]}',
        b'{"items":[{"a":nonsense,"b":"\\"{["},{"a":1},{"a":2}]}',
        b'{"items":[{"a":nonsense,"b":[{"c":"]"},{"c":[]}]},{"a":1},{"a":2}]}',
    ],
)
def test_of_a_plain_page_only_what_is_wanted_is_read(page):
    assert items(page, {1, 2}) == {1: {"a": 1}, 2: {"a": 2}}


@given(pairs=st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=6))
def test_of_equal_names_the_first_counts_and_stands_where_it_stood(pairs):
    first = {name: next(value for other, value in pairs if other == name) for name, _ in pairs}
    assert list(first_of_equal(pairs).items()) == list(first.items())


LONG = b"9" * 5000


@pytest.mark.parametrize(
    "page",
    [
        b'{"items":[{"a":1,"b":' + LONG + b'},{"a":2}]}',
        b'{"items":[ {"a":1,"b":' + LONG + b'},{"a":2}]}',
        b'{"items": [{"a":1,"b":' + LONG + b'},{"a":2}]}',
    ],
)
def test_a_number_longer_than_python_reads_is_infinite(page):
    assert items(page, {1}) == {1: {"a": 2}}
    assert items(page, {0, 1}) == {0: {"a": 1, "b": float("inf")}, 1: {"a": 2}}
