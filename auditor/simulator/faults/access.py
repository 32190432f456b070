"""Faults of credentials and rights: expired tokens, refused refreshes, things forbidden, missing or gone."""

from __future__ import annotations

from collections.abc import Callable

from auditor.simulator.faults.kind import ALWAYS, Kind, Strike, any_data, for_token, further_pages, of_meeting, of_site
from auditor.simulator.wire import Answer, refused

_NO_RIGHTS = "The access token is missing required scopes or the user is missing required roles or licenses."


def _expired(strike: Strike) -> Answer | None:
    if not strike.service.credentials.accepts(strike.request.token):
        return None
    strike.service.credentials.expire()
    return refused(strike.request, 401)


def _status(status: int) -> Callable[[Strike], Answer]:
    return lambda strike: refused(strike.request, status)


def _refused_refresh(strike: Strike) -> Answer:
    return refused(strike.request, 400, message="The refresh token is invalid or expired.")


def _meeting(status: int) -> Callable[[Strike], Answer | None]:
    """Strikes at one meeting: the one named, else one that the seed chooses."""

    def strike_at(strike: Strike) -> Answer | None:
        known = sorted(key for site in strike.service.sites.values() for key in site.meetings)
        chosen = strike.value or (known[strike.seed % len(known)] if known else "")
        return refused(strike.request, status) if strike.request.value("meetingId") == chosen else None

    return strike_at


def _forbidden_site(strike: Strike) -> Answer | None:
    chosen = strike.value or list(strike.service.sites)[-1]
    if strike.request.value("siteUrl") != chosen:
        return None
    return refused(strike.request, 403, description=_NO_RIGHTS)


def _forbidden_endpoint(strike: Strike) -> Answer | None:
    if not strike.request.path.endswith(strike.value):
        return None
    return refused(strike.request, 403, description=_NO_RIGHTS)


ACCESS = (
    Kind("unauthorized", "the token expires: 401 until it is refreshed", _expired, any_data),
    Kind("unauthorized-paging", "the token expires while a next link is followed", _expired, further_pages),
    Kind("unauthorized-forever", "401, refreshed or not", _status(401), any_data, times=ALWAYS),
    Kind("refresh-refused", "the refresh token is refused", _refused_refresh, for_token, times=ALWAYS),
    Kind("forbidden-meeting", "403 on one meeting", _meeting(403), of_meeting, times=ALWAYS),
    Kind("forbidden-site", "403 on one site, the last unless named", _forbidden_site, of_site, times=ALWAYS),
    Kind("forbidden-endpoint", "403 on paths that end so", _forbidden_endpoint, any_data, times=ALWAYS,
         value="/meetingReports/usage"),
    Kind("forbidden", "403 on everything", _status(403), any_data, times=ALWAYS),
    Kind("not-found-meeting", "404 on one meeting", _meeting(404), of_meeting, times=ALWAYS),
    Kind("gone-meeting", "410 on one meeting", _meeting(410), of_meeting, times=ALWAYS),
    Kind("gone-link", "410 on a next link", _status(410), further_pages),
)  # fmt: skip
