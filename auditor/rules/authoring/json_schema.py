"""The JSON Schema of a rule file, for editors: completion, hover texts and the first mistakes while typing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from auditor.rules.language.names import table_names
from auditor.rules.reading.detector_forms import DETECTORS, Setting
from auditor.rules.reading.forms import DerivedForm, EvidenceForm, RuleForm
from auditor.tables.schema import LINEAGE, TABLES

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_MARK = "x-definition"
_FILLED = "x-filled"
_LENGTH = r"^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?$"
_PARAM = r"^param\.[a-z][a-z0-9_]*$"
_WORDY: Json = {"type": ["string", "boolean", "number"]}


def schema() -> dict[str, Json]:
    """The schema of one document of a rule file, in draft 7, which every YAML language server reads."""
    made: dict[str, Json] = RuleForm.model_json_schema(by_alias=True)
    definitions = made.pop("$defs")
    if not isinstance(definitions, dict):
        raise TypeError("pydantic gives definitions as a map")
    definitions |= {form.__name__: form.model_json_schema(by_alias=True) for form in (DerivedForm, EvidenceForm)}
    definitions |= _definitions()
    case = definitions["CaseForm"]
    if isinstance(case, dict) and isinstance(case["properties"], dict):
        case["properties"]["given"] = _given()
    tidied = {name: _tidied(definitions[name]) for name in sorted(definitions)}
    body = _tidied(made)
    if not isinstance(body, dict):
        raise TypeError("the schema of a model is a map")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A rule of auditor",
        **body,
        "definitions": tidied,
    }


def _tidied(node: Json) -> Json:
    """The node without pydantic's own titles and defaults of null, with references in place of marks."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    if _FILLED in node and isinstance(choices := node["anyOf"], list):
        (filled,) = (choice for choice in choices if choice != {"type": "null"})
        node = {**{key: value for key, value in node.items() if key not in {_FILLED, "anyOf"}}, "allOf": [filled]}
    found: dict[str, Json] = {}
    for key, value in node.items():
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: _tidied(item) for name, item in value.items()}
        elif key == _MARK:
            found["allOf"] = [{"$ref": f"#/definitions/{value}"}]
        elif key == "$ref":
            found[key] = str(value).replace("#/$defs/", "#/definitions/")
        elif not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None):
            found[key] = _tidied(value)
    return found


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _map(properties: dict[str, Json], *, required: tuple[str, ...] = ()) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _definitions() -> dict[str, Json]:
    """What the forms leave to the language."""
    conditions: Json = {"type": "array", "minItems": 1, "items": _ref("Condition")}
    param: Json = {"type": "string", "pattern": _PARAM}
    return {
        "Expression": _WORDY,
        "Condition": {
            "anyOf": [_WORDY, {**_keys({"all": conditions, "any": conditions, "none": conditions}), "minProperties": 1}]
        },
        "Length": {"anyOf": [{"type": "string", "pattern": _LENGTH, "minLength": 2}, param]},
        "Number": {"anyOf": [{"type": "number"}, param]},
        "Moment": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"},
        "Derived": {"anyOf": [_WORDY, _ref("DerivedForm")]},
        "EvidenceColumn": {"anyOf": [{"type": "string"}, _ref("EvidenceForm")]},
        "SameColumn": {
            "anyOf": [{"type": "string"}, _map({"a": {"type": "string"}, "b": {"type": "string"}}, required=("a", "b"))]
        },
        "Expect": {
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "array", "items": {"type": "object"}}],
        },
        "Detector": {"oneOf": [_detector(name) for name in DETECTORS]},
    }


def _keys(properties: dict[str, Json]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _detector(name: str) -> Json:
    settings = DETECTORS[name].settings
    properties: dict[str, Json] = {"type": {"const": name}}
    properties |= {key: _setting(setting) for key, setting in settings.items()}
    required = tuple(key for key, setting in settings.items() if setting.required)
    return _map(properties, required=("type", *required))


def _setting(setting: Setting) -> Json:
    words: Json = {"enum": list(setting.choices)}
    shapes: Mapping[str, Json] = {
        "columns": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "column": {"type": "string"},
        "integer": _ref("Number"),
        "number": _ref("Number"),
        **dict.fromkeys(("duration", "length", "period"), _ref("Length")),
        "flag": {"type": "boolean"},
        "word": {"anyOf": [words, {"type": "string", "pattern": _PARAM}]},
        "words": {"type": "array", "items": words},
        "list": {"type": "string", "pattern": r"^list\.[a-z][a-z0-9_]*$"},
        "value": _ref("Expression"),
        "features": {"type": "object", "minProperties": 1, "additionalProperties": _ref("Expression")},
    }
    return {"anyOf": [shapes[setting.form], {"type": "null"}]}


def _given() -> Json:
    """Rows by table, so that an editor offers the columns."""
    tables: dict[str, Json] = {}
    for name in TABLES:
        columns = [*table_names(name), *LINEAGE, "repeat", "every"]
        row = _map({column: {} for column in columns})
        tables[name] = {"type": "array", "items": row}
    return {"type": "object", "properties": tables, "additionalProperties": False}
