"""How a rule's rows may be split into parts that are judged apart, without changing what is found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from auditor.frozen import dataclass
from auditor.rules.language.columns import base_columns, names_in, shown_names
from auditor.rules.language.spec import Baseline, Derived, Detector, Group, Match, Pairs, Python, Rule
from auditor.rules.language.spec import Sequence as Steps
from auditor.tables.facts import fact_table
from auditor.tables.modelled import is_learned
from auditor.tables.placement import placed_by
from auditor.tables.schema import TABLES

SMALL = frozenset({"people", "collections", "settings", "recordings", "admin_changes"})
"""Tables of which every part may have all rows."""

_PREFERENCE = ("meeting_id", "participant_id", "email", "host_email", "ip_address", "ip_network", "name_key")
_LAST = "site_url"
_PERSON = frozenset({"person_key", "person_key_why"})
_NOWHERE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Splitting:
    """How the rows of the tables a rule judges may be split.

    Without `keys` and `reason`, by row: the rows of `table` in any way. With `keys`, each of which is a choice: rows
    with equal values stay together; a key names for each split table the column or fact that holds the value, which
    may be derived row by row in the rule's own table. Under `nulls_together` rows whose value is null stay together
    too, else they may go anywhere. With a `reason`, not at all. Every part needs all rows of the `lookups`, those of
    them that belong to its rows, or the facts made from them.
    """

    table: str
    keys: tuple[Mapping[str, str], ...]
    lookups: frozenset[str]
    nulls_together: bool
    reason: str | None = None

    @property
    def by_row(self) -> bool:
        """Whether each row is judged for itself."""
        return not self.keys and self.reason is None

    def along(self, column: str) -> Mapping[str, str] | None:
        """The key that holds rows together by this column of the rule's own table, if there is one."""
        return next((key for key in self.keys if key[self.table] == column), None)


def splitting(rule: Rule, *, also: Collection[str] = (), windowed: bool = True, learned: bool = False) -> Splitting:
    """How the rows of a bound rule may be split; keys that split into more and smaller parts come first.

    `also` are names wanted beside those the finding shows. Without a window, `windowed` false, the periods a
    baseline judges depend on all rows. Facts that all rows of a table tell keep them together, unless they are
    `learned` before.
    """
    detect = rule.detect
    stage, table = detect.stage, detect.table
    overs = [derived.over for derived in detect.derive if derived.over]
    lookups = _lookups(rule, also)
    reason = _unsplittable(rule, also, windowed=windowed, learned=learned)
    if reason is not None:
        return Splitting(table, (), lookups, nulls_together=False, reason=reason)
    wanted = [*overs, *_stage_keys(rule)]
    other = stage.table if isinstance(stage, Match) else None
    beside = other is not None and other != table and other in SMALL
    if beside and other is not None:
        lookups |= {other}
    elif isinstance(stage, Match):
        wanted.append(tuple(one for one, _ in stage.same))
    if not wanted:
        return Splitting(table, (), lookups, nulls_together=False)
    common = [name for name in dict.fromkeys(wanted[0]) if all(name in columns for columns in wanted)]
    usable = set(common) - _of_aggregates(detect.derive)
    partners = _NOWHERE if beside or not isinstance(stage, Match) else dict(stage.same)
    if other == table and overs:
        usable = {name for name in usable if partners[name] == name}
    keys = tuple(_key(table, name, other, partners) for name in sorted(usable, key=_rank))
    if other == table:
        keys = tuple(key for key in keys if partners[key[table]] == key[table])
    if not keys:
        return Splitting(table, (), lookups, nulls_together=False, reason=_no_column(wanted))
    return Splitting(table, keys, lookups, nulls_together=bool(overs))


def _unsplittable(rule: Rule, also: Collection[str], *, windowed: bool, learned: bool) -> str | None:
    stage = rule.detect.stage
    read = base_columns(rule, shown_names(rule) | set(also))
    lessons = sorted(name for table, names in read.items() for name in names if is_learned(table, name))
    if lessons and not learned:
        return f"{lessons[0]} is learned from all rows of its table"
    if persons := sorted(_PERSON & read[rule.detect.table]) if rule.detect.table == "people" else []:
        return f"{persons[0]} follows from the aliases of all rows of people"
    if isinstance(stage, Detector):
        return f"the detector {stage.type} weighs what it finds over all rows"
    if isinstance(stage, Python):
        return "a function of an installed package sees whole tables"
    if isinstance(stage, Baseline) and not windowed:
        return "without a window the periods judged depend on all rows"
    return None


def _stage_keys(rule: Rule) -> Iterable[Sequence[str]]:
    """The columns whose equal values the stage relates; those of a match are left to the caller."""
    match rule.detect.stage:
        case Group(by=by) | Steps(by=by):
            return [by]
        case Pairs(same=same):
            return [same]
        case Baseline(entity=entity):
            return [entity]
        case _:
            return []


def _of_aggregates(derived: Sequence[Derived]) -> set[str]:
    """The derived names that need other rows, and so cannot tell beforehand which rows belong together."""
    found: set[str] = set()
    for one in derived:
        if one.over or names_in(one.expr) & found:
            found.add(one.name)
    return found


def _key(table: str, name: str, other: str | None, partners: Mapping[str, str]) -> Mapping[str, str]:
    key = {table: name}
    if other is not None and other != table and name in partners:
        key[other] = partners[name]
    return MappingProxyType(key)


def _rank(name: str) -> tuple[int, str]:
    if name == _LAST:
        return len(_PREFERENCE) + 1, name
    return (_PREFERENCE.index(name) if name in _PREFERENCE else len(_PREFERENCE)), name


def _no_column(wanted: Sequence[Sequence[str]]) -> str:
    told = dict.fromkeys(", ".join(columns) for columns in wanted)
    if len(told) == 1:
        return f"rows belong together by {next(iter(told))}, which only all rows together tell"
    return f"its parts relate rows by different columns: {'; '.join(told)}"


def _lookups(rule: Rule, also: Collection[str]) -> frozenset[str]:
    """The tables that facts of the rule's rows, and their places in time, are read from."""
    found: set[str] = set()
    for table, names in base_columns(rule, shown_names(rule) | set(also)).items():
        for name in {*names, *(placed_by(table) if TABLES[table].time else ())}:
            other = fact_table(table, name) if name not in TABLES[table].schema else None
            if other is not None:
                found.add(other)
    return frozenset(found)
