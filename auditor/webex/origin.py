"""The one server that may see the token."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from auditor.errors import ConfigError
from auditor.frozen import dataclass

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a base URL, and the path it ends with; never with user info.

    >>> Origin.of("https://webexapis.com/v1/").base
    'https://webexapis.com/v1'
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, base: str) -> Origin:
        """The origin of a base URL. `http` is for loopback only; raises `ConfigError` for anything else."""
        try:
            parts = urlsplit(base.strip())
            port = _port(parts)
        except ValueError as error:
            raise ConfigError(f"the base URL is not a URL: {error}") from error
        host = (parts.hostname or "").lower()
        if parts.scheme not in _PORTS or not host:
            raise ConfigError("the base URL must start with https:// and name a host")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ConfigError("the base URL may hold no user, query or fragment")
        if parts.scheme == "http" and not is_loopback(host):
            raise ConfigError(f"http:// is for loopback only; write https://{host}")
        return cls(parts.scheme, host, port, parts.path.rstrip("/"))

    @property
    def base(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{self.root}{self.path}"

    @property
    def root(self) -> str:
        """The base URL without its path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def covers(self, url: str) -> bool:
        """Whether the URL goes to this very origin: same scheme, host and port, no user info."""
        try:
            parts = urlsplit(url)
            port = _port(parts)
        except ValueError:
            return False
        return (
            parts.scheme == self.scheme
            and (parts.hostname or "").lower() == self.host
            and port == self.port
            and "@" not in parts.netloc
            and "\\" not in url
        )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine and cannot be another."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _port(parts: SplitResult) -> int:
    """The port a URL goes to, spoken or not; 0 when its scheme is none of ours."""
    return parts.port if parts.port is not None else _PORTS.get(parts.scheme, 0)
