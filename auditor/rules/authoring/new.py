"""A new rule to begin with: it loads, passes its tests, and says at each line what belongs there."""

from __future__ import annotations

from auditor.rules.language.names import table_names
from auditor.rules.language.tree import Type
from auditor.tables.facts import NULL_FACTS
from auditor.tables.schema import TABLES

STAGES = ("plain", "group", "pairs", "match")

_HEAD = """\
# yaml-language-server: $schema=rule.schema.json
# Check it with: auditor rules lint FILE    Run its tests with: auditor rules test FILE
schema: 1
id: {id}
name: {name}
title: Say here how things should be      # the good state, without a final stop
status: experimental                      # stable and test rules need tests of their own
severity: medium                          # critical, high, medium, low, info: the harm if it is true
confidence: medium                        # high, medium, low: the chance that it is true
description: What the rule reports, in one or two sentences.
rationale: Why it matters.
remediation: What to do about a finding.
false_positives:
  - a case that looks like it and is harmless
tags: [draft]
"""

_DETECT = {
    "plain": """\
detect:
  from: {table}
  where: {subject} is not None            # a condition; rows of which it is true are findings
""",
    "group": """\
params:
  least: {{type: integer, default: 2, min: 1, description: Fewest rows worth reporting}}
detect:
  from: {table}
  where: {subject} is not None            # which rows take part
  group:
    by: [{subject}]                       # rows with equal values belong together
    aggregate: {{count_of_rows: count()}} # what is known of a group
    having: count_of_rows >= param.least  # groups of which it is true are findings
""",
    "pairs": """\
detect:
  from: {table}
  where: {subject} is not None            # which rows take part
  pairs:
    same: [{key}]                         # equal in both rows
    different: [{subject}]                # unequal in both rows
""",
    "match": """\
detect:
  from: {table}
  where: {subject} is not None            # which rows are asked about
  match:
    with: {other}
    same: [{subject}]                     # equal in both tables
    absent: true                          # true: report rows without a partner; false: rows with one
""",
}

_FINDING = """\
finding:
  subject: "{{{subject}}}"
  message: "{{{subject}}} is reported"      # one sentence; {{name}} shows a value
  evidence: []                            # columns shown beside the finding
  fingerprint: [{fingerprint}]            # what makes it the same finding next month
tests:
  - name: what is found and what is not
    given:
      {table}:
        - {{{subject}: a@example.com}}
        - {{{subject}: a@example.com}}
        - {{{key}: x}}
{others}    expect: 1
"""


def new_rule(rule_id: str, name: str, *, table: str, stage: str) -> str:
    """The text of a rule file for a table and a form; `ValueError` when the table does not fit the form."""
    texts = [column for column, kind in table_names(table).items() if kind is Type.TEXT and "." not in column]
    columns = [column for column in texts if column != "site_url" and column not in NULL_FACTS[table]]
    subject = next(column for column in ("email", "host_email", "display_name", *columns) if column in columns)
    key = next(column for column in ("meeting_id", *columns, "site_url") if column != subject and column in texts)
    other = "devices" if table != "devices" else "attendees"
    if stage == "match" and subject not in TABLES[other].schema:
        raise ValueError(f"{table} and {other} share no column to match by; begin with another form")
    if stage == "pairs" and key == "site_url":
        raise ValueError(f"{table} has no column that two rows would share; begin with another form")
    prefix = "a." if stage == "pairs" else ""
    parts = _HEAD + _DETECT[stage] + _FINDING
    text = parts.format(
        id=rule_id,
        name=name,
        table=table,
        subject=subject,
        key=key,
        other=other,
        others=f"      {other}:\n        - {{{subject}: b@example.com}}\n" if stage == "match" else "",
        fingerprint=subject if stage in {"group", "plain"} else f"{prefix}{subject}",
    )
    return _for_pairs(text, subject, key) if stage == "pairs" else text


def _for_pairs(text: str, subject: str, key: str) -> str:
    """The finding of two rows names both."""
    before, _, after = text.partition("finding:")
    shown = after.replace(f'"{{{subject}}}"', f'"{{a.{subject}}}, {{b.{subject}}}"')
    shown = shown.replace(f'"{{{subject}}} is reported"', f'"{{a.{subject}}} and {{b.{subject}}} are reported"')
    shown = shown.replace(f"fingerprint: [a.{subject}]", f"fingerprint: [{key}, a.{subject}, b.{subject}]")
    rows = f"        - {{{key}: x, {subject}: a@example.com}}\n        - {{{key}: x, {subject}: b@example.com}}\n"
    head, _, rest = shown.partition(f"        - {{{subject}: a@example.com}}\n        - {{{subject}: a@example.com}}\n")
    return f"{before}finding:{head}{rows}{rest}"
