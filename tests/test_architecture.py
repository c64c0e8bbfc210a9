"""The house stands as docs/architecture.md draws it: who may import whom, no circles, and a small core."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS: list[set[str]] = [
    {"errors", "files", "ndarrays", "arguments", "methods", "results", "tables", "memory"},
    {"core"},
    {"context", "rules"},
    {"random", "arrays"},
    {"func", "gradcheck", "debugging", "data", "nn"},
    {"optim"},
    {"compiler"},
    {"training"},
    {"cli", "sklearn", "onnx", "modes", "__main__"},
]
"""From the ground up: a room imports from its own floor and from those below. (The face imports anything.)"""

MODULES = {
    ".".join(("minitensor", *path.relative_to(ROOT / folder).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for folder, pattern in [
        ("minitensor", "**/*.py"),
        ("minitensor", "nn/*.py"),
        ("minitensor", "optim/*.py"),
    ]
    for path in (ROOT / folder).glob(pattern)
}


def imports(module: str) -> set[str]:
    """The modules of the project that one imports, wherever in its text: also under TYPE_CHECKING."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("minitensor"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
    return found


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


FLOOR_OF = {name: i for i, floor in enumerate(FLOORS) for name in floor}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_room_imports_from_its_floor_and_below(module: str) -> None:
    if module == "minitensor":
        return
    face = "minitensor" in imports(module)
    assert not face or room(module) in FLOORS[-1], f"{module} imports what stands above it, by its face"
    for other in imports(module) - {"minitensor"}:
        assert FLOOR_OF[room(other)] <= FLOOR_OF[room(module)], f"{module} imports {other}"


def test_the_engine_imports_no_operation_and_nothing_above_it() -> None:
    for module in MODULES:
        if room(module) == "core":
            assert {room(other) for other in imports(module)} <= FLOORS[0] | {"core"}, module


def test_there_is_no_circle() -> None:
    faces = {"minitensor", *[name for name in MODULES if MODULES[name].name == "__init__.py"]}
    graph = {name: imports(name) - faces for name in MODULES if name not in faces}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_engine_reads_in_one_sitting() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "minitensor" / "core").glob("*.py")]
    assert sum(text.count("\n") for text in texts) <= 700
    words = r"Recorded|Traced|holds\(|compil|debug|optim|Module"
    code = [line for text in texts for line in text.splitlines() if not line.strip().startswith("#")]
    assert not [line for line in code if re.search(words, line)]
