"""docs/operations.md: every operation, its formula and gradient, and where it differs from PyTorch."""

from __future__ import annotations

import ast
import inspect
import textwrap
from importlib import import_module
from pathlib import Path

import minitensor
import minitensor.nn.loss_functions  # which are operations too
from minitensor.core.rule import Operation, registry

PATH = Path(minitensor.__file__).parents[1] / "docs" / "operations.md"

ROOMS = [
    *["arithmetic", "elementwise", "activations", "reductions", "logic", "shapes", "indexing"],
    *["linear_algebra", "windows"],
]
MODULES = [
    *[f"minitensor.rules.{room}" for room in ROOMS],
    "minitensor.nn.loss_functions",
    "minitensor.arrays.creation",
]

HEADER = """# Operations

Generated from the rules by `python -m tools.generate`; a test fails when it is not current.

Each operation is `minitensor.name`; those whose first argument is an input are also methods of `Tensor` (and,
where single numbers make sense, of `Value`), and NumPy's function of that name records when it is given a
Tensor. Under each stands what it computes and its code, which is the mathematics: **a rule returns its value
and one local gradient per input**, a function of the gradient `g` of the output. An operation that returns no
local gradient is off the graph. An operation that returns a plain value is made of others, and its gradient
follows from theirs. Gradients are summed down to the shape of their input by the engine.

At singular points the conventions are PyTorch's unless the operation says otherwise: ties of `maximum` and
`minimum` share the gradient, as do those of `max` and `min`; `relu`, `absolute`, `sign` and the steps have
gradient 0 at their jumps and kinks; `clip` has gradient 1 on its bounds; `sqrt` has gradient inf at 0,
`norm` and `std` have 0. `zero_where(g, mask)` is g with 0 where the mask holds, even where g is inf or NaN.
"""

EVERYWHERE = """\
- A second `backward()` through a freed graph always raises. PyTorch doubles silently when nothing was
  saved.
- No two gradients share memory with each other or with the gradient given to `backward`, so that changing
  one in place changes nothing else.
- Integers in a function like `exp`, and beside a Python float, become float32; NumPy's scalars and 0-d
  arrays do not widen an array, on either side of an operator.
- `axis=()` reduces nothing, as in NumPy; PyTorch takes it for all axes.
- float16 accumulates in float16, but in `mean`.
- Dividing by zero and the like warn as in NumPy; `np.errstate` rules it.
- Options are named as in NumPy (`axis`, `keepdims`); PyTorch's `dim` and `keepdim` are accepted too.
"""


def text() -> str:
    """The whole file."""
    rooms = [(module, _operations(module)) for module in MODULES]
    deviations = [
        f"- `{operation.name}`: {unlike}"
        for _, operations in rooms
        for operation in operations
        if (unlike := _unlike_pytorch(operation))
    ]
    sections = [_room(module, operations) for module, operations in rooms if operations]
    unlike = "\n".join(["## Unlike PyTorch", "", EVERYWHERE.strip(), *deviations])
    return "\n".join([HEADER, unlike, "", *sections])


def _operations(module: str) -> list[Operation]:
    """The public operations that a module registers, in the order of its lines."""
    found = [operation for name, operation in registry.items() if not name.startswith("_")]
    return list(dict.fromkeys([operation for operation in found if _home(operation) == module]))


def _home(operation: Operation) -> str:
    return operation.function.__module__


def _room(module: str, operations: list[Operation]) -> str:
    summary = (import_module(module).__doc__ or "").split("\n\n")[0].strip()
    lines = [f"## {module.removeprefix('minitensor.')}", "", summary, ""]
    return "\n".join([*lines, *[_entry(operation) for operation in operations]])


def _entry(operation: Operation) -> str:
    also = [f"`{name}`" for name, other in registry.items() if other is operation and name != operation.name]
    title = f"### {operation.name}{operation.describe()}" + (f" · also {', '.join(also)}" if also else "")
    return f"{title}\n\n{_prose(operation)}\n\n```python\n{_code(operation)}\n```\n"


def _paragraphs(operation: Operation) -> list[str]:
    paragraphs = (inspect.getdoc(operation.function) or "").split("\n\n")
    return [p for p in paragraphs if not p.startswith(">>>")]


def _prose(operation: Operation) -> str:
    return "\n\n".join(_paragraphs(operation))


def _unlike_pytorch(operation: Operation) -> str:
    start = "Unlike PyTorch: "
    return " ".join(
        [p.removeprefix(start).replace("\n", " ") for p in _paragraphs(operation) if p.startswith(start)]
    )


def _code(operation: Operation) -> str:
    """The body of the function, without its docstring."""
    source = textwrap.dedent(inspect.getsource(operation.function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    statements = definition.body[ast.get_docstring(definition) is not None :]
    lines = source.splitlines()[statements[0].lineno - 1 :]
    return textwrap.dedent("\n".join(lines))
