"""Functions of text, lists, addresses and domains as Polars expressions."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from auditor.rules.compiled.operators import Compiled, constant, known, texts
from auditor.rules.language.tree import Expr, Op, Type
from auditor.tables.addresses import PRIVATE, Networks
from auditor.tables.confusables import folded
from auditor.tables.distinct import mapped
from auditor.tables.dotted import in_networks, network
from auditor.tables.facts import email_domain
from auditor.tables.schema import COUNT, FLAG, TEXT

_SHORTEST = 6


def _text(tree: Expr) -> str:
    return constant(tree, str)


def _length(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    found = args[0].list.len() if op.args[0].type is Type.LIST else args[0].str.len_chars()
    return found.cast(COUNT)


def _contains_any(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    words = texts(op.args[1])
    if not words or "" in words:
        return known(pl.lit(bool(words)), args[0])
    return args[0].str.contains_any(list(words))  # a series is a scalar only where it stands alone


def _extract(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    group = constant(op.args[2], int) if len(op.args) > 2 else 1
    return args[0].str.extract(_text(op.args[1]), group)


def _replace(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    return args[0].str.replace_all(_text(op.args[1]), _text(op.args[2]), literal=True)


def written(value: pl.Expr, kind: Type) -> pl.Expr:
    """The value as text: numbers shortest, date-times and durations as in a fingerprint."""
    match kind:
        case Type.NUMBER:
            return mapped(value, _shortest, TEXT)
        case Type.DATETIME:
            return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        case Type.DURATION:
            return value.cast(COUNT).cast(TEXT) + "us"
        case _:
            return value.cast(TEXT)


def _shortest(number: float) -> str:
    return repr(number + 0.0)


def _in_cidr(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    return in_networks(args[0], Networks(texts(op.args[1])))


def _network(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    v4, v6 = (constant(tree, int) for tree in op.args[1:])
    return network(args[0], v4, v6)


def ascii_domain(name: str) -> str:
    """A domain in the form of IDNA, lower case, without a leading or final stop; as it is where IDNA refuses it.

    >>> ascii_domain("BÜCHER.example.")
    'xn--bcher-kva.example'
    """
    bare = name.strip().strip(".").lower()
    try:
        return bare.encode("idna").decode("ascii")
    except UnicodeError:
        return bare


def _under_domain(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    entries = {ascii_domain(entry) for entry in texts(op.args[1])}

    def below(name: str) -> bool:
        labels = ascii_domain(name).split(".")
        return any(".".join(labels[start:]) in entries for start in range(len(labels)))

    return mapped(args[0], below, FLAG)


def _resembles(op: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    entries = [(entry, folded(entry)) for entry in texts(op.args[1]) if len(entry) >= _SHORTEST]

    def near(text: str) -> bool:
        key = folded(text)
        return any(text != entry and within_one_edit(key, other) for entry, other in entries)

    return mapped(args[0], near, FLAG)


def within_one_edit(one: str, other: str) -> bool:
    """Whether at most one insertion, deletion or substitution of a letter makes one text the other.

    >>> within_one_edit("exmple", "example"), within_one_edit("exmaple", "example")
    (True, False)
    """
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    return long[start + 1 :] == short[start + (len(long) == len(short)) :]


def _has(_: Op, args: tuple[pl.Expr, ...]) -> pl.Expr:
    return known(args[0].list.contains(args[1]), args[1])


TEXTUAL: Mapping[str, Compiled] = {
    "lower": lambda _, args: args[0].str.to_lowercase(),
    "upper": lambda _, args: args[0].str.to_uppercase(),
    "strip": lambda _, args: args[0].str.strip_chars(),
    "len": _length,
    "contains": lambda op, args: args[0].str.contains(_text(op.args[1]), literal=True),
    "contains_any": _contains_any,
    "startswith": lambda op, args: args[0].str.starts_with(_text(op.args[1])),
    "endswith": lambda op, args: args[0].str.ends_with(_text(op.args[1])),
    "matches": lambda op, args: args[0].str.contains(_text(op.args[1])),
    "extract": _extract,
    "replace": _replace,
    "domain": lambda _, args: email_domain(args[0]).str.to_lowercase(),
    "text": lambda op, args: written(args[0], op.args[0].type),
    "in_cidr": _in_cidr,
    "is_private_ip": lambda _, args: in_networks(args[0], PRIVATE),
    "network": _network,
    "under_domain": _under_domain,
    "resembles": _resembles,
    "has": _has,
}
"""Compiled form of each function of text, lists, addresses and domains."""
