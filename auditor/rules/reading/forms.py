"""The shape of a rule file as pydantic models: they check keys and plain values, and they emit the JSON Schema.

What belongs to the language itself (expressions, conditions, templates, durations) is `Any` here, with a
`$ref` to its schema; its own module checks it, because only that module can say which word is wrong.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from auditor.tables.schema import TABLES

SCHEMA_VERSION = 1
RULE_ID = re.compile(r"[A-Z]{2,5}-[0-9]{3}")
RULE_NAME = re.compile(r"[a-z][a-z0-9-]{2,59}")
PARAM_NAME = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_MESSAGE = 300
_MOST_FINDINGS = 10_000_000
_TAG = re.compile(r"[a-z0-9-]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _ref(name: str, description: str) -> WithJsonSchema:
    """A placeholder that `json_schema` turns into a reference."""
    return WithJsonSchema({"x-definition": name, "description": description})


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{message}", {"message": message})


def _table(value: str) -> str:
    if value not in TABLES:
        raise PydanticCustomError("among", "{choices}", {"choices": ", ".join(TABLES)})
    return value


def _schema(value: int) -> int:
    if value != SCHEMA_VERSION:
        raise _wrong(f"schema {value} is not known; this version reads {SCHEMA_VERSION}")
    return value


def _id(value: str) -> str:
    if RULE_ID.fullmatch(value) is None:
        raise _wrong("a rule id is 2 to 5 capital letters, a hyphen and three digits, as in ACC-001")
    return value


def _name(value: str) -> str:
    if RULE_NAME.fullmatch(value) is None:
        raise _wrong("a rule name is 3 to 60 small letters, digits and hyphens, as in short-attendance")
    return value


def _title(value: str) -> str:
    if not 8 <= len(value) <= 100:
        raise _wrong(f"a title has 8 to 100 characters, not {len(value)}")
    if "\n" in value or "\r" in value:
        raise _wrong("a title is one line")
    if value.endswith("."):
        raise _wrong("a title has no final stop")
    return value


def _tag(value: str) -> str:
    if _TAG.fullmatch(value) is None:
        raise _wrong("a tag is small letters, digits and hyphens")
    return value


def _day(value: str) -> str:
    try:
        date.fromisoformat(value if _DATE.fullmatch(value) else "")
    except ValueError:
        raise _wrong("expected date, got text; write 2026-01-05") from None
    return value


def _param_name(value: str) -> str:
    if PARAM_NAME.fullmatch(value) is None:
        raise _wrong("a name is small letters, digits and _, as in min_overlap")
    return value


def _message(value: str) -> str:
    if len(value) > LONGEST_MESSAGE:
        raise _wrong(f"a message has at most {LONGEST_MESSAGE} characters, not {len(value)}")
    return value


def _between(least: int, most: int | None = None) -> AfterValidator:
    def check(value: int) -> int:
        if value < least or (most is not None and value > most):
            raise _wrong(f"value {value} is outside {least}..{'' if most is None else most}")
        return value

    return AfterValidator(check)


def _filled(value: str) -> str:
    if not value.strip():
        raise _wrong("a template needs text")
    return value


def _there(what: str) -> AfterValidator:
    """Refuses null, which no module further on would tell of."""

    def check(value: object) -> object:
        if value is None:
            raise _wrong(f"expected {what}, got null")
        return value

    return AfterValidator(check)


Day: TypeAlias = Annotated[str, AfterValidator(_day)]
RuleId: TypeAlias = Annotated[str, AfterValidator(_id), Field(json_schema_extra={"pattern": f"^{RULE_ID.pattern}$"})]
ParamName: TypeAlias = Annotated[str, AfterValidator(_param_name)]
TableName: TypeAlias = Annotated[str, AfterValidator(_table), Field(json_schema_extra={"enum": list(TABLES)})]
Limit: TypeAlias = Annotated[
    int, _between(1, _MOST_FINDINGS), Field(json_schema_extra={"minimum": 1, "maximum": _MOST_FINDINGS})
]
Version: TypeAlias = Annotated[int, _between(1), Field(json_schema_extra={"minimum": 1})]
Count: TypeAlias = Annotated[int, _between(0), Field(json_schema_extra={"minimum": 0})]
SeverityName: TypeAlias = Literal["critical", "high", "medium", "low", "info"]
Expression: TypeAlias = Annotated[Any, _ref("Expression", "An expression of the rule language.")]
Condition: TypeAlias = Annotated[Any, _ref("Condition", "An expression, or a map of all, any and none.")]
Length: TypeAlias = Annotated[Any, _ref("Length", "A duration such as 90s or 1h30m, or param.NAME.")]
Number: TypeAlias = Annotated[Any, _ref("Number", "A number, or param.NAME.")]
NeededExpression: TypeAlias = Annotated[Expression, _there("expression")]
NeededCondition: TypeAlias = Annotated[Condition, _there("condition")]
NeededLength: TypeAlias = Annotated[Length, _there("duration")]
Columns: TypeAlias = Annotated[list[str], Field(min_length=1)]


_FILLED = Field(json_schema_extra={"x-filled": True})
"""May be left out, but not left empty."""


class Form(BaseModel):
    """A map of a rule file. Unknown keys are told with their place before pydantic sees the map."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class ParamForm(Form):
    """A parameter."""

    type: Literal["integer", "number", "duration", "string", "boolean", "enum", "list", "regex", "datetime"]
    default: Any = Field(description="The value without configuration.")
    description: str = Field(description="What the parameter means, for the person who sets it.")
    min: Any = Field(None, description="Smallest value, inclusive.")
    max: Any = Field(None, description="Largest value, inclusive; of text and lists the greatest length.")
    values: Annotated[list[str], Field(min_length=2)] | None = Field(None, description="The words of an enum.")


