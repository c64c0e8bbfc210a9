"""Every rule, against central differences and on awkward memory, from the one table."""

from __future__ import annotations

from inspect import signature
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import minitensor as mt
from minitensor import Tensor, Value, gradcheck
from minitensor.core.rule import registry
from tests.table import ROWS
from tests.table.row import Check, is_array

# The operations are called as NumPy's are, which outside of tests they say (arrays/asking.py).
pytestmark = pytest.mark.filterwarnings("ignore:.*, as PyTorch has it:UserWarning")

CHECKS = [
    pytest.param(check, id=f"{name}-{i}") for name, row in ROWS.items() for i, check in enumerate(row.checks)
]


def value_and_gradients(check: Check, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """The output, and each input's gradient, for a fixed random cotangent."""
    leaves = [Tensor.from_numpy(x).requires_grad_() for x in inputs]
    output = check.function(*leaves)
    output.backward(np.random.default_rng(1).normal(size=output.shape))
    return [output.data, *[leaf.grad for leaf in leaves]]


def test_every_public_operation_has_its_row() -> None:
    public = {operation.name for name, operation in registry.items() if not name.startswith("_")}
    assert public == set(ROWS)


def test_what_has_gradients_is_checked_and_compared() -> None:
    assert [name for name, row in ROWS.items() if row.graph and not (row.checks and row.samples)] == []
    assert [name for name, row in ROWS.items() if row.checks and not row.graph] == []


@pytest.mark.parametrize("check", CHECKS)
def test_gradients_and_gradients_of_gradients_are_those_of_central_differences(check: Check) -> None:
    assert gradcheck(check.function, *check.inputs(), order=2)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("layout", ["fortran", "reversed", "strided", "read-only"])
def test_the_memory_layout_of_inputs_does_not_matter(check: Check, layout: str) -> None:
    expected = value_and_gradients(check, check.inputs())
    found = value_and_gradients(check, [laid_out(x, layout) for x in check.inputs()])
    for x, y in zip(expected, found, strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-13, atol=1e-13)


def laid_out(x: NDArray[Any], layout: str) -> NDArray[Any]:
    """An array equal to x in another memory layout."""
    if layout == "fortran" and x.ndim:
        return np.asfortranarray(x)
    if layout == "reversed" and x.ndim:
        return x[::-1].copy()[::-1]
    if layout == "strided" and x.ndim:
        return np.repeat(x, 2, axis=-1)[..., ::2]
    y = x.copy()
    y.flags.writeable = layout != "read-only"
    return y


@pytest.mark.parametrize("check", [c for c in CHECKS if not str(c.id).startswith("astype")])
def test_float32_stays_float32_and_agrees_with_float64(check: Check) -> None:
    inputs = check.inputs()
    expected = value_and_gradients(check, inputs)
    found = value_and_gradients(check, [x.astype(np.float32) for x in inputs])
    for x, y in zip(expected, found, strict=True):
        assert y.dtype == np.float32
        assert y.shape == x.shape
        np.testing.assert_allclose(y, x, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("check", CHECKS)
def test_no_two_gradients_share_memory(check: Check) -> None:
    _, *gradients = value_and_gradients(check, check.inputs())
    for i, x in enumerate(gradients):
        assert x.flags.writeable
        assert not any(np.shares_memory(x, y) for y in gradients[:i])


OFF_THE_GRAPH = sorted(
    name for name, row in ROWS.items() if not row.graph and row.samples and hasattr(np, name)
)


@pytest.mark.parametrize("name", OFF_THE_GRAPH)
def test_operations_off_the_graph_give_what_numpy_gives_and_require_no_grad(name: str) -> None:
    first, *others = ROWS[name].samples[0].inputs  # what it takes: integers or not, one array or two
    x = Tensor([1, 5, 0]) if first.dtype.kind in "bi" else Tensor([1.0, -2.0, 0.0], requires_grad=True)
    args = [x, *[x.detach() + 1 if is_array(other) else other for other in others]]
    result = getattr(mt, name)(*args)
    expected = getattr(np, name)(*[arg.data if isinstance(arg, Tensor) else arg for arg in args])
    np.testing.assert_array_equal(result.data, expected)
    assert not result.requires_grad


def test_on_plain_arrays_and_floats_a_rule_just_computes() -> None:
    assert mt.multiply(2.0, 3.0) == 6.0
    assert type(mt.tanh(np.zeros(2))) is np.ndarray


def test_inputs_may_be_given_by_name() -> None:
    x = Tensor([1.0, -2.0], requires_grad=True)
    mt.subtract(np.ones(2), y=x).backward([1.0, 1.0])
    assert x.grad.tolist() == [-1.0, -1.0]


def test_a_node_given_by_name_neither_loses_its_gradient_nor_other_arguments() -> None:
    x, y = Tensor([1.0, -2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    mt.multiply(x, y=y).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0, 4.0], [1.0, -2.0])
    assert mt.sum(x=x, keepdims=True).shape == (1,)
    assert mt.clip(np.array([1.0, 5.0]), max=Tensor(2.0)).data.tolist() == [1.0, 2.0]


def test_a_mask_of_integers_selects_as_one_of_booleans() -> None:
    for mask in (np.array([255, 0], np.uint8), np.array([1, 0])):
        x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
        mt.where(mask, x, y).sum().backward()
        assert (x.grad.tolist(), y.grad.tolist()) == ([1.0, 0.0], [0.0, 1.0])


SCALAR = sorted(
    {operation.name for name, operation in registry.items() if operation.is_scalar and name[0] != "_"}
)
POINTS = [-2.0, -0.5, 0.0, 0.5, 1.0, 3.0]


def slopes(make: Any, operation: Any, numbers: tuple[float, ...]) -> list[float]:
    """The value, the gradients, and the gradients of their sum, on leaves that `make` makes."""
    leaves = [make(x) for x in numbers]
    y = operation(*leaves)
    if not y.requires_grad:
        return [float(y)]
    y.backward(create_graph=True)
    first = [x.grad for x in leaves]
    total = sum(g for g in first if isinstance(g, type(y)))
    for x in leaves:
        x.grad = 0.0 if isinstance(x, Value) else None
    if isinstance(total, type(y)) and total.requires_grad:
        total.backward()
    second = [0.0 if x.grad is None else x.grad for x in leaves]
    return [float(z) for z in [y, *first, *second]]


@pytest.mark.parametrize("name", SCALAR)
def test_on_single_numbers_two_orders_of_gradients_are_those_of_tensors(name: str) -> None:
    operation = {
        "where": lambda x, y: mt.where(x > y, x, y),
        "zero_where": lambda x: mt.zero_where(x, x > 0),
    }.get(name, getattr(mt, name))
    needed = [p for p in signature(registry[name].function).parameters.values() if p.default is p.empty]
    count = 1 if name == "zero_where" else min(len(needed), 2)
    with np.errstate(all="ignore"):
        for numbers in product(POINTS, repeat=count):
            expected = slopes(lambda x: Tensor(np.float64(x), requires_grad=True), operation, numbers)
            found = slopes(Value, operation, numbers)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=f"{name}{numbers}")
