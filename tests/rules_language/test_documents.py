import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.documents import Items, Limits, Map, Place, Scalar, kind, nearest, plain, printable, read


def only(text: str | bytes) -> object:
    content = text.encode() if isinstance(text, str) else text
    reading = read(content, path="f.yaml")
    assert reading.problems == ()
    assert len(reading.documents) == 1
    return reading.documents[0]


def mistakes(text: str | bytes, **limits: int) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    found = read(content, path="f.yaml", limits=Limits(**limits)).problems
    return [str(problem).removeprefix("f.yaml:") for problem in found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("12", 12),
        ("0.5", 0.5),
        ("-1e3", -1000.0),
        ("2.5E-1", 0.25),
    ],
)
def test_these_plain_scalars_are_not_text(text: str, value: object) -> None:
    node = only(f"k: {text}")
    assert plain(node) == {"k": value}
    assert type(plain(node)["k"]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("yes", "no", "on", "off", "True", "NULL", "Null", "12:30:00", "2026-01-05", "5m", "007", "1_000", "0x1f"),
        *("0o7", ".5", "5.", "+1", "1e", "<", "=", ".inf", ".nan", "-", "-0x1", "1.0.0", "٣"),
    ],
)
def test_every_other_plain_scalar_is_text(text: str) -> None:
    assert plain(only(f"k: [{text}]" if text != "-" else "k: '-'")) == {"k": [text] if text != "-" else "-"}


@pytest.mark.parametrize("quoted", ["'true'", '"12"', "|-\n  12", ">-\n  12"])
def test_quoted_and_block_scalars_are_always_text(quoted: str) -> None:
    assert kind(only(f"k: {quoted}").get("k")) == "text"


def test_a_byte_order_mark_is_skipped() -> None:
    assert plain(only(b"\xef\xbb\xbfk: 1")) == {"k": 1}


def test_several_documents_are_read_in_order() -> None:
    assert [plain(node) for node in read(b"a: 1\n---\nb: 2\n", path="f").documents] == [{"a": 1}, {"b": 2}]


def test_comments_and_every_style_are_accepted() -> None:
    text = "# c\na: [1, {b: 'it''s'}] # d\ne: \"x\\ty\"\nf: |\n  one\n  two\ng: >\n  one\n  two\n"
    assert plain(only(text)) == {"a": [1, {"b": "it's"}], "e": "x\ty", "f": "one\ntwo\n", "g": "one two\n"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (b"a: 1\nb: \xff", "2:4: file is not UTF-8"),
        (b"\xff\xfea\x00", "1:1: file is not UTF-8"),
        ("a: x\x00", "1:5: control character U+0000 is not accepted"),
        ("a: b\n\x1b[31m", "2:1: control character U+001B is not accepted"),
        ("a: \x85", "1:4: control character U+0085 is not accepted"),
        ("a: \x7f", "1:4: control character U+007F is not accepted"),
        ("a: b\u2028c: d", "1:5: control character U+2028 is not accepted"),
        ("a: &x 1", "1:4: anchors, aliases and tags are not accepted"),
        ("a: *x", "1:4: anchors, aliases and tags are not accepted"),
        ("a: !x 1", "1:4: anchors, aliases and tags are not accepted"),
        ("a: !!python/object/apply:os.system [id]", "1:4: anchors, aliases and tags are not accepted"),
        ("a: ! b", "1:4: anchors, aliases and tags are not accepted"),
        ("&x a: 1", "1:1: anchors, aliases and tags are not accepted"),
        ("- &x [a]", "1:3: anchors, aliases and tags are not accepted"),
        ("<<: {a: 1}", "1:1: merge keys are not accepted"),
        ("%YAML 1.1\n---\na: 1", "1:1: directives are not accepted"),
        ("%TAG ! tag:x,2000:\n---\na: 1", "1:1: directives are not accepted"),
        ("? [a]\n: b", "1:3: a key must be text"),
        ("{{a: b}: c}", "1:2: a key must be text"),
        ("? |\n a\n: b", "1:3: a key must be text"),
        ("1: a", "1:1: a key must be text; write '1'"),
        ("true: a", "1:1: a key must be text; write 'true'"),
        ("{~: a}", "1:2: a key must be text; write '~'"),
        ("{? : a}", "1:4: a key must be text"),
        ("a: 1\nb: 2\na: 3", "3:1: duplicate key 'a' (first on line 1)"),
        ("x:\n  - {a: 1, 'a': 2}", "2:12: duplicate key 'a' (first on line 2)"),
        ("a: 1e999", "1:4: number 1e999 is too large"),
        ("a: " + "9" * 500, "1:4: number longer than 400 characters"),
        ("a: b: c", "1:5: syntax error: text that holds ': ' needs quotes, or the indentation is wrong"),
        ("a: [1", "1:6: syntax error: did not find expected ',' or ']' while parsing a flow sequence"),
        ("a: 'x\n\ny", "1:4: syntax error: a quote is not closed"),
        ("a: @b", "1:4: syntax error: text cannot begin with this character; quote it; indent by spaces"),
        (
            'a: "\\ud800"',
            "1:7: syntax error: found invalid Unicode character escape code while parsing a quoted scalar",
        ),
        ("a: " + "[" * 24, "1:27: nodes nested deeper than 24"),
        ("- " * 25 + "a", "1:49: nodes nested deeper than 24"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str | bytes, mistake: str) -> None:
    assert mistakes(text) == [mistake]


def test_twenty_four_levels_are_accepted() -> None:
    assert mistakes("[" * 23 + "a" + "]" * 23) == []


def test_all_duplicate_keys_of_a_file_are_told() -> None:
    assert len(mistakes("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3")) == 3


def test_the_first_of_two_equal_keys_counts() -> None:
    assert plain(read(b"a: 1\na: 2", path="f").documents[0]) == {"a": 1}


def test_limits_are_those_of_the_caller() -> None:
    assert mistakes("a: 1", size=3) == ["1:1: file is larger than 3 bytes"]
    assert mistakes("a: 1\n---\nb: 1", documents=1) == ["2:1: more than 1 documents in a file"]
    assert mistakes("[a, b, c]", nodes=3) == ["1:8: more than 3 nodes in a file"]
    assert mistakes("[[a]]", depth=2) == ["1:3: nodes nested deeper than 2"]


def test_a_file_of_one_mebibyte_is_read_and_one_more_byte_is_not() -> None:
    full = b"#" * ((1 << 20) - 5) + b"\na: 1"
    assert read(full, path="f").problems == ()
    assert str(read(full + b"2", path="f").problems[0]) == "f:1:1: file is larger than 1 MiB"


def where(text: str, part: str) -> tuple[int, int]:
    node = only(text).get("k")
    place = node.at(node.text.index(part))
    return place.line, place.column


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("k: one two", (1, 8)),
        ("k: 'one two'", (1, 9)),
        ('k: "one two"', (1, 9)),
        ("k: ünï two", (1, 8)),
        ("{k: one two}", (1, 9)),
        ("k: |\n  one\n  two", (3, 3)),
        ("k: |-\n\n    one\n      two", (4, 7)),
        ("k: |2\n    one\n    two", (3, 5)),
        ("k: |\r\n  one\r\n  two\r\n", (3, 3)),
    ],
)
def test_a_word_of_a_scalar_is_found_in_the_file(text: str, place: tuple[int, int]) -> None:
    assert where(text, "two") == place


