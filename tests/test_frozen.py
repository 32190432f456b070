"""Frozen dataclasses made quickly are what the standard library makes at once."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import operator
import pickle
from collections.abc import Hashable, Mapping
from dataclasses import FrozenInstanceError, field

import pytest

from auditor.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Single:
    """One field."""

    value: object


@dataclass(frozen=True, slots=True)
class Full:
    """Every form a field has."""

    first: int
    second: str = "two"
    third: Mapping[str, int] = field(default_factory=lambda: {"three": 3}, hash=False)
    fourth: tuple[int, ...] = field(default=(4,), compare=False, repr=False)
    fifth: list[int] = field(default_factory=list, init=False, compare=False)
    sixth: int = field(default=6, init=False)
    seventh: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.first < 0:
            raise ValueError("negative")
        object.__setattr__(self, "seventh", self.first + 1)


@dataclass(frozen=True, slots=True)
class Longer(Full):
    """A field more than its base."""

    eighth: str = "8"


@dataclass(frozen=True, slots=True)
class Own:
    """Says itself how it looks and what it equals."""

    name: str
    note: str = ""

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Names:
    """Fields named like what the methods are made with."""

    put: int
    absent: int = 1
    other: int = 2
    fields: list[int] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class Placed:
    """Has an order."""

    line: int
    column: int = 1
    note: str = field(default="", compare=False)


def library(kind: type, *, order: bool = False) -> type:
    """The same class by the standard library."""
    told = {
        name: value
        for name, value in vars(kind).items()
        if name in {"__module__", "__qualname__", "__doc__", "__annotations__", "__post_init__"}
    }
    for one in dataclasses.fields(kind):
        told[one.name] = field(
            **{
                name: getattr(one, name)
                for name in ("default", "default_factory", "init", "repr", "hash", "compare")
                if getattr(one, name) is not dataclasses.MISSING
            }
        )
    told["__annotations__"] = {one.name: one.type for one in dataclasses.fields(kind)}
    return dataclasses.dataclass(frozen=True, slots=True, order=order)(type(kind.__name__, (), told))


GIVEN = [
    (Empty, ((), ())),
    (Single, ((1,), (2,), ("x",), ((1, 2),))),
    (Full, ((1,), (1, "zwei"), (2, "two", {}), (1, "two", {"three": 3}, (5,)))),
    (Names, ((1,), (1, 2, 3), (1, 2, 3, [4]))),
]


@pytest.mark.parametrize(("kind", "given"), GIVEN)
def test_values_look_compare_and_hash_as_those_of_the_standard_library(kind, given):
    theirs = library(kind)
    for words in given:
        assert repr(kind(*words)) == repr(theirs(*words))
        assert hash(kind(*words)) == hash(theirs(*words))
        assert dataclasses.asdict(kind(*words)) == dataclasses.asdict(theirs(*words))
        for others in given:
            assert (kind(*words) == kind(*others)) is (theirs(*words) == theirs(*others))
    assert kind.__match_args__ == theirs.__match_args__
    assert kind.__slots__ == theirs.__slots__
    assert [*inspect.signature(kind).parameters] == [*inspect.signature(theirs).parameters]


def test_values_stand_in_the_order_of_the_standard_library():
    given, theirs = [(1, 2), (2, 1, "b"), (1, 1), (2, 1, "a")], library(Placed, order=True)
    for words in given:
        for others in given:
            for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq):
                assert compare(Placed(*words), Placed(*others)) is compare(theirs(*words), theirs(*others))
    assert [one.note for one in sorted(Placed(*words) for words in given)] == ["", "", "b", "a"]
    with pytest.raises(TypeError, match="'<' not supported"):
        assert Placed(1) < (1, 1)
    with pytest.raises(TypeError, match="'<' not supported"):
        assert Single(1) < Single(2)


def test_a_value_never_equals_one_of_another_class():
    assert Full(1) != Longer(1)
    assert Single(1) != (1,)
    assert Single(Single(1)) == Single(Single(1))


@pytest.mark.parametrize("kind", [Single, Full])
def test_wrong_arguments_are_refused_by_name(kind):
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        kind()
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        kind(1, other=2)


def test_a_field_that_is_made_belongs_to_one_value_alone():
    one, other = Full(1), Full(1)
    one.fifth.append(5)
    assert (one.fifth, other.fifth) == ([5], [])


def test_what_comes_after_making_sees_the_fields_and_may_refuse_them():
    assert Full(1).seventh == 2
    with pytest.raises(ValueError, match="negative"):
        Full(-1)


def test_no_field_is_set_deleted_or_added():
    value = Single(1)
    for name in ("value", "more"):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(value, name, 2)
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'value'"):
        del value.value
    assert not hasattr(value, "__dict__")


def test_a_class_with_words_of_its_own_keeps_them():
    assert repr(Own("a")) == "<a>"
    assert Own("a", "x") == Own("a", "y")
    assert hash(Own("a", "x")) == hash("a")


def test_a_class_inherits_fields_and_what_comes_after():
    value = Longer(1, eighth="acht")
    assert (value.seventh, value.eighth) == (2, "acht")
    assert value == dataclasses.replace(Longer(1), eighth="acht")
    assert Longer(1) != value


@pytest.mark.parametrize("value", [Empty(), Single((1, 2)), Names(1, fields=[3]), Own("a", "b")])
def test_values_survive_pickling_and_copying(value):
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert again == value
        assert dataclasses.astuple(again) == dataclasses.astuple(value)


def test_a_value_can_be_replaced_matched_and_kept_in_a_set():
    assert dataclasses.replace(Names(1), absent=5) == Names(1, 5)
    match Names(7, 8):
        case Names(put, absent):
            assert (put, absent) == (7, 8)
    assert {Single(1), Single(1), Single(2)} == {Single(1), Single(2)}
    assert isinstance(Single(1), Hashable)


def test_what_changes_is_refused():
    with pytest.raises(TypeError):
        dataclass(slots=True)


def test_a_value_that_holds_itself_can_be_shown():
    value = Single([])
    value.value.append(value)
    assert repr(value) == "Single(value=[...])"
