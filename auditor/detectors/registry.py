"""The detectors by the name a rule calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import polars as pl

from auditor.detectors import (
    burst,
    change_point,
    fan_in,
    impossible_travel,
    outlier,
    overlap,
    rarity,
    robust_zscore,
)
from auditor.detectors.detection import Detection
from auditor.frozen import dataclass
from auditor.model.window import Window


@dataclass(frozen=True, slots=True)
class Kind:
    """A detector: its settings, and the function that takes rows, settings and window."""

    settings: type
    detect: Callable[[pl.LazyFrame, Any, Window], Detection]


DETECTORS: Mapping[str, Kind] = MappingProxyType(
    {
        "burst": Kind(burst.Burst, burst.detect),
        "change_point": Kind(change_point.ChangePoint, change_point.detect),
        "fan_in": Kind(fan_in.FanIn, fan_in.detect),
        "impossible_travel": Kind(impossible_travel.ImpossibleTravel, impossible_travel.detect),
        "outlier": Kind(outlier.Outlier, outlier.detect),
        "overlap": Kind(overlap.Overlap, overlap.detect),
        "rarity": Kind(rarity.Rarity, rarity.detect),
        "robust_zscore": Kind(robust_zscore.RobustZscore, robust_zscore.detect),
    }
)
