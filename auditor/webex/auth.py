"""Access tokens: where they come from, and how one is replaced for all threads at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import field
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol

from auditor.errors import AuthError, ConfigError, SourceError
from auditor.frozen import dataclass

log = logging.getLogger(__name__)

_EARLY = timedelta(minutes=10)
_WARN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token with what belongs to it; its text never shows in a repr."""

    access: str = field(repr=False)
    expires: datetime | None = None
    refresh: str | None = field(default=None, repr=False)
    refresh_expires: datetime | None = None
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.access or not self.access.isascii() or any(character <= " " for character in self.access):
            raise ConfigError("an access token is one word of printable ASCII characters")

    def fades(self, now: datetime) -> bool:
        """Whether it has less than ten minutes left."""
        return self.expires is not None and self.expires - now < _EARLY

    def lasts(self, now: datetime) -> bool:
        """Whether it has not ended yet."""
        return self.expires is None or now < self.expires


class Credentials(Protocol):
    """Where the client gets its token; every method may be called from any thread."""

    def token(self) -> Token:
        """The token to send now; raises `AuthError` when there is none left."""
        ...

    def renewed(self, stale: Token) -> Token:
        """Another token than the stale one, fetched once for all who ask; raises `AuthError`."""
        ...


class Fixed:
    """One token that nobody can renew."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def token(self) -> Token:
        """The token."""
        return self._token

    def renewed(self, stale: Token) -> Token:
        """Never returns: the token was refused and there is no other."""
        del stale
        raise AuthError("Webex refused the access token; it is wrong or expired, and nothing is set to refresh it")


class Refreshing:
    """A token that is refreshed when little of it is left or when Webex refuses it.

    A refresh token may change with each use: `store` receives the new token before it is used. A refresh that failed,
    for whatever reason, is not tried again.
    """

    def __init__(
        self,
        token: Token | None,
        *,
        refresh: Callable[[Token | None], Token],
        store: Callable[[Token], None],
        now: Callable[[], datetime],
    ) -> None:
        self._current = token
        self._refresh = refresh
        self._store = store
        self._now = now
        self._lock = Lock()
        self._replaced: Token | None = None
        self._refusal: str | None = None
        self._unanswered = False
        self._warned = False

    def token(self) -> Token:
        """The token, refreshed first when it is about to end; while nobody answers for that it is used as it is."""
        with self._lock:
            current = self._current
            if current is not None and not current.fades(self._now()):
                return current
            try:
                return self._renew()
            except AuthError:
                if self._unanswered and current is not None and current.lasts(self._now()):
                    return current
                raise

    def renewed(self, stale: Token) -> Token:
        """The token that took the place of the stale one, fetched if nobody has yet."""
        with self._lock:
            current = self._current
            if current is not None and (stale is self._replaced or current.access != stale.access):
                return current
            return self._renew()

    def _renew(self) -> Token:
        if self._refusal is not None:
            raise AuthError(self._refusal, status=401)
        try:
            token = self._refresh(self._current)
        except SourceError as error:
            self._refusal = str(error)
            self._unanswered = not isinstance(error, AuthError)
            raise AuthError(self._refusal, status=401, tracking_id=error.tracking_id) from error
        self._store(token)
        self._current, self._replaced = token, self._current
        self._warn(token)
        return token

    def _warn(self, token: Token) -> None:
        left = None if token.refresh_expires is None else token.refresh_expires - self._now()
        if left is not None and left < _WARN and not self._warned:
            self._warned = True
            log.warning("the refresh token ends in %d days; run auditor auth login before", max(left.days, 0))
