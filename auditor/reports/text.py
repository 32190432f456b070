"""Text from strangers made safe to show: whatever would hide, reorder or break a line becomes visible."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

ROW_CAP = 200
EVIDENCE_CAP = 1000
MOST_MARKS = 4

LONE = "\ud800-\udfff"

_HIDDEN_NEAR = (
    "\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff"
)
_HIDDEN_FAR = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff" + "".join(
    f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17)
)
_HIDDEN = f"\x00-\x1f{_HIDDEN_NEAR}{LONE}{_HIDDEN_FAR}"
_UNSEEN = re.compile(f"[{_HIDDEN_NEAR}\u200c\u200d\ufe0e\ufe0f]"), re.compile(f"[{_HIDDEN_FAR}]")
"""The first plane is looked through apart: with the others in one class every character costs twenty times."""
_FAR = re.compile("[\U00010000-\U0010ffff]")
_HIDDEN_OR_JOINER = re.compile(f"[{_HIDDEN}]|[\u200c\u200d]|[\ufe0e\ufe0f]")
_PLAIN = re.compile(
    "[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u037a-\u037f\u0384-\u03ff\u0400-\u0482\u048a-\u052f\u1e00-\u1fbc"
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff\uac00-\ud7a3]*"
)
_MAY_BE_MARKS = re.compile(r"[^\w\x00-\x7f]{5}")
_TOGETHER = 256
_JOINABLE = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "So", "Sk"}
_LINK = re.compile(r"(https?://[^/]|mailto:[^/])[!-~]*", re.IGNORECASE)
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "HEBREW", "ARABIC", "CHEROKEE", "COPTIC")


def visible(text: str, *, cap: int = ROW_CAP) -> str:
    r"""The text on one line with everything hidden in it written out, and no longer than `cap` of its characters.

    >>> visible("eve\u202egpj.exe")
    'eve⟨U+202E⟩gpj.exe'
    >>> visible("a" * 6, cap=4)
    'aaaa⟨… 6 characters⟩'
    """
    length = len(text)
    if length > cap:
        return f"{_shown(text[:cap])}⟨… {length:,} characters⟩"
    return _shown(text)


def visible_each(texts: Sequence[str], *, cap: int = ROW_CAP) -> list[str]:
    """Each text as `visible` shows it; many plain ones are looked at together."""
    shown: list[str] = []
    for at in range(0, len(texts), _TOGETHER):
        few = texts[at : at + _TOGETHER]
        plain = max(map(len, few)) <= cap and _is_plain("".join(few))
        shown.extend(few if plain else (visible(text, cap=cap) for text in few))
    return shown


def _is_plain(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or _PLAIN.fullmatch(text) is not None


def _shown(text: str) -> str:
    if _is_plain(text):
        return text
    found = _HIDDEN_OR_JOINER.search(text)
    if found is not None:
        text = _HIDDEN_OR_JOINER.sub(lambda hidden: _written_out(hidden, text), text)
    return _few_marks(text) if _MAY_BE_MARKS.search(text) else text


def _written_out(hidden: re.Match[str], text: str) -> str:
    """The code point in brackets; a joiner between letters or emoji, or one emoji selector, stays."""
    character, at = hidden[0], hidden.start()
    before = text[at - 1] if at else ""
    if character in "\u200c\u200d" and _joins(before) and at + 1 < len(text) and _joins(text[at + 1]):
        return character
    if character in "\ufe0e\ufe0f" and before and unicodedata.category(before) in {"So", "Po", "Nd", "Sm"}:
        return character
    return f"⟨U+{ord(character):04X}⟩"


def _joins(character: str) -> bool:
    """Whether a joiner beside it may change how it is written, as it never does in Latin, Greek and Cyrillic."""
    if character < "\u0530" or "\u1e00" <= character <= "\u1fff":
        return False
    return character == "\ufe0f" or unicodedata.category(character) in _JOINABLE


def _few_marks(text: str) -> str:
    """The text with at most four combining marks in a row, and a sign where more were."""
    kept: list[str] = []
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if run <= MOST_MARKS:
            kept.append(character)
        elif run == MOST_MARKS + 1:
            kept.append("⟨…⟩")
    return "".join(kept)


def spelled_out(document: str) -> str:
    r"""The JSON document with every character that hides or moves others as its escape; it says the same.

    >>> spelled_out('{"name": "eve\u202egpj.exe"}')
    '{"name": "eve\\u202egpj.exe"}'
    """
    if (document.isascii() and "\x7f" not in document) or _PLAIN.fullmatch(document):
        return document
    near, far = _UNSEEN
    document = near.sub(_escape, document)
    return far.sub(_escape, document) if _FAR.search(document) else document


def _escape(unseen: re.Match[str]) -> str:
    units = unseen[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def paragraphs(text: str) -> tuple[str, ...]:
    """The paragraphs of a rule's or operator's prose: single line ends are spaces, blank lines divide."""
    parts = (" ".join(part.split()) for part in re.split(r"\n[ \t]*\n", text))
    return tuple(visible(part, cap=4 * EVIDENCE_CAP) for part in parts if part)


def mixed_scripts(text: str) -> bool:
    """Whether one word has letters of more than one script that are easily taken for each other.

    >>> mixed_scripts("pаypal"), mixed_scripts("Алиса Brandt")
    (True, False)
    """
    if text.isascii():
        return False
    return any(len(_scripts(word)) > 1 for word in re.findall(r"[^\W\d_]+", text))


def _scripts(word: str) -> set[str]:
    return {_script(letter) for letter in word[:EVIDENCE_CAP]} - {""}


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The script of the letter among those that are taken for each other, else nothing."""
    name = unicodedata.name(letter, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), "")


def safe_link(text: str) -> str | None:
    r"""The text when it is a web or mail address that may stand in a link, else None.

    >>> safe_link("https://example.com/a"), safe_link("java\tscript:alert(1)")
    ('https://example.com/a', None)
    """
    squeezed = "".join(character for character in text if character > " ")
    return squeezed if _LINK.fullmatch(squeezed) else None


def spreadsheet_cell(text: str) -> str:
    """The text as a spreadsheet takes it for text: what would begin a formula has an apostrophe before it.

    >>> spreadsheet_cell("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text and text[0] in _FORMULA else text
