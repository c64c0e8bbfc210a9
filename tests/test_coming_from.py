"""docs/coming-from.md: what it says one writes here, runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import nn, optim, training
from minitensor.data import DataLoader, TensorDataset
from minitensor.nn import scalar

PAGE = Path(__file__).parent.parent / "docs" / "coming-from.md"
ROW = re.compile(r"^\| (?P<there>.+?) \| `(?P<here>[^`]+)` \| (?P<why>.*?) ?\|$", re.MULTILINE)
TABLES = {part.partition("\n")[0]: part for part in PAGE.read_text("utf-8").split("\n## ")[1:]}
LINES = [(home, row["here"]) for home, text in TABLES.items() for row in ROW.finditer(text)]


def names(folder: Path) -> dict[str, Any]:
    """What the page takes for granted."""
    rng = np.random.default_rng(0)
    x = mt.Tensor(rng.normal(size=(4, 2)), requires_grad=True)
    X, y = rng.normal(size=(8, 64)).astype(np.float32), rng.integers(0, 10, 8)
    classifier = nn.MLP(64, [32, 10], rng=0)
    return {
        "torch": mt,
        "mt": mt,
        "nn": nn,
        "optim": optim,
        "np": np,
        "scalar": scalar,
        "X": X,
        "y": y,
        "DataLoader": DataLoader,
        "TensorDataset": TensorDataset,
        "Value": mt.Value,
        "grad": mt.grad,
        "fit": training.fit,
        "evaluate": training.evaluate,
        "EarlyStopping": training.EarlyStopping,
        "x": x,
        "loss": (x * x).sum(),
        "mask": x.data > 0,
        "path": folder / "m.safetensors",
        "model": nn.Linear(2, 1),
        "classifier": classifier,
        "adam": optim.Adam(classifier.parameters()),
        "a": mt.Value(2.0),
        "step": lambda: None,
        "optimizer": optim.SGD([x], lr=0.1),
    }


def test_each_home_has_its_table_and_each_row_a_line_to_run() -> None:
    assert [*TABLES] == ["PyTorch", "micrograd", "autograd (HIPS)", "NumPy", "Keras"]
    for home, text in TABLES.items():
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        assert len(rows) - 2 == sum(known == home for known, _ in LINES), f"{home}: a row was not read"


@pytest.mark.parametrize(("home", "line"), LINES)
def test_what_one_writes_here_runs(home: str, line: str, tmp_path: Path) -> None:
    around = names(tmp_path)
    if home == "NumPy" and "mask" in line:
        around["x"] = around["x"].detach()
    exec(compile(line, "<coming-from.md>", "exec"), around)
