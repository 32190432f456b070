"""All kinds of faults by name, and the words of `--faults`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from auditor.errors import ConfigError
from auditor.simulator.faults.kind import Fault, Kind

KINDS: Mapping[str, Kind] = MappingProxyType({})

_SPEC = re.compile(r"(?P<name>[a-z0-9-]+)(?:=(?P<value>[^:,]+))?(?::(?P<times>\d+))?")


def parse_faults(text: str) -> tuple[Fault, ...]:
    """The faults of `name[=value][:times][,…]`; `:0` means always."""
    faults = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        read = _SPEC.fullmatch(part)
        if read is None:
            raise ConfigError(f"fault {part!r} does not read name[=value][:times]")
        if read["name"] not in KINDS:
            raise ConfigError(f"unknown fault {read['name']!r}; one of {', '.join(sorted(KINDS))}")
        times = None if read["times"] is None else int(read["times"])
        faults.append(Fault(read["name"], times=times, value=read["value"]))
    return tuple(faults)
