"""What a rule may say to each detector, and what it gets back, as data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TypeAlias

from auditor.frozen import dataclass
from auditor.rules.language.tree import Type
from auditor.tables.schema import LINEAGE

Default: TypeAlias = "str | int | float | bool | timedelta | tuple[str, ...] | None"

SUPPRESSIONS = (
    "remote_exit",
    "known_network",
    "listed_network",
    "hand_off",
    "companion",
    "same_provider",
    "reconnect",
)
"""The reasons for which a candidate falls away."""

VISIT = {"presence": Type.DURATION, "meeting_length": Type.DURATION}
"""Names that a value of visits may use beside aggregates."""

_USED = frozenset({"confidence", "observed_at", "records", "suppressed"})
_OF_LEGS = frozenset({"row", "end", "exit", "known"})
_SIDES = ("_a", "_b")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, with the form its value has.

    Forms: columns, column, integer, number, duration, length (a duration above 0), period (as tumbling windows
    have), flag, words (among `choices`), word (one of `choices`), list (`list.x`), value (an aggregate), features (name
    to aggregate). A word may be `param.x` too.
    """

    form: str
    default: Default = None
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectorForm:
    """The settings a detector takes and the columns it yields.

    Under the names in `uses` it puts what it works with, and under those of columns with one of the `sides` behind.
    """

    settings: Mapping[str, Setting]
    yields: Mapping[str, Type]
    uses: frozenset[str] = _USED
    sides: tuple[str, ...] = ()

    def takes(self, name: str, columns: Collection[str] = ()) -> bool:
        """Whether the detector puts something of its own under the name, in rows that have the columns."""
        bare = {name.removesuffix(side) for side in self.sides} - {name}
        own = self.yields.keys() | self.uses
        return name in own or any(one in own or one in LINEAGE or one in columns for one in bare)


_COMMON = {
    "budget": Setting("integer", 50, least=1, most=1_000_000),
    "per_entity": Setting("integer", 1, least=1, most=1_000_000),
    "networks": Setting("list"),
}
_COMMON_YIELDS = {
    "score": Type.NUMBER,
    "n": Type.INTEGER,
    "explanation": Type.TEXT,
    "site_url": Type.TEXT,
    "meeting_id": Type.TEXT,
    "meeting_title": Type.TEXT,
    "joined_time": Type.DATETIME,
    "left_time": Type.DATETIME,
}


def _columns(*default: str, required: bool = False) -> Setting:
    return Setting("columns", default or None, required=required)


def _suppress(*default: str) -> Setting:
    return Setting("words", default, choices=SUPPRESSIONS)


def _form(
    settings: dict[str, Setting], yields: dict[str, Type], *, uses: Collection[str] = (), sides: tuple[str, ...] = ()
) -> DetectorForm:
    return DetectorForm(
        MappingProxyType({**_COMMON, **settings}),
        MappingProxyType({**_COMMON_YIELDS, **yields}),
        _USED.union(uses),
        sides,
    )


_ENTITY = _columns("email")
_PERIOD = Setting("period", timedelta(weeks=1))

