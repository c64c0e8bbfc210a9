"""What a step finds around it, and whether that still is as it was when the step was recorded.

A program repeats calls of NumPy. What Python met on its way to them is in the program as a constant, or has
decided which calls they are: numbers in closures, globals and attributes, layers, losses, models, entries of
lists. So a program is good only while all of that is as it was.

`Surroundings` begins at the step and goes from name to name: to what its code can reach, by reading which
names the code has. Each `Place` that it comes by remembers what is there. Two kinds need no places: the
attributes of modules, whose changes are counted (nn/module.py), and what library functions read, which is
recorded as it is read (tracer.py).
"""

from __future__ import annotations

import dis
import functools
import operator
import random
import sys
import types
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from minitensor.compiler.traced import Traced
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.errors import CompileError
from minitensor.nn.module import Module, changes
from minitensor.optim import Optimizer
from minitensor.optim.lr_scheduler import Schedule

Bind: TypeAlias = Callable[[str, Any], str]
"""Gives a value a name in the source of a program, given a proposal."""
Function: TypeAlias = types.FunctionType

_MANY = 10_000  # entries of a container, which to compare would take longer than the step
_LARGE = 2**26  # bytes of an array, likewise
_LIBRARIES = {"minitensor", "numpy", "scipy"} | sys.stdlib_module_names
_INSTALLED = ("site-packages", "dist-packages")  # folders
_DYNAMIC = {"getattr", "setattr", "vars", "__dict__", "eval", "exec", "globals", "attrgetter", "methodcaller"}
KEPT = "<compiled steps>"
"""Where an object keeps what its compiled methods became: no name that anybody could write."""
_VALUES = (
    *(type(None), bool, int, float, complex, str, bytes, range, slice, type(...), frozenset, np.dtype),
    *(np.generic, types.CodeType, types.UnionType),
)
"""Types whose values never change: two of them are the same if they are written alike."""


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def is_value(x: Any) -> bool:
    """Whether it is of a type that never changes."""
    return isinstance(x, _VALUES) or x is MISSING


def same(one: Any, two: Any) -> bool:
    """Whether two are one and the same, or values that no computation could tell apart: 1 is not 1.0."""
    if one is two:
        return True
    if type(one) is not type(two):
        return False
    if type(one) is tuple:
        return len(one) == len(two) and all(map(same, one, two))
    if type(one) in (int, str, bytes):
        return bool(one == two)
    return is_value(one) and not isinstance(one, types.CodeType) and repr(one) == repr(two)


# --------------------------------------------------------------------------------------------- places


class Place:
    """Where something stands that the step may come by, what stood there, and how the user writes it."""

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
        """Whether the same stands there, as Python source."""
        raise NotImplementedError


class Entry(Place):
    """A name in a dict: of globals, of a class, of an object."""

    __slots__ = ()

    def read(self) -> Any:
        return self.holder.get(self.key, MISSING)

    def write(self, function: Callable[[Any], Any]) -> None:
        self.holder[self.key] = function(self.value)

    def source(self, bind: Bind) -> str:
        names, nothing = bind("names", self.holder), bind("nothing", MISSING)
        return f"{names}.get({self.key!r}, {nothing}) is {bind('place', self)}.value"


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
        return f"{bind('cell', self.holder)}.cell_contents is {bind('place', self)}.value"


class Attribute(Place):
    """An attribute of an object."""

    __slots__ = ()

    def read(self) -> Any:
        return getattr(self.holder, self.key, MISSING)

    def write(self, function: Callable[[Any], Any]) -> None:
        setattr(self.holder, self.key, function(self.value))

    def source(self, bind: Bind) -> str:
        return f"{bind('object', self.holder)}.{self.key} is {bind('place', self)}.value"


class Entries(Place):
    """All that is in a list, a dict or another container, in its order."""

    __slots__ = ()

    def read(self) -> Any:
        return (*self.holder, *self.holder.values()) if isinstance(self.holder, dict) else tuple(self.holder)

    def write(self, function: Callable[[Any], Any]) -> None:
        keys = self.holder if isinstance(self.holder, dict) else range(len(self.holder))
        for key in [] if isinstance(self.holder, set) else keys:
            self.holder[key] = function(self.holder[key])

    def source(self, bind: Bind) -> str:
        holder = bind("entries", self.holder)
        now = f"(*{holder}, *{holder}.values())" if isinstance(self.holder, dict) else holder
        return f"{bind('are', _are)}({now}, {bind('place', self)}.value)"


