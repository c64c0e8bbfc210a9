"""The walk from a step to all that it can come by: from name to name, by the names that code has."""

from __future__ import annotations

import functools
import operator
import random
import sys
import types
import weakref
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor.compiler.names import (
    attributes,
    attributes_by_text,
    draws_anew,
    imported,
    instructions,
    is_library,
    is_package,
    line_of,
    made_of_text,
    makes_instances,
    may_catch_absence,
    names_after,
    variables,
)
from minitensor.compiler.places import Attribute, Cache, Cell, Entries, Entry, Keys, Numbers, Place, is_value
from minitensor.compiler.traced import Traced
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.errors import CompileError
from minitensor.nn.module import Module
from minitensor.optim import Optimizer
from minitensor.optim.lr_scheduler import Schedule

KEPT = "<compiled steps>"
"""Where an object keeps what its compiled methods became: no name that anybody could write."""

_MANY = 1_000  # entries of a container, which to compare would take longer than the step
_LARGE = 2**20  # bytes of an array, likewise
_MOST = 10_000  # objects in all
CONTAINERS = (list, dict, set, frozenset, deque, types.MappingProxyType)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_CACHED = type(functools.lru_cache(lambda: None))
_ASKING: tuple[Any, ...] = (getattr, setattr, hasattr, vars)  # for attributes by text


