"""How the command line reaches Webex: base URL, proxy, certificates and token, from options and environment."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Timer
from types import ModuleType
from urllib.request import getproxies, proxy_bypass

import click

from auditor.errors import ConfigError
from auditor.settings import Collect
from auditor.webex.auth import Credentials, Fixed, Refreshing, Token
from auditor.webex.client import Client, Patience
from auditor.webex.endpoints import PUBLIC_BASE
from auditor.webex.keychain import Keychain, Saved, save, saved
from auditor.webex.limiter import LONGEST_PAUSE, Clock, Limiter
from auditor.webex.oauth import Integration, TokenEndpoint
from auditor.webex.origin import Origin
from auditor.webex.wire import Transport, Wire

log = logging.getLogger(__name__)

NO_CREDENTIALS = (
    "no access token: set WEBEX_ACCESS_TOKEN, or WEBEX_CLIENT_ID, WEBEX_CLIENT_SECRET and WEBEX_REFRESH_TOKEN,"
    " or run auditor auth login"
)

UNHEARD = timedelta(seconds=5)
"""How long nothing may be heard of Webex before it counts as out of reach, where somebody only looks."""

_BRIEF = Patience(trouble=2, locked=2)

base_url_option = click.option(
    "--base-url", metavar="URL", help="WEBEX_BASE_URL, else the public one; http:// only on loopback."
)


def origin_of(base_url: str | None) -> Origin:
    """The server to ask: the option, else WEBEX_BASE_URL, else the public one."""
    return Origin.of(os.environ.get("WEBEX_BASE_URL") or PUBLIC_BASE if base_url is None else base_url)


def wire_to(origin: Origin, collect: Collect, *, connections: int = 4) -> Wire:
    """The line to Webex; certificates are the configured ones, else those SSL_CERT_FILE names."""
    bundle = os.environ.get("SSL_CERT_FILE")
    ca_file = collect.ca_file or (Path(bundle) if bundle else None)
    transport = Transport(proxy_of(origin, collect), ca_file, connections=connections)
    return Wire(origin, transport, monotonic=time.monotonic)


def proxy_of(origin: Origin, collect: Collect) -> str | None:
    """The configured proxy, else the one HTTPS_PROXY names unless NO_PROXY excepts the server."""
    if collect.proxy is not None or proxy_bypass(origin.host):
        return collect.proxy
    proxies = getproxies()
    return proxies.get("https") or proxies.get("all")


def client_for(
    wire: Wire,
    *,
    now: Callable[[], datetime],
    stopped: Event,
    credentials: Credentials | None = None,
    patience: Patience | None = None,
    longest: timedelta = LONGEST_PAUSE,
) -> Client:
    """A client with the given credentials or the operator's. Raises `ConfigError` when there are none.

    `patience` is for trouble, `longest` bounds the pauses Webex asks for.
    """
    clock = Clock(time.monotonic, lambda seconds: _rest(stopped, seconds))
    return Client(
        wire,
        credentials or credentials_for(wire, clock),
        limiter=Limiter(clock, longest=longest, stopped=stopped.is_set),
        clock=clock,
        now=now,
        stopped=stopped,
        patience=patience or Patience(),
    )


def brief_client(wire: Wire, *, now: Callable[[], datetime], credentials: Credentials | None = None) -> Client:
    """A client for who only looks: it gives up soon."""
    return client_for(wire, now=now, stopped=Event(), credentials=credentials, patience=_BRIEF, longest=UNHEARD)


@contextmanager
def listened_for(client: Client) -> Iterator[Callable[[], None]]:
    """Who waits for the client ends with `Stopped` after a few seconds, unless what comes here is called before."""
    unheard = Timer(UNHEARD.total_seconds(), client.leave)
    unheard.start()
    try:
        yield unheard.cancel
    finally:
        unheard.cancel()


def credentials_for(wire: Wire, clock: Clock) -> Credentials:
    """The token of the environment, else of the keychain; renewable when an integration is known."""
    given = environment_token(os.environ)
    if given is not None:
        return _renewable(given, wire, clock, store=_warn_of_loss(given))
    keychain = system_keychain()
    kept = None if keychain is None else saved(keychain, wire.origin.base)
    if keychain is None or kept is None:
        raise ConfigError(NO_CREDENTIALS)
    integration = kept.integration

    def store(token: Token) -> None:
        try:
            save(keychain, wire.origin.base, Saved(token, integration))
        except ConfigError as error:
            log.warning("the refreshed token could not be kept, run auditor auth login: %s", error)

    return _renewable(kept, wire, clock, store=store)


def environment_token(environment: Mapping[str, str]) -> Saved | None:
    """What the environment gives; without an access token one whose text is empty until it is refreshed."""
    access = environment.get("WEBEX_ACCESS_TOKEN", "").strip()
    names = ("WEBEX_CLIENT_ID", "WEBEX_CLIENT_SECRET", "WEBEX_REFRESH_TOKEN")
    client_id, secret, refresh = (environment.get(name, "").strip() for name in names)
    whole = bool(client_id and secret and refresh)
    if not access and not whole:
        given = [name for name in names if environment.get(name)]
        if given and "WEBEX_REFRESH_TOKEN" in given:
            lacking = ", ".join(name for name in names if not environment.get(name))
            raise ConfigError(f"a refresh token alone does not do; set {lacking} too")
        return None
    integration = Integration(client_id, secret) if whole else None
    expires = None if access else datetime(1970, 1, 1, tzinfo=UTC)
    return Saved(Token(access or "none", expires, refresh or None), integration)


def system_keychain() -> Keychain | None:
    """The keychain of the operating system; None when the extra `keyring` is not installed."""
    return None if find_spec("keyring") is None else _System(import_module("keyring"))


class _System:
    """The package keyring, its errors told as ours."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def get_password(self, service: str, username: str) -> str | None:
        found = self._called("get_password", service, username)
        return found if isinstance(found, str) else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self._called("set_password", service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        self._called("delete_password", service, username)

    def _called(self, name: str, *arguments: str) -> object:
        errors = import_module("keyring.errors")
        try:
            return getattr(self._module, name)(*arguments)
        except errors.KeyringError as error:
            words = f"the system keychain does not answer ({type(error).__name__}); set WEBEX_ACCESS_TOKEN instead"
            raise ConfigError(words) from error


def _renewable(kept: Saved, wire: Wire, clock: Clock, *, store: Callable[[Token], None]) -> Credentials:
    refresh, integration = kept.token.refresh, kept.integration
    if refresh is None or integration is None:
        return Fixed(kept.token)
    endpoint = TokenEndpoint(wire, integration, _wall, clock.sleep)

    def refreshed(current: Token | None) -> Token:
        return endpoint.refreshed((current.refresh if current else None) or refresh)

    return Refreshing(kept.token, refresh=refreshed, store=store, now=_wall)


def _warn_of_loss(given: Saved) -> Callable[[Token], None]:
    def store(token: Token) -> None:
        if token.refresh != given.token.refresh:
            log.warning(
                "Webex replaced the refresh token and the environment cannot keep the new one; "
                "WEBEX_REFRESH_TOKEN may be spent, auditor auth login keeps tokens in the keychain"
            )

    return store


def _wall() -> datetime:
    return datetime.now(UTC)


def _rest(stopped: Event, seconds: float) -> None:
    stopped.wait(seconds)
