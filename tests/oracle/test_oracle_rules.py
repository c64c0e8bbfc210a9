"""Every operation against PyTorch: values, dtypes, gradients and gradients of gradients, from one table."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import minitensor as mt
from minitensor import Tensor
from minitensor.core.rule import registry
from tests.oracle.adapters import counterpart, over_axes
from tests.oracle.agreement import assert_agree, assert_same
from tests.table import ROWS
from tests.table.creation import LIKE
from tests.table.draws import DRAWS
from tests.table.row import Array, Function, Row, Sample, is_array
from tests.table.samples import drawn

# The operations are called as NumPy's are, which outside of tests they say (arrays/asking.py).
pytestmark = pytest.mark.filterwarnings("ignore:.*, as PyTorch has it:UserWarning")

ONE_BY_ONE = {"allclose", "array_equal", "shape", "ndim", "size", "rand_like", "randn_like", "empty_like"}
ONE_BY_ONE |= {"bernoulli", "multinomial"}
"""What gives no tensor, or a random one: compared below, not by samples."""


def cases(samples_of: Callable[[Row], Sequence[Sample]]) -> list[Any]:
    return [
        pytest.param(row, inputs, attrs, id=f"{name}-{i}")
        for name, row in ROWS.items()
        for i, (inputs, attrs) in enumerate(samples_of(row))
    ]


def as_dtype(x: Any, dtype: Any) -> Any:
    return x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def test_every_public_operation_is_compared() -> None:
    public = {operation.name for name, operation in registry.items() if not name.startswith("_")}
    assert public - ONE_BY_ONE == {name for name, row in ROWS.items() if row.samples}


def test_whatever_a_row_names_exists() -> None:
    assert all([callable(counterpart(row)) for row in ROWS.values() if row.torch is not None])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("row", "inputs", "attrs"), cases(lambda row: row.samples if row.graph else ()))
def test_values_and_gradients_of_two_orders_are_those_of_pytorch(
    row: Row, inputs: tuple[Any, ...], attrs: dict[str, Any], dtype: Any
) -> None:
    inputs = tuple([as_dtype(x, dtype) for x in inputs])
    assert_agree(partial(row.ours, **attrs), partial(counterpart(row), **attrs), inputs)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("row", "inputs", "attrs"), cases(lambda row: row.singular))
def test_values_and_gradients_at_singular_points_are_those_of_pytorch(
    row: Row, inputs: tuple[Any, ...], attrs: dict[str, Any], dtype: Any
) -> None:
    inputs = tuple([as_dtype(x, dtype) for x in inputs])
    assert_agree(partial(row.ours, **attrs), partial(counterpart(row), **attrs), inputs, order=1)


@pytest.mark.parametrize(("row", "inputs", "attrs"), cases(lambda row: () if row.graph else row.samples))
def test_operations_off_the_graph_have_the_values_of_pytorch(
    row: Row, inputs: tuple[Any, ...], attrs: dict[str, Any]
) -> None:
    assert_agree(partial(row.ours, **attrs), partial(counterpart(row), **attrs), inputs, order=0)
    on_graph = [Tensor(x, requires_grad=x.dtype.kind == "f") if is_array(x) else x for x in inputs]
    with np.errstate(all="ignore"):
        assert not row.ours(*on_graph, **attrs).requires_grad


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "draw"), list(DRAWS.items()))
def test_drawn_at_random_values_and_gradients_are_those_of_pytorch(name: str, draw: Any, dtype: Any) -> None:
    row = ROWS[name]
    for seed in range(40):
        inputs, attrs = draw(np.random.default_rng(seed))
        inputs = tuple([as_dtype(x, dtype) for x in inputs])
        assert_agree(partial(row.ours, **attrs), partial(counterpart(row), **attrs), inputs)


@pytest.mark.parametrize("name", ["max", "min", "argmax"])
def test_extremes_of_nothing_are_refused_by_both(name: str) -> None:
    row = ROWS[name]
    with pytest.raises((IndexError, RuntimeError)):
        counterpart(row)(torch.zeros(0, 3), axis=0)
    with pytest.raises(ValueError, match=name):
        row.ours(Tensor(np.zeros((0, 3))), axis=0)


# ------------------------------------------------------------------------------------------ one by one


@pytest.mark.parametrize("x", [s.inputs[0] for s in LIKE], ids=lambda x: f"{x.dtype}{x.shape}")
def test_shapes_and_what_is_random_of_the_same_are_those_of_pytorch(x: Array) -> None:
    ours, theirs = Tensor(x), torch.from_numpy(x)
    assert (mt.shape(ours), mt.ndim(ours), mt.size(ours)) == (theirs.shape, theirs.ndim, theirs.numel())
    for name in ("rand_like", "randn_like"):  # random: the shape and the dtype
        y = getattr(mt, name)(Tensor(x[:0].astype(np.float32) if x.ndim else x))
        assert (y.shape, y.dtype) == (x[:0].shape if x.ndim else (), np.float32)


@pytest.mark.parametrize("x", [[1.0, 2.0], [1.0, np.nan], [np.inf, 1.0], [1.0, 2.0, 3.0]])
@pytest.mark.parametrize("y", [[1.0, 2.0], [1.0, np.nan], [np.inf, 1.0 + 1e-6], [1.0, 2.001]])
def test_all_elements_are_equal_or_close_when_pytorch_says_so(x: list[float], y: list[float]) -> None:
    ours = Tensor(x, dtype=float), Tensor(y, dtype=float)
    theirs = torch.tensor(x).double(), torch.tensor(y).double()
    assert mt.array_equal(*ours) == torch.equal(*theirs)
    if len(x) == len(y):
        settings: list[dict[str, Any]] = [{}, {"rtol": 1e-2}, {"equal_nan": True}, {"atol": 0.1, "rtol": 0.0}]
        for attrs in settings:
            assert mt.allclose(*ours, **attrs) == torch.allclose(*theirs, **attrs), attrs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: mt.split(x, (1, 4), 1), lambda x: torch.tensor_split(x, (1, 4), 1)),
        (lambda x: mt.split(x, 3, 0), lambda x: torch.tensor_split(x, 3)),
        (lambda x: mt.chunk(x, 4), lambda x: torch.chunk(x, 4)),
        (lambda x: mt.chunk(x, 5, 1), lambda x: torch.chunk(x, 5, 1)),
        (mt.unbind, torch.unbind),
        (lambda x: mt.topk(x, 2, 0), lambda x: torch.topk(x, 2, 0)),
        (lambda x: mt.max_with_indices(x, 0), lambda x: torch.max(x, 0)),
        (lambda x: mt.min_with_indices(x, 1, True), lambda x: torch.min(x, 1, True)),
        (lambda x: mt.slogdet(x[:, :6] * -1), lambda x: torch.linalg.slogdet(x[:, :6] * -1)),
    ],
)
def test_every_output_is_that_of_pytorch(ours: Function, theirs: Function) -> None:
    x = drawn(6, 7)
    found, expected = ours(Tensor(x)), theirs(torch.from_numpy(x))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert_same(np.asarray(a.data), b.numpy())


@pytest.mark.parametrize("part", [0, 1])
def test_logarithms_of_determinants_that_are_zero_have_the_values_of_pytorch(part: int) -> None:
    x = np.array([[1.0, 2.0], [2.0, 4.0]])
    assert_agree(lambda t: mt.slogdet(t)[part], lambda t: torch.linalg.slogdet(t)[part], [x], order=0)


# --------------------------------------------------------------------------------------------- dtypes

NUMBERS: list[Any] = [2.0, 2, np.float64(2.0), np.float32(2.0)]
ARRAYS: list[Array] = [
    *[np.array(2, dtype) for dtype in (np.float64, np.float32, np.int64)],
    *[np.array([1, 2, 3], dtype) for dtype in (np.float64, np.float32, np.int64, np.int32)],
]
BOOLEANS: list[Array] = [np.array(True), np.array([True, False, True])]
FLOATS: list[Array] = [np.array(x, dtype) for x in ([1, 2, 3], 3) for dtype in (np.float32, np.float64)]
ARITHMETIC: list[Function] = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def describe(x: Any) -> str:
    return f"{x.dtype}{list(x.shape)}" if is_array(x) else getattr(x, "__name__", type(x).__name__)


def assert_agree_both_ways(function: Function, x: Any, y: Any) -> None:
    assert_agree(function, function, [x, y])
    assert_agree(function, function, [y, x])


@pytest.mark.parametrize("function", ARITHMETIC, ids=describe)
@pytest.mark.parametrize("y", ARRAYS, ids=describe)
@pytest.mark.parametrize("x", FLOATS, ids=describe)
def test_dtypes_promote_as_in_pytorch(x: Array, y: Array, function: Function) -> None:
    assert_agree_both_ways(function, x, y)


@pytest.mark.parametrize("function", [operator.add, operator.mul], ids=describe)
@pytest.mark.parametrize("y", BOOLEANS, ids=describe)
@pytest.mark.parametrize("x", FLOATS, ids=describe)
def test_booleans_promote_as_in_pytorch(x: Array, y: Array, function: Function) -> None:
    assert_agree_both_ways(function, x, y)  # PyTorch has no difference or power of booleans


@pytest.mark.parametrize("function", ARITHMETIC, ids=describe)
@pytest.mark.parametrize("number", NUMBERS, ids=describe)
@pytest.mark.parametrize("x", FLOATS, ids=describe)
def test_single_numbers_leave_the_dtype_alone_as_in_pytorch(
    x: Array, number: Any, function: Function
) -> None:
    same = float(number)  # NumPy's scalars on PyTorch's left would be served by NumPy, and upcast
    assert_agree(lambda t: function(t, number), lambda t: function(t, same), [x])
    assert_agree(lambda t: function(number, t), lambda t: function(same, t), [x])


@pytest.mark.parametrize("function", ARITHMETIC, ids=describe)
@pytest.mark.parametrize(
    "other", [2, np.array(2), np.array([1, 2, 3]), np.array([1, 2, 3], np.int32)], ids=describe
)
def test_integers_promote_as_in_pytorch(other: Any, function: Function) -> None:
    assert_agree(function, function, [np.array([1, 2, 3]), other], order=0)


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.truediv], ids=describe)
def test_integers_and_python_floats_promote_as_in_pytorch(function: Function) -> None:
    assert_agree(function, function, [np.array([1, 2, 3]), 2.5], order=0)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(mt.exp, torch.exp), (mt.sqrt, torch.sqrt), (mt.sigmoid, torch.sigmoid)]
)
def test_functions_of_integers_are_floating_point_as_in_pytorch(ours: Function, theirs: Function) -> None:
    assert_agree(ours, theirs, [np.array([1, 2, 3])], order=0)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.bool_])
@pytest.mark.parametrize(
    "name",
    [
        *["exp2", "expm1", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan"],
        *["sinh", "cosh", "arcsinh", "arccosh", "arctanh", "reciprocal", "rsqrt"],
        *["cumsum", "cumprod", "prod", "max", "sort", "argsort", "square", "flip", "tril"],
        *["isnan", "isfinite", "any", "all", "count_nonzero"],
    ],
)
def test_results_from_integers_and_booleans_have_the_dtype_of_pytorch(name: str, dtype: Any) -> None:
    if dtype == np.bool_ and name in ("square", "tril"):
        return  # ours keep a square as it is, and make integers of a triangle; theirs the other way round
    row = ROWS[name]
    assert_agree(row.ours, counterpart(row), [np.array([[3, 1, 2], [0, 0, 1]]).astype(dtype)], order=0)


@pytest.mark.parametrize("axis", [None, 0])
def test_sums_of_integers_and_booleans_count_as_in_pytorch(axis: int | None) -> None:
    for x in (np.array([[1, 2], [3, 4]]), np.array([[1, 2]], np.int32), np.array([[True, True]])):
        assert_agree(partial(mt.sum, axis=axis), partial(over_axes(torch.sum), axis=axis), [x], order=0)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_a_conversion_to_integers_leaves_the_graph_as_in_pytorch(dtype: str) -> None:
    assert not torch.ones(2, requires_grad=True).to(getattr(torch, dtype)).requires_grad
    assert not mt.astype(Tensor([1.0, 2.0], requires_grad=True), dtype).requires_grad


# ---------------------------------------------------------------------- compositions at singular points


def ours_and_theirs(function: Function) -> tuple[Function, Function]:
    """One expression in both libraries, whose functions it takes from the argument `f`."""
    return partial(function, mt), partial(function, torch)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(
            lambda f, x: f.where(x > 0, f.log(x), x * 0), id="a NaN leaks from the branch not taken"
        ),
        pytest.param(lambda f, x: f.where(x > 0, f.sqrt(f.where(x > 0, x, x * 0 + 1)), x), id="double where"),
        pytest.param(lambda f, x: f.sqrt((x * x).sum()), id="norm by hand"),
        pytest.param(lambda f, x: f.log(f.exp(x).sum()), id="logsumexp by hand"),
        pytest.param(
            lambda f, x: (x - x.mean()) / f.sqrt(((x - x.mean()) * (x - x.mean())).mean() + 1e-5), id="norm"
        ),
        pytest.param(lambda f, x: x * x * x + 2 / (1 + f.exp(-x)) - f.tanh(x) ** 2, id="polynomial"),
        pytest.param(lambda f, x: f.relu(x) @ f.tanh(x), id="inner product"),
    ],
)
@pytest.mark.parametrize(
    "x", [np.array([0.0, 1.0, -1.0]), np.zeros(3), drawn(4)], ids=["mixed", "zeros", "drawn"]
)
def test_compositions_agree(function: Function, x: Array) -> None:
    assert_agree(*ours_and_theirs(function), [x])
