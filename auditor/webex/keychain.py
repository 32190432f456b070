"""Credentials in the keychain of the operating system, one entry a base URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.model.window import instant, iso
from auditor.webex.auth import Token
from auditor.webex.oauth import Integration

SERVICE = "webex-auditor"


class Keychain(Protocol):
    """What is asked of a keychain: text by service and name."""

    def get_password(self, service: str, username: str) -> str | None:
        """The text kept; None when there is none."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep the text in place of the one before."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Forget the text."""
        ...


@dataclass(frozen=True, slots=True)
class Saved:
    """A token, and the integration that can refresh it."""

    token: Token
    integration: Integration | None = None


def saved(keychain: Keychain, base: str) -> Saved | None:
    """What is kept for a base URL. Raises `ConfigError` when it cannot be read."""
    text = keychain.get_password(SERVICE, base)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        return _read(fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError("the keychain's entry cannot be read; run auditor auth login") from error


def save(keychain: Keychain, base: str, kept: Saved) -> None:
    """Keep a token in place of the one before."""
    token, integration = kept.token, kept.integration
    fields = {
        "access": token.access,
        "expires": None if token.expires is None else iso(token.expires),
        "refresh": token.refresh,
        "refresh_expires": None if token.refresh_expires is None else iso(token.refresh_expires),
        "scopes": list(token.scopes),
        "client_id": None if integration is None else integration.client_id,
        "client_secret": None if integration is None else integration.client_secret,
    }
    keychain.set_password(SERVICE, base, json.dumps(fields))


def forget(keychain: Keychain, base: str) -> bool:
    """Whether there was a token to forget."""
    if keychain.get_password(SERVICE, base) is None:
        return False
    keychain.delete_password(SERVICE, base)
    return True


def _read(fields: Mapping[str, object]) -> Saved:
    scopes = fields["scopes"]
    client_id, secret = _text(fields, "client_id"), _text(fields, "client_secret")
    access = _text(fields, "access")
    if access is None or not isinstance(scopes, list):
        raise ValueError("no token")
    token = Token(
        access,
        _time(fields, "expires"),
        _text(fields, "refresh"),
        _time(fields, "refresh_expires"),
        tuple(str(scope) for scope in scopes),
    )
    return Saved(token, None if client_id is None or secret is None else Integration(client_id, secret))


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields[name]
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _time(fields: Mapping[str, object], name: str) -> datetime | None:
    value = _text(fields, name)
    return None if value is None else instant(value)