class Numbers(Place):
    """What is in an array that is no tensor's."""

    __slots__ = ()

    def read(self) -> Any:
        array = np.asarray(self.holder)
        return (array.shape, array.dtype, array.tobytes())

    def source(self, bind: Bind) -> str:
        place = bind("place", self)
        return f"{bind('same', same)}({place}.read(), {place}.value)"


def _are(now: Any, were: tuple[Any, ...]) -> bool:
    return len(now) == len(were) and all(map(operator.is_, now, were))


# ----------------------------------------------------------------------------------------------- code


@functools.lru_cache(maxsize=1024)
def _instructions(code: types.CodeType) -> tuple[tuple[str, Any, int], ...]:
    """The instructions of a function and of those within it: operation, argument, line."""
    found = []
    for instruction in dis.get_instructions(code):
        positions = instruction.positions
        line = positions.lineno if positions is not None and positions.lineno else code.co_firstlineno
        found.append((instruction.opname, instruction.argval, line))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += _instructions(constant)
    return tuple(found)


def _names(code: types.CodeType, kind: str) -> set[str]:
    return {x for operation, x, _ in _instructions(code) if operation.startswith(kind) and type(x) is str}


def _attributes_named(code: types.CodeType) -> set[str]:
    """The names of the attributes that a function reads or sets."""
    ends = ("_ATTR", "_METHOD", "_NAME", "IMPORT_FROM")
    return {x for operation, x, _ in _instructions(code) if operation.endswith(ends) and type(x) is str}


def _is_dynamic(code: types.CodeType) -> bool:
    """Whether it may come by attributes whose names it has not."""
    return any([x in _DYNAMIC for _, x, _ in _instructions(code) if type(x) is str])


def _is_library(thing: Any) -> bool:
    """Whether a function or class is not the user's own: it is taken as it stands."""
    return _is_package(str(getattr(thing, "__module__", None)).partition(".")[0])


@functools.lru_cache(maxsize=1024)
def _is_package(root: str) -> bool:
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return root in _LIBRARIES or any([folder in file for folder in _INSTALLED])


# --------------------------------------------------------------------------------------- surroundings