@pytest.mark.parametrize(
    "text", ["k: one\n  two", "k: 'it''s two'", 'k: "a\\tb two"', "k: 'one\n  two'", "k: >\n  one\n  two"]
)
def test_without_an_exact_place_the_scalar_itself_is_named(text: str) -> None:
    assert where(text, "two") == (1, 4)


def test_nodes_know_their_kinds() -> None:
    node = only("{a: x, b: 1, c: 1.5, d: true, e: null, f: [], g: {}}")
    assert [kind(value) for _, value in node.entries] == ["text", "integer", "number", "boolean", "null", "list", "map"]


def test_messages_hold_no_control_characters() -> None:
    assert printable("a\x1b[31m\nb") == "a\\u001b[31m\\u000ab"
    assert printable("x" * 100) == "x" * 60 + "…"


def test_a_guess_is_made_only_when_something_is_near() -> None:
    assert nearest("duraton", ["duration", "email"]) == "; did you mean 'duration'?"
    assert nearest("zzz", ["duration", "email"]) == ""
    assert nearest("x" * 5000, ["duration"]) == ""


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abc é'\"{}[]:,#&*!|>%@`-?\\ ", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé ", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


def flow(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
    return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"


@given(PLAIN)
def test_what_is_written_in_flow_style_is_read_back(value: object) -> None:
    assert plain(only(flow(value))) == value


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(str.encode)
    | st.text("-:?[]{},#&*!|>'\"%@` \nab0", max_size=200).map(str.encode)
)
def test_no_bytes_escape_the_reader(content: bytes) -> None:
    reading = read(content, path="f")
    for problem in reading.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in problem.message
    stack = list(reading.documents)
    while stack:
        node = stack.pop()
        assert isinstance(node, Scalar | Items | Map)
        assert node.place.line <= content.count(b"\n") + content.count(b"\r") + 1
        if isinstance(node, Items):
            stack.extend(node.items)
        if isinstance(node, Map):
            stack.extend(value for _, value in node.entries)


def test_what_stands_under_an_unwanted_key_is_passed_over() -> None:
    content = b"a: 1\ntests: [{b: [1, {c: d}]}, e]\nf: {tests: 2}\n---\ntests: x\ng: 3\n"
    found = read(content, path="f.yaml", without={"tests"})
    assert found.problems == ()
    assert [plain(node) for node in found.documents] == [{"a": 1, "f": {"tests": 2}}, {"g": 3}]
    assert found.documents[1].place == Place("f.yaml", 5, 1)


@pytest.mark.parametrize(
    "char", ["\x08", "\x0b", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ufeff", "\ufffe"]
)
def test_characters_yaml_cannot_hold_are_named(char: str) -> None:
    (problem,) = read(f"a: b{char}".encode(), path="f.yaml").problems
    assert str(problem) == f"f.yaml:1:5: control character U+{ord(char):04X} is not accepted"


@pytest.mark.parametrize(
    "char", ["\t", " ", "~", "\xa0", "\u2027", "\u202a", "\ud7ff", "\ue000", "\ufefe", "\uff00", "\ufffd", "\U00010000"]
)
def test_every_other_character_is_read(char: str) -> None:
    assert read(f"a: 'b{char}c'".encode(), path="f.yaml").problems == ()
