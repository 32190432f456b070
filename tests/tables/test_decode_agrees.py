"""The fast path against the exact one: whatever a page holds, both give the same rows and the same gaps."""

import json
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from auditor.tables.decode import Page, Reading, decode
from auditor.tables.kinds import KINDS
from auditor.tables.record import Field, Form, Kind

EXAMPLES = 25 if settings().max_examples < 1000 else settings().max_examples

LARGE = b" " * (1 << 16)
"""What makes a page large enough to be read alone."""

numbers = (
    st.integers(-5, 100)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**64, 10**30, 1e22, 1e-7, -0.0, 20.5, 1e10, 1.1e10])
)
texts = st.text(max_size=6) | st.sampled_from(
    [
        "",
        " ",
        "A@Example.com ",
        "n/a",
        "\ud800",
        "x\udfffy",
        "\x00",
        "57",
        "true",
        "ATTENDEE",
        "12 34",
        "é\u2028",
        '["a@x.de"]',
    ]
)
times = st.sampled_from(
    [
        "2026-01-05T10:00:00Z",
        "2026-01-05T10:00:00.000Z",
        "2026-01-05T10:00:00.123456Z",
        "2026-01-05T10:00:00.1234567Z",
        "2026-01-05T10:00:00+08:00",
        "2026-01-05T10:00:00.5-14:00",
        "2026-01-05T10:00:00+15:00",
        "2026-01-05T10:00:60Z",
        "2026-01-05T24:00:00Z",
        "2026-02-29T10:00:00Z",
        "0000-01-05T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-10:00",
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00+00:00",
        "2026-01-05T10:00:00",
        "2026-01-05",
        "2026-01-05 10:00:00Z",
        "20260105T100000Z",
        "2026-01-05T10:00:00z",
        "2026-01-05T10:00:00Z ",
        "",
        " ",
        "soon",
    ]
)
odd = st.sampled_from([[], {}, [1], {"a": 1}, [None], [[]], True, False])


def values(form: Form) -> st.SearchStrategy[object]:
    usual: st.SearchStrategy[object]
    match form:
        case Form.TIME:
            usual = times
        case Form.MINUTES | Form.SECONDS | Form.COUNT:
            usual = numbers
        case Form.FLAG | Form.OPEN | Form.PRESENT:
            usual = st.booleans()
        case Form.CODES:
            code = st.fixed_dictionaries({}, optional={"name": texts, "value": texts | st.none(), "other": texts})
            usual = st.lists(code | st.none(), max_size=3)
        case Form.EMAILS:
            usual = st.lists(texts | st.none(), max_size=2)
        case _:
            usual = texts
    return st.one_of(usual, usual, usual, usual, usual, usual, st.none(), numbers | texts | odd)


def records(fields: Sequence[Field], lists: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[object]:
    known = {field.name: values(field.form) for field in fields}
    return st.fixed_dictionaries({}, optional={**known, **lists, "unknown": texts | odd})


def items(kind: Kind) -> st.SearchStrategy[object]:
    lists = {
        child.name: st.lists(records(child.fields, {}) | st.sampled_from([None, 1]), max_size=3) | st.none() | odd
        for child in kind.children
    }
    return st.one_of(*[records(kind.fields, lists)] * 12, st.sampled_from([None, "x", 1, []]))


def bodies(kind: Kind) -> st.SearchStrategy[bytes]:
    def written(parts: tuple[list[object], bool]) -> bytes:
        found, ascii_only = parts
        return json.dumps({"items": found}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    pages = st.tuples(st.lists(items(kind), max_size=5), st.booleans()).map(written)
    large = st.tuples(pages, st.sampled_from([b"", b" \n"])).map(lambda parts: parts[1] + LARGE + parts[0] + parts[1])
    strange = st.sampled_from(
        [b"", b"{}", b'{"items":null}', b'{"items":[]},{"items":[]}', b"[]", b'{"items":[{"email":"a","email":"b"}]}']
    )
    return st.one_of(*[pages] * 5, *[large] * 3, strange)


def agree(kind: Kind, contents: list[bytes]) -> None:
    pages = [Page(f"{place:064x}", place, content, "example.webex.com") for place, content in enumerate(contents)]
    quick = decode(pages, kind)
    slow = decode(pages, kind, reading=Reading(prepare=lambda item: item))
    assert quick.gaps == slow.gaps
    for name, frame in slow.frames.items():
        assert_frame_equal(quick.frames[name], frame)


@settings(max_examples=EXAMPLES)
@given(st.lists(bodies(KINDS["attendees"]), min_size=1, max_size=4))
def test_both_paths_agree_on_attendees(contents: list[bytes]) -> None:
    agree(KINDS["attendees"], contents)


@settings(max_examples=EXAMPLES)
@given(st.lists(bodies(KINDS["participants"]), min_size=1, max_size=4))
def test_both_paths_agree_on_participants(contents: list[bytes]) -> None:
    agree(KINDS["participants"], contents)


@settings(max_examples=EXAMPLES)
@given(st.lists(bodies(KINDS["usage"]), min_size=1, max_size=4))
def test_both_paths_agree_on_usage(contents: list[bytes]) -> None:
    agree(KINDS["usage"], contents)


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(sorted(KINDS)).flatmap(lambda name: st.tuples(st.just(name), bodies(KINDS[name]))))
def test_both_paths_agree_on_every_kind(drawn: tuple[str, bytes]) -> None:
    name, content = drawn
    agree(KINDS[name], [content])
