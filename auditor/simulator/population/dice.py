"""Seeded chance that is the same on every Python version."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Chance that follows from its seed alone.

    Only `Random.random` is used beneath, the one method whose sequence Python promises to keep. A child's throws
    do not depend on how often its parent was thrown, so a change in one place leaves the others as they were.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._random = random.Random(seed)  # noqa: S311 - a simulation wants repeatable chance

    def child(self, name: str) -> Dice:
        """Further chance, fixed by this seed and the name."""
        return Dice(f"{self.seed}/{name}")

    def chance(self, share: float) -> bool:
        """True in that share of throws."""
        return self._random.random() < share

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included.

        >>> 1 <= Dice("a").between(1, 6) <= 6
        True
        """
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.between(0, len(options) - 1)]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """So many different options, or all of them, in chance order."""
        left = list(options)
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(min(count, len(left)))]

    def hexadecimal(self, name: str, length: int = 32) -> str:
        """Hex digits fixed by this seed and the name."""
        return hashlib.sha256(f"{self.seed}/{name}".encode()).hexdigest()[:length]

    def digits(self, name: str, length: int) -> str:
        """Decimal digits fixed by this seed and the name, the first one not zero."""
        number = int(hashlib.sha256(f"{self.seed}#{name}".encode()).hexdigest(), 16)
        return str(10 ** (length - 1) + number % (9 * 10 ** (length - 1)))

    def uuid(self, name: str) -> str:
        """The shape of a version 4 UUID, fixed by this seed and the name."""
        text = self.hexadecimal(name)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"
