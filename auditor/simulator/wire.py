"""What goes over the wire: requests as read, answers to send, refusals as Webex words them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

from auditor.frozen import dataclass

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Record: TypeAlias = "dict[str, Json]"


class Delivery(Enum):
    """How the bytes of an answer reach the client: all of them, half of them, none, or never."""

    WHOLE = "whole"
    CUT = "cut"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower-case; the bearer token stands apart from the headers."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    token: str | None

    @classmethod
    def read(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """The request a client sent; `target` is its path with its query."""
        path, _, query = target.partition("?")
        kept = {name.lower(): value for name, value in headers.items()}
        scheme, _, token = kept.pop("authorization", "").partition(" ")
        return cls(
            method,
            path,
            tuple(parse_qsl(query, keep_blank_values=True)),
            kept,
            body,
            token.strip() if scheme.lower() == "bearer" and token.strip() else None,
        )

    def value(self, name: str) -> str | None:
        """The first value of a query parameter; None when it is absent or blank."""
        return next((value for key, value in self.query if key == name and value), None)

    @property
    def target(self) -> str:
        """Path and query, as a request line holds them."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def tracking_id(self) -> str:
        """The tracking id of the answer: the same for the same request, so the same bytes come back."""
        text = f"{self.method}\n{self.target}\n{self.body.hex()}"
        return f"SIMULATED_{hashlib.sha256(text.encode()).hexdigest()[:32].upper()}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `link` is the next page's address; `wait` seconds pass before the first byte."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    delivery: Delivery = Delivery.WHOLE
    wait: float = 0.0

    def header(self, name: str) -> str | None:
        """The value of a header; None when the answer has none of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str | None) -> Answer:
        """The same answer with the header set, or without it when `value` is None."""
        kept = tuple((key, old) for key, old in self.headers if key.lower() != name.lower())
        headers = kept if value is None else (*kept, (name, value))
        return Answer(self.status, self.body, headers, self.delivery, self.wait)


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that Webex answers with an error body."""

    def __init__(self, status: int, message: str, *, description: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.description = message if description is None else description


MESSAGES = {
    400: "The request was invalid or cannot be otherwise served.",
    401: "The request requires a valid access token set in the Authorization request header.",
    403: "The server understood the request, but refused to fulfill it.",
    404: "The requested resource could not be found.",
    405: "The HTTP method is not supported for this resource.",
    409: "The request could not be completed because it conflicts with an established rule.",
    410: "The requested resource is no longer available.",
    415: "The request body has an unsupported media type.",
    423: "The requested resource is temporarily unavailable.",
    429: "Too many requests have been sent in a given amount of time.",
    500: "Something went wrong on the server.",
    502: "The server received an invalid response from an upstream server.",
    503: "Server is overloaded with requests. Try again later.",
    504: "An upstream server failed to respond on time. Reduce the max parameter.",
}


def encoded(value: Json) -> bytes:
    """The value as compact JSON, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def refused(request: Request, status: int, *, message: str | None = None, description: str | None = None) -> Answer:
    """The error answer: `message`, one entry of `errors`, and the tracking id of the request."""
    text = MESSAGES.get(status, "Unexpected answer.") if message is None else message
    body: Json = {
        "message": text,
        "errors": [{"description": text if description is None else description}],
        "trackingId": request.tracking_id,
    }
    return Answer(status, encoded(body))
