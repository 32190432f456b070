"""Sites and people the account may see, and its token."""

from __future__ import annotations

from urllib.parse import parse_qs

from auditor.simulator.paging import listed
from auditor.simulator.service import Service
from auditor.simulator.wire import Answer, Json, Record, Refusal, Request, encoded

LARGEST_PEOPLE_PAGE = 1000
ACCESS_LIFETIME = 14 * 24 * 3600
REFRESH_LIFETIME = 90 * 24 * 3600
SCOPES = (
    "meeting:admin_config_read",
    "meeting:admin_participants_read",
    "meeting:admin_schedule_read",
    "meeting:admin_preferences_read",
)


def sites(service: Service, request: Request) -> Answer:
    """Every site of the account, the first one as its default; under `sites`, never paged."""
    wanted = request.value("siteUrl")
    items: list[Json] = [
        {"siteUrl": url, "default": rank == 0}
        for rank, url in enumerate(service.sites)
        if wanted is None or wanted == url
    ]
    return Answer(200, encoded({"sites": items}))


def people(service: Service, request: Request) -> Answer:
    """People of the organisation, all or by e-mail."""
    email = (request.value("email") or "").lower()
    records = [
        person
        for site in service.sites.values()
        for person in site.people
        if not email or email in [str(each).lower() for each in _emails(person)]
    ]
    return listed(service, request, records, largest=LARGEST_PEOPLE_PAGE)


def me(service: Service, request: Request) -> Answer:
    """The account behind the token."""
    del service, request
    body: Json = {
        "id": "simulated-administrator",
        "emails": ["auditor@example.com"],
        "displayName": "Simulated Administrator",
        "orgId": "00000000-0000-4000-8000-000000000001",
        "type": "person",
    }
    return Answer(200, encoded(body))


def refreshed(service: Service, request: Request) -> Answer:
    """A new access token and a new refresh token for a refresh token."""
    form = parse_qs(request.body.decode("utf-8", "replace"))
    if form.get("grant_type") != ["refresh_token"]:
        raise Refusal(400, "'grant_type' must be refresh_token.")
    access, refresh = service.credentials.renew(next(iter(form.get("refresh_token", ())), None))
    body: Json = {
        "access_token": access,
        "expires_in": ACCESS_LIFETIME,
        "refresh_token": refresh,
        "refresh_token_expires_in": REFRESH_LIFETIME,
        "token_type": "Bearer",
        "scope": " ".join(SCOPES),
    }
    return Answer(200, encoded(body))


def _emails(person: Record) -> list[Json]:
    emails = person.get("emails")
    return emails if isinstance(emails, list) else []
