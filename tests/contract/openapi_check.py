"""Requests a simulated server saw, held against the strict OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters

from auditor.simulator.server import Served

DOCUMENT = Path(__file__).parents[1] / "data" / "webex-openapi-strict.json"
OF_THE_SERVER = frozenset({"cursor"})
"""Parameters that only next links carry; they are the server's own."""

UNDOCUMENTED = frozenset({"/v1/people/me", "/v1/access_token"})
"""Paths the reduced document leaves out."""


class Asked:
    """A request as openapi-core wants to see it."""

    def __init__(self, served: Served, base: str) -> None:
        request = served.request
        self.host_url = base.removesuffix("/v1")
        self.path = request.path
        self.method = request.method.lower()
        self.body = request.body or None
        self.content_type = request.headers.get("content-type", "application/json")
        query = {name: value for name, value in request.query if name not in OF_THE_SERVER}
        self.parameters = RequestParameters(
            query=query, header={"Authorization": "Bearer token", **request.headers}, path={}, cookie={}
        )


@cache
def _openapi() -> OpenAPI:
    document = json.loads(DOCUMENT.read_bytes())
    document["servers"] = [{"url": "http://server.example/v1"}]
    return OpenAPI.from_dict(document)


@cache
def _names() -> dict[tuple[str, str], frozenset[str]]:
    """The query parameters the document knows, by method and path."""
    document = json.loads(DOCUMENT.read_bytes())
    return {
        (method.upper(), f"/v1{path}"): frozenset(
            parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in {"get", "post"}
    }


def illegal(requests: Iterable[Served]) -> list[str]:
    """What the document forbids about the requests; nothing when all are legal."""
    found: list[str] = []
    for served in requests:
        request = served.request
        query = tuple(pair for pair in request.query if pair[0] not in OF_THE_SERVER)
        key = (request.method, request.path, query, request.body, request.headers.get("content-type"))
        if key not in _JUDGED:
            _JUDGED[key] = _judged(served)
        found += _JUDGED[key]
    return found


_JUDGED: dict[tuple[object, ...], list[str]] = {}


def _judged(served: Served) -> list[str]:
    request = served.request
    if request.path in UNDOCUMENTED:
        return []
    known = _names().get((request.method, request.path))
    if known is None:
        return [f"{request.method} {request.path} is not documented"]
    names = [name for name, _ in request.query]
    found = [f"{request.target}: unknown parameter {name}" for name in {*names} - known - OF_THE_SERVER]
    found += [f"{request.target}: {name} is given twice" for name in {*names} if names.count(name) > 1]
    errors = _openapi().iter_request_errors(Asked(served, "http://server.example/v1"))
    return found + [f"{request.target}: {error!r} {error.__cause__}" for error in errors]
