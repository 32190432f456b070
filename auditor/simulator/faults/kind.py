"""What a fault is, how often it strikes, and the injector that lets faults strike."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from auditor.frozen import dataclass
from auditor.simulator.endpoints import OPEN
from auditor.simulator.service import Service
from auditor.simulator.wire import Answer, Request

ALWAYS = 0

Judge = Callable[[Request], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to have: its kind's `name`, and how it strikes.

    Of the requests the kind is meant for it lets `after` pass and strikes `times` (None: the kind's own number, 0:
    every one). With `each` both are counted for every distinct request on its own. `value` is what the kind takes,
    such as seconds or a meeting id; `path` narrows it to requests whose path ends so; `seed` moves what a kind chooses.
    """

    name: str
    times: int | None = None
    after: int = 0
    value: str | None = None
    path: str | None = None
    each: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Strike:
    """One chance to strike: server, request, the value, the number of strikes before, the faithful answer."""

    service: Service
    request: Request
    value: str
    number: int
    seed: int
    clean: Callable[[], Answer]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: the requests it is meant for, and what it makes of the answer.

    `strike` gives None when there is nothing to strike at; such a chance is not counted. `times` is how often it
    strikes unless told otherwise, `ALWAYS` without end; `value` what it takes unless told.
    """

    name: str
    does: str
    strike: Callable[[Strike], Answer | None]
    meant_for: Judge
    times: int = 1
    value: str = ""


class Injector:
    """The faults of one server, and how often each has struck. One client thread makes it repeatable."""

    def __init__(self, faults: Sequence[Fault], *, kinds: Mapping[str, Kind]) -> None:
        unknown = [fault.name for fault in faults if fault.name not in kinds]
        if unknown:
            raise ValueError(f"unknown fault {unknown[0]!r}; one of {', '.join(sorted(kinds))}")
        self._faults = [(fault, kinds[fault.name]) for fault in faults]
        self._seen: Counter[tuple[int, str]] = Counter()
        self._struck: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()

    @property
    def strikes(self) -> Mapping[str, int]:
        """How often each fault has struck, by name."""
        with self._lock:
            totals = Counter({fault.name: 0 for fault, _ in self._faults})
            for (index, _), count in self._struck.items():
                totals[self._faults[index][0].name] += count
        return dict(totals)

    def answer(self, service: Service, request: Request, *, clean: Callable[[], Answer]) -> Answer:
        """The faithful answer, changed by each fault whose turn it is."""
        for index, (fault, kind) in enumerate(self._faults):
            if kind.meant_for(request) and (fault.path is None or request.path.endswith(fault.path)):
                value = kind.value if fault.value is None else fault.value
                clean = self._after(index, kind, Strike(service, request, value, 0, fault.seed, clean))
        return clean()

    def _after(self, index: int, kind: Kind, chance: Strike) -> Callable[[], Answer]:
        """What answers once the fault had its chance."""
        fault = self._faults[index][0]
        times = kind.times if fault.times is None else fault.times
        request = chance.request
        key = (index, f"{request.method} {request.target} {request.body!r}" if fault.each else "")
        with self._lock:
            self._seen[key] += 1
            number = self._struck[key]
            if self._seen[key] <= fault.after or (times != ALWAYS and number >= times):
                return chance.clean
            answer = kind.strike(Strike(chance.service, request, chance.value, number, chance.seed, chance.clean))
            if answer is None:
                return chance.clean
            self._struck[key] += 1
        return lambda: answer


def any_data(request: Request) -> bool:
    """Every request but the one for a token."""
    return request.path != OPEN


def records(request: Request) -> bool:
    """Requests whose answer has `items`."""
    return any_data(request) and not request.path.endswith(("/sites", "/me"))


def listings(request: Request) -> bool:
    """Requests whose answer may have a next link."""
    return records(request) and request.method == "GET"


def further_pages(request: Request) -> bool:
    """Requests made by following a next link."""
    return listings(request) and request.value("cursor") is not None


def of_meeting(request: Request) -> bool:
    """Requests about one meeting."""
    return any_data(request) and request.value("meetingId") is not None


def of_site(request: Request) -> bool:
    """Requests about one site."""
    return any_data(request) and request.value("siteUrl") is not None


def for_token(request: Request) -> bool:
    """The request for a new token."""
    return request.path == OPEN
