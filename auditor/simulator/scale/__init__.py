"""Companies of any size, made column by column, with labelled behaviours among what only looks like them."""

from __future__ import annotations

from auditor.simulator.scale.geography import places
from auditor.simulator.scale.made import Made, Scale, make, variants
from auditor.simulator.scale.tables import frames
from auditor.simulator.scale.write import write

__all__ = ["Made", "Scale", "frames", "make", "places", "variants", "write"]
