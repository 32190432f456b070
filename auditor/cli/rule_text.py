"""Rules, their tests and what lint found, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import click
import yaml
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule as Line
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from auditor.documents import Map, plain
from auditor.model.vocabulary import Severity, Status

if TYPE_CHECKING:
    from auditor.model.audit import Parameter
    from auditor.rules.language.spec import Rule

Json: TypeAlias = "str | int | Sequence[Json] | Mapping[str, Json] | None"

_WIDTH = 120
UNWRAPPED = 1_000
"""Wide enough for a table of rules to keep each on one line."""
_SEVERITIES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_STATUSES = {Status.STABLE: "green", Status.DEPRECATED: "dim", Status.DISABLED: "dim"}
_LISTS = (("False positives", "false_positives"), ("References", "references"), ("Tags", "tags"))


def put(result: RenderableType, *, width: int = _WIDTH) -> None:
    """Print a result: as wide as the terminal, or of this width and without blanks at the end of lines."""
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(result)
        return
    plain_text = Console(highlight=False, markup=False, emoji=False, width=width)
    with plain_text.capture() as captured:
        plain_text.print(result)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()).strip("\n"))


def shown(text: str) -> str:
    """Text of a rule without characters that would steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def listing(rules: Sequence[Rule]) -> Table:
    """One line a rule."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("rule", "name", "severity", "status"):
        table.add_column(name, no_wrap=True)
    table.add_column("title", ratio=1, overflow="fold")
    for rule in rules:
        table.add_row(
            Text(rule.id, style="bold"),
            Text(rule.name),
            Text(rule.severity.value, style=_SEVERITIES[rule.severity]),
            Text(rule.status.value, style=_STATUSES.get(rule.status, "")),
            Text(shown(rule.title)),
        )
    return table


def as_json(rule: Rule) -> dict[str, Json]:
    """What `rules list --format json` says of a rule."""
    return {
        "id": rule.id,
        "name": rule.name,
        "title": rule.title,
        "status": rule.status.value,
        "severity": rule.severity.value,
        "confidence": rule.confidence.value,
        "version": rule.version,
        "replaced_by": rule.replaced_by,
        "tables": list(rule.needs.tables),
        "lists": list(rule.needs.lists),
        "parameters": [spec.name for spec in rule.params],
        "controls": {name: list(items) for name, items in rule.controls.items()},
        "tags": list(rule.tags),
        "tests": len(rule.cases),
        "path": rule.position.path,
        "line": rule.position.line,
        "digest": f"sha256:{rule.digest}",
    }


def page(rule: Rule, source: Map, parameters: Sequence[Parameter], *, effective: bool) -> RenderableType:
    """A rule on a page of its own."""
    return Group(*_page(rule, source, parameters, effective=effective))


def _page(rule: Rule, source: Map, parameters: Sequence[Parameter], *, effective: bool) -> Iterator[RenderableType]:
    yield Line(Text(f"{rule.id}  {rule.name}", style="bold"), align="left", style="dim")
    yield Text(shown(rule.title), style="bold")
    yield Text.assemble(
        (rule.severity.value, _SEVERITIES[rule.severity]),
        f" severity · {rule.confidence.value} confidence · {rule.status.value} · version {rule.version}",
    )
    yield Text(f"{shown(rule.position.path)}:{rule.position.line}", style="dim")
    for name in ("description", "rationale", "remediation"):
        text = getattr(rule, name).strip()
        if text:
            yield from _section(name.capitalize(), Text(shown(text)))
    if parameters:
        yield from _section("Parameters", _parameters(parameters, effective=effective))
    if rule.lists:
        lines = [_list_line(spec.name, spec.default, spec.description) for spec in rule.lists]
        yield from _section("Lists", Text("\n".join(lines)))
    detect = source.get("detect")
    if detect is not None:
        written = yaml.safe_dump(plain(detect), sort_keys=False, allow_unicode=True, width=100).rstrip()
        yield from _section("Detect", Syntax(shown(written), "yaml", background_color="default", word_wrap=True))
    for title, name in _LISTS:
        items: tuple[str, ...] = getattr(rule, name)
        if items:
            yield from _section(title, Text("\n".join(f"· {shown(item)}" for item in items)))
    if rule.controls:
        lines = [f"{shown(name)}: {', '.join(map(shown, items))}" for name, items in rule.controls.items()]
        yield from _section("Controls", Text("\n".join(lines)))
    if rule.cases:
        yield from _section("Tests", Text("\n".join(f"· {shown(case.name)}" for case in rule.cases)))


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", style="bold")
    yield Padding(body, (0, 0, 0, 2))


def _list_line(name: str, default: tuple[str, ...] | None, description: str) -> str:
    items = "no default" if default is None else ", ".join(default) or "empty by default"
    return shown(f"list.{name} ({items}){f': {description}' if description else ''}")


def _parameters(parameters: Sequence[Parameter], *, effective: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    names = ("name", "type", "value", "from") if effective else ("name", "type", "default")
    for name in names:
        table.add_column(name, no_wrap=name != "value", overflow="fold")
    table.add_column("meaning", ratio=1, overflow="fold")
    for parameter in parameters:
        value = Text(shown(_worded(parameter.value if effective else parameter.default)))
        source = [Text(parameter.source)] if effective else []
        table.add_row(Text(parameter.name), Text(parameter.type), value, *source, Text(shown(parameter.description)))
    return table


def _worded(value: object) -> str:
    from datetime import timedelta

    from auditor.rules.language.values import written

    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(empty)"
    if isinstance(value, str) and value.endswith("us") and value[:-2].isdecimal():
        return written(timedelta(microseconds=int(value[:-2])))
    return str(value).lower() if isinstance(value, bool) else str(value)
