"""What a page holds is told by its beginning, as far as that reaches."""

import json

import pytest

from auditor.tables.hasty import cut, first_fields


def page(count, *, length, last="b"):
    records = [{"a": "x" * length} for _ in range(count - 1)]
    return json.dumps({"items": [*records, {last: 1}]}).encode()


@pytest.mark.parametrize("length", [10, 400, 800, 1_200])
def test_fields_of_the_first_records_are_told_however_long_they_are(length):
    assert first_fields(page(200, length=length), records=50) == {"a"}
    assert first_fields(page(50, length=length), records=50) == {"a", "b"}


def test_records_beyond_the_first_do_not_count():
    assert first_fields(page(51, length=10), records=50) == {"a"}


def test_records_that_reach_too_far_tell_nothing():
    assert first_fields(page(200, length=4_000), records=50) is None


@pytest.mark.parametrize("body", [b"[]", b'{"items":[]}', b'{"items":[{"a":]}', b'{"rows":[{"a":1}]}'])
def test_a_page_of_another_form_tells_nothing(body):
    assert first_fields(body, records=50) is None


@pytest.mark.parametrize("letters", [1 << 20, (1 << 20) - 1, 10])
def test_lines_are_cut_where_letters_of_several_bytes_lie_anywhere(letters):
    lines = [b'{"a":"' + b"x" * (letters - 7) + "é".encode() + b'"}', b'{"a":"b"}']
    pages = cut(b"\n".join(lines), most=1 << 21, records=1000)
    assert [page.body for page in pages] == [b'{"items":[' + b",".join(lines) + b"]}"]


@pytest.mark.parametrize("end", [b"\xff", b"\xc3", b'"}\n\xe2\x82'])
def test_lines_that_are_no_utf8_are_not_cut(end):
    lines = b'{"a":"' + b"x" * (1 << 20) + b'"}\n{"a":"'
    assert cut(lines + end, most=1 << 21, records=1000) is None