class Surroundings:
    """What a step and its arguments can come by, as it was when this was made.

    Args:
        step: The step.
        given: Its arguments, but for arrays.

    Raises:
        CompileError: If there is something whose changes cannot be seen, such as an iterator.
    """

    def __init__(self, step: Callable[..., Any], given: tuple[Any, ...] = ()) -> None:
        self.roots = (step, given)
        known: set[str] = set()
        walk = _Walk(step, given, known)
        while not walk.names <= known:  # what was found has code with other names
            known = known | walk.names
            walk = _Walk(step, given, known)
        self.seen = changes.count
        self.places = walk.places
        self.tensors = {tensor: tensor._requires_grad for tensor in walk.tensors}
        self.modules = {module: _attributes_of(module) for module in walk.modules}
        self.entered: dict[Module, dict[str, Any]] = {}  # modules that the step came by in another way
        self._labels = walk.modules
        self._codes = walk.codes
        self._random = [(source, name, state(), state) for source, name, state in walk.random]

    def enter(self, modules: Iterable[Module]) -> None:
        """Watch these modules too, which the step has called."""
        self.entered = {module: _attributes_of(module) for module in modules if module not in self.modules}

    def source(self, bind: Bind) -> list[str]:
        """What must be true where all is as it was, as Python source: false where it may be so nevertheless."""
        mine, counted = bind("surroundings", self), bind("changes", changes)
        watched = [f"({mine}.seen == {counted}.count or {mine}.modules_hold())"]
        return watched + [place.source(bind) for place in self.places]

    def modules_hold(self) -> bool:
        """Whether the attributes of all modules are the very same."""
        count = changes.count
        for module, before in (*self.modules.items(), *self.entered.items()):
            now = _attributes_of(module)
            if not (_are(now, tuple(before)) and _are(now.values(), tuple(before.values()))):
                return False
        self.seen = count
        return True

    def still_hold(self) -> bool | None:
        """Whether all is as it was; None if only another walk can tell. Takes over what is merely equal."""
        unsure = False
        for _, _, before, after in self._differences():
            if not same(before, after):
                if not _alike(before, after):
                    return False
                unsure = True
        if unsure:
            return None
        for place in self.places:
            place.value = place.read()
        for watched in (self.modules, self.entered):
            watched.update({module: _attributes_of(module) for module in watched})
        return True

    def again(self) -> Surroundings | None:
        """What the step can come by now; None if there is something whose changes cannot be seen."""
        try:
            now = Surroundings(*self.roots)
        except CompileError:
            return None
        now.enter(self.entered)
        return now

    def _differences(self) -> Iterator[tuple[str, str, Any, Any]]:
        """Where something else stands now: what the place is called, its name, what was there, what is."""
        for module, attributes in (*self.modules.items(), *self.entered.items()):
            now = _attributes_of(module)
            for name in attributes | now:
                before, after = attributes.get(name, MISSING), now.get(name, MISSING)
                if before is not after:
                    yield f"{self._labels.get(module, type(module).__name__)}.{name}", name, before, after
        for tensor, needed in self.tensors.items():
            if tensor._requires_grad is not needed:
                yield "requires_grad of a tensor", "requires_grad", needed, tensor._requires_grad
        for place in self.places:
            after = place.read()
            if after is not place.value and not (isinstance(place, Entries) and _are(after, place.value)):
                yield place.label, place.key, place.value, after

    def replace(self, function: Callable[[Any], Any]) -> None:
        """Put function(x) in place of each x that stands somewhere."""
        for module in self.modules:
            for name, x in vars(module).items():
                vars(module)[name] = function(x)
        for place in self.places:
            if function(place.value) is not place.value or isinstance(place, Entries):
                place.write(function)

    def change(self, drawn: set[int]) -> str | None:
        """What has changed in the course of the step, in words; `drawn` are generators that may have moved."""
        for label, name, before, after in self._differences():
            if not same(before, after):
                return f"it changes {label}, in {self._line(name)}"
        for source, name, before, state in self._random:
            if id(source) not in drawn and not same(before, state()):
                what = f"it draws random numbers from {name or type(source).__name__}, in {self._line(name)}"
                return f"{what}, and not through minitensor.random.generator({name})"
        return None

    def difference(self, other: Surroundings) -> str | None:
        """What is not in both as it is in the other; None if all is, though some of it may be another object."""
        for (one, needed), (two, needs) in zip(self.tensors.items(), other.tensors.items(), strict=False):
            if one is not two or needed is not needs:
                return "a tensor" if one is not two else "requires_grad of a tensor"
        for place, theirs in zip(self.places, other.places, strict=False):
            if place.label != theirs.label or not _alike(place.value, theirs.value):
                return place.label
        for module, label in self._labels.items():
            mine, others = self.modules[module], other.modules.get(module, {})
            for name in mine | others:
                if not _alike(mine.get(name, MISSING), others.get(name, MISSING)):
                    return f"{label}.{name}"
        counts = [(len(x.places), len(x.tensors), list(x.modules)) for x in (self, other)]
        return None if counts[0] == counts[1] else "what the step can come by"

    def _line(self, name: str) -> str:
        """Where the step sets what has this name, or else reads it."""
        found = [
            (not operation.startswith(("STORE", "DELETE")), code.co_filename, line)
            for code in self._codes
            for operation, x, line in _instructions(code)
            if x == name
        ]
        first = self._codes[0]
        _, file, line = min(
            found, default=(True, first.co_filename, first.co_firstlineno), key=lambda x: x[0]
        )
        return f'"{file}", line {line}'


def _all_alike(one: Iterable[Any], two: Iterable[Any]) -> bool:
    return all(map(_alike, one, two))


def _alike(one: Any, two: Any) -> bool:
    """Whether two are the same, or containers of one kind, whose entries have places of their own."""
    if type(one) is tuple and type(two) is tuple:
        return len(one) == len(two) and _all_alike(one, two)
    return same(one, two) or (type(one) is type(two) and isinstance(one, list | dict | set | deque | tuple))


def _attributes_of(module: Module) -> dict[str, Any]:
    return {name: x for name, x in vars(module).items() if name != KEPT} | {"__class__": type(module)}