class Walk:
    """From the step to all that it can come by.

    Args:
        step: Where it begins.
        given: Where it begins, too.
        known: The names of attributes that any of the code has, as far as they are known.

    Attributes:
        names: The names that the code has which was found; "*" if it reads attributes without naming them,
            "?" if it matters that one is absent, "!" if it makes instances of classes that it does not name,
            "=name" if it sets an attribute.
        places: Where something stands that the step may come by.
        tensors: The tensors that it may come by.
        modules: The modules, what the user calls them, and their attributes that nobody reads.
        codes: The code of the user's functions.
        random: Generators of random numbers, their names, and functions that tell how far they are.
    """

    def __init__(self, step: Any, given: tuple[Any, ...], known: set[str]) -> None:
        self.known = known
        self.names = {"forward"}
        self.all_attributes = "*" in known
        self._stored = {name[1:] for name in known if name.startswith("=")}
        self.places: list[Place] = []
        self.tensors: dict[Tensor, None] = {}
        self.modules: dict[Module, tuple[str, frozenset[str]]] = {}
        self.codes: list[types.CodeType] = []
        self.random: list[tuple[Any, str, Callable[[], Any]]] = []
        self._seen: dict[int, Any] = {}
        self._classes: set[tuple[type, bool]] = set()
        self._to_do: deque[tuple[Any, str, str]] = deque()
        self._root = step.__func__ if isinstance(step, types.MethodType) else step
        self._find(step, getattr(step, "__name__", type(step).__name__), "")
        for x in given:
            self._find(x, f"an argument of type {type(x).__name__}", "")
        while self._to_do:
            self._look(*self._to_do.popleft())

    def _find(self, x: Any, label: str, name: str) -> None:
        if not is_value(x) and id(x) not in self._seen:
            if len(self._seen) >= _MOST:
                where = line_of(name, self.codes)
                raise CompileError(
                    f"compile: the step can come by more than {_MOST:,} objects, and to watch them takes "
                    f"longer than the step, in {where}. Give it what it needs as arguments."
                )
            self._seen[id(x)] = x
            self._to_do.append((x, label, name))

    def _place(self, place: Place) -> Any:
        self.places.append(place)
        self._find(place.value, place.label, place.key)
        return place.value

    def _look(self, x: Any, label: str, name: str) -> None:
        """Remember what is here, and go on from there."""
        if type(x) in weakref.ProxyTypes:  # which answers as the other does
            self._find(x.__repr__.__self__, label, name)
        elif isinstance(x, Tensor):
            self.tensors[x] = None
            self._attributes_of_own(x, label)
        elif isinstance(x, Traced):
            pass  # the step has left it behind
        elif isinstance(x, Module):
            self._module(x, label)
        elif isinstance(x, Value):
            self._place(Attribute(f"{label}.data", x, "data"))
        elif isinstance(x, types.FunctionType):
            self._function(x, label)
        elif isinstance(x, types.ModuleType):
            self._python_module(x, label, name)
        elif isinstance(x, type):  # which may be called
            self._class(x, made=True)
        elif isinstance(x, Optimizer | Schedule):
            self._optimizer(x, label)
        elif isinstance(x, np.random.Generator | np.random.RandomState | random.Random):
            self.random.append((x, name, lambda: _state_of(x)))
        elif isinstance(x, np.ndarray | bytearray | memoryview | array) or hasattr(type(x), "__array__"):
            self._array(x, label, name)
            self._attributes_of_own(x, label)
        elif isinstance(x, _VIEWS):
            self._find(x.mapping, label, name)  # type: ignore[attr-defined]
        elif not self._callable(x, label, name):
            if isinstance(x, CONTAINERS):
                self._container(x, label, name)
            elif isinstance(x, tuple):
                for i, item in enumerate(x):
                    self._find(item, f"{label}[{i}]", name)
            elif isinstance(x, _CACHED):
                self.places.append(Cache(label, x, name))
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

    def _module(self, module: Module, label: str) -> None:
        ignored = frozenset(name for name, x in vars(module).items() if self._is_nobodys(module, name, x))
        self.modules[module] = label, ignored
        for name, x in vars(module).items():
            if name not in ignored:
                self._find(x, f"{label}.{name}", name)
        self._class(type(module))

    def _is_nobodys(self, module: Module, name: str, x: Any) -> bool:
        """Whether no code reads an attribute: neither the user's, nor that of a layer of ours beneath."""
        if name == KEPT:
            return True
        libraries = [base for base in type(module).__mro__ if is_library(base) and issubclass(base, Module)]
        named = self.all_attributes or name in self.known or name == "training"
        if named or libraries != [Module] or x is None:
            return False
        entries = x.values() if isinstance(x, dict) else x if isinstance(x, list | tuple | set) else (x,)
        return all(map(is_value, entries))

    def _array(self, x: Any, label: str, name: str) -> None:
        if getattr(x, "nbytes", 0) > _LARGE:
            return self._refuse(label, name, f"is an array of {x.nbytes:,} bytes")
        if isinstance(x, np.ma.MaskedArray):  # NumPy makes arrays of them without their mask
            return self._refuse(label, name, "is a MaskedArray")
        try:
            place = Numbers(label, x, name)
        except Exception:  # whatever another library raises
            return self._refuse(label, name, f"is a {type(x).__qualname__}")
        self.places.append(place)
        if place.value[1].hasobject:
            for item in np.asarray(x).flat:
                self._find(item, f"{label}[...]", name)
        return None

    def _attributes_of_own(self, x: Any, label: str) -> None:
        """Those that a subclass of the user's has."""
        if not is_library(type(x)):
            self._object(x, label)

    def _container(self, x: Any, label: str, name: str) -> None:
        if len(x) > _MANY:
            return self._refuse(label, name, f"has {len(x):,} entries")
        self.places.append(Entries(label, x, name))
        for key, item in x.items() if hasattr(x, "items") else enumerate(x):
            self._find(key, label, name)
            self._find(item, f"{label}[{key!r}]", name)
        return None

    def _callable(self, x: Any, label: str, name: str) -> bool:
        """Go on to the function of a method, partial or property."""
        if isinstance(x, operator.attrgetter | operator.methodcaller) or any([x is f for f in _ASKING]):
            self.names.add("*")
        if isinstance(x, classmethod):
            self.names.add("!")
        if isinstance(x, types.MethodType):
            self._find(x.__self__, "self", name)
        if isinstance(x, weakref.ref):
            self._find(x(), label, name)
        for kind, attributes_of_it in _PARTS.items():
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
                held = Cell(name, cell, name).value
                if callable(held) or isinstance(held, (*CONTAINERS, tuple)) or not is_library(type(held)):
                    self._find(held, name, name)
            return
        self.codes.append(code)
        self.names |= {*attributes(code), *variables(code), *code.co_freevars}
        self.names |= {f"={name}" for name in names_after(code, "STORE_ATTR")}
        around = function.__globals__
        self.names |= attributes_by_text(code, lambda name: _is_library_module(around.get(name)))
        if may_catch_absence(code):
            self.names.add("?")
        if makes_instances(code):
            self.names.add("!")
        text, source = made_of_text(code), draws_anew(code)
        if text is not None:
            self._refuse(text, text, "finds what is named in a text")
        if source is not None:
            self._refuse(source, source, "draws other random numbers each time")
        for name, cell in cells.items():
            self._place(Cell(name, cell, name))
        self.places.append(Attribute(f"the code of {label}", function, "__code__"))
        for defaults in ("__defaults__", "__kwdefaults__"):
            if getattr(function, defaults):
                self._place(Attribute(f"a default of {label}", function, defaults))
        for name in variables(code):
            self._place(Entry(name, around, name))
        for name in imported(code, around.get("__package__") or ""):
            self._find(sys.modules.get(name), name, name)
        self._chains(code, around, cells)
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
        if not _is_library_module(module):
            for known in sorted(self.known & vars(module).keys()):
                self._place(Entry(f"{label}.{known}", vars(module), known))

    def _class(self, kind: type, made: bool = False) -> None:
        """The methods and attributes that code names, of the user's classes; if made, how instances are."""
        made = made or "!" in self.known
        if (kind, made) in self._classes:
            return
        self._classes.add((kind, made))
        libraries = [base for base in kind.__mro__ if is_library(base) and base is not object]
        of_a_layer = any([issubclass(base, Module) and base is not Module for base in libraries])
        everything = self.all_attributes or of_a_layer  # whose code reads what it needs
        asked = self.known | {name for base in libraries for name in vars(base)}
        inherited = {name for base in kind.__mro__ for name in vars(base)} & self.known
        for base in kind.__mro__:
            if is_library(base):
                continue
            self.places.append(Attribute(f"the bases of {base.__name__}", base, "__mro__"))
            for name, x in list(vars(base).items()):
                if name.startswith("__"):
                    special = isinstance(x, types.FunctionType | classmethod | staticmethod)
                    special = special and name not in _UNCALLED and (made or name not in _MAKING)
                    wanted = name in self.known or (special and not _is_generated(base, name))
                else:
                    wanted = name in asked or everything
                if wanted:
                    self._place(Entry(f"{base.__name__}.{name}", vars(base), name))
            for name in sorted(inherited - vars(base).keys()):  # it may have some time what it inherits now
                self.places.append(Entry(f"{base.__name__}.{name}", vars(base), name))
        if not is_library(type(kind)):
            self._class(type(kind))

    def _optimizer(self, x: Optimizer | Schedule, label: str) -> None:
        """Steps are done anew each time; but code may read a number of it, or its methods be replaced."""
        if {"get_last_lr", "get_lr"} & self.known and isinstance(x, Schedule):
            optimizer = self._place(Attribute(f"{label}.optimizer", x, "optimizer"))
            self._place(Attribute(f"{label}.optimizer.param_groups", optimizer, "param_groups"))
        for name in sorted(self.known):
            if name in vars(x) and not name.startswith("_"):
                self._place(Attribute(f"{label}.{name}", x, name))
            elif hasattr(type(x), name):
                self.places.append(Entry(f"{label}.{name}", vars(x), name))
                self.places += [
                    Entry(f"{base.__name__}.{name}", vars(base), name)
                    for base in type(x).__mro__
                    if not is_library(base)
                ]

    def _object(self, x: Any, label: str) -> None:
        """The attributes of an object that code names, and its class."""
        kind = type(x)
        library = is_library(kind) and kind.__name__ not in _PLAIN
        own = {*getattr(x, "__dict__", ()), *_slots(kind)} - {KEPT}
        if "__wrapped__" in own:  # by functools
            self._find(x.__wrapped__, label, "")
        hides = hasattr(kind, "__getitem__") or hasattr(kind, "__iter__")  # such as collections.UserDict
        everything = hides if library else self.all_attributes
        for name in sorted(own if everything else own & self.known):
            self._place(Attribute(f"{label}.{name}", x, name))
        if not {"*", "?"}.isdisjoint(self.known) and not library and hasattr(x, "__dict__"):  # or has not yet
            self.places.append(Keys(f"an attribute of {label}", vars(x), ""))
        if library:
            for name in sorted(own):  # such as the function of np.vectorize
                held = getattr(x, name, None)
                if isinstance(held, _FUNCTIONS) or (callable(held) and not is_library(type(held))):
                    self._find(held, f"{label}.{name}", name)
            if hasattr(kind, "__getattr__"):
                self._made_up(x, label, own)
            return
        if not is_library(kind):
            self.places.append(Attribute(f"the class of {label}", x, "__class__"))
            self._class(kind)
        if hasattr(x, "__dict__"):  # what it has of its class, or not yet, it may have itself some time
            inherited = {name for base in kind.__mro__ if not is_library(base) for name in vars(base)}
            absent = sorted((self._stored | (inherited & self.known)) - own)
            absent = [name for name in absent if name in inherited or not hasattr(kind, name)]
            self.places += [Entry(f"{label}.{name}", vars(x), name) for name in absent]
            if absent:
                self.places.append(Attribute(f"the attributes of {label}", x, "__dict__"))

    def _made_up(self, x: Any, label: str, own: set[str]) -> None:
        """What a library's object, such as a configuration, answers to names that it has not."""
        for name in sorted(filter(str.isidentifier, self.known - own)):
            try:
                value = getattr(x, name)
            except Exception:  # whatever it raises
                continue
            if is_value(value):
                self.places.append(Attribute(f"{label}.{name}", x, name))
            elif type(value) is type(x):
                self._find(value, f"{label}.{name}", name)


