"""Whole scripts, as tutorials and papers have them, run with nothing but their imports changed.

Each ends with numbers that its twin must give too: the same text with the imports of the library that it was
written for (tests/oracle/test_oracle_scripts.py).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

LEARNS: dict[str, tuple[dict[str, Any], Callable[[list[Any]], bool]]] = {
    "mnist": ({"epochs": 3}, lambda found: found[-1] > 0.8),  # its accuracy
    "vae": ({"epochs": 4}, lambda found: found[-5] < 0.8 * found[0]),
    "rnn": ({"steps": 30}, lambda found: found[29] < 0.5 * found[0]),
    "characters": ({"steps": 30}, lambda found: found[-1] < 0.8 * found[0]),
    "wgan": ({"iterations": 4}, lambda found: len(found) == 10),
    "pinn": ({"steps": 60}, lambda found: found[59] < 0.5 * found[0]),
    "logistic": ({}, lambda found: found[1] < 0.5 * found[0]),
    "bayesian": ({"steps": 30}, lambda found: found[0] < 3000),
    "moons": ({"steps": 12}, lambda found: found[22] < 0.5 * found[0]),
    "trace_graph": ({}, lambda found: found[-1] == "11 nodes, 13 edges"),
}
"""With what each is run, and what its results say if it has learnt something."""


@pytest.mark.parametrize("name", LEARNS)
def test_a_script_learns(name: str) -> None:
    options, has_learnt = LEARNS[name]
    found = import_module(f"tests.scripts.{name}").main(**options)
    assert all([isinstance(x, str) or np.isfinite(x) for x in found])
    assert has_learnt(found)
