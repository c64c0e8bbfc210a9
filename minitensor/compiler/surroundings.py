"""What a step finds around it, and whether that still is as it was when the step was recorded.

A program repeats calls of NumPy. What Python met on its way to them is in the program as a constant, or has
decided which calls they are: numbers in closures, globals and attributes, layers, losses, models, entries of
lists. So a program is good only while all of that is as it was.

`Surroundings` begins at the step and goes from name to name, by the names that code has (names.py), to all
that it can come by, and remembers what stands in each place (places.py). Attributes of modules need no
places: whenever one is set, it is counted (nn/module.py). What libraries read is theirs; and what a
program reads itself at each run, such as an optimizer's options, is as it is then.
"""

from __future__ import annotations

import functools
import random
import sys
import types
import weakref
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitensor.compiler.names import (
    attributes,
    instructions,
    is_library,
    is_package,
    line_of,
    made_of_text,
    names_after,
    reads_all_attributes,
    variables,
)
from minitensor.compiler.places import (
    MISSING,
    Attribute,
    Bind,
    Cell,
    Entries,
    Entry,
    Numbers,
    Place,
    all_are,
    is_value,
    same,
)
from minitensor.compiler.traced import Traced
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.errors import CompileError
from minitensor.nn.module import Module, changes
from minitensor.optim import Optimizer
from minitensor.optim.lr_scheduler import Schedule

KEPT = "<compiled steps>"
"""Where an object keeps what its compiled methods became: no name that anybody could write."""

_MANY = 10_000  # entries of a container, which to compare would take longer than the step
_LARGE = 2**26  # bytes of an array, likewise


@dataclass(slots=True)
class Watched:
    """A module as it was: its attributes, its class, and what the user calls it."""

    names: tuple[str, ...]
    values: tuple[Any, ...]
    kind: type
    label: str

    @classmethod
    def now(cls, module: Module, label: str) -> Watched:
        """As it is."""
        return cls((*vars(module),), (*vars(module).values(),), type(module), label)

    def is_the_same(self, module: Module) -> bool:
        """Whether its attributes are the very same."""
        now, values = vars(module), self.values
        alike = len(now) == len(values) and all_are(now.values(), values) and all_are(now, self.names)
        return alike and type(module) is self.kind

    def attributes(self) -> dict[str, Any]:
        """Those that compile has not put there itself, and the class."""
        found = dict(zip(self.names, self.values, strict=True)) | {"__class__": self.kind}
        found.pop(KEPT, None)
        return found


