"""The verb `auth`: get, show and forget the token of this machine."""

from __future__ import annotations

import os
import secrets
import sys
import time
import webbrowser
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread

import click

from auditor.cli.connection import (
    NO_CREDENTIALS,
    UNHEARD,
    base_url_option,
    brief_client,
    environment_token,
    listened_for,
    origin_of,
    system_keychain,
    wire_to,
)
from auditor.cli.context import Exit, Session, say
from auditor.cli.options import settings_of
from auditor.errors import AuthError, ConfigError, SourceError
from auditor.webex.auth import Credentials, Fixed, Token
from auditor.webex.awaited import Stopped
from auditor.webex.client import Ask
from auditor.webex.endpoints import ME, SCOPES
from auditor.webex.keychain import Keychain, Saved, forget, save, saved
from auditor.webex.oauth import Integration, TokenEndpoint, authorize_url
from auditor.webex.redirect import listening
from auditor.webex.wire import Wire
from auditor.words import counted

NO_KEYCHAIN = (
    "no keychain: install the extra with pip install 'webex-auditor[keyring]', or keep the token in WEBEX_ACCESS_TOKEN"
)
_PATIENCE = timedelta(minutes=5)
_PORT = 8765


@click.group()
def command() -> None:
    """Keep the token for Webex in the keychain of this system."""


@command.command()
@click.option("--token", "from_stdin", is_flag=True, help="Take a pasted access token from stdin.")
@click.option(
    "--redirect-port", type=click.IntRange(1024, 65535), default=_PORT, help="Loopback port; 8765 unless set."
)
@click.option("--scope", "scopes", multiple=True, metavar="S", help="A scope to ask for beside the usual four.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@base_url_option
@click.pass_obj
def login(
    session: Session,
    base_url: str | None,
    scopes: tuple[str, ...],
    redirect_port: int,
    *,
    from_stdin: bool,
    no_browser: bool,
) -> int:
    """Grant access in the browser, or paste a token; it goes to the keychain."""
    keychain = _keychain()
    origin = origin_of(base_url)
    with wire_to(origin, settings_of(session).collect) as wire:
        if from_stdin:
            kept = Saved(Token(_pasted()))
        else:
            integration = _integration()
            opened = None if no_browser else webbrowser.open
            kept = _granted(session, wire, integration, port=redirect_port, scopes=(*SCOPES, *scopes), opened=opened)
        person = _person(wire, kept.token)
    save(keychain, origin.base, kept)
    say(session, f"the token is in the keychain{person}")
    return Exit.OK


@command.command()
@base_url_option
@click.pass_obj
def status(session: Session, base_url: str | None) -> int:
    """Show where the token comes from, what it may do and when it ends."""
    origin = origin_of(base_url)
    given = environment_token(os.environ)
    source = "environment"
    if given is None:
        keychain = system_keychain()
        given = None if keychain is None else saved(keychain, origin.base)
        source = "keychain"
    if given is None:
        raise ConfigError(NO_CREDENTIALS)
    for name, words in _facts(given, source=source, base=origin.base, now=datetime.now(UTC)):
        click.echo(f"{name:<14}{words}")
    with wire_to(origin, settings_of(session).collect) as wire:
        if _takes(wire):
            click.echo(f"{'accepted':<14}yes")
        else:
            click.echo(f"{'accepted':<14}yes, but it may not read its own profile ({' '.join(ME.scopes)})")
    return Exit.OK


@command.command()
@base_url_option
@click.pass_obj
def logout(session: Session, base_url: str | None) -> int:
    """Remove the token from the keychain."""
    origin = origin_of(base_url)
    found = forget(_keychain(), origin.base)
    say(session, f"the token for {origin.base} is gone" if found else f"there was no token for {origin.base}")
    if environment_token(os.environ) is not None:
        say(session, "the environment still holds one")
    return Exit.OK


def _granted(
    session: Session,
    wire: Wire,
    integration: Integration,
    *,
    port: int,
    scopes: tuple[str, ...],
    opened: Callable[[str], bool] | None,
) -> Saved:
    """The token a person grants in the browser; the code comes back over loopback, bound to state and verifier."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    with listening(port, state=state) as redirect:
        address = authorize_url(
            wire.origin.base,
            client_id=integration.client_id,
            redirect_uri=redirect.uri,
            scopes=scopes,
            state=state,
            verifier=verifier,
        )
        say(session, f"open this address and grant access; {redirect.uri} must be a redirect URI of the integration:")
        click.echo(address)
        if opened is not None:  # a browser of the terminal stays until it was answered
            Thread(target=opened, args=(address,), daemon=True).start()
        code = redirect.granted(_PATIENCE)
        endpoint = TokenEndpoint(wire, integration, lambda: datetime.now(UTC), time.sleep)
        token = endpoint.redeemed(code, redirect_uri=redirect.uri, verifier=verifier)
    return Saved(token, integration)


def _person(wire: Wire, token: Token) -> str:
    """A word on whether the token could be tried; raises `AuthError` when Webex refuses it."""
    try:
        _takes(wire, Fixed(token))
    except AuthError:
        raise
    except SourceError as error:
        return f"; it could not be tried ({error})"
    return " and Webex accepts it"


def _takes(wire: Wire, credentials: Credentials | None = None) -> bool:
    """Whether the token, which Webex accepts, may read its own profile.

    Raises `AuthError` when Webex refuses the token, `SourceError` soon when nobody answers.
    """
    client = brief_client(wire, now=lambda: datetime.now(UTC), credentials=credentials)
    host = wire.origin.host
    try:
        with listened_for(client):
            client.send(Ask(ME, client.url(ME, ()), "me"))
    except Stopped:
        words = f"{host} did not answer within {UNHEARD.total_seconds():.0f} s; is the network there?"
        raise SourceError(words) from None
    except AuthError as error:
        if error.status != 403:
            raise
        return False
    except SourceError as error:
        if error.status is not None:
            raise
        raise SourceError(f"{host} cannot be reached; is the network there? ({error})") from error
    return True


def _facts(kept: Saved, *, source: str, base: str, now: datetime) -> list[tuple[str, str]]:
    token = kept.token
    renewable = token.refresh is not None and kept.integration is not None
    return [
        ("server", base),
        ("source", source),
        ("expires", _until(token.expires, now)),
        ("renewable", f"yes, until {_until(token.refresh_expires, now)}" if renewable else "no"),
        ("scopes", " ".join(token.scopes) or "unknown; a pasted token does not tell"),
    ]


def _until(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "unknown"
    if moment <= now:
        return "due for renewal"
    return f"{moment:%Y-%m-%d %H:%M} UTC, in {counted((moment - now).days, 'day')}"


def _pasted() -> str:
    """The token from stdin, asked for without echo on a terminal."""
    if sys.stdin.isatty():
        return str(click.prompt("access token", hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()


def _integration() -> Integration:
    """The integration named by the environment, asked for where it is not."""
    client_id = os.environ.get("WEBEX_CLIENT_ID") or _asked("client id", hidden=False)
    secret = os.environ.get("WEBEX_CLIENT_SECRET") or _asked("client secret", hidden=True)
    return Integration(client_id.strip(), secret.strip())


def _asked(what: str, *, hidden: bool) -> str:
    if not sys.stdin.isatty():
        raise ConfigError(f"the {what} of the integration is not known: set WEBEX_CLIENT_ID and WEBEX_CLIENT_SECRET")
    return str(click.prompt(what, hide_input=hidden, err=True))


def _keychain() -> Keychain:
    found = system_keychain()
    if found is None:
        raise ConfigError(NO_KEYCHAIN)
    return found
