"""Letters that look alike folded to one: the key by which two names read the same.

The table is our own short choice among letters that Unicode's code charts draw alike in common fonts: Cyrillic,
Greek, Armenian and rarer Latin letters. Unicode Technical Standard 39 describes the problem at length.
"""

from __future__ import annotations

import unicodedata

import polars as pl

from auditor.tables.distinct import mapped
from auditor.tables.schema import TEXT

_BLANKS = r"[\t-\r\x1c-\x20]+"

_LOOK_ALIKE: dict[int, str] = str.maketrans(
    {
        **dict(zip("авсԁеԍһніјкӏморԛѕтѵԝхуү", "abcdeghhijklmopqstvwxyy", strict=True)),
        **dict(zip("αβγεζηικμνορτυχω", "abyeznikmvoptuxw", strict=True)),
        **dict(zip("օսցհոզ", "ougnnq", strict=True)),
        **dict(zip("ıɩɑɡɪʏʀɴʟʜ", "iiagiyrnlh", strict=True)),
    }
)


def folded(text: str) -> str:
    """The text in NFKC, case folded, look-alike letters folded to one.

    >>> folded("Аnnа") == folded("ANNA")
    True
    """
    return unicodedata.normalize("NFKC", text).casefold().translate(_LOOK_ALIKE)


def name_key(text: str) -> str:
    """`folded` with white space collapsed to single spaces and none at the ends.

    >>> name_key("  Eve   EXAMPLE ")
    'eve example'
    """
    return " ".join(folded(text).split())


def name_keys(value: pl.Expr) -> pl.Expr:
    """`name_key` of each text; of ASCII, which nothing is folded to but lower case, of all texts at once."""
    plain = value.str.to_lowercase().str.replace_all(_BLANKS, " ").str.strip_chars(" ")
    ascii_ = value.str.len_bytes() == value.str.len_chars()
    other = mapped(pl.when(~ascii_).then(value), name_key, TEXT)
    return pl.when(ascii_).then(plain).otherwise(other)