class Surroundings:
    """What a step and its arguments can come by, as it was when this was made.

    Args:
        step: The step.
        given: Its arguments, but for arrays and tensors.

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
        self.modules = {module: Watched.now(module, label) for module, label in walk.modules.items()}
        self.entered: dict[Module, Watched] = {}  # those that the step came by in another way
        self._codes = walk.codes
        self._random = [(source, name, state(), state) for source, name, state in walk.random]

    def enter(self, modules: Iterable[Module]) -> None:
        """Watch these modules too, which the step has called."""
        others = [module for module in modules if module not in self.modules]
        self.entered = {module: Watched.now(module, type(module).__name__) for module in others}

    # --------------------------------------------------------------------------------- is it as it was?

    def source(self, bind: Bind) -> list[str]:
        """What is true if all is the very same, as Python source."""
        mine, counted = bind("surroundings", self), bind("changes", changes)
        unchanged = f"({mine}.seen == {counted}.count or {mine}.modules_are_the_same())"
        return [unchanged, *[place.source(bind) for place in self.places]]

    def modules_are_the_same(self) -> bool:
        """Whether the attributes of all modules are, although some module's were set."""
        count = changes.count
        if all([watched.is_the_same(module) for module, watched in self._all_modules()]):
            self.seen = count
            return True
        return False

    def is_as_it_was(self) -> bool | None:
        """Whether all is equal, which is taken over; None if only another walk can tell."""
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
        for modules in (self.modules, self.entered):
            modules.update({module: Watched.now(module, x.label) for module, x in modules.items()})
        return True

    def again(self) -> Surroundings | None:
        """What the step can come by now; None if there is something whose changes cannot be seen."""
        try:
            now = Surroundings(*self.roots)
        except CompileError:
            return None
        now.enter(self.entered)
        return now

    def difference(self, other: Surroundings) -> str | None:
        """What is another in `other`; None if all is equal, though some of it may be another object."""
        for module, watched in self.modules.items():
            mine = watched.attributes()
            others = other.modules[module].attributes() if module in other.modules else {}
            for name in mine | others:
                if not _alike(mine.get(name, MISSING), others.get(name, MISSING)):
                    return f"{watched.label}.{name}"
        for place, theirs in zip(self.places, other.places, strict=False):
            if place.label != theirs.label or not _alike(place.value, theirs.value):
                return place.label
        counts = [(list(x.tensors.items()), list(x.modules), len(x.places)) for x in (self, other)]
        return None if counts[0] == counts[1] else "something that it can come by"

    def _all_modules(self) -> list[tuple[Module, Watched]]:
        return [*self.modules.items(), *self.entered.items()]

    def _differences(self) -> Iterator[tuple[str, str, Any, Any]]:
        """Where something else stands now: what the place is called, its name, what was there, what is."""
        for module, watched in self._all_modules():
            if not watched.is_the_same(module):
                was, now = watched.attributes(), Watched.now(module, "").attributes()
                for name in was | now:
                    before, after = was.get(name, MISSING), now.get(name, MISSING)
                    if before is not after:
                        yield f"{watched.label}.{name}", name, before, after
        for tensor, needed in self.tensors.items():
            if tensor._requires_grad is not needed:
                yield "requires_grad of a tensor", "requires_grad", needed, tensor._requires_grad
        for place in self.places:
            after = place.read()
            if after is not place.value:
                yield place.label, place.key, place.value, after

    # ----------------------------------------------------------------------------- what the step has done

    def change(self, drawn: set[int]) -> str | None:
        """What has changed since, in words, and in which line; `drawn` are generators that may have moved."""
        for label, name, before, after in self._differences():
            if not same(before, after):
                return f"it changes {label}, in {line_of(name, self._codes)}"
        for source, name, before, state in self._random:
            if id(source) not in drawn and not same(before, state()):
                what = f"it draws random numbers from {name or type(source).__name__}"
                where = line_of(name, self._codes)
                return f"{what}, in {where}, and not through minitensor.random.generator({name})"
        return None

    def replace(self, function: Callable[[Any], Any]) -> None:
        """Put function(x) in place of each x that stands somewhere."""
        for module in self.modules:
            for name, x in vars(module).items():
                vars(module)[name] = function(x)
        for place in self.places:
            if isinstance(place, Entries) or function(place.value) is not place.value:
                place.write(function)


def _alike(one: Any, two: Any) -> bool:
    """Whether two are the same, or containers of one kind, whose entries have places of their own."""
    if type(one) is tuple and type(two) is tuple:
        return len(one) == len(two) and all(map(_alike, one, two))
    return same(one, two) or (type(one) is type(two) and isinstance(one, list | dict | set | deque | tuple))


