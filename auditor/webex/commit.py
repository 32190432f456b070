"""Work fetched by several threads, committed by one in the order of the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from auditor.errors import AuthError, SourceError
from auditor.evidence.entry import Request, Response, Unit
from auditor.evidence.writer import Writer
from auditor.model.coverage import Gap
from auditor.tables.at_hand import AtHand
from auditor.webex.awaited import Stopped
from auditor.webex.fetch import Fetched, Sink, Source, fetch, gaps_of
from auditor.webex.lanes import Done, Dropped, Ended, Kept, Lane, ordered
from auditor.webex.pages import Page
from auditor.webex.progress import Listener, PageCame, Planned, UnitDone
from auditor.webex.work import Work

_ROWS_HIDDEN = 100_000
"""How many committed rows may wait to be made visible; threads go on fetching meanwhile."""


@dataclass(frozen=True, slots=True)
class Received:
    """A page whose body is stored, on its way to its entry in the manifest."""

    request: Request
    response: Response
    sha256: str
    size: int
    rows: int
    cited: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """A unit that was committed, or that was left to another way of asking (`unit` is None)."""

    work: Work
    unit: Unit | None
    refused: SourceError | None
    answered: bool


WorkLane = Lane[Work, Received, Fetched]
Fetcher = Callable[[Source, Work, Sink], Fetched]


@dataclass(slots=True)
class _Gate:
    """Holds back work that a refusal of the first one like it would refuse too."""

    opened: Event = field(default_factory=Event)
    refusal: SourceError | None = None


@dataclass(slots=True)
class Batch:
    """What became of some work: units in the order of the plan, and the refusal that ended the run."""

    finished: list[Finished] = field(default_factory=list)
    refusal: AuthError | None = None


class Committer:
    """Asks for work and commits it.

    `fetchers` say how, by endpoint name; others are fetched plainly. `visible` brings committed rows into the tables;
    `at_hand` keeps for it what was read already.
    """

    def __init__(
        self,
        source: Source,
        writer: Writer,
        *,
        threads: int,
        stopped: Event,
        listen: Listener,
        fetchers: dict[str, Fetcher],
        visible: Callable[[], None],
        at_hand: AtHand,
    ) -> None:
        self._source = source
        self._writer = writer
        self._threads = threads
        self._stopped = stopped
        self._listen = listen
        self._fetchers = fetchers
        self._visible = visible
        self._at_hand = at_hand
        self._hidden = 0
        self._gates: dict[str, _Gate] = {}
        self._guard = Lock()

    def run(self, works: Sequence[Work]) -> Batch:
        """All the work fetched and committed, or as much of it as the credentials allowed."""
        batch = Batch()
        crash: BaseException | None = None
        for site in dict.fromkeys(work.site_url for work in works):
            self._listen(Planned(site, sum(work.site_url == site for work in works)))
        leave = self._source.client.leave
        with closing(ordered(works, self._fetch, threads=self._threads, stopped=self._stopped, leave=leave)) as lanes:
            for lane in lanes:
                ended = self._commit(lane, batch)
                if isinstance(ended, AuthError):
                    batch.refusal = batch.refusal or ended
                    self._source.client.stop()
                elif ended is not None and not isinstance(ended, Stopped):
                    crash = crash or ended
                    self._source.client.stop()
        if crash is not None:
            raise crash
        return batch

    def state(self, unit: Unit) -> None:
        """Commit a unit that no request belongs to, or one whose gaps were found out later."""
        self._writer.commit_unit(unit)

    def _fetch(self, work: Work, lane: WorkLane) -> Fetched:
        """Fetch one piece in a thread of the crew; the first of its kind opens the gate for the others."""
        gate, first = self._gate(work)
        if gate is None:
            return self._fetched(work, lane, None)
        if first:
            try:
                found = self._fetched(work, lane, gate)
                gate.refusal = found.refused if _refuses_all(work, found.refused) else None
            finally:
                gate.opened.set()
            return found
        gate.opened.wait()
        if gate.refusal is not None:
            return Fetched(gaps_of(work, gate.refusal, now=self._source.now()), refused=gate.refusal)
        return self._fetched(work, lane, None)

    def _fetched(self, work: Work, lane: WorkLane, gate: _Gate | None) -> Fetched:
        fetcher = self._fetchers.get(work.endpoint.name, fetch)
        return fetcher(self._source, work, _Forward(lane, gate, self._writer, self._at_hand))

    def _gate(self, work: Work) -> tuple[_Gate | None, bool]:
        if work.shared is None:
            return None, False
        with self._guard:
            first = work.shared not in self._gates
            return self._gates.setdefault(work.shared, _Gate()), first

    def _commit(self, lane: WorkLane, batch: Batch) -> BaseException | None:
        """Read one lane to its end and commit its unit; gives the error it ended by."""
        kept: list[tuple[int, int]] = []
        for event in lane.events():
            match event:
                case Kept(page):
                    self._keep(page, kept, site=lane.piece.site_url)
                case Dropped(count):
                    kept[-count:] = []
                case Done(found):
                    batch.finished.append(self._finish(lane.piece, found, kept))
                case Ended(error):
                    return error
        return None

    def _keep(self, page: Received, kept: list[tuple[int, int]], *, site: str | None) -> None:
        entry = self._writer.add_stored(page.request, page.response, sha256=page.sha256, size=page.size)
        self._listen(PageCame(site, page.rows))
        if page.cited:
            kept.append((entry.seq, page.rows))

    def _finish(self, work: Work, found: Fetched, kept: list[tuple[int, int]]) -> Finished:
        unit: Unit | None = None
        if not (work.whole_site and asks_one_by_one(found.refused)):
            unit = unit_of(work, tuple(seq for seq, _ in kept), rows=sum(rows for _, rows in kept), gaps=found.gaps)
            self._writer.commit_unit(unit)
            self._hidden += unit.rows
        self._listen(UnitDone(work.site_url, len(found.gaps)))
        if self._hidden >= _ROWS_HIDDEN:
            self._hidden = 0
            self._visible()
        return Finished(work, unit, found.refused, found.answered)


@dataclass(frozen=True, slots=True)
class _Forward:
    """The lane as a sink: bodies go to disk at once, so that little waits in memory; the first page opens the gate."""

    lane: WorkLane
    gate: _Gate | None
    writer: Writer
    at_hand: AtHand

    def keep(self, page: Page) -> None:
        if self.gate is not None:
            self.gate.opened.set()
        cited = page.fault is None and bool(page.body)
        digest = self.writer.store(page.body)
        if page.read is not None and cited:
            self.at_hand.keep(digest, self.lane.piece.endpoint.name, page.read)
        self.lane.keep(Received(page.request, page.response, digest, len(page.body), len(page.records), cited))

    def drop(self, count: int) -> None:
        self.lane.drop(count)


def unit_of(work: Work, pages: tuple[int, ...], *, rows: int, gaps: Sequence[Gap]) -> Unit:
    """The unit that tells what became of the work; one that says nothing of its meeting covers no span."""
    apart = None if rows else work.apart
    return Unit(
        key=apart or work.key,
        endpoint=work.endpoint.name,
        site_url=work.site_url,
        window=None if apart else work.window,
        pages=pages,
        complete=not gaps,
        rows=rows,
        settled=work.settled,
        meeting_id=work.meeting_id,
        service_type=work.service_type,
        gaps=tuple(gaps),
    )


def with_gaps(unit: Unit, gaps: Sequence[Gap]) -> Unit:
    """The same unit, with gaps found out after it was committed."""
    return replace(unit, complete=False, gaps=(*unit.gaps, *gaps))


def asks_one_by_one(refused: SourceError | None) -> bool:
    """Whether a whole site may not be asked for attendees, so that its meetings are asked one by one."""
    return refused is not None and refused.status == 400


def _refuses_all(work: Work, refused: SourceError | None) -> bool:
    """Whether what refused the first request would refuse the others of its kind."""
    return refused is not None and (refused.status in {403, 404} or (work.whole_site and asks_one_by_one(refused)))
