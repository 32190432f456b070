"""All kinds of faults by family and by name, and the words of `--faults`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from auditor.errors import ConfigError
from auditor.simulator.faults.access import ACCESS
from auditor.simulator.faults.bodies import BODIES
from auditor.simulator.faults.kind import Fault, Kind
from auditor.simulator.faults.limits import LIMITS
from auditor.simulator.faults.links import LINKS
from auditor.simulator.faults.listing import LISTING
from auditor.simulator.faults.trouble import TROUBLE
from auditor.simulator.faults.values import VALUES

FAMILIES: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "paging": LINKS,
        "limits": LIMITS,
        "trouble": TROUBLE,
        "access": ACCESS,
        "bodies": BODIES,
        "values": VALUES,
        "listings and clocks": LISTING,
    }
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kinds in FAMILIES.values() for kind in kinds})

_SPEC = re.compile(r"(?P<name>[a-z0-9-]+)(?:=(?P<value>[^,]+?))?(?::(?P<times>\d+)(?P<each>each)?)?")

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def parse_faults(text: str) -> tuple[Fault, ...]:
    """The faults of `name[=value][:times[each]][,…]`.

    `:0` means always; `:2each` that every distinct request is struck twice.

    >>> [(fault.name, fault.value, fault.times) for fault in parse_faults("reset:2,rate-limit-seconds=3")]
    [('reset', None, 2), ('rate-limit-seconds', '3', None)]
    """
    faults = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        read = _SPEC.fullmatch(part)
        if read is None:
            raise ConfigError(f"fault {part!r} does not read name[=value][:times[each]]")
        if read["name"] not in KINDS:
            raise ConfigError(f"unknown fault {read['name']!r}; one of {', '.join(sorted(KINDS))}")
        usual = KINDS[read["name"]].value
        if read["value"] is not None and _NUMBER.fullmatch(usual) and not _NUMBER.fullmatch(read["value"]):
            raise ConfigError(f"fault {read['name']!r} takes a number such as {usual}, not {read['value']!r}")
        times = None if read["times"] is None else int(read["times"])
        faults.append(Fault(read["name"], times=times, value=read["value"], each=read["each"] is not None))
    return tuple(faults)
