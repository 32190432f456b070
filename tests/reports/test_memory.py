"""The collector of garbage around a rendering."""

import gc
import weakref

import pytest

from auditor.reports.memory import rare_collections


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
