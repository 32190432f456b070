"""One collection: what is missing of the wanted window, asked for, kept as evidence, made visible as tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event

from auditor.errors import AuthError
from auditor.evidence.entry import JsonValue, Unit
from auditor.evidence.writer import Writer, writing
from auditor.model.coverage import Gap
from auditor.model.window import Window, iso
from auditor.tables.archive import Archive
from auditor.tables.at_hand import AtHand
from auditor.tables.damage import damage_told
from auditor.tables.ingest import ingest
from auditor.webex import plan
from auditor.webex.client import Client
from auditor.webex.commit import Batch, Committer, Finished, asks_one_by_one, unit_of, with_gaps
from auditor.webex.endpoints import LOOKBACK
from auditor.webex.fetch import Source
from auditor.webex.mended import mended
from auditor.webex.named import Named
from auditor.webex.pages import Bounds
from auditor.webex.people import PeopleOf
from auditor.webex.plan import Wanted
from auditor.webex.progress import Decoding, Listener, silent
from auditor.webex.reconcile import Doubt, doubted, of_several_pages
from auditor.webex.seen import Roll, meetings_seen, roll, units_held
from auditor.webex.sites import SiteList, chosen
from auditor.webex.spans import Horizon
from auditor.webex.work import Seen, Work, sites

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a collection works with. `now` is the clock of the run, `settle` how long data may still change."""

    client: Client
    now: Callable[[], datetime]
    stopped: Event
    settle: timedelta = timedelta(hours=24)
    threads: int = 4
    bounds: Bounds = field(default_factory=Bounds)
    listen: Listener = silent


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one endpoint of one site brought: units committed, records received."""

    site_url: str | None
    endpoint: str
    units: int
    rows: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a collection ended.

    `gaps` are the failures that remain in the window, from this run or before. `refusal` is set when the
    credentials were refused, or when every request for records was.
    """

    sites: tuple[str, ...]
    window: Window
    fetched: tuple[Fetched, ...]
    gaps: tuple[Gap, ...]
    requests: int
    waited: timedelta
    refusal: AuthError | None


@dataclass(slots=True)
class _Sum:
    """What all batches of one run came to."""

    fetched: dict[tuple[str | None, str], tuple[int, int]] = field(default_factory=dict)
    lost: list[Unit] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    answered: bool = False
    denied: AuthError | None = None
    refusal: AuthError | None = None

    def add(self, batch: Batch) -> None:
        self.refusal = self.refusal or batch.refusal
        for finished in batch.finished:
            self._one(finished)

    def _one(self, finished: Finished) -> None:
        self.answered = self.answered or finished.answered
        if isinstance(finished.refused, AuthError):
            self.denied = self.denied or finished.refused
        if finished.unit is None:
            return
        self.asked.add(finished.unit.key)
        key = (finished.unit.site_url, finished.unit.endpoint)
        units, rows = self.fetched.get(key, (0, 0))
        self.fetched[key] = (units + 1, rows + finished.unit.rows)


def collect(wanted: Wanted, archive: Archive, means: Means) -> Outcome:
    """What the wanted window lacks is in the archive, as far as Webex gives it.

    Raises `ConfigError` for a site the token cannot see, `ArchiveError` when somebody else writes to the archive
    or nobody can, and where a file of a table is lost or was changed.
    """
    with writing(archive.path, now=means.now) as writer, damage_told(archive):
        return _Collection(wanted, archive, means, writer).run()


