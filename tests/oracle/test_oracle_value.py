"""Value against single numbers of PyTorch: every scalar operation, and random expressions of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import minitensor as mt
from minitensor import Value
from minitensor.core.rule import registry
from tests.oracle.adapters import counterpart
from tests.table import ROWS
from tests.table.row import Function
from tests.table.samples import POINTS

OTHERWISE = {
    "clip": "below, with its bounds",
    "where": "below, with its condition",
    "zero_where": "the mask is not a number",
}


def of_inputs(count: int) -> list[str]:
    """The operations on single numbers that have so many inputs (those of any number count as of two)."""
    scalar = [name for name, row in ROWS.items() if row.graph and registry[name].is_scalar]
    inputs = {name: registry[name].inputs for name in scalar if name not in OTHERWISE}
    return [name for name, x in inputs.items() if (2 if x.stop is None else x.stop - x.start) == count]


UNARY, BINARY = of_inputs(1), of_inputs(2)


def gradients_of_value(function: Function, numbers: Sequence[float]) -> list[float]:
    leaves = [Value(x) for x in numbers]
    with np.errstate(all="ignore"):
        y = function(*leaves)
        y.backward()
    return [y.data, *[leaf.grad for leaf in leaves]]


def gradients_of_torch(function: Function, numbers: Sequence[float]) -> list[float]:
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    y = function(*leaves)
    gradients = torch.autograd.grad(y, leaves, allow_unused=True)
    return [y.item(), *[0.0 if g is None else g.item() for g in gradients]]


def assert_values_agree(ours: Function, theirs: Function, numbers: Sequence[float]) -> None:
    found, expected = gradients_of_value(ours, numbers), gradients_of_torch(theirs, numbers)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=str(numbers))


def test_every_scalar_operation_is_compared() -> None:
    scalar = {name for name, row in ROWS.items() if row.graph and registry[name].is_scalar}
    assert scalar == {*UNARY, *BINARY, *OTHERWISE}
    assert len(scalar) > 40


@pytest.mark.parametrize("x", [*POINTS, 0.3, -0.7])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_value_are_those_of_pytorch(name: str, x: float) -> None:
    if name in ("elu", "selu", "hardswish") and np.isnan(x):
        return  # their gradient is 1, ours NaN
    assert_values_agree(ROWS[name].ours, counterpart(ROWS[name]), [float(x)])


@pytest.mark.parametrize("x", POINTS)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_values_are_those_of_pytorch(name: str, x: float) -> None:
    for y in (*POINTS, 0.3, -0.7):
        if name == "arctan2" and x == y == 0:
            continue  # the gradient at the origin is NaN here, 0 there
        if (name == "fmod" and (y == 0 or np.isinf(x))) or (name == "copysign" and np.isinf(x)):
            continue  # as their docstrings say
        assert_values_agree(ROWS[name].ours, counterpart(ROWS[name]), [float(x), float(y)])


@pytest.mark.parametrize("x", POINTS)
def test_clip_and_where_are_those_of_pytorch(x: float) -> None:
    assert_values_agree(
        partial(mt.clip, min=-1.0, max=2.5), partial(torch.clip, min=-1.0, max=2.5), [float(x)]
    )
    for condition in (True, False):
        theirs = partial(torch.where, torch.tensor(condition))
        assert_values_agree(partial(mt.where, condition), theirs, [float(x), 2.0])


def random_expression(seed: int, library: Any) -> Function:
    """Twenty random operations, each on two of the values so far, and the sum of all of them."""

    def bounded_power(x: Any, y: Any) -> Any:
        return (x * x + 0.5) ** library.tanh(y)

    operations: list[Function] = [
        lambda x, y: x + y,
        lambda x, y: x - 2 * y,
        lambda x, y: library.tanh(x) * y,
        lambda x, y: x / (1 + y * y),
        lambda x, y: library.relu(x) - library.sigmoid(y),
        lambda x, y: library.log(1 + library.exp(-x * x)) + abs(y),
        lambda x, y: library.sqrt(1 + x**2) * library.erf(y),
        lambda x, y: library.maximum(x, y) + library.minimum(x, 0.5 * y),
        lambda x, y: library.logaddexp(x, y) - 1 / (2 + library.sigmoid(y)),
        bounded_power,
        lambda x, y: 2 ** library.tanh(x) - (-y) ** 3 / (10 + y**4),
    ]

    def expression(*leaves: Any) -> Any:
        rng = np.random.default_rng(seed)
        values = list(leaves)
        for _ in range(20):
            operation = operations[rng.integers(len(operations))]
            i, j = rng.integers(len(values), size=2)
            values.append(operation(values[i], values[j]))
        return sum(values[1:], values[0])

    return expression


@pytest.mark.parametrize("seed", range(100))
def test_random_expressions_agree_with_pytorch(seed: int) -> None:
    numbers = np.random.default_rng(seed + 1000).normal(size=4).tolist()
    assert_values_agree(random_expression(seed, mt), random_expression(seed, torch), numbers)


def test_a_value_used_many_times_and_two_backward_passes_accumulate_as_in_pytorch() -> None:
    ours, theirs = Value(1.5), torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    leaves: list[Any] = [ours, theirs]
    for x, _ in itertools.product(leaves, range(2)):
        y = x * x
        (y * y * x + y).backward()
    assert theirs.grad is not None
    assert ours.grad == pytest.approx(theirs.grad.item(), rel=1e-15)


def test_micrograd_s_example_gives_the_figures_of_its_readme() -> None:
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + mt.relu(b + a)
    d += 3 * d + mt.relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert f"{g.data:.4f} {a.grad:.4f} {b.grad:.4f}" == "24.7041 138.8338 645.5773"
