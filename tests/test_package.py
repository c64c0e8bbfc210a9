"""The package as it is installed: what importing it loads, what it contains, and that its texts are true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minitensor
from minitensor.data import load_digits
from tools.generate import GENERATED

ROOT = Path(__file__).parent.parent


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def test_importing_minitensor_loads_numpy_and_nothing_else_heavy() -> None:
    code = "import sys, minitensor; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in python("-c", code).stdout.split()}
    assert "numpy" in loaded
    assert loaded.isdisjoint({"sklearn", "scipy", "rich", "safetensors", "pandas", "torch", "argparse"})
    whole = set(python("-c", code).stdout.split())
    assert whole.isdisjoint(
        {"minitensor.nn", "minitensor.optim", "minitensor.data", "numpy.random", "numpy.linalg"} - NUMPY
    )


NUMPY = set(python("-c", "import sys, numpy; print(*sys.modules)").stdout.split())


def test_the_rooms_are_imported_from_anywhere_and_never_by_their_folder_s_name(tmp_path: Path) -> None:
    assert python("-c", "import minitensor.nn, minitensor.optim", cwd=tmp_path).returncode == 0
    assert python("-c", "import minitensor; minitensor.nn.MLP, minitensor.optim.SGD").returncode == 0
    for name in ("nn", "optim"):
        assert f"No module named '{name}'" in python("-c", f"import {name}", cwd=tmp_path).stderr
        assert f"this package is minitensor.{name}" in python("-c", f"import {name}", cwd=ROOT).stderr


def test_every_package_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {path.parent for path in (ROOT / "minitensor").glob("**/__init__.py")}
    found |= {ROOT / "minitensor" / room for room in ("nn", "optim")}
    names = {".".join(path.relative_to(ROOT).parts) for path in found}
    assert names == set(settings["packages"])
    for package, folder in settings["package-dir"].items():
        assert (ROOT / folder / "__init__.py").samefile(ROOT / Path(*package.split(".")) / "__init__.py")


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.PATH.name)
def test_what_is_generated_is_current(page: Any) -> None:
    assert page.PATH.read_text(encoding="utf-8") == page.text(), "run: python -m tools.generate"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        minitensor.nothing  # noqa: B018
    assert {"nn", "optim", "data", "Tensor", "exp"} <= set(dir(minitensor))


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_every_example_runs(name: str, tmp_path: Path) -> None:
    arguments = []
    if name == "04_train_mnist.py":  # MNIST would need a network
        x, y = load_digits()
        images = np.pad(np.kron(x.reshape(-1, 8, 8), np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
        np.savez(tmp_path / "images.npz", x=(255 * images).astype(np.uint8), y=y)
        arguments = ["images.npz"]
    result = python("-W", "error", str(ROOT / "examples" / name), *arguments, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert EXPECTED[name] in result.stdout


EXPECTED = {
    "01_chain_rule.py": "d car / d walker  = 32",
    "02_same_rule_on_tensors.py": "largest difference: ",
    "03_train_digits.py": "test accuracy 9",
    "04_train_mnist.py": "test accuracy 9",
    "05_sklearn_pipeline.py": "test accuracy 9",
    "06_convnet.py": "test accuracy 9",
    "07_moons.py": "largest difference of the scores: ",
    "micro.py": "step 100: loss 0.1490, w +2.06 +2.06, b -3.14",
}


def test_the_readme_s_code_runs_and_prints_what_it_says() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(from.*?|import.*?)```(?:\n\n```\n(.*?)```)?", text, re.DOTALL)
    assert len(blocks) == 5
    for code, output in blocks:
        result = python("-W", "error", "-c", code)
        assert result.stderr == ""
        assert not output or result.stdout == output