class _Collection:
    """The steps of one run; each begins with the tables as the step before left them."""

    def __init__(self, wanted: Wanted, archive: Archive, means: Means, writer: Writer) -> None:
        self._wanted = wanted
        self._archive = archive
        self._means = means
        self._writer = writer
        self._sum = _Sum()
        self._totals: dict[str, int] = {}
        self._site_list = SiteList()
        self._sites_refused = False
        self._named = Named()
        self._at_hand = AtHand()
        self._source = Source(means.client, means.bounds, means.now)
        self._committer = Committer(
            self._source,
            writer,
            threads=means.threads,
            stopped=means.stopped,
            listen=means.listen,
            fetchers={
                "sites": self._site_list,
                "attendees": self._named,
                "participants": PeopleOf(self._attended, self._totals),
            },
            visible=self._visible,
            at_hand=self._at_hand,
        )

    def run(self) -> Outcome:
        self._writer.begin_run(_asked(self._wanted))
        self._visible()
        wanted = replace(self._wanted, sites=self._sites())
        horizon = self._horizon()
        for warning in plan.near_loss(wanted.sites, self._units(), horizon=horizon):
            log.warning("%s", warning)
        self._reports(wanted, horizon)
        self._details(wanted, horizon)
        self._mend()
        return self._outcome(wanted, horizon)

    def _horizon(self) -> Horizon:
        """What can be asked now, by whichever of the two clocks allows less."""
        means = self._means
        return Horizon.at(means.now(), lookback=LOOKBACK, settle=means.settle, skew=means.client.skew)

    def _visible(self) -> None:
        self._means.listen(Decoding())
        ingest(self._archive, at_hand=self._at_hand)

    def _sites(self) -> tuple[str, ...]:
        """The sites to ask; none once the credentials were refused."""
        batch = self._committer.run([sites()])
        self._sum.refusal = batch.refusal
        if batch.refusal is not None:
            return ()
        refused = next((finished.refused for finished in batch.finished), None)
        self._sites_refused = isinstance(refused, AuthError)
        found = chosen(self._wanted.sites, self._site_list.found, refused=refused)
        if refused is not None:
            log.warning("the sites cannot be checked: %s", refused)
        return found

    def _reports(self, wanted: Wanted, horizon: Horizon) -> None:
        """Usage and attendees, and attendees meeting by meeting where a site refuses to be asked whole."""
        planned = plan.reports(wanted, self._units(), horizon=horizon)
        done = self._run(planned)
        refused = [each.work for each in done if each.work.whole_site and asks_one_by_one(each.refused)]
        if refused:
            log.info("attendees are asked meeting by meeting: %s", refused[0].site_url)
        if wanted.narrowed is None:
            self._one_by_one(wanted, refused, horizon)
        self._reconcile(wanted, done, horizon)

    def _one_by_one(self, wanted: Wanted, refused: Sequence[Work], horizon: Horizon) -> None:
        units = self._units()
        if not refused and not plan.lacks_meetings(units.values(), wanted.sites):
            return
        seen = meetings_seen(self._archive, wanted.span(horizon), sites=wanted.sites)
        todo = plan.one_by_one(refused, seen, units, horizon=horizon)
        self._run(plan.Plan(todo))
        if refused and self._sum.refusal is None:
            for work in refused:
                self._committer.state(unit_of(work, (), rows=0, gaps=_unknown_meetings(work, units.values())))
            self._visible()

    def _reconcile(self, wanted: Wanted, finished: Sequence[Finished], horizon: Horizon) -> None:
        """Spans that disagree with other reports are fetched twice; what they lack then is a gap."""
        again = [each.work for each, _ in self._doubted(wanted, of_several_pages(finished, self._units()), horizon)]
        if not again:
            return
        log.info("%d spans disagree with other reports; they are asked for again", len(again))
        for each, gaps in self._doubted(wanted, self._run(plan.Plan(tuple(again))), horizon):
            if each.unit is not None:
                self._committer.state(with_gaps(each.unit, gaps))
        self._visible()

    def _doubted(self, wanted: Wanted, finished: Sequence[Finished], horizon: Horizon) -> tuple[Doubt, ...]:
        if self._sum.refusal is not None:
            return ()
        return doubted(self._archive, finished, span=wanted.span(horizon), sites=wanted.sites, horizon=horizon)

    def _details(self, wanted: Wanted, horizon: Horizon) -> None:
        """What is asked meeting by meeting."""
        seen = meetings_seen(self._archive, wanted.span(horizon), sites=wanted.sites)
        seen = tuple(meeting for meeting in seen if self._is_named(wanted, meeting))
        self._totals.update({meeting.meeting_id: meeting.total for meeting in seen if meeting.total})
        self._run(plan.details(wanted, seen, self._units(), horizon=horizon))

    def _mend(self) -> None:
        """Failures of narrow questions no longer stand where broader answers came since."""
        found = mended(self._units(), asked=self._sum.asked)
        for unit in found:
            self._committer.state(unit)
        if found:
            self._visible()

    def _run(self, planned: plan.Plan) -> Sequence[Finished]:
        """One step: everything planned, committed and visible."""
        if self._sum.refusal is not None:
            return ()
        self._sum.lost += planned.lost
        for unit in plan.unstated(planned.lost, self._units() if planned.lost else {}):
            self._committer.state(unit)
        batch = self._committer.run(planned.todo)
        self._sum.add(batch)
        self._visible()
        return batch.finished

    def _units(self) -> dict[str, Unit]:
        return units_held(self._archive)

    def _attended(self, site_url: str, meeting_id: str) -> Roll:
        return roll(self._archive, site_url=site_url, meeting_id=meeting_id)

    def _is_named(self, wanted: Wanted, meeting: Seen) -> bool:
        """Whether a meeting belongs to a run that was narrowed to some."""
        if wanted.narrowed is None or meeting.meeting_id in self._named.found:
            return True
        name, values = wanted.narrowed
        own = {"meetingId": meeting.meeting_id, "meetingNumber": meeting.number, "meetingTitle": meeting.title}[name]
        return own is not None and own.casefold() in {value.strip().casefold() for value in values}

    def _outcome(self, wanted: Wanted, horizon: Horizon) -> Outcome:
        total = self._sum
        return Outcome(
            sites=wanted.sites,
            window=wanted.span(horizon),
            fetched=tuple(Fetched(*key, *counts) for key, counts in sorted(total.fetched.items(), key=str)),
            gaps=plan.remaining(wanted, self._units().values(), total.lost, horizon=horizon),
            requests=self._means.client.requests,
            waited=self._means.client.waited,
            refusal=total.refusal or self._denied(wanted),
        )

    def _denied(self, wanted: Wanted) -> AuthError | None:
        """The refusal, when every request was refused, or every one for records and none was ever answered."""
        if self._sum.denied is None or self._sum.answered:
            return None
        if self._sites_refused:
            return self._sum.denied
        ever = any(unit.complete and unit.site_url in wanted.sites for unit in self._units().values())
        return None if ever else self._sum.denied


def _asked(wanted: Wanted) -> dict[str, JsonValue]:
    """What the run was asked for, as the manifest keeps it; people are counted, not named."""
    return {
        "verb": "collect",
        "sites": list(wanted.sites),
        "from": None if wanted.window is None else iso(wanted.window.start),
        "to": None if wanted.window is None else iso(wanted.window.end),
        "narrowed": None if wanted.narrowed is None else wanted.narrowed[0],
        "participants": "all" if wanted.participants else "none",
        "people": len(wanted.emails),
        "also": list(wanted.also),
    }


def _unknown_meetings(work: Work, units: Iterable[Unit]) -> list[Gap]:
    """Gaps of attendees that were to be asked by meeting, where the meetings themselves are not known."""
    return [
        replace(gap, table="attendees", window=shared, detail=f"its meetings are not known ({gap.detail})")
        for unit in units
        for gap in unit.gaps
        if gap.table == "meetings" and gap.site_url == work.site_url and work.window is not None
        for shared in [gap.window.intersect(work.window)]
        if shared is not None
    ]
