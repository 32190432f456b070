"""The verb `schema`: the JSON Schema of a document."""

from __future__ import annotations

import click

from auditor.cli.context import Exit, show_json


@click.command()
@click.argument("document", type=click.Choice(["audit", "rule"]))
def command(document: str) -> int:
    """Print the JSON Schema of audit.json (2020-12) or of a rule file (draft 7, which editors read)."""
    if document == "audit":
        from auditor.reports.audit_json import schema
    else:
        from auditor.rules.authoring.json_schema import schema

    show_json(schema())
    return Exit.OK
