"""Which rules are judged row by row, which share a shuffle, and which stay whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from auditor.frozen import dataclass
from auditor.rules.judging.judge import columns_of, reads_history
from auditor.rules.judging.splitting import Splitting, splitting
from auditor.rules.task import Task
from auditor.tables.facts import fact_type
from auditor.tables.schema import TABLES


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Rules whose rows stay together by the same columns.

    `columns` has the column of each table that rows are spread by; with `derived` it is a derived column of the one
    rule there is. Without `together` rows whose value is null may go anywhere. With `history` rows before the window
    are needed.
    """

    columns: Mapping[str, str]
    together: bool
    history: bool
    derived: bool
    tasks: tuple[Task, ...]

    def wanted(self, table: str) -> frozenset[str]:
        """The columns and facts of a table that its rules read, and the one its rows are spread by."""
        found = {name for task in self.tasks for name in columns_of(task).get(table, ())}
        return frozenset(found if self.derived else {*found, self.columns[table]})


@dataclass(frozen=True, slots=True)
class Plan:
    """`by_row` has the rules of each table that look at single rows, `whole` the reason of each that is not split."""

    by_row: Mapping[str, tuple[Task, ...]]
    shuffles: tuple[Shuffle, ...]
    whole: Mapping[str, str]


_Signature: TypeAlias = tuple[object, bool, bool, str]


def planned(tasks: Sequence[Task], *, sites: int) -> Plan:
    """How the rules are judged in parts over a window; as few shuffles as a greedy choice of keys allows.

    Where there is one site only, rows that belong together by the site are all of them.
    """
    by_row: dict[str, list[Task]] = {}
    whole: dict[str, str] = {}
    choices: dict[str, dict[_Signature, Mapping[str, str]]] = {}
    for task in tasks:
        plan = splitting(task.rule, also=task.also)
        if plan.reason is not None:
            whole[task.rule.id] = plan.reason
        elif plan.by_row:
            by_row.setdefault(plan.table, []).append(task)
        elif keys := [key for key in plan.keys if sites > 1 or key[plan.table] != "site_url"]:
            choices[task.rule.id] = {_signature(task, plan, key): key for key in keys}
        else:
            whole[task.rule.id] = "its rows belong together by their site, and there is one site only"
    keyed = [task for task in tasks if task.rule.id in choices]
    return Plan({table: tuple(some) for table, some in by_row.items()}, tuple(_shuffles(keyed, choices)), whole)


def _signature(task: Task, plan: Splitting, key: Mapping[str, str]) -> _Signature:
    """What rules must have in common to share a shuffle along this key."""
    names = set(key.values())
    along: object = next(iter(names)) if len(names) == 1 else tuple(sorted(key.items()))
    owner = task.rule.id if _is_derived(plan, key) else ""
    return along, plan.nulls_together, reads_history(task.rule), owner


def _is_derived(plan: Splitting, key: Mapping[str, str]) -> bool:
    name = key[plan.table]
    return name not in TABLES[plan.table].schema and fact_type(plan.table, name) is None


def _shuffles(tasks: Sequence[Task], choices: Mapping[str, Mapping[_Signature, Mapping[str, str]]]) -> list[Shuffle]:
    """Again and again the key that serves most of the rules left; of equal ones that of the first rule."""
    found: list[Shuffle] = []
    left = list(tasks)
    while left:
        counts = Counter(signature for task in left for signature in choices[task.rule.id])
        best, _ = counts.most_common(1)[0]
        served = tuple(task for task in left if best in choices[task.rule.id])
        columns = {table: name for task in served for table, name in choices[task.rule.id][best].items()}
        _, together, history, owner = best
        found.append(Shuffle(columns, together, history, bool(owner), served))
        left = [task for task in left if best not in choices[task.rule.id]]
    return found
