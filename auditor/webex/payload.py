"""What a page holds, as far as collecting needs to know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pydantic_core import from_json

from auditor.errors import BadPayload

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class NotJson(BadPayload):
    """The body is no JSON at all, so that asking again may help."""


def records(body: bytes, *, key: str) -> Sequence[Json]:
    """The list under `key`; null is an empty list.

    Raises `NotJson` for a body that is no JSON, `BadPayload` for JSON of another shape.
    """
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
            value = json.loads(body, strict=False)
        except (ValueError, RecursionError) as error:
            raise NotJson("the body is no JSON") from error
    return value
