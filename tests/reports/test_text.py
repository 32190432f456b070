"""Hostile text becomes visible, short and harmless."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.reports.text import mixed_scripts, paragraphs, safe_link, spreadsheet_cell, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Zoë Ørsted 李雷 😀", "Zoë Ørsted 李雷 😀"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("two\nlines\tx", "two⟨U+000A⟩lines⟨U+0009⟩x"),
        ("\u200b", "⟨U+200B⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("\U0001fffe", "⟨U+1FFFE⟩"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200d", "a⟨U+200D⟩"),
        ("\u200d\u200d", "⟨U+200D⟩⟨U+200D⟩"),
        ("☎\ufe0f", "☎\ufe0f"),
        ("a\ufe0f", "a⟨U+FE0F⟩"),
        ("e" + "\u0301" * 4, "e" + "\u0301" * 4),
        ("e" + "\u0301" * 40 + "x", "e" + "\u0301" * 4 + "⟨…⟩x"),
    ],
)
def test_what_hides_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_long_text_says_how_long_it_is() -> None:
    assert visible("x" * 100_006) == "x" * 200 + "⟨… 100,006 characters⟩"


@settings(deadline=None)
@given(st.text(st.characters()))
def test_nothing_invisible_is_left(text: str) -> None:
    shown = visible(text, cap=10_000)
    for character in shown:
        if character not in "\u200c\u200d\ufe0e\ufe0f":
            assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
            assert unicodedata.bidirectional(character) not in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "PDI"}


@settings(deadline=None)
@given(st.text(st.characters()))
def test_showing_twice_changes_nothing(text: str) -> None:
    assert visible(visible(text, cap=10_000), cap=10_000) == visible(text, cap=10_000)


def test_paragraphs_are_divided_by_blank_lines() -> None:
    assert paragraphs("one\ntwo\n \nthree\n") == ("one two", "three")


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.com",
        "https:example.com",
        "vbscript:x",
        "https://",
        "",
    ],
)
def test_only_web_and_mail_addresses_become_links(text: str) -> None:
    assert safe_link(text) is None


@pytest.mark.parametrize("text", ["https://example.com/a?b=c#d", "http://example.com", "mailto:a@example.com"])
def test_web_and_mail_addresses_are_links(text: str) -> None:
    assert safe_link(text) == text


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a"])
def test_a_cell_cannot_begin_a_formula(text: str) -> None:
    assert spreadsheet_cell(text) == "'" + text


def test_letters_of_two_scripts_in_one_word_are_noticed() -> None:
    assert mixed_scripts("аlice@example.com")
    assert not mixed_scripts("alice@example.com")
    assert not mixed_scripts("李雷 Alice")
