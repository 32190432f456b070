r"""How much the regular expressions of a file stand for, reckoned before any of them is compiled.

Compiling takes as long as a pattern is once its repeats are written out: `\w{200}` takes a hundred thousand times as
long as ten letters, and a file has room for many thousands of such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from auditor.documents import Items, Map, Node, Place, Scalar

MOST = 10_000
r"""So many classes of all the world's letters, as `\w` is one, may be compiled for a file: some seconds' worth."""

_LETTERS, _DIGITS, _ANY, _SIGN = 700, 60, 8, 1
_LARGEST = 400 * _LETTERS
"""The engine gives up on what is larger."""
_HEAVY = re.compile(r"\\[a-zA-Z]|\{[\s#\d]")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_TOKEN = re.compile(
    r"\\[pP](?:\{[^}]{0,99}\}|.)|\\[xuU]\{[^}]{0,99}\}|\\.|\{\s*+(\d++)\s*+(,?)\s*+(\d*+)\s*+\}|\[\^?\]?|.", re.DOTALL
)
_FLAGS = re.compile(r"\?([a-zA-Z]*)(?:-([a-zA-Z]*))?[:)]")
_FREE = re.compile(r"\?[a-zA-Z]*x")
_LONGEST = 9
"""So many digits of a number are read: more of them are refused, or too large anyway."""


def overweight(documents: Sequence[Node]) -> Place | None:
    """Where the patterns of a file become too many or too large; None where they do not."""
    left = MOST * _LETTERS
    for scalar in _scalars(documents):
        if _HEAVY.search(scalar.text):
            # an expression holds patterns in quotes, a parameter is one
            quoted = sum(_weight(one or other) for one, other in _QUOTED.findall(scalar.text))
            left -= max(_weight(scalar.text), quoted)
            if left < 0:
                return scalar.place
    return None


def _scalars(nodes: Sequence[Node]) -> Iterator[Scalar]:
    for node in nodes:
        match node:
            case Scalar():
                yield node
            case Items(items=items):
                yield from _scalars(items)
            case Map(entries=entries):
                yield from _scalars([value for _, value in entries])


def _weight(pattern: str) -> int:
    """How much the pattern stands for with its repeats written out, as far as the engine compiles it."""
    groups, last, inside = [0], 0, 0
    for token in _TOKEN.finditer(_without_blanks(pattern)):
        text = token[0]
        if inside:
            inside += (text[0] == "[") - (text == "]")
            last += _cost(text)
            groups[-1] += 0 if inside else last
        elif token[1]:
            most = (token[3] or token[1]).lstrip("0")
            times = int(most[:_LONGEST] or 0) + (token[2] == "," and not token[3])
            more = min(last * max(times - 1, 0), _LARGEST)
            groups[-1] += more
            last += more
        elif text[0] == "[":
            inside, last = 1, _cost(text)
        elif text == "(":
            groups.append(0)
        elif text == ")":
            last = groups.pop() if len(groups) > 1 else last
            groups[-1] += last
        elif text in "?*+":
            groups[-1] += 1
        else:
            last = _cost(text)
            groups[-1] += last
    return min(sum(groups), _LARGEST)


def _without_blanks(pattern: str) -> str:
    """The pattern without the blanks and comments that stand between its signs where `x` allows them."""
    if _FREE.search(pattern) is None:
        return pattern
    kept: list[str] = []
    free, classes, place = [False], [-1], 0
    while place < len(pattern):
        sign = pattern[place : place + 1 + (pattern[place] == "\\")]
        place += len(sign)
        if free[-1] and (sign == "#" or _is_blank(sign)):
            ends = pattern.find("\n", place) if sign == "#" else place
            place = len(pattern) if ends < 0 else ends
            continue
        if sign == "[":
            classes.append(len(kept))
        elif sign == "]" and len(classes) > 1 and kept[classes[-1] + 1 : classes[-1] + 3] not in ([], ["^"]):
            classes.pop()
        elif len(classes) == 1 and sign == "(":
            free.append(free[-1])
        elif len(classes) == 1 and sign == ")" and len(free) > 1:
            free.pop()
        elif len(classes) == 1 and sign == "?" and kept[-1:] == ["("] and (flags := _FLAGS.match(pattern, place - 1)):
            if flags[0][-1] == ")":
                free.pop()
                sign, place = flags[0], flags.end()
            free[-1] = "x" in flags[1] or (free[-1] and "x" not in (flags[2] or ""))
        kept.append(sign)
    return "".join(kept)


def _is_blank(sign: str) -> bool:
    # Python takes four control characters for blanks that the engine does not
    return sign.isspace() and not "\x1c" <= sign <= "\x1f"


def _cost(token: str) -> int:
    match token[:2]:
        case "\\w" | "\\W" | "\\p" | "\\P":
            return _LETTERS
        case "\\d" | "\\D" | "\\s" | "\\S":
            return _DIGITS
        case "." | "[^":
            return _ANY
    return _SIGN
