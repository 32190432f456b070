"""A faithful Webex on loopback: an invented population, the HTTP server in front of it, its faults."""

from __future__ import annotations

from auditor.simulator.faults import KINDS, Fault, parse_faults
from auditor.simulator.lazy import LazySite
from auditor.simulator.regular import Regular
from auditor.simulator.server import TOKEN, Served, Server, serve
from auditor.simulator.service import Behaviour
from auditor.simulator.site import Site

__all__ = [
    "KINDS",
    "TOKEN",
    "Behaviour",
    "Fault",
    "LazySite",
    "Regular",
    "Served",
    "Server",
    "Site",
    "parse_faults",
    "serve",
]
