"""What a page holds, as far as collecting needs to know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TypeAlias, overload

from pydantic_core import SchemaValidator, core_schema, from_json

from auditor.errors import BadPayload
from auditor.evidence.items import stands_twice
from auditor.frozen import dataclass

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class NotJson(BadPayload):
    """The body is no JSON at all, so that asking again may help."""


FIELDS = ("id", "meetingId", "email", "displayName", "siteUrl")
"""All that collecting ever looks at of a record; the rest is left to the tables."""


def records(body: bytes, *, key: str) -> Sequence[Json]:
    """The list under `key`, whose objects hold at least what they have of `FIELDS`; null is an empty list.

    Raises `NotJson` for a body that is no JSON, `BadPayload` for JSON of another shape, or with two such lists.
    """
    if stands_twice(body, key):
        raise BadPayload(f"the body has {key} twice, and nobody can tell which are meant")
    try:
        found: list[Json] = _reader(key).validate_json(body)[key]
    except (ValueError, KeyError):
        return _any_records(body, key=key)
    return found


@dataclass(frozen=True, slots=True)
class Unread(Sequence[Json]):
    """The list under `key` of a body known to have one with `number` items; looked into only when it must be."""

    body: bytes
    key: str
    number: int

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, index: int) -> Json: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Json]: ...

    def __getitem__(self, index: int | slice) -> Json | Sequence[Json]:
        return records(self.body, key=self.key)[index]

    def __iter__(self) -> Iterator[Json]:
        return iter(records(self.body, key=self.key))


@cache
def _reader(key: str) -> SchemaValidator:
    """Reads the usual shape, an object with a list of objects, without making anything of the other fields."""
    fields = {name: core_schema.typed_dict_field(core_schema.any_schema(), required=False) for name in FIELDS}
    items = core_schema.list_schema(core_schema.typed_dict_schema(fields))
    return SchemaValidator(core_schema.typed_dict_schema({key: core_schema.typed_dict_field(items)}))


def _any_records(body: bytes, *, key: str) -> Sequence[Json]:
    """The list under `key` of any JSON."""
    value = _parsed(body)
    if not isinstance(value, Mapping):
        raise BadPayload(f"the body is no object with {key}")
    if key not in value:
        raise BadPayload(f"the body has no {key}")
    items = value[key]
    if items is None:
        return ()
    if not isinstance(items, list):
        raise BadPayload(f"{key} is no list")
    return items


def _parsed(body: bytes) -> Json:
    """The JSON value of a body, read fast; what the strict reader refuses is tried with the lenient one."""
    try:
        value: Json = from_json(body)
    except ValueError:
        try:
            # bytes would be read as UTF-16, too, as which no table reads them
            value = json.loads(body.decode("utf-8-sig", "surrogatepass"), strict=False, parse_int=_number)
        except (ValueError, RecursionError) as error:
            raise NotJson("the body is no JSON") from error
    return value


def _number(text: str) -> int | float:
    """A whole number, or its nearest float when it is too long to be read."""
    return int(text) if len(text) < 1000 else float(text)