_PARTS: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__",),
    types.BuiltinMethodType: ("__self__",),
    types.MethodWrapperType: ("__self__",),
    functools.partial: ("func", "args", "keywords"),
    functools.partialmethod: ("func", "args", "keywords"),
    property: ("fget", "fset", "fdel"),
    functools.cached_property: ("func",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
}
"""What is behind a method, a partial or a property."""
_UNCALLED = {"__del__", "__repr__"}
"""Methods that a step does not call without asking for it."""
_MAKING = {"__init__", "__new__", "__post_init__"}
"""Methods that are called where code names the class, and not of an object that is there."""
_PLAIN = {"SimpleNamespace", "Namespace", "function"}
"""Kinds of Python's own that have whatever attributes the user gives them."""


def _is_generated(base: type, name: str) -> bool:
    """Whether a method was made by dataclass: its comparisons name all fields, and are seldom called."""
    function = vars(base)[name]
    made = isinstance(function, types.FunctionType) and function.__code__.co_filename == "<string>"
    return made and "__dataclass_fields__" in vars(base) and name not in _MAKING


def _is_library_module(x: Any) -> bool:
    return isinstance(x, types.ModuleType) and is_package(x.__name__)


def _slots(kind: type) -> set[str]:
    found = set()
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            private = name.startswith("__") and not name.endswith("__")
            found.add(f"_{base.__name__.lstrip('_')}{name}" if private else name)
    return found - {"__dict__", "__weakref__"}


def _state_of(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return repr(generator.bit_generator.state)
    if isinstance(generator, np.random.RandomState):
        return tuple([np.asarray(part).tobytes() for part in generator.get_state()])
    return generator.getstate()


_UNSEEN = {"queue", "_queue", "threading", "_contextvars", "_ctypes", "ctypes"}


def _is_opaque(x: Any) -> bool:
    """Whether what it gives may change although nothing that can be seen does."""
    kind = type(x)
    if kind.__module__ in _UNSEEN or kind.__name__ == "_local":
        return True
    if isinstance(x, np.ufunc) and x.__name__.endswith("(vectorized)"):  # of np.frompyfunc
        return True
    plain = is_library(kind) and not hasattr(x, "__dict__")
    return plain and hasattr(kind, "__next__") and not hasattr(kind, "fileno")  # an iterator; a file is none
