"""Frozen dataclasses with slots, made in a fifth of the time the standard library takes.

That compiles six methods of every class. Some 160 such classes stand on the way to the first rule, and it took longer
than the rest of their modules. Here `__init__` alone is compiled, since it is called most; the others read the fields.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from operator import attrgetter, eq, ge, gt, le, lt
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["dataclass"]

Made = TypeVar("Made")
Names: TypeAlias = dict[str, object]


def _frozen(*, frozen: Literal[True], slots: Literal[True], order: bool = False) -> Callable[[type[Made]], type[Made]]:
    """What `dataclasses.dataclass` makes of a class when it is told the same."""
    del frozen, slots
    return _ordered if order else _made


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _frozen


def _made(written: type[Made]) -> type[Made]:
    written.__doc__ = written.__doc__ or written.__name__  # else the standard library would tell the signature, slowly

    bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(written)
    told = fields(bare)  # type: ignore[arg-type] # a dataclass since the line before
    compared = _values([one.name for one in told if one.compare])
    hashed = _values([one.name for one in told if (one.compare if one.hash is None else one.hash)])
    methods = {
        "__init__": _init(told, then=hasattr(bare, "__post_init__")),
        "__eq__": _comparing(compared, eq),
        "__hash__": lambda self: hash(hashed(self)),
        **_SHARED,
    }
    for name, method in methods.items():
        if written.__dict__.get(name) is None:
            setattr(bare, name, method)
    return bare


def _ordered(written: type[Made]) -> type[Made]:
    made = _made(written)
    compared = _values([one.name for one in fields(made) if one.compare])  # type: ignore[arg-type] # as above
    for compare in (lt, le, gt, ge):
        setattr(made, f"__{compare.__name__}__", _comparing(compared, compare))
    return made


def _comparing(values: Callable[[object], object], compare: Callable[..., bool]) -> object:
    """The function that compares a value with another one of its class."""
    return lambda self, other: (
        compare(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented
    )


def _init(told: Sequence[Field[object]], *, then: bool) -> object:
    """The function that sets the fields in their order, and calls `__post_init__` when there is one."""
    names: Names = {"__put__": object.__setattr__, "__absent__": MISSING}
    taken, body = ["self"], ["pass"]
    for one in told:
        made = one.default_factory is not MISSING
        value = f"__default_{one.name}__"
        names[value] = default = one.default_factory if made else one.default
        if one.init:
            taken.append(one.name if default is MISSING else f"{one.name}={'__absent__' if made else value}")
            value = f"{value}() if {one.name} is __absent__ else {one.name}" if made else one.name
        elif made:
            value += "()"
        if one.init or default is not MISSING:
            body.append(f"__put__(self, '{one.name}', {value})")
    if then:
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(taken)}): {'; '.join(body)}", names)  # noqa: S102 - of names of fields alone
    return names["__init__"]


def _values(names: Sequence[str]) -> Callable[[object], object]:
    """What tells the fields of these names, all at once."""
    if not names:
        return lambda _: ()
    told = attrgetter(*names)
    return told if len(names) > 1 else lambda value: (told(value),)


@recursive_repr()
def _repr(self: DataclassInstance) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _state(self: DataclassInstance) -> list[object]:
    return [getattr(self, one.name) for one in fields(self)]


def _take_state(self: DataclassInstance, state: list[object]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


def _keep(self: object, name: str, value: object) -> NoReturn:
    del self, value
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _stay(self: object, name: str) -> NoReturn:
    del self
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_SHARED: Names = {
    "__repr__": _repr,
    "__getstate__": _state,
    "__setstate__": _take_state,
    "__setattr__": _keep,
    "__delattr__": _stay,
}
