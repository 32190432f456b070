"""Collections from a simulated server, with a clock that moves only by waiting."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from types import ModuleType

import polars as pl
import pytest

from auditor.evidence.entry import PageEntry
from auditor.model.window import Window
from auditor.simulator import Behaviour, Fault, Regular, Server, Site, serve
from auditor.simulator.server import Served
from auditor.tables.archive import Archive
from auditor.webex.auth import Credentials, Fixed, Refreshing, Token
from auditor.webex.client import Client
from auditor.webex.collect import Means, Outcome, collect
from auditor.webex.limiter import Clock, Limiter
from auditor.webex.oauth import Integration, TokenEndpoint
from auditor.webex.origin import Origin
from auditor.webex.pages import Bounds
from auditor.webex.plan import Wanted
from auditor.webex.wire import Transport, Wire

TABLES = ("attendees", "participants", "devices", "breakouts", "meetings")
LINEAGE = ("page", "item")
PAGE = 20


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


illegal = _loaded("openapi_check", Path(__file__).parents[1] / "contract" / "openapi_check.py").illegal


class Standing:
    """A clock that stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)


@dataclass(frozen=True)
class Run:
    """One collection and what it left."""

    outcome: Outcome
    archive: Archive
    requests: tuple[Served, ...]
    waited: float
    words: str

    def table(self, name: str) -> pl.DataFrame:
        frame = self.archive.scan(name).collect()
        return frame.select(pl.exclude(LINEAGE)).sort(pl.all())

    def reasons(self) -> set[str]:
        return {gap.reason.value for gap in self.outcome.gaps}

    def asked(self, path: str) -> list[Served]:
        return [served for served in self.requests if served.request.path.endswith(path)]


@dataclass
class Bench:
    """Runs collections of one server into one archive, one after another."""

    server: Server
    folder: Path
    caplog: pytest.LogCaptureFixture

    def run(
        self,
        *,
        credentials: Callable[[Wire, Clock], Credentials] | None = None,
        threads: int = 4,
        bounds: Bounds | None = None,
        now: datetime | None = None,
        settle: timedelta = timedelta(hours=24),
        transport: Transport | None = None,
        days: int | None = 12,
        **wanted: object,
    ) -> Run:
        before = len(self.server.requests)
        standing, stopped = Standing(), Event()
        clock = standing.clock()
        moment = now or self.server.now
        window = None if days is None else Window(moment - timedelta(days=days), moment)
        asked = replace(Wanted(sites=(), window=window), **wanted)  # type: ignore[arg-type]
        self.caplog.clear()
        logging.getLogger("auditor.webex").setLevel(logging.DEBUG)
        wire = Wire(
            Origin.of(self.server.base_url),
            transport or Transport(read=timedelta(seconds=1)),
            monotonic=clock.monotonic,
        )
        with wire:
            client = Client(
                wire,
                credentials(wire, clock) if credentials else Fixed(Token(self.server.token)),
                limiter=Limiter(clock, stopped=stopped.is_set),
                clock=clock,
                now=lambda: moment,
                stopped=stopped,
            )
            archive = Archive.create(self.folder)
            means = Means(
                client, lambda: moment, stopped, settle=settle, threads=threads, bounds=bounds or Bounds(largest=PAGE)
            )
            outcome = collect(asked, archive, means)
        requests = self.server.requests[before:]
        assert illegal(requests) == []
        self._search_for_secrets()
        return Run(outcome, archive, requests, standing.seconds, self.caplog.text)

    def refreshing(self, wire: Wire, clock: Clock) -> Credentials:
        """Credentials that can be refreshed, as the server hands them out."""
        endpoint = TokenEndpoint(wire, Integration("id", "secret"), lambda: self.server.now, clock.sleep)
        first = Token(self.server.token, refresh=self.server.refresh_token)

        def refreshed(current: Token | None) -> Token:
            return endpoint.refreshed((current or first).refresh or "")

        return Refreshing(first, refresh=refreshed, store=lambda _: None, now=lambda: self.server.now)

    def _search_for_secrets(self) -> None:
        """The token is in no file the run wrote and in no line it logged."""
        secret = self.server.service.credentials.access.partition("-1")[0].encode()
        assert secret.decode() not in self.caplog.text
        archive = Archive(self.folder)
        for path in self.folder.rglob("*"):
            if path.is_file():
                assert secret not in path.read_bytes(), path
        pages = {entry.sha256 for entry in archive.evidence.entries() if isinstance(entry, PageEntry)}
        assert not any(secret in archive.evidence.page(sha256) for sha256 in pages)


BenchOf = Callable[..., Bench]


@pytest.fixture
def fast_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: archives are many small files, each brought to disk."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def bench_of(fast_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[BenchOf]:
    caplog.set_level(logging.DEBUG, logger="auditor.webex")
    running = []

    def made(
        site: Site | Sequence[Site],
        *faults: Fault,
        name: str = "archive",
        behaviour: Behaviour | None = None,
        now: datetime | None = None,
    ) -> Bench:
        context = serve(site, faults=faults, behaviour=behaviour, now=now, token="the-token-nobody-may-keep")
        running.append(context)
        return Bench(context.__enter__(), fast_path / name, caplog)

    yield made
    for context in running:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def regular() -> Regular:
    """Nine meetings of thirty people: several pages a week, two a meeting."""
    return Regular(meetings=9, people=30)


@pytest.fixture(scope="session")
def site(regular: Regular) -> Site:
    """The site of these meetings; nothing changes it."""
    return regular.site()


@pytest.fixture(scope="session")
def truth(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tables as an undisturbed collection makes them."""
    folder = tmp_path_factory.mktemp("truth") / "archive"
    caplog = type("Quiet", (), {"text": "", "clear": lambda self: None})()
    with serve(site, token="the-token-nobody-may-keep") as server:
        run = Bench(server, folder, caplog).run()  # type: ignore[arg-type]
    assert run.outcome.gaps == ()
    return {name: run.table(name) for name in TABLES}
