"""Invented companies: people, their calendar, what they did, as the records Webex would keep."""

from __future__ import annotations

from auditor.simulator.population.sample import SAMPLE, Recipe, population
from auditor.simulator.population.write import write

__all__ = ["SAMPLE", "Recipe", "population", "write"]
