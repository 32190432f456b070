"""What judging costs, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Step:
    """One step of judging: rows or groups looked at, what came out of it, CPU-seconds."""

    name: str
    rows: int = 0
    found: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Profile:
    """The steps of a run by name, each summed over all parts; `cpu` tells the CPU-seconds used so far."""

    cpu: Callable[[], float]
    steps: dict[str, Step] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[Step]:
        """The step, whose time counts while the block runs."""
        step = self.steps.setdefault(name, Step(name))
        began = self.cpu()
        try:
            yield step
        finally:
            step.seconds += self.cpu() - began


@contextmanager
def timed(profile: Profile | None, name: str) -> Iterator[Step]:
    """The same, where somebody wants to know."""
    if profile is None:
        yield Step(name)
        return
    with profile.timed(name) as step:
        yield step
