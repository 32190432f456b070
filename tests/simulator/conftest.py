from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from auditor.simulator import Server


@contextmanager
def _client(server: Server) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=5, verify=False) as client:
        yield client


@pytest.fixture
def client_of() -> Callable[[Server], AbstractContextManager[httpx.Client]]:
    return _client
