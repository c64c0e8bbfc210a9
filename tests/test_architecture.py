"""What the layers contract of pyproject.toml cannot say: no circles, no face from below, a small core."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
APPLICATIONS = {"cli", "sklearn", "onnx", "modes", "__main__"}
"""The top floors, which import the package by its face like anyone outside it."""

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


def test_only_applications_import_the_face() -> None:
    inside = {room(module) for module in MODULES if "minitensor" in imports(module)}
    assert inside <= APPLICATIONS


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


def test_other_names_are_one_table_and_no_second_library() -> None:
    assert (ROOT / "minitensor" / "arrays" / "names.py").read_text(encoding="utf-8").count("\n") <= 150
