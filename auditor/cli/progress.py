"""Progress of a collection: a line a site on a terminal, a log line now and then without one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Signal
from threading import Thread
from typing import TYPE_CHECKING

from auditor.webex.client import Client
from auditor.webex.progress import Decoding, Event, Listener, PageCame, Planned, UnitDone

if TYPE_CHECKING:
    from rich.table import Table

log = logging.getLogger(__name__)

ACCOUNT = "account"
_EVERY = 30.0


@dataclass(slots=True)
class SiteState:
    """Where a site stands."""

    planned: int = 0
    done: int = 0
    rows: int = 0
    gaps: int = 0


@dataclass(slots=True)
class State:
    """Where a collection stands; changed by one thread, read by another."""

    client: Client
    monotonic: Callable[[], float]
    started: float
    sites: dict[str, SiteState] = field(default_factory=dict)
    decoding: bool = False

    def heard(self, event: Event) -> None:
        """Take in what the collection tells."""
        self.decoding = isinstance(event, Decoding)
        match event:
            case Planned(site, units) if site is not None:
                self._site(site).planned += units
            case PageCame(site, rows) if site is not None:
                self._site(site).rows += rows
            case UnitDone(site, gaps) if site is not None:
                self._site(site).done += 1
                self._site(site).gaps += gaps

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.monotonic() - self.started

    @property
    def rate(self) -> float:
        """Requests a second, waiting included."""
        return self.client.requests / self.elapsed if self.elapsed > 0 else 0.0

    def left(self, site: SiteState) -> timedelta | None:
        """How long the planned units may still take; None before the first is done."""
        if not site.done:
            return None
        return timedelta(seconds=round(self.elapsed / site.done * (site.planned - site.done)))

    def _site(self, name: str) -> SiteState:
        return self.sites.setdefault(name, SiteState())


@contextmanager
def shown(client: Client, *, terminal: bool, wanted: bool) -> Iterator[Listener]:
    """A listener that shows what it hears for as long as the block lasts."""
    state = State(client, time.monotonic, time.monotonic())
    log.setLevel(logging.INFO)
    if not wanted:
        yield state.heard
    elif terminal:
        with _live(state) as listener:
            yield listener
    else:
        with _logged(state):
            yield state.heard


@contextmanager
def _live(state: State) -> Iterator[Listener]:
    from rich.console import Console
    from rich.live import Live

    with Live(get_renderable=lambda: _table(state), console=Console(stderr=True), refresh_per_second=4, transient=True):
        yield state.heard


def _table(state: State) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading, justify in (("site", "left"), ("units", "right"), ("rows", "right"), ("requests/s", "right")):
        table.add_column(heading, justify="left" if justify == "left" else "right")
    table.add_column("waited", justify="right")
    table.add_column("left", justify="right")
    for name, site in list(state.sites.items()) or [(ACCOUNT, SiteState())]:
        left = state.left(site)
        table.add_row(
            name,
            f"{site.done}/{site.planned}",
            f"{site.rows:,}",
            f"{state.rate:.1f}",
            f"{client_wait(state)} s",
            "…" if left is None else "writing tables" if state.decoding else str(left),
        )
    return table


def client_wait(state: State) -> int:
    """Whole seconds everybody was paused because Webex asked for it."""
    return round(state.client.waited.total_seconds())


@contextmanager
def _logged(state: State) -> Iterator[None]:
    ended = Signal()
    teller = Thread(target=_tell, args=(state, ended), name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def _tell(state: State, ended: Signal) -> None:
    while not ended.wait(_EVERY):
        for line in lines(state):
            log.info("%s", line)


def lines(state: State) -> list[str]:
    """One line a site, in words."""
    told = []
    for name, site in list(state.sites.items()):
        left = state.left(site)
        estimate = "" if left is None else f", about {left} left"
        told.append(
            f"{name}: {site.done} of {site.planned} units, {site.rows} rows, {state.rate:.1f} requests/s, "
            f"{client_wait(state)} s waited{estimate}"
        )
    return told
