"""The scripts of tests/scripts beside their twins: the same text, with the imports it was written for."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import micrograd.nn
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import minitensor as mt

SCRIPTS = Path(__file__).parent.parent / "scripts"
IMPORTS = {
    "torch": [
        (r"^import minitensor as torch$", "import torch"),
        (r"\bminitensor\.data\b", "torch.utils.data"),
        (r"^(import|from) minitensor\b", r"\1 torch"),
    ],
    "autograd": [
        (r"^import numpy as np$", "import autograd.numpy as np"),
        (r"^import numpy.random as npr$", "import autograd.numpy.random as npr"),
        (r"^from minitensor import grad$", "from autograd import grad"),
    ],
    "micrograd": [
        (r"^from minitensor import Value$", "from micrograd.engine import Value"),
        (r"^from minitensor.nn.scalar import MLP$", "from micrograd.nn import MLP"),
    ],
}
"""What becomes of the lines that import, by the library that a script was written for."""


def script(name: str, library: str | None = None, **options: Any) -> Callable[..., list[Any]]:
    """The script's main, with options: as it stands, or as the other library's."""
    text = (SCRIPTS / f"{name}.py").read_text("utf-8")
    for old, new in IMPORTS.get(library or "", ()):
        text = re.sub(old, new, text, flags=re.MULTILINE)
    assert library is None or "minitensor" not in text
    module = types.ModuleType(f"{name}_of_{library or 'minitensor'}")
    exec(compile(text, f"{name}.py", "exec"), vars(module))
    if "dtype" in options:  # where rounding is made larger, as by RMSprop's division
        options["dtype"] = getattr(torch if library == "torch" else mt, options["dtype"])
    return partial(module.main, **options)


def weights(seed: int) -> Callable[[Any], None]:
    """Fills a model of either library, parameter by parameter, with the same numbers."""

    def load(model: Any) -> None:
        rng = np.random.default_rng(seed)
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        state = {}
        for key, old in model.state_dict().items():
            shape, scale = tuple(old.shape), 0.4 if len(old.shape) > 1 else 0.1
            floats = np.asarray(tensors[key].detach().numpy()).dtype.kind == "f"
            drawn = (rng.normal(size=shape) * scale + key.endswith(".weight") * (len(shape) == 1)).astype(
                "f4"
            )
            is_own = floats and key in dict(model.named_parameters())
            state[key] = drawn if is_own else np.asarray(tensors[key].detach().numpy())
        is_torch = isinstance(model, torch.nn.Module)
        model.load_state_dict({k: torch.from_numpy(x.copy()) if is_torch else x for k, x in state.items()})

    return load


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries draw the same noise."""
    for library in (mt, torch):
        rng = np.random.default_rng(5)

        def randn_like(x: Any, library: Any = library, rng: Any = rng) -> Any:
            return library.tensor(rng.standard_normal(tuple(x.shape)).astype("f4")).to(x.dtype)

        monkeypatch.setattr(library, "randn_like", randn_like)


OPTIONS: dict[str, dict[str, Any]] = {
    "mnist": {"epochs": 2, "shuffle": False},
    "vae": {"epochs": 1, "shuffle": False},
    "rnn": {"steps": 12, "dtype": "float64"},
    "characters": {"steps": 12},
    "wgan": {"iterations": 6, "dtype": "float64"},
    "pinn": {"steps": 12},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.usefixtures("noise")
def test_a_script_gives_the_numbers_that_pytorch_gives(name: str) -> None:
    ours, theirs = [script(name, library, **OPTIONS[name])(weights(3)) for library in (None, "torch")]
    assert len(ours) == len(theirs) > 5
    assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["logistic", "bayesian"])
def test_a_script_gives_the_numbers_that_autograd_gives(name: str) -> None:
    ours, theirs = [script(name, library)() for library in (None, "autograd")]
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_demo_of_moons_gives_the_numbers_that_micrograd_gives() -> None:
    def load(model: Any) -> None:
        rng = np.random.default_rng(2)
        for parameter in model.parameters():
            parameter.data = float(rng.normal() * 0.5)

    assert len(micrograd.nn.MLP(2, [8, 8, 1]).parameters()) == 105
    ours, theirs = [script("moons", library)(load, steps=4, samples=12) for library in (None, "micrograd")]
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_graph_that_micrograds_notebook_draws_is_the_same() -> None:
    assert script("trace_graph")() == script("trace_graph", "micrograd")()
