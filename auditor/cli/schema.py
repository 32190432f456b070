"""The verb `schema`: the JSON Schema of a document."""

from __future__ import annotations

import json

import click

from auditor.cli.context import Exit


@click.command()
@click.argument("document", type=click.Choice(["audit", "rule"]))
def command(document: str) -> int:
    """Print the JSON Schema (2020-12) of audit.json or of a rule file."""
    if document == "audit":
        from auditor.reports.audit_json import schema
    else:
        from auditor.rules.authoring.json_schema import schema

    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
    return Exit.OK
