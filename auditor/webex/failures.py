"""What Webex refused, in words and as the reason of a gap."""

from __future__ import annotations

import json
import re

from auditor.errors import AuthError, BadPayload, RateLimited, SourceError
from auditor.model.vocabulary import GapReason
from auditor.webex.endpoints import Endpoint
from auditor.webex.wire import Answer

_LONGEST_TEXT = 300
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ADDRESS = re.compile(r"[^\s@<>\"']+(?:@|%40)[^\s@<>\"']+")


class Failed(SourceError):  # noqa: N818 - reads as what happened, like RateLimited
    """A request that stays without a usable answer; `reason` is the gap it leaves."""

    def __init__(
        self,
        reason: GapReason,
        message: str,
        *,
        url: str | None = None,
        status: int | None = None,
        tracking_id: str | None = None,
    ) -> None:
        super().__init__(message, url=url, status=status, tracking_id=tracking_id)
        self.reason = reason


def reason_of(error: SourceError) -> GapReason:
    """The gap an error leaves."""
    match error:
        case Failed():
            return error.reason
        case AuthError():
            return GapReason.FORBIDDEN
        case RateLimited():
            return GapReason.RATE_LIMITED
        case BadPayload():
            return GapReason.INVALID_BODY
        case _:
            return GapReason.UNAVAILABLE


def refused(answer: Answer, endpoint: Endpoint, *, url: str) -> SourceError:
    """The error of an answer that will not be asked for again."""
    status = answer.status
    tracking = answer.header("trackingid")
    words = describe(answer, endpoint)
    if status in {401, 403}:
        return AuthError(f"{words}; needs {' '.join(endpoint.scopes)}", url=url, status=status, tracking_id=tracking)
    return Failed(_reason(status), words, url=url, status=status, tracking_id=tracking)


def describe(answer: Answer, endpoint: Endpoint) -> str:
    """Endpoint, status, Webex's own words, `trackingid` and `Warning`, in one line without addresses of people."""
    tracking = answer.header("trackingid")
    warning = answer.header("warning")
    parts = [f"{endpoint.method} {endpoint.path}: {answer.status}", *_message(answer.body)]
    text = clean(" ".join(parts))
    if tracking:
        text += f", trackingid {clean(tracking)}"
    if warning:
        text += f", warning {clean(warning)}"
    return text


def clean(text: str) -> str:
    """Foreign text made fit for one line of a log: no control characters, no e-mail addresses, not long."""
    line = _ADDRESS.sub("[address]", _CONTROLS.sub(" ", text)).strip()
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT]}…"


def _message(body: bytes) -> list[str]:
    """Message and first description of an error body; nothing when it is no such body."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(told, dict):
        return []
    texts = [told.get("message")]
    errors = told.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        texts.append(errors[0].get("description"))
    return list(dict.fromkeys(text for text in texts if isinstance(text, str) and text))


def _reason(status: int) -> GapReason:
    match status:
        case 404:
            return GapReason.NOT_FOUND
        case 410:
            return GapReason.GONE
        case 423 | 429:
            return GapReason.RATE_LIMITED
        case _ if 400 <= status < 500:
            return GapReason.REJECTED
        case _ if status >= 500 or status == 202:
            return GapReason.UNAVAILABLE
        case _:
            return GapReason.UNEXPECTED_STATUS
