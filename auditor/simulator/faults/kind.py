"""What a fault is, how often it strikes, and the injector that lets faults strike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from auditor.simulator.service import Service
from auditor.simulator.wire import Answer, Request


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to have: its kind's `name`, and how it strikes.

    It strikes `times` requests (None: the kind's own number, 0: every one) of those the kind is meant for, after
    letting `after` of them pass. `value` is what the kind takes, such as seconds or a meeting id. `path` narrows
    it to requests whose path ends so.
    """

    name: str
    times: int | None = None
    after: int = 0
    value: str | None = None
    path: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Strike:
    """One chance to strike: the request, the server, the fault, and what a faithful server would answer."""

    service: Service
    request: Request
    fault: Fault
    value: str
    number: int
    clean: Callable[[], Answer]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: which requests it is meant for, and what it makes of the answer.

    `strike` gives None when this answer has nothing to strike at; such a chance is not counted. `times` is how
    often it strikes unless told, 0 meaning always; `value` what it takes unless told.
    """

    name: str
    family: str
    does: str
    strike: Callable[[Strike], Answer | None]
    meant_for: Callable[[Request], bool]
    times: int = 1
    value: str = ""


class Injector:
    """The faults of one server, each with the number of its strikes so far."""

    def __init__(self, faults: Sequence[Fault], *, kinds: Mapping[str, Kind]) -> None:
        unknown = [fault.name for fault in faults if fault.name not in kinds]
        if unknown:
            raise ValueError(f"unknown fault {unknown[0]!r}; one of {', '.join(sorted(kinds))}")
        self._faults = [(fault, kinds[fault.name]) for fault in faults]
        self._seen = [0] * len(faults)
        self._struck = [0] * len(faults)
        self._lock = threading.Lock()

    @property
    def strikes(self) -> Mapping[str, int]:
        """How often each fault has struck, by name."""
        totals: dict[str, int] = {}
        for (fault, _), struck in zip(self._faults, self._struck, strict=True):
            totals[fault.name] = totals.get(fault.name, 0) + struck
        return totals

    def answer(self, service: Service, request: Request, *, clean: Callable[[], Answer]) -> Answer:
        """The faithful answer, changed by each fault whose turn it is."""
        for index, (fault, kind) in enumerate(self._faults):
            if kind.meant_for(request) and (fault.path is None or request.path.endswith(fault.path)):
                clean = self._struck_by(index, Strike(service, request, fault, "", 0, clean), kind)
        return clean()

    def _struck_by(self, index: int, chance: Strike, kind: Kind) -> Callable[[], Answer]:
        """What answers when the fault had its chance; the count is held while it strikes, so order is fair."""
        fault = chance.fault
        times = kind.times if fault.times is None else fault.times
        value = kind.value if fault.value is None else fault.value
        with self._lock:
            if times and self._struck[index] >= times:
                return chance.clean
            number = self._struck[index]
            strike = Strike(chance.service, chance.request, fault, value, number, chance.clean)
            answer = kind.strike(strike)
            if answer is None:
                return chance.clean
            self._seen[index] += 1
            if self._seen[index] <= fault.after:
                return chance.clean
            self._struck[index] += 1
        return lambda: answer