class _Walk:
    """From the step to all that it can reach by names."""

    def __init__(self, step: Any, given: tuple[Any, ...], names: set[str]) -> None:
        self.known = names
        self.names: set[str] = {"forward"}
        self.everything = "*" in names
        self.places: list[Place] = []
        self.tensors: dict[Tensor, None] = {}
        self.modules: dict[Module, str] = {}
        self.codes: list[types.CodeType] = []
        self.random: list[
            tuple[Any, str, Callable[[], Any]]
        ] = []  # a generator, its name, and what it has come to
        self._seen: dict[int, Any] = {}
        self._to_do: deque[tuple[Any, str, str]] = deque()
        self._root = step.__func__ if isinstance(step, types.MethodType) else step
        self._find(step, getattr(step, "__name__", "step"), "")
        for x in given:
            self._find(x, f"an argument ({type(x).__name__})", "")
        while self._to_do:
            self._look(*self._to_do.popleft())

    def _find(self, x: Any, label: str, name: str) -> None:
        if not is_value(x) and id(x) not in self._seen:
            self._seen[id(x)] = x
            self._to_do.append((x, label, name))

    def _place(self, place: Place) -> Any:
        self.places.append(place)
        self._find(place.value, place.label, place.key)
        return place.value

    def _look(self, x: Any, label: str, name: str) -> None:
        """Remember what is here, and go on from there."""
        if isinstance(x, Tensor):
            self.tensors[x] = None
        elif isinstance(x, Traced):
            pass  # the step has left it behind
        elif isinstance(x, Module):
            self._module(x, label)
        elif isinstance(x, Value):
            self._place(Attribute(f"{label}.data", x, "data"))
        elif isinstance(x, np.ndarray):
            if x.nbytes <= _LARGE:
                self.places.append(Numbers(label, x, name))
            elif name in self.known:
                self._refuse(label, name, f"is an array of {x.nbytes:,} bytes")
        elif isinstance(x, Function):
            self._function(x)
        elif isinstance(x, types.MethodType):
            self._find(x.__self__, "self", name)
            self._find(x.__func__, label, name)
        elif isinstance(x, types.BuiltinMethodType | types.MethodWrapperType):
            self._find(x.__self__, label, name)
        elif isinstance(x, functools.partial):
            for part in (x.func, *x.args, x.keywords):
                self._find(part, label, name)
        elif isinstance(x, property | functools.cached_property | staticmethod | classmethod):
            for part in ("fget", "func", "__func__"):
                self._find(getattr(x, part, None), label, name)
        elif isinstance(x, weakref.ref):
            self._find(x(), label, name)
        elif isinstance(x, types.ModuleType):
            self._python_module(x, label, name)
        elif isinstance(x, type):
            self._class(x, label)
        elif isinstance(x, Optimizer | Schedule):
            self._optimizer(x, label)
        elif isinstance(x, tuple):
            for i, item in enumerate(x):
                self._find(item, f"{label}[{i}]", name)
            self._object(x, label)
        elif isinstance(x, list | dict | set | deque):
            self._container(x, label, name)
            self._object(x, label)
        elif isinstance(x, np.random.Generator):
            self.random.append((x, name, lambda: repr(x.bit_generator.state)))
        elif isinstance(x, np.random.RandomState):
            self.random.append(
                (x, name, lambda: tuple([np.asarray(part).tobytes() for part in x.get_state()]))
            )
        elif isinstance(x, random.Random):
            self.random.append((x, name, x.getstate))
        elif hasattr(type(x), "__array__") or isinstance(x, bytearray | memoryview | array):
            try:
                self.places.append(Numbers(label, x, name))
            except Exception:  # whatever another library raises
                self._refuse(label, name, f"is a {type(x).__module__}.{type(x).__qualname__}")
        else:
            if _is_opaque(x) and (name in self.known or not name):
                self._refuse(label, name, f"is a {type(x).__module__}.{type(x).__qualname__}")
            self._object(x, label)

    def _refuse(self, label: str, name: str, what: str) -> None:
        raise CompileError(
            f"compile: {label} {what}, whose changes cannot be seen, and the step reads it. Give the step "
            "what it needs of it as an argument."
        )

    def _container(self, x: Any, label: str, name: str) -> None:
        if len(x) > _MANY:
            if name in self.known:
                self._refuse(label, name, f"has {len(x):,} entries")
            return
        place = Entries(label, x, name)
        self.places.append(place)
        if isinstance(x, dict):
            for key, item in x.items():
                self._find(key, label, name)
                self._find(item, f"{label}[{key!r}]", name)
        else:
            for i, item in enumerate(x):
                self._find(item, f"{label}[{i}]", name)

    def _function(self, function: Function) -> None:
        code, name = function.__code__, function.__name__
        library = _is_library(function) and function is not self._root
        for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if library:
                self._find(Cell(variable, cell, variable).value, variable, "")
            else:
                self._place(Cell(variable, cell, variable))
        if library:
            return
        self.codes.append(code)
        self.names |= _attributes_named(code) | set(code.co_freevars)
        if _is_dynamic(code):
            self.names.add("*")
        self.places.append(Attribute(name, function, "__code__"))
        for defaults in ("__defaults__", "__kwdefaults__"):
            if getattr(function, defaults):
                self._place(Attribute(f"a default of {name}", function, defaults))
        around = function.__globals__
        for variable in sorted(
            _names(code, "LOAD_GLOBAL") | _names(code, "STORE_GLOBAL") | _names(code, "LOAD_NAME")
        ):
            self.names.add(variable)
            self._place(Entry(variable, around, variable))
        for imported in sorted(_names(code, "IMPORT_NAME")):
            self._find(sys.modules.get(imported), imported, imported)
        self._chains(code, around, function)
        self._object(function, name)

    def _chains(self, code: types.CodeType, around: dict[str, Any], function: Function) -> None:
        """What the code takes from Python's modules, such as nn.functional.relu."""
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        holder: Any = None
        for operation, name, _ in _instructions(code):
            if operation == "LOAD_GLOBAL":
                holder = around.get(name)
            elif operation == "LOAD_DEREF" and name in cells:
                holder = Cell(name, cells[name], name).value
            elif operation.startswith(("LOAD_ATTR", "LOAD_METHOD")) and isinstance(holder, types.ModuleType):
                holder = self._place(Entry(f"{holder.__name__}.{name}", vars(holder), name))
            else:
                holder = None

    def _python_module(self, module: types.ModuleType, label: str, name: str) -> None:
        if module.__name__ == "random":
            self._find(random.random.__self__, label, name)  # type: ignore[attr-defined]
        elif module.__name__ == "numpy.random":
            self._find(np.random.rand.__self__, label, name)  # type: ignore[attr-defined]
        if not _is_package(module.__name__.partition(".")[0]):
            for found in sorted(self.known & vars(module).keys()):
                self._place(Entry(f"{label}.{found}", vars(module), found))

    def _module(self, module: Module, label: str) -> None:
        self.modules[module] = label
        for name, x in _attributes_of(module).items():
            self._find(x, f"{label}.{name}", name)

    def _class(self, kind: type, label: str) -> None:
        """What the code of a class may read, if the user wrote it: methods, and attributes for all instances."""
        for base in kind.__mro__:
            if _is_library(base):
                continue
            for name, x in list(vars(base).items()):
                special = name.startswith("__") and isinstance(x, Function) and name not in _ONCE
                if name in self.known or special or (self.everything and is_value(x)):
                    self._place(Entry(f"{base.__name__}.{name}", vars(base), name))

    def _optimizer(self, x: Any, label: str) -> None:
        """Its numbers are read at each step; but the code of the step may read some too."""
        if "get_last_lr" in self.known and isinstance(x, Schedule):
            self._place(Attribute(f"{label}.optimizer", x, "optimizer"))
            self._find(x.optimizer.param_groups, f"{label}.optimizer.param_groups", "param_groups")
        for name in sorted(self.known & vars(x).keys() - {"state", "_scratch", "_steps"}):
            self._place(Attribute(f"{label}.{name}", x, name))

    def _object(self, x: Any, label: str) -> None:
        """The attributes of an object that some code names."""
        kind = type(x)
        own = getattr(x, "__dict__", {}).keys() | {
            slot for base in kind.__mro__ for slot in _slots(base) if not slot.startswith("__")
        }
        everything = self.everything and not _is_library(kind)
        for name in sorted(own - {KEPT} if everything else own & self.known):
            self._place(Attribute(f"{label}.{name}", x, name))
        if "__wrapped__" in own:  # by functools
            self._find(x.__wrapped__, label, "")
        if _is_library(kind):
            return
        self.places.append(Attribute(f"the class of {label}", x, "__class__"))
        self._find(kind, label, "")
        stored = {name for code in self.codes for name in _names(code, "STORE_ATTR")}
        for name in sorted(stored - own):
            if not hasattr(kind, name) and hasattr(x, "__dict__"):
                self.places.append(Entry(f"{label}.{name}", vars(x), name))


_ONCE = {"__init__", "__new__", "__init_subclass__", "__set_name__", "__del__", "__repr__", "__reduce__"}
"""Methods that a step does not call without naming them."""


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _is_opaque(x: Any) -> bool:
    """Whether what it gives may change although nothing that can be seen does."""
    kind = type(x)
    if (
        kind.__module__ in ("queue", "_queue", "_contextvars", "_ctypes", "ctypes")
        or kind.__name__ == "_local"
    ):
        return True
    reads = hasattr(kind, "__next__") and not hasattr(kind, "fileno")
    return reads and _is_library(kind) | (kind.__module__ == "builtins") and not hasattr(x, "__dict__")
