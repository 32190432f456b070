"""Seeded chance for whole columns: a pure function of seed, purpose and keys, by 64-bit integer arithmetic.

SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Nothing depends
on the order of rows, on threads or on how a library hashes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import polars as pl

from auditor.frozen import dataclass

_WORD = pl.UInt64()
_GOLDEN = 0x9E3779B97F4A7C15
_TWO_PI = 2 * math.pi


@dataclass(frozen=True, slots=True)
class Chance:
    """All chance of one company."""

    seed: str

    def word(self, purpose: str, *keys: str | pl.Expr) -> pl.Expr:
        """A 64-bit number of each row, fixed by the purpose and the keys, which are whole numbers."""
        digest = hashlib.blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest()
        state = int.from_bytes(digest, "big")

        def words(columns: Sequence[pl.Series]) -> pl.Series:
            mixed = pl.Series([state], dtype=_WORD).new_from_index(0, len(columns[0]))
            for column in columns:
                mixed = _mixed(mixed + column.cast(pl.Int64).cast(_WORD, wrap_numerical=True) * _word(_GOLDEN))
            return mixed

        named_keys = [pl.col(key) if isinstance(key, str) else key for key in keys]
        return pl.map_batches(named_keys, words, return_dtype=_WORD, is_elementwise=True)

    def draw(self, purpose: str, *keys: str | pl.Expr) -> pl.Expr:
        """A number from 0 up to, not including, 1."""
        return (self.word(purpose, *keys) // (1 << 11)).cast(pl.Float64) / float(1 << 53)

    def hits(self, purpose: str, *keys: str | pl.Expr, rate: float | pl.Expr) -> pl.Expr:
        """True in `rate` of the cases."""
        return self.draw(purpose, *keys) < rate

    def between(self, purpose: str, *keys: str | pl.Expr, low: float, high: float) -> pl.Expr:
        """A number from `low` up to `high`."""
        return low + (high - low) * self.draw(purpose, *keys)

    def whole(self, purpose: str, *keys: str | pl.Expr, low: int, high: int) -> pl.Expr:
        """A whole number from `low` to `high`, both included."""
        return low + (self.draw(purpose, *keys) * (high - low + 1)).floor().cast(pl.Int64)

    def below(self, purpose: str, *keys: str | pl.Expr, size: pl.Expr) -> pl.Expr:
        """A whole number from 0 up to, not including, `size`."""
        return (self.draw(purpose, *keys) * size).floor().cast(pl.Int64)

    def normal(self, purpose: str, *keys: str | pl.Expr) -> pl.Expr:
        """A number of the standard normal distribution (Box and Muller, 1958)."""
        radius = (-2 * (1 - self.draw(f"{purpose}/radius", *keys)).log()).sqrt()
        return radius * (_TWO_PI * self.draw(f"{purpose}/angle", *keys)).cos()

    def one_of(self, purpose: str, *keys: str | pl.Expr, shares: Mapping[int, float]) -> pl.Expr:
        """One of the whole numbers, each with its share; shares are taken relative to their sum."""
        drawn = self.draw(purpose, *keys) * sum(shares.values())
        values, edges = list(shares), _running(list(shares.values()))
        result = pl.lit(values[-1], dtype=pl.Int64)
        for value, edge in zip(reversed(values[:-1]), reversed(edges[:-1]), strict=True):
            result = pl.when(drawn < edge).then(pl.lit(value, dtype=pl.Int64)).otherwise(result)
        return result


def named(index: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """The name at each index."""
    return index.replace_strict(list(range(len(names))), list(names), return_dtype=pl.String())


def _running(shares: Sequence[float]) -> list[float]:
    return [sum(shares[: place + 1]) for place in range(len(shares))]


def _word(value: int) -> pl.Series:
    return pl.Series([value], dtype=_WORD)


def _mixed(state: pl.Series) -> pl.Series:
    state = (state ^ (state // _word(1 << 30))) * _word(0xBF58476D1CE4E5B9)
    state = (state ^ (state // _word(1 << 27))) * _word(0x94D049BB133111EB)
    return state ^ (state // _word(1 << 31))
