"""The detectors by the name a rule calls them; the module of one is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import polars as pl

from auditor.detectors.detection import Detection
from auditor.frozen import dataclass
from auditor.model.window import Window


@dataclass(frozen=True, slots=True)
class Kind:
    """A detector: the module with its settings, which have a name there, and its function `detect`."""

    module: str
    named: str

    @property
    def settings(self) -> type:
        """The class of its settings."""
        settings: type = getattr(import_module(self.module), self.named)
        return settings

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
