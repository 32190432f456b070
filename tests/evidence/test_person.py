"""A person's address, found however it is written, and nobody else's."""

import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ConfigError
from auditor.evidence.person import Person
from auditor.evidence.redact import without_items, without_person

EVE = Person("eve@example.com")


@pytest.mark.parametrize(
    "text",
    [
        "eve@example.com",
        "EVE@Example.COM",
        "mailto:eve@example.com",
        "Eve <eve@example.com>",
        "x?email=eve%40example.com&max=10",
        "x?email=eve%2540example.com",
        "eve\\u0040example.com",
        "\\u0065ve@example.com",
        "\\\\\\\\u0065ve@example.com",
        "\\u0065\\u0076\\u0065@example.com",
        "%65ve@example.com",
        "written by eve@example.com.",
        "'eve@example.com'",
    ],
)
def test_the_address_is_found(text: str) -> None:
    assert EVE.named_in(text)


@pytest.mark.parametrize(
    "text",
    ["steve@example.com", "eve@example.com.au", "x.eve@example.com", "eve@example.community", "eve at example.com", ""],
)
def test_another_address_is_not(text: str) -> None:
    assert not EVE.named_in(text)


def test_a_slash_may_be_escaped() -> None:
    person = Person("eve/ext@example.com")
    assert person.named_in('{"email":"eve\\/ext@example.com"}')
    assert without_person(b'{"items":[{"email":"eve\\/ext@Example.com"}]}', person) == (b'{"items":[null]}', 1)


def test_keys_and_inner_values_are_looked_at() -> None:
    assert EVE.named_in({"a": [{"eve@example.com": 1}]})
    assert EVE.without({"emails": ["eve@example.com", "a@example.com"], "n": 1}) == {
        "emails": [None, "a@example.com"],
        "n": 1,
    }


@pytest.mark.parametrize("email", ["", "eve", "@example.com", " eve@example.com", "a@b@c"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ConfigError, match="is no e-mail address"):
        Person(email)


def test_all_other_bytes_of_a_page_stay() -> None:
    page = b'{ "items" : [ {"n": 1.50, "n": 2}, {"email":"EVE\\u0040example.com"} ,{"t":"\\ud800\xff"} ] }'
    assert without_person(page, EVE) == (
        b'{ "items" : [ {"n": 1.50, "n": 2}, null ,{"t":"\\ud800\xff"} ] }',
        1,
    )


def test_a_page_that_is_no_json_becomes_null() -> None:
    assert without_person(b"<html>eve@example.com", EVE) == (b"null", 1)


def test_texts_outside_the_items_go_too() -> None:
    page, count = without_person(b'{"items":[{"a":1}],"asked":"eve@example.com"}', EVE)
    assert (json.loads(page), count) == ({"items": [{"a": 1}], "asked": None}, 1)


@pytest.mark.parametrize(
    "before", ['"notFoundIds":null,', '"a":{"items":[1]}, "b" : [2.5] ,', '"n":' + "9" * 5000 + ","]
)
def test_fields_before_the_items_change_nothing(before: str) -> None:
    page = "{" + before + '"items": [{"email":"a@example.com"}, {"emails":["Eve@example.com"],"name":"Eve"}],"c":1}'
    person = '{"emails":["Eve@example.com"],"name":"Eve"}'
    expected = (page.replace(person, "null").encode(), 1)
    assert without_person(page.encode(), EVE) == expected
    assert without_items(page.encode(), {1}) == expected


@pytest.mark.parametrize("before", ["\n", "\t", "\r\n", "\b", "\f", "\\\n", '"', "\\", "/"])
def test_an_address_behind_a_character_that_json_escapes_is_found(before: str) -> None:
    page = json.dumps({"items": [{"agenda": f"write to{before}eve@example.com"}, {"a": 1}]}).encode()
    assert without_person(page, EVE) == (b'{"items": [null, {"a": 1}]}', 1)


@pytest.mark.parametrize("times", [1, 2, 3, 5])
@pytest.mark.parametrize("outside", [False, True])
def test_so_is_one_in_a_text_of_json(times: int, *, outside: bool) -> None:
    text = "write to\neve@example.com"
    for _ in range(times):
        text = json.dumps({"comment": text})
    if outside:
        assert without_person(json.dumps({"error": text}).encode(), EVE) == (b'{"error":null}', 1)
        return
    page = json.dumps({"items": [{"details": text}, {"a": "steve@example.com"}]}).encode()
    assert without_person(page, EVE) == (b'{"items": [null, {"a": "steve@example.com"}]}', 1)


@pytest.mark.parametrize("name", ["CORP\\neve@example.com", "C:\\\\teve@example.com"])
def test_a_backslash_of_a_text_begins_no_escape(name: str) -> None:
    page = json.dumps({"items": [{"displayName": name}]}).encode()
    assert without_person(page, EVE) == (page, 0)


def test_an_item_may_be_deep() -> None:
    deep = b"[" * 600 + b'"eve@example.com"' + b"]" * 600
    page = b'{"items":[{"a":' + deep + b'},{"email":"a@example.com"}]}'
    assert without_person(page, EVE) == (b'{"items":[null,{"email":"a@example.com"}]}', 1)


def test_a_long_row_of_backslashes_is_looked_at_once() -> None:
    page = json.dumps({"items": [{"name": "\\" * 20_000}, {"email": "eve@example.com"}]}).encode()
    began = time.process_time()
    assert without_person(page, EVE)[1] == 1
    assert time.process_time() - began < 2


def test_a_long_number_keeps_no_item_from_being_made_null() -> None:
    page = b'{"items":[{"n":' + b"9" * 5000 + b'},{"email":"eve@example.com"}],"asked":"x"}'
    expected = (page.replace(b'{"email":"eve@example.com"}', b"null"), 1)
    assert without_person(page, EVE) == without_items(page, {1}) == expected


def test_a_page_without_the_person_is_the_same_page() -> None:
    assert without_person(b'{"items":[{"email":"a@example.com"}]}', EVE) == (
        b'{"items":[{"email":"a@example.com"}]}',
        0,
    )


def test_items_are_made_null_once() -> None:
    assert without_items(b'{"items":[1,null,[2,3]]}', {1, 2}) == (b'{"items":[1,null,null]}', 1)


words = st.sampled_from(["eve@example.com", "EVE@EXAMPLE.com", "bob@example.com", "x", "é", "\ud83d\ude00"])
records = st.lists(
    st.none() | st.dictionaries(st.sampled_from(["email", "hostEmail", "note"]), words | st.lists(words), max_size=3),
    max_size=6,
)


@given(records, st.sets(st.sampled_from(["ascii", "percent"])))
def test_no_form_of_the_address_is_left_and_indexes_stay(items: list[object], how: set[str]) -> None:
    text = json.dumps({"items": items}, ensure_ascii="ascii" in how)
    if "percent" in how:
        text = text.replace("eve@example.com", quote("eve@example.com"))
    page = text.encode("utf-8", "surrogatepass")
    left, count = without_person(page, EVE)
    kept = json.loads(left.decode("utf-8", "surrogatepass"))["items"]
    assert not EVE.named_in(left.decode("utf-8", "replace"))
    assert len(kept) == len(items)
    for before, after in zip(json.loads(page.decode("utf-8", "surrogatepass"))["items"], kept, strict=True):
        assert after is None if EVE.named_in(before) else after == before
    assert count == sum(EVE.named_in(item) for item in json.loads(page.decode("utf-8", "surrogatepass"))["items"])