class ListForm(Form):
    """A list the rule names; auditor.yaml may give it."""

    default: list[str] | None = Field(None, description="The items without configuration.")
    description: str = Field("", description="What belongs into the list.")


class RequiresForm(Form):
    """What must be there beyond what the rule names."""

    tables: list[TableName] = Field(default=[], description="Tables that need rows in the window.")
    columns: list[str] = Field(default=[], description="table.column that may not be empty throughout.")


class SeverityWhenForm(Form):
    """A severity for findings of which a condition is true."""

    if_: NeededCondition = Field(alias="if")
    severity: SeverityName


class DerivedForm(Form):
    """A column made of an aggregate over the rows that share `over`."""

    expr: NeededExpression
    where: NeededCondition = None
    over: Columns


class WindowForm(Form):
    """How a group is cut in time; exactly one of rolling, tumbling and session_gap."""

    rolling: Length = None
    tumbling: Length = None
    session_gap: Length = None
    time: str | None = None
    zone: str = "UTC"


class GroupForm(Form):
    """Rows with equal columns, summed up."""

    by: Columns
    window: Annotated[WindowForm | None, _there("map"), _FILLED] = None
    aggregate: dict[str, Expression] = Field(description="Name to aggregate, such as joins: count().")
    having: NeededCondition


class PairsForm(Form):
    """Two rows that belong together."""

    same: Columns
    different: Annotated[Columns | None, _there("list"), _FILLED] = None
    overlap: NeededLength = None
    within: NeededLength = None
    where: NeededCondition = None


class MatchForm(Form):
    """Rows that have, or lack, a partner in another table."""

    with_: TableName = Field(alias="with")
    same: Annotated[list[Any], Field(min_length=1, json_schema_extra={"items": {"x-definition": "SameColumn"}})]
    where: NeededCondition = None
    absent: bool = False


class StepForm(Form):
    """One step of a sequence."""

    name: str
    where: NeededCondition
    time: str | None = None


class AbsentForm(Form):
    """A row that must not follow."""

    where: NeededCondition
    time: str | None = None


class SequenceForm(Form):
    """Steps in time order."""

    by: Columns
    within: NeededLength
    steps: Annotated[list[StepForm], Field(min_length=1, max_length=8)]
    absent: Annotated[list[AbsentForm] | None, _there("list"), _FILLED] = None
    where: NeededCondition = None


class BaselineForm(Form):
    """A value per period against the same entity's earlier periods."""

    entity: Columns
    time: str | None = None
    period: NeededLength
    value: NeededExpression
    fill: float | None = None
    history: Number = None
    min_history: Number = None
    method: Literal["robust_z", "iqr", "first_seen", "share"] = "robust_z"
    min_scale: Number = None
    zone: str = "UTC"
    having: NeededCondition = None


