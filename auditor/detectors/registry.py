"""The detectors by the name a rule calls them; the module of one is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import polars as pl

from auditor.detectors.detection import Detection
from auditor.detectors.seen import Again, Beside, Seen
from auditor.frozen import dataclass
from auditor.model.window import Window


@dataclass(frozen=True, slots=True)
class Kind:
    """A detector: the module with its settings, which have a name there, and its functions.

    `detect` takes all rows. Where the settings name columns in `apart` rows may be split by any of them: `look` takes
    the rows of a part, and `tell` what was seen of all parts; not where places are known and the settings are `far`.
    Rows of a part may have the columns alone by which settings have them `sifted`, see `Beside.later`.
    Settings with `prepared` names want these given to rows first: `prepare` makes them of whole meetings, and `survey`
    tells of all rows what `look` is told beside those of a part.
    """

    module: str
    named: str

    @property
    def settings(self) -> type:
        """The class of its settings."""
        settings: type = getattr(import_module(self.module), self.named)
        return settings

    @property
    def look(self) -> Callable[[pl.LazyFrame, Any, Window, Beside], Seen]:
        """The function that takes the rows of a part, settings, window and what is known of all."""
        look: Callable[[pl.LazyFrame, Any, Window, Beside], Seen] = import_module(self.module).look
        return look

    @property
    def tell(self) -> Callable[[Sequence[Seen], Any, Window, Again], Detection]:
        """The function that takes what was seen of all parts, settings, window and the rows once more."""
        tell: Callable[[Sequence[Seen], Any, Window, Again], Detection] = import_module(self.module).tell
        return tell

    @property
    def prepare(self) -> Callable[[pl.DataFrame, Any], pl.DataFrame]:
        """The function that gives rows of whole meetings the names their settings want `prepared`."""
        prepare: Callable[[pl.DataFrame, Any], pl.DataFrame] = import_module(self.module).prepare
        return prepare

    @property
    def survey(self) -> Callable[[Again, Any, Window], pl.DataFrame]:
        """The function that tells of all rows what each part is looked at with."""
        survey: Callable[[Again, Any, Window], pl.DataFrame] = import_module(self.module).survey
        return survey

    @property
    def detect(self) -> Callable[[pl.LazyFrame, Any, Window], Detection]:
        """The function that takes rows, settings and window."""
        detect: Callable[[pl.LazyFrame, Any, Window], Detection] = import_module(self.module).detect
        return detect


DETECTORS: Mapping[str, Kind] = MappingProxyType(
    {
        "burst": Kind("auditor.detectors.burst", "Burst"),
        "change_point": Kind("auditor.detectors.change_point", "ChangePoint"),
        "fan_in": Kind("auditor.detectors.fan_in", "FanIn"),
        "impossible_travel": Kind("auditor.detectors.impossible_travel", "ImpossibleTravel"),
        "outlier": Kind("auditor.detectors.outlier", "Outlier"),
        "overlap": Kind("auditor.detectors.overlap", "Overlap"),
        "rarity": Kind("auditor.detectors.rarity", "Rarity"),
        "robust_zscore": Kind("auditor.detectors.robust_zscore", "RobustZscore"),
    }
)
