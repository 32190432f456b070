import json
import logging

import pytest

from auditor.cli import log
from auditor.cli.context import Session

EVENT = {"status": 403, "site_url": "example.webex.com"}


@pytest.fixture
def said(capsys):
    """What the logger of the package says on stderr under given options."""
    logger, webex = logging.getLogger("auditor"), logging.getLogger("auditor.webex")
    before = (logger.handlers[:], logger.level, logger.propagate)
    level = webex.level
    webex.setLevel(logging.NOTSET)

    def run(*, verbosity=0, log_format="text"):
        log.start(Session(config=None, verbosity=verbosity, progress=False, log_format=log_format))
        below = logging.getLogger("auditor.webex.client")
        below.debug("asked")
        below.info("fetched %d pages", 3)
        below.warning("refused", extra=EVENT)
        below.error("lost")
        return capsys.readouterr().err.splitlines()

    yield run
    logger.handlers[:], logger.level, logger.propagate = before
    webex.setLevel(level)


def test_text_names_level_message_and_fields(said):
    assert said() == ["warning: refused status=403 site_url=example.webex.com", "error: lost"]


def test_quiet_leaves_errors(said):
    assert said(verbosity=-1) == ["error: lost"]


def test_verbose_tells_what_is_done(said):
    assert said(verbosity=1)[0] == "info: fetched 3 pages"


def test_very_verbose_tells_everything(said):
    assert said(verbosity=2)[0] == "debug: asked"


def test_json_lines_hold_the_fields(said):
    refused, lost = map(json.loads, said(log_format="json"))
    assert refused | EVENT == refused
    assert (lost["level"], lost["logger"], lost["message"]) == ("error", "auditor.webex.client", "lost")
    assert lost["time"].endswith("Z")


def test_a_field_never_hides_the_message(said):
    assert {"level", "message", "time", "logger"} <= set(json.loads(said(log_format="json")[0]))


def test_starting_again_says_nothing_twice(said):
    said()
    assert len(said()) == 2
