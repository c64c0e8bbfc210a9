"""Places: where something stands that a step may come by, and whether the same stands there still."""

from __future__ import annotations

import operator
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

Bind: TypeAlias = Callable[[str, Any], str]
"""Gives a value a name in the source of a program, given a proposal."""

_VALUES = {type(None), bool, int, float, complex, str, bytes, range, slice, type(...), types.CodeType}
_FEW = 16  # entries, such as layers, that are compared one by one in less time than by a call


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def is_value(x: Any) -> bool:
    """Whether it is of a type whose instances never change, such as a number."""
    return type(x) in _VALUES or isinstance(x, np.generic | np.dtype) or x is MISSING


def same(one: Any, two: Any) -> bool:
    """Whether two are one and the same, or values that no computation could tell apart: 1 is not 1.0."""
    if one is two:
        return True
    if type(one) is not type(two):
        return False
    if isinstance(one, tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if type(one) in (int, str, bytes):
        return bool(one == two)
    return is_value(one) and not isinstance(one, types.CodeType) and repr(one) == repr(two)


def all_are(these: Iterable[Any], those: Iterable[Any]) -> bool:
    """Whether each of these is the very one of those."""
    return all(map(operator.is_, these, those))


class Place:
    """Where something stands, what stood there when this was made, and how the user writes it."""

    __slots__ = ("holder", "key", "label", "value")

    def __init__(self, label: str, holder: Any, key: str) -> None:
        self.label = label
        self.holder = holder
        self.key = key
        self.value = self.read()

    def read(self) -> Any:
        """What stands there now."""
        raise NotImplementedError

    def write(self, function: Callable[[Any], Any]) -> None:
        """Put function(x) in place of the x that stands there."""

    def source(self, bind: Bind) -> str:
        """Whether the very same stands there, as Python source."""
        raise NotImplementedError

    def was(self, bind: Bind) -> str:
        """What stood there, as Python source; an equal value or tuple may be taken over in its place."""
        equal = isinstance(self.value, tuple) or is_value(self.value)
        return f"{bind('place', self)}.value" if equal else bind("was", self.value)


class Entry(Place):
    """A name in a dict: of globals, of a class, of an object."""

    __slots__ = ()

    def read(self) -> Any:
        return self.holder.get(self.key, MISSING)

    def write(self, function: Callable[[Any], Any]) -> None:
        self.holder[self.key] = function(self.value)

    def source(self, bind: Bind) -> str:
        names = bind("names", self.holder)
        if self.value is MISSING:
            return f"{self.key!r} not in {names}"
        return f"{names}[{self.key!r}] is {self.was(bind)}"


class Cell(Place):
    """A name in a closure."""

    __slots__ = ()

    def read(self) -> Any:
        try:
            return self.holder.cell_contents
        except ValueError:  # not yet
            return MISSING

    def write(self, function: Callable[[Any], Any]) -> None:
        self.holder.cell_contents = function(self.value)

    def source(self, bind: Bind) -> str:
        return f"{bind('cell', self.holder)}.cell_contents is {self.was(bind)}"


class Attribute(Place):
    """An attribute of an object."""

    __slots__ = ()

    def read(self) -> Any:
        return getattr(self.holder, self.key, MISSING)

    def write(self, function: Callable[[Any], Any]) -> None:
        setattr(self.holder, self.key, function(self.value))

    def source(self, bind: Bind) -> str:
        return f"{bind('object', self.holder)}.{self.key} is {self.was(bind)}"


class Entries(Place):
    """All that is in a list, a dict or another container, in its order."""

    __slots__ = ()

    def read(self) -> Any:
        return (*self.holder, *self.holder.values()) if hasattr(self.holder, "values") else (*self.holder,)

    def write(self, function: Callable[[Any], Any]) -> None:
        keys = self.holder if hasattr(self.holder, "values") else range(len(self.holder))
        for key in keys if hasattr(self.holder, "__setitem__") else ():
            self.holder[key] = function(self.holder[key])

    def source(self, bind: Bind) -> str:
        if not isinstance(self.holder, list) or len(self.value) > _FEW or any(map(is_value, self.value)):
            return f"{bind('place', self)}.is_as_it_was()"
        entries = bind("entries", self.holder)
        each = [f"{entries}[{i}] is {bind('was', x)}" for i, x in enumerate(self.value)]
        return " and ".join([f"len({entries}) == {len(each)}", *each])

    def is_as_it_was(self) -> bool:
        """Whether the very same are in it, in the same order."""
        holder, value = self.holder, self.value
        now = (*holder, *holder.values()) if hasattr(holder, "values") else holder
        return len(now) == len(value) and all(map(operator.is_, now, value))


class Keys(Place):
    """Which names there are in a dict, such as an object's."""

    __slots__ = ()

    def read(self) -> Any:
        return (*self.holder,)

    def source(self, bind: Bind) -> str:
        return f"(*{bind('names', self.holder)},) == {bind('place', self)}.value"


class Cache(Place):
    """How often functools.lru_cache has asked its function, and how much it knows."""

    __slots__ = ()

    def read(self) -> Any:
        found = self.holder.cache_info()
        return (found.misses, found.currsize)

    def source(self, bind: Bind) -> str:
        return f"{bind('place', self)}.read() == {bind('place', self)}.value"


class Numbers(Place):
    """What is in an array that is no tensor's, or in anything that NumPy makes an array of."""

    __slots__ = ()

    def read(self) -> Any:
        array = np.asarray(self.holder)
        return (array.shape, array.dtype, array.tobytes())

    def source(self, bind: Bind) -> str:
        place = bind("place", self)
        return f"{bind('same', same)}({place}.read(), {place}.value)"