class _Walk:
    """From the step to all that it can come by.

    Args:
        step: Where it begins.
        given: Where it begins, too.
        known: The names of attributes that any of the code has, as far as they are known.

    Attributes:
        names: The names that the code has which was found.
    """

    def __init__(self, step: Any, given: tuple[Any, ...], known: set[str]) -> None:
        self.known = known
        self.names = {"forward"}
        self.all_attributes = "*" in known
        self.places: list[Place] = []
        self.tensors: dict[Tensor, None] = {}
        self.modules: dict[Module, str] = {}
        self.codes: list[types.CodeType] = []
        self.random: list[
            tuple[Any, str, Callable[[], Any]]
        ] = []  # generators, their names, how far they are
        self._seen: dict[int, Any] = {}
        self._to_do: deque[tuple[Any, str, str]] = deque()
        self._root = step.__func__ if isinstance(step, types.MethodType) else step
        self._find(step, getattr(step, "__name__", type(step).__name__), "")
        for x in given:
            self._find(x, f"an argument of type {type(x).__name__}", "")
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
            self.modules[x] = label
            for attribute, held in (*vars(x).items(), ("__class__", type(x))):
                if attribute != KEPT:
                    self._find(held, f"{label}.{attribute}", attribute)
        elif isinstance(x, Value):
            self._place(Attribute(f"{label}.data", x, "data"))
        elif isinstance(x, types.FunctionType):
            self._function(x, label)
        elif isinstance(x, types.ModuleType):
            self._python_module(x, label, name)
        elif isinstance(x, type):
            self._class(x)
        elif isinstance(x, Optimizer | Schedule):
            self._optimizer(x, label)
        elif isinstance(x, np.random.Generator | np.random.RandomState | random.Random):
            self.random.append((x, name, lambda: _state_of(x)))
        elif isinstance(x, np.ndarray | bytearray | memoryview | array) or hasattr(type(x), "__array__"):
            self._array(x, label, name)
        elif not self._callable(x, label, name):
            if isinstance(x, list | dict | set | deque):
                self._container(x, label, name)
            elif isinstance(x, tuple):
                for i, item in enumerate(x):
                    self._find(item, f"{label}[{i}]", name)
            elif _is_opaque(x):
                self._refuse(label, name, f"is a {type(x).__qualname__}")
            self._object(x, label)

    def _refuse(self, label: str, name: str, what: str) -> None:
        """Raise if code names it; else nothing depends on it."""
        if name in self.known or not name:
            raise CompileError(
                f"compile: {label} {what}, whose changes cannot be seen, and the step reads it, in "
                f"{line_of(name, self.codes)}. Give the step what it needs of it as an argument."
            )

    # -------------------------------------------------------------------------------------------- kinds

    def _array(self, x: Any, label: str, name: str) -> None:
        if getattr(x, "nbytes", 0) > _LARGE:
            return self._refuse(label, name, f"is an array of {x.nbytes:,} bytes")
        try:
            self.places.append(Numbers(label, x, name))
        except Exception:  # whatever another library raises
            self._refuse(label, name, f"is a {type(x).__qualname__}")
        return None

    def _container(self, x: Any, label: str, name: str) -> None:
        if len(x) > _MANY:
            return self._refuse(label, name, f"has {len(x):,} entries")
        self.places.append(Entries(label, x, name))
        for key, item in x.items() if isinstance(x, dict) else enumerate(x):
            self._find(key, label, name)
            self._find(item, f"{label}[{key!r}]", name)
        return None

    def _callable(self, x: Any, label: str, name: str) -> bool:
        """Go on to the function of a method, partial or property."""
        parts: dict[type, tuple[str, ...]] = {
            types.MethodType: ("__func__",),
            types.BuiltinMethodType: ("__self__",),
            types.MethodWrapperType: ("__self__",),
            functools.partial: ("func", "args", "keywords"),
            property: ("fget",),
            functools.cached_property: ("func",),
            staticmethod: ("__func__",),
            classmethod: ("__func__",),
        }
        if isinstance(x, types.MethodType):
            self._find(x.__self__, "self", name)
        if isinstance(x, weakref.ref):
            self._find(x(), label, name)
        for kind, attributes_of_it in parts.items():
            if isinstance(x, kind):
                for part in attributes_of_it:
                    self._find(getattr(x, part), label, name)
                return True
        return isinstance(x, weakref.ref)

    def _function(self, function: types.FunctionType, label: str) -> None:
        code = function.__code__
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        if is_library(function) and function is not self._root:  # which may call the user's all the same
            for name, cell in cells.items():
                self._find(Cell(name, cell, name).value, name, name)
            return
        self.codes.append(code)
        self.names |= {*attributes(code), *variables(code), *code.co_freevars}
        if reads_all_attributes(code):
            self.names.add("*")
        text = made_of_text(code)
        if text is not None:
            self._refuse(text, "", "finds what is named in a text")
        for name, cell in cells.items():
            self._place(Cell(name, cell, name))
        self.places.append(Attribute(f"the code of {label}", function, "__code__"))
        for defaults in ("__defaults__", "__kwdefaults__"):
            if getattr(function, defaults):
                self._place(Attribute(f"a default of {label}", function, defaults))
        for name in variables(code):
            self._place(Entry(name, function.__globals__, name))
        for name in names_after(code, "IMPORT_NAME"):
            self._find(sys.modules.get(name), name, name)
        self._chains(code, function.__globals__, cells)
        self._object(function, label)

    def _chains(self, code: types.CodeType, around: dict[str, Any], cells: dict[str, Any]) -> None:
        """What the code takes from Python's modules, such as nn.functional.relu."""
        holder: Any = None
        for operation, name, _ in instructions(code):
            if operation == "LOAD_GLOBAL":
                holder = around.get(name)
            elif operation == "LOAD_DEREF" and name in cells:
                holder = Cell(name, cells[name], name).value
            elif operation.startswith(("LOAD_ATTR", "LOAD_METHOD")) and isinstance(holder, types.ModuleType):
                holder = self._place(Entry(f"{holder.__name__}.{name}", vars(holder), name))
            else:
                holder = None

    def _python_module(self, module: types.ModuleType, label: str, name: str) -> None:
        hidden = {"random": random.random, "numpy.random": np.random.rand}.get(module.__name__)
        self._find(getattr(hidden, "__self__", None), label, name)  # the generator that all share
        if not is_package(module.__name__):
            for known in sorted(self.known & vars(module).keys()):
                self._place(Entry(f"{label}.{known}", vars(module), known))

    def _class(self, kind: type) -> None:
        """The methods and attributes that code names, of classes that the user wrote."""
        for base in kind.__mro__:
            for name, x in [] if is_library(base) else list(vars(base).items()):
                special = name.startswith("__") and isinstance(x, types.FunctionType) and name not in _ONCE
                if name in self.known or special or (self.all_attributes and not name.startswith("__")):
                    self._place(Entry(f"{base.__name__}.{name}", vars(base), name))

    def _optimizer(self, x: Optimizer | Schedule, label: str) -> None:
        """Steps are done anew each time; but code may read a number of it, or its methods be replaced."""
        if "get_last_lr" in self.known and isinstance(x, Schedule):
            self._find(x.optimizer.param_groups, f"{label}.optimizer.param_groups", "param_groups")
        for name in sorted(self.known):
            if name in vars(x) and not name.startswith("_"):
                self._place(Attribute(f"{label}.{name}", x, name))
            elif callable(getattr(type(x), name, None)):
                self.places.append(Entry(f"{label}.{name}", vars(x), name))
                self.places += [
                    Entry(f"{base.__name__}.{name}", vars(base), name)
                    for base in type(x).__mro__
                    if not is_library(base)
                ]

    def _object(self, x: Any, label: str) -> None:
        """The attributes of an object that code names, and its class."""
        kind = type(x)
        own = {*getattr(x, "__dict__", ()), *_slots(kind)} - {KEPT}
        if "__wrapped__" in own:  # by functools
            self._find(x.__wrapped__, label, "")
        hides = hasattr(kind, "__getitem__") or hasattr(kind, "__iter__")  # such as collections.UserDict
        everything = hides if is_library(kind) else self.all_attributes
        for name in sorted(own if everything else own & self.known):
            self._place(Attribute(f"{label}.{name}", x, name))
        if is_library(kind):
            if hasattr(kind, "__getattr__"):
                self._made_up(x, label, own)
            return
        self.places.append(Attribute(f"the class of {label}", x, "__class__"))
        self._find(kind, label, "")
        if hasattr(x, "__dict__"):  # what it has of its class, or not yet, it may have itself some time
            stored = {name for code in self.codes for name in names_after(code, "STORE_ATTR")}
            inherited = {name for base in kind.__mro__ if not is_library(base) for name in vars(base)}
            for name in sorted((stored | (inherited & self.known)) - own):
                if name in inherited or not hasattr(kind, name):
                    self.places.append(Entry(f"{label}.{name}", vars(x), name))

    def _made_up(self, x: Any, label: str, own: set[str]) -> None:
        """What a library's object, such as a configuration, answers to names that it has not."""
        for name in sorted(self.known - own):
            try:
                value = getattr(x, name)
            except Exception:  # whatever it raises
                continue
            if is_value(value):
                self.places.append(Attribute(f"{label}.{name}", x, name))
            elif type(value) is type(x):
                self._find(value, f"{label}.{name}", name)


_ONCE = {"__init__", "__new__", "__init_subclass__", "__set_name__", "__del__", "__repr__", "__reduce__"}
"""Methods that a step does not call without naming them."""


def _slots(kind: type) -> set[str]:
    found = [vars(base).get("__slots__", ()) for base in kind.__mro__]
    names = [name for slots in found for name in ((slots,) if isinstance(slots, str) else slots)]
    return {name for name in names if not name.startswith("__")}


def _state_of(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return repr(generator.bit_generator.state)
    if isinstance(generator, np.random.RandomState):
        return tuple([np.asarray(part).tobytes() for part in generator.get_state()])
    return generator.getstate()


def _is_opaque(x: Any) -> bool:
    """Whether what it gives may change although nothing that can be seen does."""
    kind = type(x)
    if (
        kind.__module__ in ("queue", "_queue", "_contextvars", "_ctypes", "ctypes")
        or kind.__name__ == "_local"
    ):
        return True
    plain = (is_library(kind) or kind.__module__ == "builtins") and not hasattr(x, "__dict__")
    return plain and hasattr(kind, "__next__") and not hasattr(kind, "fileno")  # an iterator; a file is none
