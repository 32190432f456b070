from __future__ import annotations

from datetime import UTC, datetime

import pytest

from auditor.errors import SourceError
from auditor.webex.fetch import Source
from auditor.webex.pages import Bounds
from auditor.webex.sites import SiteList, chosen
from auditor.webex.work import sites

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Ignored:
    """A sink nobody looks into."""

    def keep(self, page):
        pass

    def drop(self, count):
        pass


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"[]", b"{}", b'{"sites": "all"}'])
def test_a_list_of_sites_that_cannot_be_read_is_no_account_without_sites(body, bench, answers) -> None:
    found = SiteList()
    made = bench(answers((200, {}, body)))
    refused = found(Source(made.client, Bounds(), lambda: NOW), sites(), Ignored()).refused
    assert chosen(["Example.webex.com"], found.found, refused=refused) == ("example.webex.com",)
    with pytest.raises(
        SourceError, match=r"could not be listed; name a site with --site \(GET /meetingPreferences/sites"
    ):
        chosen([], found.found, refused=refused)
