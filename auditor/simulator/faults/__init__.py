"""Faults a server can be told to have, by name; each strikes some of the requests it is meant for.

A fault's module says what it does to the answer; `KINDS` holds them all.
"""

from __future__ import annotations

from auditor.simulator.faults.kind import Fault, Injector, Kind
from auditor.simulator.faults.registry import FAMILIES, KINDS, parse_faults

__all__ = ["FAMILIES", "KINDS", "Fault", "Injector", "Kind", "parse_faults"]
