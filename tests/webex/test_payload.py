from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import BadPayload
from auditor.webex.payload import FIELDS, NotJson, records

plain = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
items = st.lists(st.dictionaries(st.sampled_from([*FIELDS, "other"]), values, max_size=4) | values, max_size=4)


@given(items, st.dictionaries(st.sampled_from(["other", "meta"]), values))
def test_every_record_is_counted_and_what_is_looked_at_is_kept(expected: list[object], rest: dict[str, object]) -> None:
    found = records(json.dumps({**rest, "items": expected}).encode(), key="items")
    assert len(found) == len(expected)
    for left, right in zip(found, expected, strict=True):
        if isinstance(left, dict) and isinstance(right, dict):
            assert {name: left.get(name) for name in FIELDS} == {name: right.get(name) for name in FIELDS}


@given(st.binary(max_size=30))
def test_any_bytes_are_records_or_a_named_fault(body: bytes) -> None:
    with suppress(BadPayload):
        records(body, key="items")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"items":[', b'{"items":[]} x', b"\xff", b"[" * 200_000])
def test_what_is_no_json_may_be_asked_for_again(body: bytes) -> None:
    with pytest.raises(NotJson):
        records(body, key="items")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_json_is_utf_8_as_it_is_for_the_tables(encoding: str) -> None:
    text = '{"items": [{"id": "a"}], "items": [{"id": "b"}, {"id": "c"}]}'
    with pytest.raises(NotJson):
        records(text.encode(encoding), key="items")
    assert len(records(b"\xef\xbb\xbf" + b'{"items": [{"id": "\xed\xa0\x80"}]}', key="items")) == 1


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"{}", b'{"items": {}}', b'{"items": 3}', b'{"sites": []}'])
def test_another_shape_is_a_fault_that_asking_again_does_not_mend(body: bytes) -> None:
    with pytest.raises(BadPayload) as fault:
        records(body, key="items")
    assert not isinstance(fault.value, NotJson)


def test_null_is_an_empty_list() -> None:
    assert list(records(b'{"items": null}', key="items")) == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"items": [{"displayName": "\\ud83d"}]}',
        b'{"items": [{"duration": NaN}]}',
        b'{"items": [{"duration": ' + b"9" * 5000 + b"}]}",
        b'{"items": [{"displayName": "a\\u0000b"}]}',
        b'{"items": [{"displayName": "raw\ttab"}]}',
        b'{"items": [{"displayName": "' + b"n" * 1_000_000 + b'"}]}',
        b'{"items": ["text"]}',
    ],
)
def test_hostile_values_are_still_records(body: bytes) -> None:
    assert len(records(body, key="items")) == 1


@pytest.mark.parametrize("body", [b'{"items": [{"id": "a"}], "items": []}', b'{"items": null, "items": [{"id": "a"}]}'])
def test_a_list_that_is_named_twice_is_a_fault_that_asking_again_does_not_mend(body: bytes) -> None:
    with pytest.raises(BadPayload, match="the body has items twice") as fault:
        records(body, key="items")
    assert not isinstance(fault.value, NotJson)
    assert len(records(b'{"items": [{"items": 1, "items": 2}], "sites": [], "sites": []}', key="items")) == 1