class DetectForm(Form):
    """What the rule looks for."""

    from_: TableName = Field(alias="from", description="The table whose rows are judged.")
    derive: dict[str, Annotated[Any, _ref("Derived", "An expression, or {expr, where, over}.")]] = {}
    where: Condition = None
    group: Annotated[GroupForm | None, _there("map"), _FILLED] = None
    pairs: Annotated[PairsForm | None, _there("map"), _FILLED] = None
    match: Annotated[MatchForm | None, _there("map"), _FILLED] = None
    sequence: Annotated[SequenceForm | None, _there("map"), _FILLED] = None
    baseline: Annotated[BaselineForm | None, _there("map"), _FILLED] = None
    detector: Annotated[Any, _ref("Detector", "A statistical detector and its settings."), _there("map")] = None
    python: Annotated[str | None, _there("text"), _FILLED] = Field(
        None, description="package.module:function of an installed distribution."
    )


class EvidenceForm(Form):
    """A column shown as evidence, with what it would reveal."""

    column: str
    redact: Literal["email", "ip", "name", "text"] | None = None


class FindingForm(Form):
    """How a hit becomes a finding."""

    subject: Annotated[str, AfterValidator(_filled)] = Field(description="Who or what the finding is about.")
    message: Annotated[str, AfterValidator(_filled), AfterValidator(_message)] = Field(
        description="One sentence with {fields}.", json_schema_extra={"maxLength": LONGEST_MESSAGE}
    )
    evidence: Annotated[
        list[Annotated[Any, _ref("EvidenceColumn", "A column, or {column, redact}.")]], Field(max_length=100)
    ] = []
    fingerprint: Annotated[list[str], Field(min_length=1, max_length=12)]
    limit: Limit | None = None


class SpanForm(Form):
    """The window of a test."""

    from_: Annotated[Any, _ref("Moment", "An ISO 8601 date-time.")] = Field(alias="from")
    to: Annotated[Any, _ref("Moment", "An ISO 8601 date-time.")]


class CaseForm(Form):
    """A test of the rule, run by `auditor rules test`."""

    name: Annotated[str, AfterValidator(_filled)]
    given: dict[str, list[dict[str, Any]]] = Field({}, description="Table to rows; columns not named are null.")
    expect: Annotated[
        Any,
        _ref("Expect", "A number of findings, or a list of partial findings."),
        _there("number of findings or list"),
    ] = None
    expect_error: str | None = Field(None, description="Text of the error these params or lists must give.")
    params: dict[str, Any] = {}
    lists: dict[str, Any] = {}
    now: Annotated[Any, _ref("Moment", "An ISO 8601 date-time.")] = None
    window: SpanForm | None = None
    not_evaluable: Count | None = None
    verdict: Literal["pass", "fail", "not_evaluated"] | None = None


class RuleForm(Form):
    """A rule: what to look for, how to word it, and tests that show it works."""

    schema_: Annotated[int, AfterValidator(_schema)] = Field(
        alias="schema", json_schema_extra={"const": SCHEMA_VERSION}
    )
    id: RuleId = Field(description="Never reused, such as ACC-001.")
    name: Annotated[str, AfterValidator(_name)] = Field(
        description="A slug, usable wherever the id is.", json_schema_extra={"pattern": f"^{RULE_NAME.pattern}$"}
    )
    title: Annotated[str, AfterValidator(_title)] = Field(
        description="States the good state, without a final stop.", json_schema_extra={"minLength": 8, "maxLength": 100}
    )
    status: Literal["stable", "test", "experimental", "deprecated", "disabled"] = "test"
    severity: SeverityName = Field(description="The harm if a finding is true.")
    confidence: Literal["high", "medium", "low"] = "medium"
    replaced_by: RuleId | None = None
    version: Version = Field(1, description="Raise it when results change.")
    description: str = ""
    rationale: str = ""
    remediation: str = ""
    false_positives: list[str] = []
    references: list[str] = []
    tags: list[Annotated[str, AfterValidator(_tag)]] = []
    authors: list[str] = []
    created: Day | None = None
    modified: Day | None = None
    controls: dict[str, list[str]] = Field({}, description="Framework to the controls the rule speaks to.")
    requires: RequiresForm | None = None
    nulls: Literal["unknown", "pass", "fail"] = Field("unknown", description="What a condition that is null means.")
    params: dict[ParamName, ParamForm] = {}
    lists: dict[ParamName, ListForm] = {}
    severity_when: list[SeverityWhenForm] = []
    detect: DetectForm
    finding: FindingForm
    tests: list[CaseForm] = []
