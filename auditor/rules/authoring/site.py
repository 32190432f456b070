"""The rules as a static web site: an index, and a page a rule with examples from its tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auditor.documents import Map, plain
from auditor.resources import resource
from auditor.rules.authoring.lint_wording import is_url
from auditor.rules.language.spec import Case, ParamSpec, Rule
from auditor.rules.language.tree import LiteralValue
from auditor.rules.language.values import shown
from auditor.rules.reading.load import RuleSet
from auditor.words import counted

_TEXTS = (("What it reports", "description"), ("Why it matters", "rationale"), ("What to do", "remediation"))
_MOST_ROWS = 12


def site(rules: RuleSet) -> dict[str, str]:
    """Every file of the site by name. It needs no network, and nothing outside its folder."""
    folder = resource("report_templates/rules")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    page, index = environment.get_template("page.html.j2"), environment.get_template("index.html.j2")
    files = {_file(rule): page.render(rule=_page(rule, rules.sources[rule.id])) for rule in rules.rules}
    groups = [
        {"name": prefix, "rules": [_line(rule) for rule in members]}
        for prefix, members in groupby(rules.rules, key=lambda rule: rule.id.partition("-")[0])
    ]
    files["index.html"] = index.render(count=counted(len(rules.rules), "rule"), groups=groups)
    files["rules.css"] = (folder / "rules.css").read_text(encoding="utf-8")
    return files


def _file(rule: Rule) -> str:
    return f"{rule.id}.html"


def _line(rule: Rule) -> dict[str, str]:
    return {
        "file": _file(rule),
        "id": rule.id,
        "severity": rule.severity.value,
        "status": rule.status.value,
        "title": rule.title,
    }


def _page(rule: Rule, source: Map) -> dict[str, object]:
    detect = source.get("detect")
    return {
        **_line(rule),
        "name": rule.name,
        "confidence": rule.confidence.value,
        "version": rule.version,
        "replaced_by": rule.replaced_by,
        "texts": [(heading, text) for heading, name in _TEXTS if (text := getattr(rule, name).strip())],
        "false_positives": rule.false_positives,
        "parameters": [_parameter(spec) for spec in rule.params],
        "lists": [
            {"name": spec.name, "default": _words(spec.default), "description": spec.description} for spec in rule.lists
        ],
        "detect": ""
        if detect is None
        else yaml.safe_dump(plain(detect), sort_keys=False, allow_unicode=True, width=96),
        "examples": [_example(case) for case in rule.cases if case.expect_error is None],
        "controls": [f"{name}: {', '.join(items)}" for name, items in rule.controls.items()],
        "references": [{"text": item, "link": is_url(item)} for item in rule.references],
        "tags": rule.tags,
    }


def _words(items: tuple[str, ...] | None) -> str:
    return "none: it must be configured" if items is None else ", ".join(items) or "empty"


def _parameter(spec: ParamSpec) -> dict[str, str]:
    low = "" if spec.minimum is None else f"from {shown(spec.minimum)}"
    high = "" if spec.maximum is None else f"to {shown(spec.maximum)}"
    return {
        "name": spec.name,
        "type": spec.type,
        "default": shown(spec.default),
        "bounds": " ".join(part for part in (low, high, ", ".join(spec.values)) if part),
        "description": spec.description,
    }


def _example(case: Case) -> dict[str, object]:
    tables = []
    for name, rows in case.given.items():
        columns = list(dict.fromkeys(column for row in rows for column in row.values))
        written = [[_cell(row.values, column) for column in columns] for row in rows[:_MOST_ROWS]]
        repeats = [row.repeat for row in rows[:_MOST_ROWS]]
        if any(count > 1 for count in repeats):
            columns.append("times")
            spans = [_times(row.repeat, row.every) for row in rows[:_MOST_ROWS]]
            written = [[*cells, times] for cells, times in zip(written, spans, strict=True)]
        tables.append({"name": name, "columns": columns, "rows": written})
    return {"name": case.name, "tables": tables, "outcome": _outcome(case)}


def _cell(values: Mapping[str, LiteralValue], column: str) -> str:
    if column not in values:
        return ""
    return "—" if values[column] is None else shown(values[column])


def _times(repeat: int, every: timedelta) -> str:
    return f"{repeat}, every {shown(every)}" if every and repeat > 1 else str(repeat)


def _outcome(case: Case) -> str:
    expected: Sequence[object] | int | None = case.expect
    count = expected if isinstance(expected, int) else len(expected or ())
    found = counted(count, "finding") if count else "no finding"
    unknown = f", {case.not_evaluable} that cannot be judged" if case.not_evaluable else ""
    return f"Gives {found}{unknown}."
