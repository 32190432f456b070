"""Charts as coordinates: what the SVG macros draw, computed once, rounded to a tenth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

from auditor.frozen import dataclass
from auditor.model.vocabulary import Severity
from auditor.reports.view.wording import Wording, number, share

BAR_ROW = 22
BAR_LEFT = 64
BAR_WIDTH = 300
WIDE = 640
PLOT_LEFT = 34
PLOT_HEIGHT = 110
PLOT_TOP = 12
LETTER = 6
HEAT_LEFT = 44
HEAT_STEPS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar with its label, its value as printed, and its share."""

    label: str
    word: str
    value: str
    share: str
    y: float
    width: float
    end: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Horizontal bars from zero, in the order given."""

    height: int
    left: int
    bars: tuple[Bar, ...]
    total: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis and where it stands; one that would run out of the chart `ends` there."""

    at: float
    label: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `text` stands in it when it fits, `word` is its class."""

    x: float
    y: float
    width: float
    height: float
    word: str = ""
    text: str = ""

    @property
    def middle(self) -> float:
        """Where text in the rectangle is centred."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Plot:
    """Columns over time: `bands` lie behind as gaps, never as zeros."""

    width: int
    height: int
    base: float
    left: float
    room: float
    columns: tuple[Box, ...]
    bands: tuple[Box, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Area:
    """All rectangles of one class as one path, since each thing that is drawn costs on paper."""

    word: str
    path: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells in rows and columns, such as a heat map or a calendar; `areas` are these cells by their class."""

    width: float
    height: float
    cells: tuple[Box, ...]
    areas: tuple[Area, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of 80 by 18 with its last point marked; empty when there are fewer than two points."""

    points: str
    last_x: float
    last_y: float
    text: str


def severity_bars(counts: Mapping[Severity, int], wording: Wording) -> Bars:
    """One bar a severity, gravest first; zero is kept."""
    most = max(counts.values(), default=0) or 1
    total = sum(counts.values())
    bars = tuple(
        Bar(
            label=wording.say(f"severity.{severity.value}"),
            word=severity.value,
            value=number(counts.get(severity, 0)),
            share=share(counts.get(severity, 0), total),
            y=index * BAR_ROW + 4,
            width=round(BAR_WIDTH * counts.get(severity, 0) / most, 1),
            end=round(BAR_LEFT + BAR_WIDTH * counts.get(severity, 0) / most, 1),
        )
        for index, severity in enumerate(Severity)
    )
    return Bars(height=BAR_ROW * len(bars), left=BAR_LEFT, bars=bars, total=number(total))


def axis(most: int) -> tuple[int, ...]:
    """Three to five ticks from zero, one, two or five times a power of ten apart, the last not below `most`.

    >>> axis(0), axis(7), axis(41), axis(1200)
    ((0, 1, 2), (0, 2, 4, 6, 8), (0, 20, 40, 60), (0, 500, 1000, 1500))
    """
    step = next(unit * 10**power for power in range(13) for unit in (1, 2, 5) if most <= unit * 10**power * 4)
    top = max(2, -(-most // step))
    return tuple(step * index for index in range(top + 1))


def time_columns(counts: Sequence[int], *, gaps: Sequence[bool], labels: Sequence[tuple[int, str]]) -> Plot:
    """One column a period; `gaps` says which periods have a band, `labels` which carry a word below.

    A label that would touch the one before it is left out, and one at the end stands to the left of its place.
    """
    ticks = axis(max(counts, default=0))
    room = WIDE - PLOT_LEFT
    step = room / max(len(counts), 1)
    scale = PLOT_HEIGHT / ticks[-1]
    base = PLOT_TOP + PLOT_HEIGHT
    columns = tuple(
        Box(
            x=round(PLOT_LEFT + index * step + step * 0.15, 1),
            y=round(base - count * scale, 1),
            width=round(step * 0.7, 1),
            height=round(count * scale, 1),
        )
        for index, count in enumerate(counts)
        if count
    )
    bands = tuple(
        Box(
            x=round(PLOT_LEFT + start * step, 1),
            y=PLOT_TOP,
            width=round((end - start) * step, 1),
            height=PLOT_HEIGHT,
        )
        for start, end in runs(gaps)
    )
    return Plot(
        width=WIDE,
        height=base + 20,
        base=base,
        left=PLOT_LEFT,
        room=room,
        columns=columns,
        bands=bands,
        x_ticks=_apart([Tick(round(PLOT_LEFT + index * step, 1), label) for index, label in labels], least=60),
        y_ticks=tuple(Tick(round(base - tick * scale, 1), number(tick)) for tick in ticks),
    )


def runs(flags: Sequence[bool]) -> tuple[tuple[int, int], ...]:
    """Start and end of each run of true.

    >>> runs([False, True, True, False, True])
    ((1, 3), (4, 5))
    """
    edges = [index for index, (left, right) in enumerate(pairwise([False, *flags, False])) if left != right]
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _apart(ticks: Sequence[Tick], *, least: float) -> tuple[Tick, ...]:
    kept: list[Tick] = []
    for tick in ticks:
        wide = LETTER * len(tick.label)
        ends = tick.at + wide > WIDE
        if not kept or tick.at - (wide if ends else 0) - kept[-1].at >= least:
            kept.append(Tick(tick.at, tick.label, ends))
    return tuple(kept)


def heat_map(counts: Sequence[Sequence[int]], *, seen: Sequence[Sequence[bool]], days: Sequence[str]) -> Grid:
    """Weekday by hour in five steps of one hue; a cell never seen is hatched, an empty one outlined."""
    most = max((count for row in counts for count in row), default=0)
    size = (WIDE - HEAT_LEFT) / 24
    tall = 18.0
    cells = tuple(
        Box(
            x=round(HEAT_LEFT + hour * size, 1),
            y=round(day * tall, 1),
            width=round(size - 1.5, 1),
            height=tall - 1.5,
            word=_heat(count, most, seen=seen[day][hour]),
            text=number(count) if count else "",
        )
        for day, row in enumerate(counts)
        for hour, count in enumerate(row)
    )
    return Grid(
        width=WIDE,
        height=tall * len(counts) + 16,
        cells=cells,
        areas=_areas(cells),
        x_ticks=tuple(Tick(round(HEAT_LEFT + hour * size + size / 2, 1), f"{hour:02d}") for hour in range(0, 24, 3)),
        y_ticks=tuple(Tick(round(day * tall + 12, 1), name) for day, name in enumerate(days)),
    )


def _areas(cells: Sequence[Box]) -> tuple[Area, ...]:
    paths: dict[str, str] = {}
    for box in cells:
        paths[box.word] = f"{paths.get(box.word, '')}M{box.x} {box.y}h{box.width}v{box.height}h-{box.width}z"
    return tuple(Area(word, paths[word]) for word in sorted(paths))


def _heat(count: int, most: int, *, seen: bool) -> str:
    if count:
        return f"heat-{-(-count * HEAT_STEPS // most)}"
    return "heat-0" if seen else "gap"


def calendar(rows: Sequence[tuple[str, Sequence[str]]], labels: Sequence[tuple[int, str]]) -> Grid:
    """One row a table, one box a run of equal periods; the words of boxes are held, gap and open."""
    left = 120.0
    periods = max((len(words) for _, words in rows), default=1)
    step = (WIDE - left) / max(periods, 1)
    tall = 16.0
    cells = []
    for row, (_, words) in enumerate(rows):
        start = 0
        for word, run in groupby(words):
            end = start + len(list(run))
            x = round(left + start * step, 1)
            cells.append(Box(x, round(row * tall, 1), round(left + end * step - x - 1, 1), tall - 3, word))
            start = end
    return Grid(
        width=WIDE,
        height=tall * len(rows) + 16,
        cells=tuple(cells),
        areas=_areas(cells),
        x_ticks=_apart([Tick(round(left + index * step, 1), label) for index, label in labels], least=60),
        y_ticks=tuple(Tick(round(row * tall + 10.5, 1), name) for row, (name, _) in enumerate(rows)),
    )


def spark(counts: Sequence[int]) -> Spark:
    """The counts as a line on a scale from zero to their largest."""
    text = ", ".join(number(count) for count in counts)
    if len(counts) < 2:
        return Spark("", 0, 0, text)
    most = max(counts) or 1
    places = [(round(2 + 76 * i / (len(counts) - 1), 1), round(16 - 14 * c / most, 1)) for i, c in enumerate(counts)]
    return Spark(" ".join(f"{x},{y}" for x, y in places), *places[-1], text)