DETECTORS: Mapping[str, DetectorForm] = MappingProxyType(
    {
        "rarity": _form(
            {
                "entity": _ENTITY,
                "columns": _columns("ip_network", "client_os", "client_app"),
                "prior_weight": Setting("number", 5, least=0.001, most=1_000),
                "min_history": Setting("integer", 20, least=1, most=100_000),
                "min_bits": Setting("number", 6, least=0, most=100),
                "history": Setting("duration", timedelta(days=90)),
                "suppress": _suppress("remote_exit", "listed_network"),
            },
            {
                "attribute": Type.TEXT,
                "value": Type.TEXT,
                "n_value": Type.INTEGER,
                "org_value": Type.INTEGER,
                "org": Type.INTEGER,
            },
            uses={"row"},
        ),
        "robust_zscore": _form(
            {
                "entity": _ENTITY,
                "value": Setting("value", required=True),
                "peer": Setting("columns"),
                "min_history": Setting("integer", 15, least=1, most=100_000),
                "shrink": Setting("number", 10, least=0, most=10_000),
                "floor": Setting("number", 0.1, least=0.0001, most=1_000),
                "threshold": Setting("number", 6, least=0, most=1_000),
                "direction": Setting("word", "both", choices=("both", "up", "down")),
                "merge_gap": Setting("duration", timedelta(minutes=10)),
                "min_presence": Setting("duration", timedelta()),
            },
            {"value": Type.NUMBER, "center": Type.NUMBER, "scale": Type.NUMBER, "presence": Type.DURATION},
            uses={"row", "end", "visit", "meeting_length", "x", "i", "z"},
        ),
        "burst": _form(
            {
                "entity": _ENTITY,
                "within": Setting("length", timedelta(minutes=10)),
                "min_count": Setting("integer", 5, least=2, most=1_000_000),
                "min_score": Setting("number", 4, least=0, most=15),
                "suppress": _suppress("reconnect"),
            },
            {
                "count": Type.INTEGER,
                "center": Type.NUMBER,
                "window_start": Type.DATETIME,
                "window_end": Type.DATETIME,
            },
            uses={"size", "reconnects"},
        ),
        "overlap": _form(
            {
                "entity": _ENTITY,
                "different": _columns("ip_network"),
                "grace": Setting("duration", timedelta(minutes=2)),
                "level": Setting("integer", 1, least=1, most=3),
                "suppress": _suppress(
                    "hand_off", "companion", "same_provider", "remote_exit", "known_network", "reconnect"
                ),
            },
            {
                "other_value": Type.TEXT,
                "overlap": Type.DURATION,
                "other_meeting_id": Type.TEXT,
                "place": Type.TEXT,
                "other_place": Type.TEXT,
            },
            uses={*_OF_LEGS, "listed", "island", "in_homeland", "near_home", "until", "weight"},
            sides=_SIDES,
        ),
        "impossible_travel": _form(
            {
                "entity": _ENTITY,
                "max_speed": Setting("number", 900, least=1, most=100_000),
                "min_distance": Setting("number", 500, least=0, most=20_100),
                "include_overlap": Setting("flag", default=False),
                "places": Setting("word", "located", choices=("located", "declared")),
                "suppress": _suppress("remote_exit", "known_network", "hand_off", "reconnect"),
            },
            {
                "distance": Type.NUMBER,
                "speed": Type.NUMBER,
                "from_place": Type.TEXT,
                "to_place": Type.TEXT,
                "previous_left": Type.DATETIME,
                "hours": Type.NUMBER,
            },
            uses={*_OF_LEGS, "listed", "mobile", "roams", "young", "typed", "usual", "keeps", "near_home"},
            sides=_SIDES,
        ),
        "fan_in": _form(
            {
                "entity": _columns("ip_network", "client_agent"),
                "distinct": Setting("column", "email"),
                "scope": Setting("columns", ("meeting_id",), choices=("day",)),
                "min_count": Setting("integer", 4, least=2, most=1_000_000),
                "min_score": Setting("number", 3, least=0, most=1_000),
                "retrospective": Setting("flag", default=False),
                "suppress": _suppress("listed_network", "remote_exit"),
            },
            {"count": Type.INTEGER, "center": Type.NUMBER, "members": Type.LIST, "spread": Type.NUMBER},
        ),
        "outlier": _form(
            {
                "entity": _ENTITY,
                "period": _PERIOD,
                "features": Setting("features", required=True),
                "top": Setting("integer", 20, least=1, most=10_000),
                "min_rows": Setting("integer", 3, least=1, most=10_000),
                "min_entities": Setting("integer", 50, least=2, most=1_000_000),
                # `top` is the budget where none is given
                "budget": replace(_COMMON["budget"], default=None),
                "per_entity": replace(_COMMON["per_entity"], default=None),
            },
            {"top_features": Type.TEXT, "period": Type.DATETIME},
        ),
        "change_point": _form(
            {
                "entity": _ENTITY,
                "period": _PERIOD,
                "value": Setting("value", required=True),
                "min_side": Setting("integer", 4, least=2, most=1_000),
                "threshold": Setting("number", 9, least=0, most=1_000),
                "floor": Setting("number", least=0.0001, most=1_000),
                "min_change": Setting("number", least=0, most=1_000_000),
                "fill": Setting("number", least=0, most=1_000_000),
                "min_held": Setting("integer", 0, least=0, most=1_000),
            },
            {
                "before": Type.NUMBER,
                "after": Type.NUMBER,
                "at": Type.DATETIME,
                "n_before": Type.INTEGER,
                "n_after": Type.INTEGER,
            },
            uses={"period", "x"},
        ),
    }
)
"""Every detector by the word of `type`."""
