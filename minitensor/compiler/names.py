"""Which names the code of a function has: by those it comes by all that it reads and changes."""

from __future__ import annotations

import dis
import functools
import os
import re
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from types import CodeType
from typing import Any

_LIBRARIES = {"minitensor", "numpy", "scipy", "builtins"}
_IMMUTABLE = 1 << 8  # among the flags of a type
_STANDARD = os.path.dirname(os.__file__)
_INSTALLED = ("site-packages", "dist-packages")  # folders
_ASKS_FOR_ALL = {
    *("vars", "attrgetter", "methodcaller", "asdict", "astuple", "replace", "copy", "deepcopy"),
    *("dataclasses", "pickle", "inspect"),
}
"""Functions and modules by which code comes by attributes that it does not name."""
_ATTRIBUTES_THAT_ASK = {"__dict__", "__getattribute__", "attrgetter", "methodcaller", "format_map"}
_ASKS_FOR_ONE = {"getattr", "setattr", "hasattr", "delattr"}
_WRITES_OUT = {"str", "repr", "format", "print"}
_MAY_CATCH_ABSENCE = {"AttributeError", "Exception", *_ASKS_FOR_ONE}
_OF_TEXT = {"eval", "exec", "globals", "import_module", "__import__"}


@functools.lru_cache(maxsize=1024)
def instructions(code: CodeType) -> tuple[tuple[str, Any, int], ...]:
    """The instructions of a function and of those within it: operation, argument, line."""
    found = []
    for instruction in dis.get_instructions(code):
        positions = instruction.positions
        line = positions.lineno if positions is not None and positions.lineno else code.co_firstlineno
        found.append((instruction.opname, instruction.argval, line))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += instructions(constant)
    return tuple(found)


def names_after(code: CodeType, *operations: str) -> list[str]:
    """The names that follow operations which begin like these."""
    found = {x for name, x, _ in instructions(code) if name.startswith(operations) and type(x) is str}
    return sorted(found)


def attributes(code: CodeType) -> list[str]:
    """The names of attributes that a function reads or sets."""
    return names_after(
        code, "LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER", "STORE_ATTR", "DELETE_ATTR", "IMPORT_FROM"
    )


def variables(code: CodeType) -> list[str]:
    """The names of global variables that a function reads or sets."""
    return names_after(code, "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")


def attributes_by_text(code: CodeType, is_library_module: Callable[[str], bool]) -> set[str]:
    """The names of attributes in getattr(x, "name") and its like; "*" where they are not in the code.

    Args:
        code: Of a function.
        is_library_module: Whether a global of this name is one, which may be asked for anything.
    """
    found = set(_WRITERS if _WRITES_OUT.intersection(variables(code)) else ())
    if _ASKS_FOR_ALL.intersection(variables(code)) or _ATTRIBUTES_THAT_ASK.intersection(attributes(code)):
        found.add("*")
    listed = instructions(code)
    for i, (operation, name, _) in enumerate(listed):
        if operation.startswith("FORMAT_"):
            found |= _WRITERS
        elif operation == "MATCH_CLASS":
            found.add("*")
        elif name == "format" and operation.startswith(("LOAD_ATTR", "LOAD_METHOD")):
            found |= {"*" for text in _texts(listed) if _FIELD.search(text)}
        elif operation == "BINARY_OP" and any(map(_CONVERSION.search, _texts(listed))):  # "%s" % x
            found |= _WRITERS
        elif name in _ASKS_FOR_ONE and operation == "LOAD_GLOBAL" and code.co_name not in _PASSES_ON:
            following = listed[i + 1 : i + 8]
            asked = {text for text in _texts(following) if text.isidentifier()}
            of_library = any([x == "LOAD_GLOBAL" and is_library_module(y) for x, y, _ in following[:1]])
            found |= asked if asked or of_library else {"*"}
    return found


def _texts(instructions: Iterable[tuple[str, Any, int]]) -> list[str]:
    return [x for operation, x, _ in instructions if operation == "LOAD_CONST" and type(x) is str]


_WRITERS = {"__repr__", "__str__", "__format__"}
_PASSES_ON = ("__getattr__", "__getattribute__")  # what it is asked for, which other code names
_CONVERSION = re.compile(r"%[-+ #0-9.]*[sr]")
_FIELD = re.compile(r"\{\w*[.\[]")  # as in "{0.name}"


def makes_instances(code: CodeType) -> bool:
    """Whether a function may call a class that it does not name, as in type(x)()."""
    asks = {"type", "replace", "dataclasses", "copy", "deepcopy"}.intersection(variables(code))
    return bool(asks or {"__class__", "__subclasses__", "__mro__"}.intersection(attributes(code)))


def draws_anew(code: CodeType) -> str | None:
    """What a function makes random numbers with that are others each time; None if it does not."""
    listed = instructions(code)
    for (_, name, _), (operation, count, _) in pairwise(listed):
        if (
            name in ("default_rng", "Random", "RandomState")
            and operation in ("PRECALL", "CALL")
            and count == 0
        ):
            return str(name)
    named = [*variables(code), *attributes(code)]
    return next((name for name in named if name in ("secrets", "SystemRandom", "urandom", "uuid4")), None)


def sets(name: str, codes: Iterable[CodeType]) -> bool:
    """Whether any of these sets or deletes what has this name."""
    found = [operation for code in codes for operation, x, _ in instructions(code) if x == name]
    return any([operation.startswith(("STORE", "DELETE")) for operation in found])


def may_catch_absence(code: CodeType) -> bool:
    """Whether a function goes another way where an attribute is not there."""
    return not _MAY_CATCH_ABSENCE.isdisjoint(variables(code))


def made_of_text(code: CodeType) -> str | None:
    """What a function uses to come by names that are not in its code; None if it does not."""
    named = [*variables(code), *(name for name in attributes(code) if name == "import_module")]
    return next((name for name in named if name in _OF_TEXT), None)


def imported(code: CodeType, package: str) -> list[str]:
    """The names of Python's modules that a function imports, as it stands in this package."""
    named = names_after(code, "IMPORT_NAME")
    bases = [*named, *(f"{package}.{name}".strip(".") for name in named), package]
    return [*bases, *(f"{base}.{name}" for base in bases for name in names_after(code, "IMPORT_FROM"))]


def line_of(name: str, codes: Iterable[CodeType]) -> str:
    """The line where one of these sets what has this name; else where it reads it; else its first."""
    found = [
        (not operation.startswith(("STORE", "DELETE")), i, code.co_filename, line)
        for i, code in enumerate(codes)
        for operation, x, line in instructions(code)
        if x == name
    ] or [(True, i, code.co_filename, code.co_firstlineno) for i, code in enumerate(codes)]
    _, _, file, line = min(found, default=(True, 0, "?", 0))
    return f'"{file}", line {line}'


def is_library(thing: Any) -> bool:
    """Whether a function or class is not the user's own, and so taken as it stands."""
    if isinstance(thing, type) and thing.__flags__ & _IMMUTABLE:  # written in C
        return True
    around = getattr(thing, "__globals__", None)  # as a decorator may have copied another's __module__
    module = around.get("__name__") if isinstance(around, dict) else getattr(thing, "__module__", None)
    return is_package(str(module))


@functools.lru_cache(maxsize=1024)
def is_package(module: str) -> bool:
    """Whether a module of this name comes with Python or was installed."""
    root = module.partition(".")[0]
    file = getattr(sys.modules.get(root), "__file__", None) or _STANDARD
    standard = root in sys.stdlib_module_names and file.startswith(_STANDARD)
    return root in _LIBRARIES or standard or any([folder in file for folder in _INSTALLED])
