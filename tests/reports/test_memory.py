"""The collector of garbage around a rendering, and what is held while a format is made."""

import gc
import hashlib
import json
import tracemalloc
import weakref

import pytest

from auditor.reports.formats import FORMATS, Options
from auditor.reports.memory import rare_collections
from auditor.reports.wire import pretty
from tests.reports.audit_factory import audit_of


class Ring:
    """What only the collector frees."""

    def __init__(self) -> None:
        self.self = self


@rare_collections()
def failing() -> None:
    raise LookupError(gc.get_threshold())


def test_thresholds_are_put_back_whatever_happens() -> None:
    before = gc.get_threshold()
    with pytest.raises(LookupError) as told:
        failing()
    assert told.value.args[0] > before
    assert gc.get_threshold() == before


@pytest.mark.slow
def test_what_one_rendering_leaves_is_gone_before_the_next_makes_more() -> None:
    with rare_collections():
        left = weakref.ref(Ring())
    assert left() is not None
    with rare_collections():
        assert left() is None


@pytest.mark.slow
def test_what_the_collector_has_freed_meanwhile_is_not_looked_for_again() -> None:
    with rare_collections():
        pass
    gc.collect()
    looks = []
    gc.callbacks.append(lambda phase, info: looks.append((phase, info["generation"])))
    try:
        with rare_collections():
            pass
    finally:
        gc.callbacks.pop()
    assert looks == []


def test_objects_somebody_has_frozen_stay_frozen() -> None:
    gc.freeze()
    try:
        with rare_collections():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("name", ["csv", "ndjson", "ocsf", "sarif"])
def test_a_format_of_lines_is_never_held_whole(name: str) -> None:
    audit = audit_of(1_000)
    made = FORMATS[name]
    whole = made.render(audit, Options())
    tracemalloc.start()
    try:
        digest, most = hashlib.sha256(), 0
        for piece in made.pieces(audit, Options()):
            digest.update(piece)
            most = max(most, len(piece))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(whole).digest()
    assert held < max(len(whole), 8 * most)


def test_sarif_is_made_in_pieces_and_laid_out_as_a_whole_document_is() -> None:
    audit = audit_of(30)
    pieces = [*FORMATS["sarif"].pieces(audit, Options())]
    assert len(pieces) > len(audit.findings)
    assert b"".join(pieces) == pretty(json.loads(b"".join(pieces)))
    nothing = FORMATS["sarif"].render(audit_of(0), Options())
    assert nothing == pretty(json.loads(nothing))
    assert json.loads(nothing)["runs"][0]["results"] == []
