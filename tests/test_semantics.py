"""What must be right at the edges: one section a line, and at the end what an error says.

The convention is PyTorch's wherever it has one. A name carries its line's number, so that a failure names the
promise that was broken.
"""

from __future__ import annotations

import copy
import math
import operator
import pickle
import re
import threading
import weakref
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from joblib import Parallel, delayed, dump, load
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import minitensor as mt
from minitensor import DTypeError, GraphError, ShapeError, Tensor, Value, cli, nn, no_grad, optim
from minitensor.data import DataLoader, make_moons, train_test_split
from minitensor.training import fit

# The operations are called as NumPy's are, which outside of tests they say (arrays/asking.py).
pytestmark = pytest.mark.filterwarnings("ignore:.*, as PyTorch has it:UserWarning")

Array: TypeAlias = NDArray[Any]
Function: TypeAlias = Callable[..., Any]
INF, NAN = math.inf, math.nan


def leaf(data: Any, dtype: Any = np.float64) -> Tensor:
    return Tensor(np.array(data, dtype), requires_grad=True)


def gradients(function: Function, *inputs: Any) -> list[Any]:
    """The gradients of the sum of function's output, in float64, towards all inputs."""
    leaves = [leaf(x) for x in inputs]
    y = function(*leaves)
    y.backward(np.ones(y.shape))
    return [x.grad for x in leaves]


def gradient(function: Function, x: Any) -> Any:
    return gradients(function, x)[0]


@pytest.fixture(params=[Value, leaf], ids=["Value", "Tensor"])
def number(request: pytest.FixtureRequest) -> Any:
    """How to make a leaf from a float, in scalar mode and in tensor mode."""
    return request.param


def slope(function: Function, x: Any) -> Any:
    """The value and the gradient at the leaf x."""
    y = function(x)
    y.backward()
    return float(y), float(x.grad)


# ------------------------------------------------------------------------- 1-12: graph and accumulation


def test_01_each_node_is_visited_once(number: Any) -> None:
    a = number(3.0)
    assert slope(lambda a: a * a, a) == (9, 6)
    a = number(3.0)
    b = a + a
    assert slope(lambda a: b + b, a) == (12, 4)


def test_01_by_identity_not_by_value(number: Any) -> None:
    a, b = number(3.0), number(3.0)
    (a * 2 + b * 5).backward()
    assert (a.grad, b.grad) == (2, 5)


BROADCASTS = [
    ((3, 1), (4,)),
    ((), (2, 3)),
    ((), ()),
    ((1,), ()),
    ((5, 2, 3), (2, 3)),
    ((5, 2, 3), (2, 1)),
    ((2, 1, 3), (4, 1)),
    ((1, 1), (2, 3)),
    ((0, 3), (1, 3)),
]


@pytest.mark.parametrize("swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("shapes", BROADCASTS, ids=str)
def test_02_gradients_come_back_in_the_leaf_s_shape(shapes: tuple[Any, Any], swapped: bool) -> None:
    a, b = [np.full(shape, i + 2.0) for i, shape in enumerate(shapes[::-1] if swapped else shapes)]
    times = np.broadcast(a, b).size
    for function, of_a, of_b in [
        (operator.add, 1.0, 1.0),
        (operator.mul, 3.0, 2.0),
        (operator.sub, 1.0, -1.0),
    ]:
        to_a, to_b = gradients(function, a, b)
        assert (to_a.shape, to_b.shape) == (a.shape, b.shape)
        assert_allclose(to_a, of_a * times / a.size if a.size else to_a)
        assert_allclose(to_b, of_b * times / b.size if b.size else to_b)


def test_03_a_chain_of_a_million_nodes_goes_backward(number: Any, without_collector: None) -> None:
    a = number(1.0)
    y = a
    for _ in range(1_000_000):
        y = y + a
    y.backward()
    assert a.grad == 1_000_001


def test_03_a_chain_of_a_million_nodes_can_be_dropped(number: Any, without_collector: None) -> None:
    y = number(1.0)
    first = weakref.ref(y)
    for _ in range(1_000_000):
        y = -y
    del y
    assert first() is None


def test_04_two_passes_add_into_grad(number: Any) -> None:
    a = number(2.0)
    for _ in range(2):
        (a * a).backward()
    assert a.grad == 8


def test_04_an_unused_leaf_keeps_none() -> None:
    used, unused = leaf([1.0]), leaf([1.0])
    (used * 2).backward()
    assert unused.grad is None


@pytest.mark.parametrize("function", [lambda a: a + a, lambda a: a * a, lambda a: -a], ids=["+", "*", "-"])
def test_05_a_second_backward_through_a_freed_graph_raises(number: Any, function: Function) -> None:
    a = number(1.0)
    y = function(a)
    y.backward()
    once = float(a.grad)
    for root in (y, y * 2):  # the graph itself, and one that stands on it
        with pytest.raises(GraphError, match="freed by an earlier backward"):
            root.backward()
    assert a.grad == once


def test_05_retain_graph_allows_a_second(number: Any) -> None:
    a = number(3.0)
    y = a * a
    y.backward(retain_graph=True)
    y.backward()
    assert a.grad == 12


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
def test_06_grad_has_the_data_s_shape_and_dtype(dtype: Any, shape: tuple[int, ...]) -> None:
    x = leaf(np.ones(shape), dtype)
    other = np.ones((2, 3), np.float64)
    for _ in range(2):
        (x * other + x.sum() * 2).mean().backward()
        assert isinstance(x.grad, np.ndarray)
        assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)


def test_06_only_what_fits_can_be_assigned() -> None:
    x = leaf([1.0, 2.0], np.float32)
    for wrong, fault in [
        (np.zeros(2), DTypeError),
        (np.zeros(3, np.float32), ShapeError),
        ("junk", ShapeError),
    ]:
        with pytest.raises(
            fault, match=r"^grad: .* does not fit the tensor, which is float32 of shape \(2,\)"
        ):
            x.grad = wrong
    x.grad = np.ones(2, np.float32)
    x.grad *= 3
    (x * 2).sum().backward()
    assert_array_equal(x.grad, np.array([5, 5], np.float32))
    x.grad = None


def test_06_whatever_the_dtype_of_the_caller_s_gradient() -> None:
    for seed in (np.ones(2, np.float64), np.ones(2, np.int64), [1, 1], Tensor([1, 1])):
        x = leaf([1.0, 2.0], np.float32)
        (x * 1).backward(seed)
        x.backward(seed)
        assert x.grad.dtype == np.float32


SHARING: dict[str, Function] = {
    "nothing": lambda a, b: a,
    "negative": lambda a, b: -a,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "twice": lambda a, b: a + a + b,
    "reshape": lambda a, b: a.reshape(4).reshape(2, 2) + b,
    "transpose": lambda a, b: a.T.T + b,
    "index": lambda a, b: a[:] + b[...],
    "broadcast_to": lambda a, b: mt.broadcast_to(a, (2, 2)) + mt.broadcast_to(b, (2, 2)),
    "stack": lambda a, b: mt.stack([a, b]).sum(0),
    "concatenate": lambda a, b: mt.concatenate([a, b])[:2] + b,
    "astype": lambda a, b: a.astype(np.float64) + b,
    "where": lambda a, b: mt.where(True, a, b),
}


@pytest.mark.parametrize("create_graph", [False, True], ids=["", "create_graph"])
@pytest.mark.parametrize("name", SHARING)
def test_07_no_two_gradients_nor_the_seed_share_memory(name: str, create_graph: bool) -> None:
    a, b, seed = leaf(np.ones((2, 2))), leaf(np.ones((2, 2))), np.ones((2, 2))
    middle = (a + 0).retain_grad()
    y = SHARING[name](middle, b).retain_grad()
    y.backward(seed, create_graph=create_graph)
    assert_array_equal(seed, np.ones((2, 2)))
    nodes = {a, b, middle, y}
    arrays = [seed, a.data, b.data, *[np.asarray(x.grad.data) for x in nodes if x.grad is not None]]
    for i, x in enumerate(arrays):
        assert x.flags.writeable
        assert not any(np.shares_memory(x, other) for other in arrays[i + 1 :])


def test_07_the_seed_may_be_changed_before_a_gradient_s_gradient() -> None:
    x, seed = leaf([2.0]), np.ones(1)
    x.exp().backward(seed, create_graph=True)
    first, x.grad = x.grad, None
    seed[0] = 100
    first.backward()
    assert_allclose(x.grad, [math.exp(2)])


def test_07_adding_into_a_gradient_leaves_the_old_array_alone() -> None:
    x, y = leaf([1.0]), leaf([1.0])
    (x + y).backward()
    before = x.grad
    (x + y).backward()
    assert (before[0], x.grad[0], y.grad[0]) == (1, 2, 2)


GRAPHS: dict[str, Function] = {
    "arithmetic": lambda x: -(x * x + 1) / (x - 3) ** 2,
    "exp": lambda x: x.exp().log().sigmoid(),
    "reductions": lambda x: x.sum() + x.mean(0).max() + x.prod() + x.std() + x.logsumexp(),
    "shapes": lambda x: x.T.reshape(4)[[0, 0, 1]],
    "matmul": lambda x: x @ x,
    "softmax": lambda x: x.softmax().log_softmax(),
    "joining": lambda x: mt.concatenate([x, mt.stack([x, x])[0]]),
    "selection": lambda x: mt.where(x > 0, x.relu(), x.clip(0, 1)),
    "loss": lambda x: mt.cross_entropy(x, np.array([0, 1])),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_08_a_dropped_graph_is_freed_by_reference_counting(name: str, without_collector: None) -> None:
    middle = leaf([[1.0, 2.0], [4.0, 5.0]]) * 1
    seen = weakref.ref(middle)
    y = GRAPHS[name](middle)
    del middle
    assert seen() is not None
    del y
    assert seen() is None


def test_08_also_after_backward_and_after_an_error(without_collector: None) -> None:
    middle = leaf([1.0, 2.0]) * 1
    seen = weakref.ref(middle)
    y = middle * middle
    with pytest.raises(ShapeError):
        y.backward()
    y.backward(np.ones(2), retain_graph=True)
    del middle, y
    assert seen() is None


def test_09_no_grad_nests() -> None:
    x = leaf(1.0)
    with no_grad():
        with no_grad():
            assert not (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_09_no_grad_is_undone_by_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert mt.is_grad_enabled()


def test_09_no_grad_is_per_thread() -> None:
    found: list[bool] = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(mt.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not mt.is_grad_enabled()
    assert found == [True]


@pytest.mark.parametrize("write", ["data -=", "+=", "[...] =", "through a view", "out="])
def test_10_a_saved_input_changed_after_the_forward_pass_is_noticed(write: str) -> None:
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    view = x.detach()
    with no_grad():
        if write == "data -=":
            x.data -= 1
        elif write == "+=":
            x += 1
        elif write == "[...] =":
            x[...] = 0
        elif write == "out=":
            x.data = np.add(x.data, 1, out=x.data)
        else:
            view[0] = 5
    with pytest.raises(GraphError, match="overwritten after the forward pass"):
        y.backward()
    assert x.grad is None


def test_10_a_saved_result_changed_is_noticed_too() -> None:
    x = leaf([1.0, 2.0])
    y = x.exp()
    with no_grad():
        y += 1
    with pytest.raises(GraphError, match="exp needs its result, which was overwritten"):
        y.backward([1, 1])


def test_10_an_index_changed_later_changes_no_gradient() -> None:
    for key in (np.array([0, 0]), Tensor([0, 0]), [0, 0]):
        x = leaf([1.0, 2.0])
        y = x[key].sum()
        key[0] = 1
        y.backward()
        assert_array_equal(x.grad, [2, 0])


def test_10_what_no_gradient_needs_may_change() -> None:
    x = leaf([1.0, 2.0])
    y = (x + 1).sum()
    x.data -= 1
    y.backward()
    assert_array_equal(x.grad, [1, 1])


WRITES: dict[str, Function] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "**=": operator.ipow,
    "[...] =": lambda x, value: x.__setitem__(..., value),
    "[0] =": lambda x, value: x.__setitem__(0, value),
}


@pytest.mark.parametrize("name", WRITES)
def test_10_writing_into_a_leaf_raises_before_anything_changes(name: str) -> None:
    x = leaf([2.0, 3.0])
    with pytest.raises(GraphError, match=r"Write under no_grad\(\)"):
        WRITES[name](x, 5.0)
    assert_array_equal(x.data, [2, 3])
    with no_grad():
        WRITES[name](x, 5.0)
    assert x.data[0] != 2
    assert x.is_leaf
    assert x.requires_grad


def test_11_a_tensor_copies_and_from_numpy_shares() -> None:
    a = np.zeros(2)
    copied, shared = Tensor(a), mt.from_numpy(a)
    again = Tensor(shared)
    a[0] = 5
    assert_array_equal(copied.data, [0, 0])
    assert_array_equal(again.data, [0, 0])
    assert_array_equal(shared.data, [5, 0])


def test_12_backward_from_a_non_scalar_needs_a_gradient_of_its_shape() -> None:
    x = leaf([[1.0, 2.0, 3.0]])
    y = x * 2
    with pytest.raises(ShapeError, match=r"backward\(\) on shape \(1, 3\)"):
        y.backward()
    for shape in [(), (3,), (3, 1), (1, 1, 3)]:  # some of them would broadcast
        with pytest.raises(ShapeError, match="the gradient has shape"):
            y.backward(np.ones(shape))
    y.backward(np.ones((1, 3)))
    assert_array_equal(x.grad, [[2, 2, 2]])


# ---------------------------------------------------------------------------------------- 13-16: dtype

SCALARS = [2.5, 2, True, np.float64(2.5), np.array(2.5), np.int64(2), Tensor(np.array(2.5))]


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.truediv, operator.pow, mt.maximum])
@pytest.mark.parametrize("other", SCALARS, ids=lambda x: type(x).__name__)
def test_13_float32_survives_scalars_of_any_kind(function: Function, other: Any) -> None:
    x = leaf([1.0, 2.0], np.float32)
    assert function(x, other).dtype == function(other, x).dtype == np.float32
    function(function(other, x), other).sum().backward()
    assert x.grad.dtype == np.float32


def test_13_float32_survives_every_reduction_and_loss() -> None:
    x = leaf([[1.0, 2.0], [4.0, 3.0]], np.float32)
    for name in (
        "sum",
        "mean",
        "var",
        "std",
        "max",
        "prod",
        "norm",
        "logsumexp",
        "softmax",
        "relu",
        "cumsum",
    ):
        assert getattr(x, name)().dtype == np.float32
    assert mt.cross_entropy(x, np.array([0, 1])).dtype == np.float32


@pytest.mark.parametrize("data", [[1, 2], [True, False], np.arange(3, dtype=np.uint8)], ids=str)
def test_14_integers_cannot_require_grad(data: Any) -> None:
    with pytest.raises(DTypeError, match="only floating-point tensors can require grad"):
        Tensor(data, requires_grad=True)
    with pytest.raises(DTypeError):
        Tensor(data).requires_grad_()


def test_14_a_quotient_of_integers_is_a_float() -> None:
    for quotient in (Tensor([1, 2]) / Tensor([2, 4]), Tensor([1, 2]) / 2, 1 / Tensor([2, 1])):
        assert quotient.dtype == np.float32
    assert (Tensor([1, 2]) / Tensor([2, 4])).tolist() == [0.5, 0.5]
    assert (Tensor([7]) // 2).dtype == np.int64


def test_14_argmax_and_comparisons_are_off_the_graph() -> None:
    x = leaf([1.0, 3.0, 2.0])
    assert x.argmax().item() == 1
    for y in (x.argmax(), x.argmin(), x.argsort(), x > 1, x >= 1, x < 1, x <= 1, x == 1, x != 1, x.isnan()):
        assert not y.requires_grad
        assert y.dtype.kind in "bi"


LEFT = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod]


@pytest.mark.parametrize("function", LEFT)
def test_15_an_array_on_the_left_gives_a_tensor_and_its_gradient(function: Function) -> None:
    a, x = np.array([[2.0, 3.0], [5.0, 7.0]]), leaf([1.5, 2.5])
    y = function(a, x)
    assert type(y) is Tensor
    assert_allclose(y.data, function(a, x.data))
    assert mt.gradcheck(lambda x: function(a, x), x)


def test_15_also_for_matrix_products_and_comparisons() -> None:
    a: Any = np.array([[2.0, 3.0], [5.0, 7.0]])
    x = leaf([1.5, 2.5])
    y = a @ x
    y.backward([1, 10])
    assert_array_equal(y.data, [10.5, 25])
    assert_array_equal(x.grad, [52, 73])
    assert type(a > x) is Tensor
    assert (a > x).tolist() == [[True, True], [True, True]]


REDUCTIONS = ["sum", "mean", "max", "min", "prod", "var", "std", "norm", "logsumexp", "median"]
REDUCED: list[Function] = [
    *[operator.methodcaller(name) for name in [*REDUCTIONS, "argmax", "all", "any"]],
    operator.itemgetter(0),
    lambda x: x @ x,
    lambda x: x.sum() * 2 + 1,
    lambda x: -x.sum().exp(),
    lambda x: mt.where(x.sum() > 0, x.sum(), 0.0),
]


@pytest.mark.parametrize("function", REDUCED)
def test_16_data_stays_an_array_where_numpy_returns_scalars(function: Function) -> None:
    x = leaf([1.0, 2.0, 3.0])
    y = function(x)
    assert type(y.data) is np.ndarray
    assert y.shape == ()
    z = leaf(2.0)
    (z * z + z.sum()).backward()
    assert type(z.grad) is np.ndarray


# --------------------------------------------------------------------------- 17-32: values at the edges


@pytest.mark.parametrize("shape", [(1, 2), (2,), (1, 2, 1)], ids=str)
def test_17_cross_entropy_of_huge_logits(shape: tuple[int, ...]) -> None:
    x = leaf(np.reshape([1000.0, -1000.0], shape))
    loss = mt.cross_entropy(x, np.ones(shape[:1] + shape[2:] if len(shape) > 1 else (), int))
    loss.backward()
    assert loss.item() == 2000
    assert_array_equal(x.grad.ravel(), [1, -1])


@pytest.mark.parametrize("shape", [(1, 2), (2,), (1, 2, 1)], ids=str)
def test_17_a_logit_of_minus_infinity_on_another_class(shape: tuple[int, ...]) -> None:
    x = leaf(np.reshape([0.0, -INF], shape))
    loss = mt.cross_entropy(x, np.zeros(shape[:1] + shape[2:] if len(shape) > 1 else (), int))
    loss.backward()
    assert loss.item() == 0
    assert_array_equal(x.grad.ravel(), [0, 0])


def test_18_softmax_and_its_logarithms_shift_by_the_maximum_of_each_row() -> None:
    rows = np.array([[1000.0, 999.0], [-1000.0, -1001.0], [1000.0, -1000.0]])
    p = 1 / (1 + math.exp(-1))
    assert_allclose(Tensor(rows).softmax().data, [[p, 1 - p], [p, 1 - p], [1.0, 0.0]])
    logs = [math.log(p), math.log(1 - p)]
    assert_allclose(Tensor(rows).log_softmax().data, np.array([logs, logs, [0.0, -2000.0]]), rtol=1e-12)
    assert_allclose(Tensor(rows).logsumexp(1).data, [1000 - logs[0], -1000 - logs[0], 1000])
    assert_allclose(gradient(lambda x: x.logsumexp(1), rows), Tensor(rows).softmax().data)
    for name, slopes in [("softmax", [p * (1 - p), p * (1 - p), 0]), ("log_softmax", [1 - p, 1 - p, 0])]:
        found = gradient(lambda x, name=name: getattr(x, name)()[:, 0], rows)
        assert_allclose(found, np.outer(slopes, [1, -1]), rtol=1e-12)


def test_18_logsumexp_of_nothing_but_minus_infinity() -> None:
    x = Tensor([[-INF, -INF], [0.0, -INF]])
    assert x.logsumexp(1).tolist() == [-INF, 0]
    assert Tensor([-INF]).logsumexp().item() == -INF


LIMITS: list[tuple[Function, float, float, float]] = [
    (mt.sigmoid, 1000, 1, 0),
    (mt.sigmoid, -1000, 0, 0),
    (mt.softplus, 1000, 1000, 1),
    (mt.softplus, -1000, 0, 0),
]


@pytest.mark.parametrize(("function", "x", "y", "dy"), LIMITS)
def test_19_sigmoid_and_softplus_reach_their_limits_in_silence(
    number: Any, function: Function, x: float, y: float, dy: float
) -> None:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert slope(function, number(x)) == (y, dy)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_19_binary_cross_entropy_reaches_its_limits_in_silence(dtype: Any) -> None:
    x, t = leaf([1000.0, -1000.0, 1000.0, -1000.0], dtype), np.array([1.0, 0.0, 0.0, 1.0], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = mt.binary_cross_entropy_with_logits(x, t, "none")
        loss.sum().backward()
    assert loss.tolist() == [0, 0, 1000, 1000]
    assert x.grad.tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("function", [mt.relu, abs, mt.sign])
def test_20_relu_abs_and_sign_have_gradient_0_at_0(number: Any, function: Function, zero: float) -> None:
    assert slope(function, number(zero)) == (0, 0)


def test_20_relu_passes_nan_and_stops_minus_infinity(number: Any) -> None:
    assert math.isnan(float(mt.relu(number(NAN))))
    assert slope(mt.relu, number(-INF)) == (0, 0)
    assert slope(mt.relu, number(INF)) == (INF, 1)


def test_21_ties_share_the_gradient_of_max_evenly() -> None:
    x = [[3.0, 3.0, 1.0], [2.0, 3.0, 0.0]]
    third = [[1 / 3, 1 / 3, 0], [0, 1 / 3, 0]]
    assert_allclose(gradient(mt.max, x), third)
    assert_allclose(gradient(mt.amax, x), third)
    assert_array_equal(gradient(lambda x: mt.amax(x, 1), x), [[0.5, 0.5, 0], [0, 1, 0]])
    assert_array_equal(gradient(lambda x: mt.amin(x, 0), x), [[0, 0.5, 0], [1, 0.5, 1]])


def test_21_max_with_indices_takes_the_first() -> None:
    x = leaf([[3.0, 3.0, 1.0], [2.0, 3.0, 3.0]])
    values, indices = mt.max_with_indices(x, 1)
    values.sum().backward()
    assert (values.tolist(), indices.tolist()) == ([3, 3], [0, 1])
    assert_array_equal(x.grad, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("function", [mt.maximum, mt.minimum])
def test_21_a_tie_of_two_gives_half_to_each(function: Function) -> None:
    assert_array_equal(gradients(function, 2.0, 2.0), [0.5, 0.5])
    a, b = Value(2.0), Value(2.0)
    function(a, b).backward()
    assert (a.grad, b.grad) == (0.5, 0.5)


def test_22_clip_has_gradient_1_on_its_bounds_and_0_outside() -> None:
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert_array_equal(gradient(lambda x: x.clip(-1, 1), x), [0, 1, 1, 1, 0])
    assert_array_equal(gradient(lambda x: x.clip(min=-1), x), [0, 1, 1, 1, 1])
    assert_array_equal(gradient(lambda x: x.clip(max=1), x), [1, 1, 1, 1, 0])
    assert slope(lambda x: x.clip(-1, 1), Value(1.0)) == (1, 1)


@pytest.mark.parametrize(
    ("exponent", "value", "derivative"),
    [(0, 1, 0), (1, 0, 1), (2, 0, 0), (0.5, 0, INF), (-1, INF, -INF), (0.0, 1, 0), (-1.0, INF, -INF)],
)
@np.errstate(all="ignore")
def test_23_powers_at_zero(number: Any, exponent: float, value: float, derivative: float) -> None:
    assert slope(lambda x: x**exponent, number(0.0)) == (value, derivative)


@np.errstate(all="ignore")
def test_24_a_tensor_as_exponent(number: Any) -> None:
    for base, exponent, value, of_base, of_exponent in [
        (0, 0, 1, 0, 0),
        (-2, 3, -8, 12, NAN),
        (0, 2, 0, 0, 0),
    ]:
        x, t = number(float(base)), number(float(exponent))
        y = x**t
        y.backward()
        assert_array_equal([float(y), float(x.grad), float(t.grad)], [value, of_base, of_exponent])


def test_24_a_number_to_the_power_of_a_tensor(number: Any) -> None:
    assert slope(lambda t: 2**t, number(3.0)) == (8, pytest.approx(8 * math.log(2)))


@np.errstate(all="ignore")
def test_25_roots_and_logarithms_at_zero(number: Any) -> None:
    assert slope(mt.sqrt, number(0.0)) == (0, INF)
    assert slope(mt.log, number(0.0)) == (-INF, INF)


def test_25_norms_and_deviations_at_zero() -> None:
    for order in (2, 1, 3, INF):
        assert_array_equal(gradient(lambda x, order=order: mt.norm(x, order), [0.0, 0.0]), [0, 0])
    found = gradient(lambda x: mt.norm(x, axis=1), [[0.0, 0.0], [3.0, 4.0]])
    assert_allclose(found, np.array([[0, 0], [0.6, 0.8]]), rtol=1e-15)
    assert_array_equal(gradient(mt.std, [2.0, 2.0, 2.0]), [0, 0, 0])


def test_26_prod_with_zeros() -> None:
    assert_array_equal(gradient(mt.prod, [0.0, 2.0, 3.0]), [6, 0, 0])
    assert_array_equal(gradient(mt.prod, [0.0, 2.0, 0.0]), [0, 0, 0])
    assert_array_equal(gradient(lambda x: x.prod(1), [[0.0, 5.0], [2.0, 3.0]]), [[5, 0], [3, 2]])


@np.errstate(all="ignore")
def test_27_the_branch_not_taken_can_leak_nan() -> None:
    for function in (mt.sqrt, mt.log):
        found = gradient(lambda x, f=function: mt.where(x > 0, f(x), 0.0), [0.0, 4.0])
        assert math.isnan(found[0])
        assert found[1] == 0.25


def test_27_and_the_double_where_that_the_documentation_names_cures_it() -> None:
    cure = "where(x > 0, log(where(x > 0, x, 1)), 0)"
    assert cure in " ".join((mt.where.__doc__ or "").split())
    found = gradient(lambda x: eval(cure, {"where": mt.where, "log": mt.log, "x": x}), [0.0, 4.0])
    assert_array_equal(found, [0, 0.25])


@np.errstate(all="ignore")
def test_28_division_by_zero_is_an_infinity_or_nan(number: Any) -> None:
    assert float(number(1.0) / number(0.0)) == float(1 / number(0.0)) == float(number(1.0) / 0) == INF
    assert float(number(-1.0) / 0) == -INF
    assert math.isnan(float(number(0.0) / 0))
    assert slope(lambda x: 1 / x, number(0.0)) == (INF, -INF)


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1000.0, -1000.0, INF, -INF, NAN]
ELEMENTWISE = sorted(
    {
        name
        for name, known in mt.registry.items()
        if known.is_scalar and name != "zero_where" and name[0] != "_"
    }
)
OF_ONE = [name for name in ELEMENTWISE if mt.registry[name].inputs == slice(0, 1)]
OF_TWO = [name for name in ELEMENTWISE if mt.registry[name].inputs == slice(0, 2)]


def in_both_modes(name: str, *points: float) -> tuple[list[float], list[float]]:
    """The value of an operation and its gradients, in scalar and in tensor mode."""
    found: list[list[float]] = []
    for kind in (Value, leaf):
        leaves: list[Any] = [kind(x) for x in points]
        y = getattr(mt, name)(*leaves)
        if y.requires_grad:
            y.backward()
        found.append([float(y), *[float(x.grad or 0) for x in leaves]])
    return found[0], found[1]


@pytest.mark.parametrize("name", OF_ONE)
@np.errstate(all="ignore")
def test_28_scalar_mode_agrees_with_tensor_mode_everywhere(name: str) -> None:
    for x in EDGES:
        scalar, tensor = in_both_modes(name, x)
        assert_allclose(scalar, tensor, rtol=1e-12, err_msg=f"{name}({x})")


@pytest.mark.parametrize("name", OF_TWO)
@np.errstate(all="ignore")
def test_28_and_for_operations_of_two(name: str) -> None:
    for x in EDGES:
        for y in EDGES:
            scalar, tensor = in_both_modes(name, x, y)
            assert_allclose(scalar, tensor, rtol=1e-12, err_msg=f"{name}({x}, {y})")


COUNTS: list[tuple[Any, Any]] = [
    ([0, 0, 1], [2, 1, 0, 0]),
    (np.array([[3, 3], [3, -1]]), [0, 0, 0, 4]),
    (Tensor([1, 1]), [0, 2, 0, 0]),
    (np.array([True, False, True, False]), [1, 0, 1, 0]),
    (slice(None, None, 2), [1, 0, 1, 0]),
    (slice(None, None, -1), [1, 1, 1, 1]),
    (slice(3, 0, -2), [0, 1, 0, 1]),
    (-1, [0, 0, 0, 1]),
    ((None, slice(1, 3), None), [0, 1, 1, 0]),
    (..., [1, 1, 1, 1]),
    ((..., None, 0), [1, 0, 0, 0]),
    (np.array([], int), [0, 0, 0, 0]),
]


@pytest.mark.parametrize(("key", "counts"), COUNTS, ids=str)
def test_29_an_index_receives_as_often_as_it_is_read(key: Any, counts: list[float]) -> None:
    data = [5.0, 6.0, 7.0, 8.0]
    plain = key.data if isinstance(key, Tensor) else key
    assert_array_equal(Tensor(data)[key].data, np.array(data, np.float32)[plain])
    assert_array_equal(gradient(lambda x: x[key], data), counts)


def test_29_over_several_axes() -> None:
    x = np.zeros((2, 3))
    assert_array_equal(gradient(lambda x: x[[0, 0, 1], [2, 2, 0]], x), [[0, 0, 2], [1, 0, 0]])
    assert_array_equal(gradient(lambda x: x[:, [0, 0]], x), [[2, 0, 0], [2, 0, 0]])
    assert_array_equal(gradient(lambda x: x[..., 1], x), [[0, 1, 0], [0, 1, 0]])
    assert_array_equal(gradient(lambda x: x[np.eye(2, 3, dtype=bool)], x), np.eye(2, 3))


CUBE = np.random.default_rng(0).permutation(24).reshape(2, 3, 4) / 8 + 0.1


def reduced_by_numpy(name: str, x: Array, axis: Any, keepdims: bool) -> Any:
    if name == "norm":
        return np.sqrt((x * x).sum(axis, keepdims=keepdims))
    if name == "logsumexp":
        return np.log(np.exp(x).sum(axis, keepdims=keepdims))
    return getattr(np, name)(x, axis=axis, keepdims=keepdims)


@pytest.mark.parametrize("keepdims", [False, True], ids=["", "keepdims"])
@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2), (-1, 0), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_30_reductions_over_any_axes(name: str, axis: Any, keepdims: bool) -> None:
    def function(x: Tensor) -> Tensor:
        result: Tensor = getattr(mt, name)(x, axis=axis, keepdims=keepdims)
        return result

    expected = np.asarray(reduced_by_numpy(name, CUBE, axis, keepdims))
    found = function(Tensor(CUBE)).data
    assert found.shape == expected.shape
    assert_allclose(found, expected)
    assert mt.gradcheck(function, CUBE)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_30_reductions_of_one_number(name: str) -> None:
    for axis in (None,) if name == "median" else (None, 0, -1):
        x = leaf(3.0)
        y = getattr(x, name)(axis=axis)
        y.backward()
        assert (y.item(), float(x.grad)) == ((0, 0) if name in ("var", "std") else (3, 1))
        assert y.shape == x.grad.shape == ()


def test_30_orders_and_running_products_of_one_number() -> None:
    for function in (mt.sort, mt.median, lambda x: mt.median(x, axis=0), lambda x: mt.topk(x, 1).values):
        assert gradient(function, 3.0) == 1
    assert_array_equal(gradient(lambda x: mt.cumprod(x, 0), 3.0), 1)
    assert mt.argsort(leaf(3.0)).shape == ()


@np.errstate(all="ignore")
def test_30_reductions_of_nothing() -> None:
    empty = np.zeros((0, 3))
    assert Tensor(empty).sum().item() == 0
    assert Tensor(empty).sum(0).tolist() == [0, 0, 0]
    assert math.isnan(Tensor(empty).mean().item())
    assert np.isnan(Tensor(empty).mean(0).data).all()
    for name in ("sum", "mean", "prod"):
        assert gradient(operator.methodcaller(name), empty).shape == (0, 3)
    for name in ("max", "min", "amax", "amin"):
        with pytest.raises(ShapeError):
            getattr(Tensor(empty), name)()
    assert Tensor(empty).max(1).shape == (0,)


PRODUCTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((2, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 2)),
    ((2, 1, 2, 3), (3, 3, 4)),
    ((1, 2, 3), (4, 3, 1)),
]


@pytest.mark.parametrize("shapes", PRODUCTS, ids=str)
def test_31_products_of_vectors_matrices_and_stacks(shapes: tuple[Any, Any]) -> None:
    draw = np.random.default_rng(1)
    a, b = [draw.normal(size=shape) for shape in shapes]
    assert_allclose((Tensor(a) @ Tensor(b)).data, a @ b)
    assert mt.gradcheck(mt.matmul, a, b)


def test_31_a_matrix_product_needs_axes() -> None:
    for a, b in [(leaf(2.0), leaf([1.0])), (leaf([1.0]), leaf(2.0)), (leaf(2.0), leaf(3.0))]:
        with pytest.raises(ShapeError, match="needs at least one axis on each side"):
            a @ b


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Function] = {
    "transposed": lambda x: x.T.copy().T,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "Fortran": np.asfortranarray,
}
LAID_OUT: dict[str, Function] = {
    "arithmetic": lambda x: x * x + 2 / x - x**2,
    "sum": lambda x: x.sum(0) * x.sum(1)[:3],
    "max": lambda x: x.max(1),
    "prod": lambda x: x.prod(0),
    "cumsum": lambda x: x.cumsum(1) * x.cumprod(0),
    "relu": lambda x: (x - 1.5).relu() * x,
    "clip": lambda x: (x * x).clip(1, 3),
    "softmax": lambda x: x.softmax(0) * x.log_softmax(1),
    "matmul": lambda x: x @ x.T @ x,
    "linear": lambda x: nn.functional.linear(x, x, x[:, 0]),
    "index": lambda x: x[[0, 0, 1]] * x[::-1][:3],
    "reshape": lambda x: x.reshape(-1) * 2,
    "sort": lambda x: x.sort(0) * mt.flip(x),
    "stack": lambda x: mt.stack([x, x * x]).sum(0),
    "joining": lambda x: mt.concatenate([x, x.T.reshape(4, 3)], axis=1),
    "loss": lambda x: mt.cross_entropy(x, np.array([0, 1, 2, 0]), "none"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LAID_OUT)
def test_32_the_layout_of_memory_changes_no_answer(name: str, layout: str) -> None:
    plain = np.random.default_rng(2).normal(size=(4, 3)) + 1.5
    found = []
    for data in (plain, LAYOUTS[layout](plain)):
        x = mt.from_numpy(data).requires_grad_()
        y = LAID_OUT[name](x)
        seed = np.arange(1.0, y.size + 1).reshape(y.shape)
        y.backward(LAYOUTS[layout](seed) if data is not plain and seed.ndim == 2 else seed)
        found.append((y.data, x.grad))
    assert_allclose(found[0][0], found[1][0], rtol=1e-13)
    assert_allclose(found[0][1], found[1][1], rtol=1e-12)


# ------------------------------------------------------------------- 33-39: modules, optimizers, data


def test_33_sgd_skips_parameters_without_a_gradient() -> None:
    used, unused = leaf([1.0]), leaf([1.0])
    optimizer = optim.SGD([used, unused], lr=0.1, momentum=0.9, weight_decay=0.5)
    (used * 2).backward()
    optimizer.step()
    assert used.item() == pytest.approx(1 - 0.1 * 2.5)
    assert unused.item() == 1
    assert unused.grad is None


def test_33_sgd_refuses_what_it_cannot_update() -> None:
    w = leaf([1.0])
    refused: list[tuple[list[Tensor], float, type[Exception], str]] = [
        ([], 0.1, ValueError, "no parameters"),
        ([w], -0.1, ValueError, "lr must not be negative"),
        ([w], NAN, ValueError, "lr must not be negative"),
        ([w, leaf([2.0]), w], 0.1, ValueError, "given twice"),
        ([w * 2], 0.1, GraphError, "must be leaves"),
        ([Tensor([1.0])], 0.1, GraphError, "requir"),
    ]
    for parameters, rate, fault, message in refused:
        with pytest.raises(fault, match=message):
            optim.SGD(parameters, lr=rate)


def draw_everything() -> list[bytes]:
    """Something from each function that draws random numbers."""
    model = nn.MLP(4, [8, 2], dropout=0.5)
    x, y = make_moons(20)
    split = train_test_split(x, y)
    order = [batch for (batch,) in DataLoader(np.arange(50), batch_size=7, shuffle=True)]
    dropped = nn.functional.dropout(np.ones(50, np.float32))
    made = [mt.randn(3), mt.rand(3), mt.randint(0, 99, (3,)), nn.init.normal_(mt.zeros(3)), dropped]
    arrays = [*model.state_dict().values(), x, y, *split, *order, *[tensor.data for tensor in made]]
    return [array.tobytes() for array in [*arrays, model(Tensor(np.ones((9, 4), np.float32))).data]]


def test_34_one_seed_gives_identical_bits_and_numpy_s_state_is_untouched() -> None:
    np.random.seed(1)
    mt.manual_seed(7)
    before = np.random.get_state()
    first = draw_everything()
    after = np.random.get_state()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    np.random.seed(2)
    mt.manual_seed(7)
    assert draw_everything() == first
    mt.manual_seed(8)
    assert draw_everything() != first


def test_35_the_short_last_batch_is_kept_unless_dropped() -> None:
    for shuffle in (False, True):
        batches = list(DataLoader(np.arange(10), batch_size=4, shuffle=shuffle))
        assert [len(x) for (x,) in batches] == [4, 4, 2]
        assert sorted(np.concatenate([x for (x,) in batches])) == list(range(10))
        dropped = DataLoader(np.arange(10), batch_size=4, shuffle=shuffle, drop_last=True)
        assert [len(x) for (x,) in dropped] == [4, 4]
        assert len(dropped) == 2
    assert [len(x) for (x,) in DataLoader(np.arange(8), batch_size=4)] == [4, 4]


def test_35_averages_are_weighted_by_count() -> None:
    model = nn.Linear(1, 2, dtype=np.float64)
    model.load_state_dict({"weight": [[0.0], [2.0]], "bias": [0.0, 0.0]})
    x, y = np.array([[1.0], [1.0], [-2.0]]), np.array([1, 1, 1])
    frozen = optim.SGD(model.parameters(), lr=0.0)
    last = fit(model, DataLoader(x, y, batch_size=2), None, frozen, mt.cross_entropy, epochs=1).last
    assert last["loss"] == pytest.approx(mt.cross_entropy(model(Tensor(x)), y).item())
    assert last["accuracy"] == pytest.approx(2 / 3)


def test_36_load_state_dict_names_every_fault_and_loads_nothing() -> None:
    model = nn.MLP(2, [3, 1])
    before = model.state_dict()
    state: dict[str, Any] = {name: np.full_like(array, 7) for name, array in before.items()}
    del state["0.bias"]
    state |= {"2.weight": np.ones((3, 1)), "odd": np.ones(1), "even": np.ones(1)}
    with pytest.raises(ShapeError) as raised:
        model.load_state_dict(state)
    assert str(raised.value) == (
        "load_state_dict: missing 0.bias; unexpected odd; unexpected even; "
        "2.weight has shape (3, 1) and must have (1, 3). Nothing was loaded."
    )
    for name, array in model.state_dict().items():
        assert_array_equal(array, before[name])


def test_36_nothing_is_loaded_when_one_value_is_no_array_of_numbers() -> None:
    model = nn.Linear(2, 1)
    before = model.state_dict()
    with pytest.raises((ValueError, TypeError)):
        model.load_state_dict({"weight": np.ones((1, 2)), "bias": np.array(["x"])})
    assert_array_equal(model.weight.data, before["weight"])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_38_models_can_be_copied_and_pickled(duplicate: Function) -> None:
    model = nn.MLP(3, [4, 2], dropout=0.5, activation="gelu").eval()
    x = Tensor(np.ones((2, 3), np.float32))
    twin = duplicate(model)
    assert_array_equal(twin(x).data, model(x).data)
    assert not twin.training
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        assert type(b) is nn.Parameter
        assert b.requires_grad
        assert a is not b
        assert not np.shares_memory(a.data, b.data)
    twin(x).sum().backward()
    assert all(a.grad is None for a in model.parameters())


def test_38_graphs_cannot(number: Any) -> None:
    with pytest.raises(GraphError, match="only leaves can be copied or pickled"):
        copy.deepcopy(number(1.0) * 2)


def test_39_scalar_and_tensor_modes_agree_on_a_network() -> None:
    draw = np.random.default_rng(3)
    x, targets = draw.normal(size=(5, 3)), [0, 1, 1, 0, 1]
    weights = [draw.normal(size=shape) for shape in [(4, 3), (4,), (2, 4), (2,)]]

    w1, b1, w2, b2 = tensors = [leaf(w) for w in weights]
    logits = (Tensor(x) @ w1.T + b1).tanh() @ w2.T + b2
    loss = mt.cross_entropy(logits, np.array(targets))
    loss.backward()

    scalars = [np.array([Value(v) for v in w.flat], object).reshape(w.shape) for w in weights]
    total = Value(0.0)
    for row, target in zip(x.tolist(), targets, strict=True):
        hidden = [layer(scalars[0][i], row, scalars[1][i]).tanh() for i in range(4)]
        z = [layer(scalars[2][i], hidden, scalars[3][i]) for i in range(2)]
        total = total + (z[0].exp() + z[1].exp()).log() - z[target]
    mean = total / len(targets)
    mean.backward()

    assert_allclose(mean.data, loss.item(), rtol=0, atol=1e-12)
    for values, tensor in zip(scalars, tensors, strict=True):
        assert_allclose(
            np.reshape([v.grad for v in values.flat], tensor.shape), tensor.grad, rtol=0, atol=1e-12
        )


def layer(weights: Any, inputs: Any, bias: Any) -> Any:
    """One output of a linear layer, in scalars."""
    for w, x in zip(weights, inputs, strict=True):
        bias = bias + w * x
    return bias


# ----------------------------------------------------------------------------- 43: compile, 46, 47: tables


def test_43_compile_equals_eager_after_any_change_in_python() -> None:
    dropout, slope = nn.Dropout(0.9), 0.5

    def step(x: Tensor) -> Any:
        return (dropout(x) * slope).sum()

    compiled, x = mt.compile(step), Tensor(np.ones((4, 3)))
    for i in range(4):
        dropout.p, slope = (0.9, 0.0, 0.0, 0.9)[i], (0.5, 0.5, 2.0, 2.0)[i]
        for _ in range(3):
            mt.manual_seed(0)
            expected = step(x).item()
            mt.manual_seed(0)
            assert compiled(x).item() == expected


def test_43_an_optimizer_of_ones_own_is_recorded_by_what_it_does() -> None:
    class LARS(optim.SGD):
        def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Any) -> None:
            trust = np.linalg.norm(parameter.data) / np.linalg.norm(gradient)
            super().update(parameter, gradient * np.float32(trust), state, group)

    def trained(compiled: bool) -> list[bytes]:
        model = nn.MLP(2, [3, 1], rng=0)
        optimizer = LARS(model.parameters(), lr=0.01, momentum=0.9)

        def step(x: Array) -> Any:
            loss = (model(x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run: Any = mt.compile(step) if compiled else step
        for _ in range(6):
            run(np.ones((3, 2), np.float32))
        return [p.data.tobytes() for p in model.parameters()]

    assert trained(True) == trained(False)


def test_43_what_a_program_would_not_do_again_is_refused_with_its_line_and_cure() -> None:
    w = leaf([1.0, -2.0])

    @mt.compile
    def step(x: Array) -> Tensor:
        w.data = np.clip(w.data * x, -1, 1)
        return w.detach()

    with pytest.raises(
        mt.CompileError, match=r'assigning .data, in ".*test_semantics.py", line .*x.data\[...\]'
    ):
        step(np.ones(2))


def test_46_and_47_a_model_takes_columns_by_name_and_prints_classes(tmp_path: Path, capsys: Any) -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 80)
    columns = {"height": kinds * 4 + rng.normal(size=80), "width": rng.normal(size=80) - kinds * 4}
    columns["kind"] = np.array(["short", "tall"])[kinds]

    def write(name: str, order: list[str]) -> str:
        rows = [
            ",".join(order),
            *[",".join(map(str, row)) for row in zip(*[columns[c] for c in order], strict=True)],
        ]
        (tmp_path / name).write_text("\n".join(rows) + "\n")
        return str(tmp_path / name)

    data, run = write("a.csv", ["height", "width", "kind"]), str(tmp_path / "run")
    train = ["train", "--data", data, "--label", "kind", "--checkpoint", run, "--epochs", "15"]
    assert cli.main(train) == 0
    printed = []
    for order in (["height", "width", "kind"], ["kind", "width", "height"], ["width", "height"]):
        capsys.readouterr()
        assert cli.main(["predict", run, write("b.csv", order)]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] == printed[2]
    assert {"short", "tall"} <= set(printed[0].split())
    assert cli.main(["predict", run, write("c.csv", ["height", "kind"])]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "width" in message


# ------------------------------------------------------------------- 44, 48-51: assignments, state, copies


@pytest.mark.parametrize(
    "value", [np.ones((1, 2)), [[1.0, 2.0]], 1.0, Tensor([[1.0, 2.0]]), True, "w"], ids=repr
)
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_44_a_parameter_stays_one_or_the_assignment_changes_nothing(name: str, value: Any) -> None:
    model = nn.Linear(2, 1)
    before = model.state_dict()
    with pytest.raises(DTypeError, match=f"Linear.{name} takes a Parameter or None"):
        setattr(model, name, value)
    assert list(model.state_dict()) == ["weight", "bias"]
    for key, array in model.state_dict().items():
        assert_array_equal(array, before[key])
    assert len(optim.SGD(model.parameters()).param_groups[0]["params"]) == 2


@pytest.mark.parametrize("value", [np.ones(2), [1.0, 2.0], 1.0, Tensor([1.0, 2.0])], ids=repr)
def test_44_and_so_does_a_buffer(value: Any) -> None:
    model = nn.BatchNorm1d(2)
    with pytest.raises(
        DTypeError, match=r"BatchNorm1d.running_mean takes a Buffer or None, .*running_mean\[\.\.\.\]"
    ):
        model.running_mean = value
    assert "running_mean" in model.state_dict()


def test_48_a_group_added_after_a_schedule_was_made_goes_on_from_its_own_rate() -> None:
    optimizer = optim.SGD([leaf([1.0])], lr=0.1)
    schedule = optim.StepLR(optimizer, 1, 0.5)
    schedule.step()
    optimizer.add_param_group({"params": [leaf([1.0])], "lr": 0.4})
    schedule.step()
    assert schedule.get_last_lr() == [0.025, 0.2]


def test_48_a_schedule_moves_all_groups_or_none() -> None:
    class Fails(optim.lr_scheduler.LRScheduler):
        def lr_at(self, step: int, base: float) -> float:
            if base > 1 and step:
                raise RuntimeError("not for this one")
            return base / (step + 1)

    groups: list[dict[str, Any]] = [{"params": [leaf([1.0])]}, {"params": [leaf([1.0])], "lr": 2.0}]
    optimizer = optim.SGD(groups, lr=0.1)
    schedule = Fails(optimizer)
    with pytest.raises(RuntimeError, match="not for this one"):
        schedule.step()
    assert (schedule.get_last_lr(), schedule.last_epoch) == ([0.1, 2.0], 0)


@pytest.mark.parametrize("steps", [1, 63, 64, 130])
def test_49_an_optimizer_may_remember_integers_and_arrays_of_other_shapes(steps: int) -> None:
    class Factored(optim.Optimizer):
        def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Any) -> None:
            count = state.setdefault("count", np.zeros((), np.int64))
            rows = state.setdefault("rows", np.zeros(len(gradient), np.float16))
            count += 1
            rows += np.abs(gradient).max(axis=1).astype(np.float16) / np.float16(100)
            parameter.data -= group["lr"] * gradient / rows[:, None] / count

    def train(w: Tensor, optimizer: optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()

    w = leaf(np.ones((2, 3)))
    optimizer = Factored([w], lr=0.01)
    train(w, optimizer, steps)
    twin = leaf(w.data)
    other = Factored([twin], lr=0.5)
    other.load_state_dict(optimizer.state_dict())
    train(w, optimizer, 70)
    train(twin, other, 70)
    assert w.data.tobytes() == twin.data.tobytes()
    assert {name: x.dtype for name, x in other.state[twin].items()} == {"count": np.int64, "rows": np.float16}


def pickled(protocol: int) -> Function:
    return lambda x: pickle.loads(pickle.dumps(x, protocol))


DUPLICATES: dict[str, Function] = {
    "deepcopy": copy.deepcopy,
    **{f"pickle {i}": pickled(i) for i in range(pickle.HIGHEST_PROTOCOL + 1)},
}
PILES: dict[str, Function] = {
    "C": lambda: np.arange(24.0).reshape(4, 6),
    "F": lambda: np.asfortranarray(np.arange(24.0).reshape(4, 6)),
    "transposed": lambda: np.arange(24.0).reshape(4, 6).T,
    "permuted": lambda: np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0),
    "permuted, owned": lambda: np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0).copy("K"),
    "every other": lambda: np.arange(24.0).reshape(4, 6)[::2, ::2],
    "of a large one": lambda: np.asfortranarray(np.arange(240.0).reshape(24, 10))[:4],
    "reversed": lambda: np.arange(24.0)[::-1],
    "repeated": lambda: np.broadcast_to(np.arange(3.0), (2, 3)),
    "repeated, and as large as its memory": lambda: np.broadcast_to(np.arange(3.0)[:1], (3,)),
    "read-only": lambda: read_only(np.arange(3.0)),
    "0-d": lambda: np.array(3.5),
    "0-d view": lambda: np.arange(3.0)[1:2].reshape(()),
    "empty": lambda: np.zeros((0, 3)),
    "empty view": lambda: np.arange(6.0).reshape(2, 3)[:0],
    "empty axis": lambda: np.zeros((2, 0, 3)).T,
    "one": lambda: np.ones((1, 1, 1)).T,
    "float16": lambda: np.arange(6, dtype=np.float16).reshape(2, 3).T,
    "integers": lambda: np.arange(6).reshape(2, 3).T,
    "truth": lambda: np.array([True, False]),
}


@pytest.mark.parametrize("way", [*DUPLICATES, "copy"])
@pytest.mark.parametrize("kind", [Tensor, nn.Parameter, nn.Buffer])
@pytest.mark.parametrize("pile", PILES)
def test_50_a_copy_keeps_dtype_class_gradient_and_order_in_memory(pile: str, kind: Any, way: str) -> None:
    t = kind.from_numpy(PILES[pile]())
    if t.dtype.kind == "f" and kind is not nn.Buffer:
        t.requires_grad_()
        t.grad = np.negative(t.data, order="K")
    twin = DUPLICATES.get(way, copy.copy)(t)
    assert (type(twin), twin.requires_grad, twin.dtype, twin.shape) == (
        kind,
        t.requires_grad,
        t.dtype,
        t.shape,
    )
    for x, y in [(t.data, twin.data), (t.grad, twin.grad)] if t.requires_grad else [(t.data, twin.data)]:
        assert_array_equal(x, y)
        assert [n for n, m in zip(x.copy("K").strides, x.shape, strict=True) if m > 1 < x.size] == [
            abs(n) for n, m in zip(y.strides, y.shape, strict=True) if m > 1 < y.size
        ]
        assert not np.shares_memory(x, y)
        assert y.flags.writeable
    assert twin.grad is None or t.requires_grad
    with no_grad():
        twin += np.ones((), twin.dtype) if twin.dtype != bool else np.False_


@pytest.mark.parametrize("way", DUPLICATES)
def test_50_what_shares_memory_goes_on_sharing_it(way: str) -> None:
    array = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    t = Tensor.from_numpy(array)
    together = {
        "t": t,
        "same": t,
        "detached": t.detach(),
        "turned": t.T,
        "flat": t.reshape(-1),
        "array": array,
    }
    together |= {
        "beside": Tensor.from_numpy(array),
        "part": t[0],
        "backwards": Tensor.from_numpy(array[::-1]),
    }
    twin = DUPLICATES[way](together)
    assert twin["same"] is twin["t"]
    twin["t"].data[1, 0] = 100
    twin["t"].data[0, 2] = 50
    for name in ("detached", "beside"):
        assert_array_equal(twin[name].data, twin["t"].data)
    assert_array_equal(twin["array"], twin["t"].data)
    assert_array_equal(twin["turned"].data, twin["t"].data.T)
    assert_array_equal(twin["flat"].data, twin["t"].data.reshape(-1))
    assert_array_equal(twin["backwards"].data, twin["t"].data[::-1])
    assert twin["part"].data[2] == 2  # a part has memory of its own
    assert t.data.max() == 5


@pytest.mark.parametrize("way", DUPLICATES)
def test_50_a_write_into_shared_memory_is_noticed_in_copies_too(way: str) -> None:
    w = leaf([1.0, 2.0])
    view = w.detach()
    with no_grad():
        view += 1.0
    view._writes()[0] = 10**12  # it was written to in a process that runs for long
    twin, other = DUPLICATES[way]((w, view))
    loss = (twin * twin).sum()
    unrelated = Tensor([1.0])
    unrelated += 1.0
    loss.backward()  # which no write of before disturbs
    loss = (twin * twin).sum()
    with no_grad():
        other += 1.0
    with pytest.raises(GraphError, match="overwritten after the forward pass"):
        loss.backward()


@pytest.mark.parametrize("way", DUPLICATES)
def test_50_a_part_does_not_drag_the_whole_along(way: str) -> None:
    whole = Tensor(np.zeros((1000, 100)))
    assert len(pickle.dumps(whole[0])) < 2000
    twin, row = DUPLICATES[way]((whole, whole[0]))
    with no_grad():
        row += 1.0
    loss = (leaf(np.ones((1000, 100))) * twin).sum()
    with no_grad():
        row += 1.0  # of other memory
    loss.backward()


class Named(nn.Parameter):
    """A parameter with attributes of its own, in a slot and without."""

    __slots__ = ("__dict__", "scale")

    name: str
    scale: Any


class Slotted(nn.Parameter):
    __slots__ = ("scale",)

    scale: Any


class Counter(Value):
    count: int


@pytest.mark.parametrize("way", [*DUPLICATES, "copy"])
def test_50_a_subclass_keeps_its_class_and_attributes(way: str) -> None:
    duplicate = DUPLICATES.get(way, copy.copy)
    a, b, c = Named([1.0, 2.0]), Slotted([3.0]), Counter(4.0)
    a.name, a.scale, b.scale, c.count = "w", [a], np.ones(2), 5
    c.grad = 2.0
    twin = duplicate(a)
    assert (type(twin), twin.name, twin.data.tolist()) == (Named, "w", [1.0, 2.0])
    assert twin.scale[0] is (a if way == "copy" else twin)
    other = duplicate(b)
    assert type(other) is Slotted
    assert_array_equal(other.scale, b.scale)
    value = duplicate(c)
    assert (type(value), value.data, value.grad, value.count, value.requires_grad) == (
        Counter,
        4.0,
        2.0,
        5,
        True,
    )


@pytest.mark.parametrize("way", DUPLICATES)
def test_50_tied_weights_optimizer_schedule_and_generator_stay_together(way: str) -> None:
    draw = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(4, 4, rng=draw), nn.Dropout(0.5, rng=draw), nn.Linear(4, 4), nn.Dropout(0.5, rng=draw)
    )
    layers: list[Any] = list(model)
    layers[2].weight = layers[0].weight
    layers[2].bias.requires_grad_(False)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    schedule = optim.StepLR(optimizer, 2)

    def train(model: Any, optimizer: Any, schedule: Any) -> list[Any]:
        for _ in range(3):
            optimizer.zero_grad()
            model(np.ones((2, 4), np.float32)).sum().backward()
            optimizer.step()
            schedule.step()
        return [p.data for p in model.parameters()]

    train(model, optimizer, schedule)
    twin, other, timetable = DUPLICATES[way]((model, optimizer, schedule))
    assert twin[2].weight is twin[0].weight
    assert all(a is b for a, b in zip(other.param_groups[0]["params"], twin.parameters(), strict=True))
    assert timetable.optimizer is other
    assert twin[1].rng is twin[3].rng is not draw
    assert twin[0].weight.data.flags.f_contiguous
    assert other.state[twin[0].weight]["exp_avg"].flags.f_contiguous
    for p, q in zip(train(model, optimizer, schedule), train(twin, other, timetable), strict=True):
        assert p.tobytes() == q.tobytes()
        assert not np.shares_memory(p, q)
    assert timetable.get_last_lr() == schedule.get_last_lr()


@pytest.mark.parametrize("way", DUPLICATES)
def test_50_values_and_their_optimizer_stay_together(way: str) -> None:
    model = nn.scalar.MLP(2, [3, 1], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    frozen = model.parameters()[0].requires_grad_(False)

    def train(model: Any, optimizer: Any) -> list[float]:
        for _ in range(3):
            optimizer.zero_grad()
            model([1.0, 2.0]).backward()
            optimizer.step()
        return [p.data for p in model.parameters()]

    train(model, optimizer)
    twin, other = DUPLICATES[way]((model, optimizer))
    assert train(model, optimizer) == train(twin, other)
    assert not twin.parameters()[0].requires_grad
    assert twin.parameters()[0].data == frozen.data


def test_50_a_shallow_copy_of_a_module_or_optimizer_has_the_same_parameters() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.weight.grad = np.ones((1, 2), np.float32)
    optimizer.step()
    assert copy.copy(model).weight is model.weight
    twin = copy.copy(optimizer)
    assert type(twin) is optim.SGD
    assert twin.state[model.weight] is optimizer.state[model.weight]


def work(model: nn.Module, optimizer: optim.Optimizer) -> tuple[nn.Module, optim.Optimizer]:
    """A step, in another process."""
    optimizer.zero_grad()
    model(np.ones((2, 300), np.float32)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_50_models_travel_to_other_processes_and_back(tmp_path: Path) -> None:
    model = nn.MLP(300, [1000, 2], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    work(model, optimizer)
    with get_context("spawn").Pool(1) as pool:
        twins = [pool.apply(work, (model, optimizer))]
    # joblib hands large arrays over as files that are read-only
    twins += Parallel(2, mmap_mode="r", max_nbytes=1000)([delayed(work)(model, optimizer)])
    dump((model, optimizer), tmp_path / "both")
    for mode in (None, "r", "c"):
        twins.append(work(*load(tmp_path / "both", mmap_mode=mode)))
    work(model, optimizer)
    for twin, other in twins:
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            assert p.data.tobytes("K") == q.data.tobytes("K")
            assert p.data.strides == q.data.strides
            assert (
                other.state[q]["momentum_buffer"].tobytes() == optimizer.state[p]["momentum_buffer"].tobytes()
            )


@pytest.mark.parametrize("make", [lambda x: optim.SGD([x], lr=0.1), lambda x: optim.Adam([x], lr=0.1)])
def test_51_debug_runs_in_both_modes_to_the_same_numbers(make: Function, number: Any) -> None:
    def train() -> float:
        x: Any = number(2.0)
        optimizer = make(x)
        for _ in range(3):
            optimizer.zero_grad()
            (x * x * x).backward()
            optimizer.step()
        return float(x.data)

    with mt.debug():
        watched = train()
    assert watched == train()


# ------------------------------------------------------------------------ 45 and 52: NumPy, axes, options


def test_45_on_a_tensor_that_needs_no_gradient_numpy_computes_as_on_an_array() -> None:
    array = np.array([3.0, 1.0, 3.0, 2.0])
    t = Tensor(array)
    for function in (
        *[np.unique, np.histogram, np.cbrt, np.nanstd, np.fft.rfft, np.add.outer(array, array).dot],
        *[lambda x: np.random.default_rng(0).permutation(x), np.flatnonzero, np.diagflat, np.ediff1d],
        lambda x: np.prod(x, dtype=np.float32),
        lambda x: np.percentile(x, 30, method="hazen"),
        lambda x: np.add(x, 1, where=array > 1, out=np.zeros(4)),
    ):
        found, expected = function(t), function(array)
        assert type(found) is type(expected)
        for x, y in zip(found, expected, strict=True) if type(found) is tuple else [(found, expected)]:
            assert_array_equal(x, y)


@pytest.mark.parametrize("enabled", [True, False])
def test_45_on_one_that_requires_grad_it_is_refused_and_nothing_is_dropped(enabled: bool) -> None:
    w, x = leaf([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    calls: list[Function] = [
        *[lambda: np.unique(w), lambda: np.histogram(x, weights=w), lambda: np.append(x, [w])],
        *[lambda: np.select([x > 1], [w]), lambda: np.asarray(w)],
        *[lambda: np.array([w]), lambda: np.random.default_rng(0).permutation(w), lambda: np.from_dlpack(w)],
        *[
            lambda: x.dot(w),
            lambda: np.spacing(w),
            lambda: np.prod(w, dtype=np.float64),
            lambda: np.fft.fft(w),
        ],
    ]
    for call in calls:
        with mt.context.recording(enabled), pytest.raises((DTypeError, GraphError)):
            call()


def test_45_the_nearest_operation_is_named_rightly() -> None:
    w: Any = leaf([[3.0, 1.0], [2.0, 5.0]])
    functions: list[tuple[Any, str]] = [
        *[(np.nanmax, "max"), (np.diagflat, "diag"), (np.ediff1d, "diff"), (np.nanquantile, "quantile")],
        *[(np.linalg.pinv, "inv"), (np.fliplr, "flip"), (np.rint, "round"), (np.fmax, "maximum")],
    ]
    for function, nearest in functions:
        args = (w, w) if function is np.fmax else (w, 0.5) if function is np.nanquantile else (w,)
        with pytest.raises(DTypeError, match=rf"nearest operation is minitensor\.{nearest}\."):
            function(*args)


@pytest.mark.parametrize(
    "name",
    [
        *[
            "hstack",
            "vstack",
            "dstack",
            "atleast_2d",
            "diag",
            "diff",
            "ptp",
            "average",
            "quantile",
            "percentile",
        ],
        *["nanmean", "nansum", "logaddexp2", "fmod", "copysign", "heaviside", "interp", "trapezoid", "cross"],
        *["inner", "roll"],
    ],
)
def test_45_common_functions_record(name: str) -> None:
    arguments: dict[str, Function] = {
        **dict.fromkeys(["hstack", "vstack", "dstack"], lambda w: ([w, w],)),
        **dict.fromkeys(["quantile", "percentile"], lambda w: (w, 0.5)),
        **dict.fromkeys(
            ["logaddexp2", "fmod", "copysign", "heaviside", "cross", "inner"], lambda w: (w, w + 1)
        ),
        "interp": lambda w: (w, [0.0, 9.0], [1.0, 2.0]),
        "roll": lambda w: (w, [1, 2], [0, 0]),
    }
    w = leaf([1.0, 2.0, 4.0])
    function: Any = getattr(np, name)
    given: Function = arguments.get(name, lambda w: (w,))
    found = function(*given(w))
    assert_allclose(found.data, function(*given(w.data)))
    found.sum().backward()
    assert w.grad.shape == (3,)


def test_45_what_is_written_into_a_tensor_is_noticed() -> None:
    w = leaf([1.0, 2.0])
    x: Any = Tensor(np.array([3.0, 4.0]))
    for write in (
        lambda: np.copyto(x, [5.0, 6.0]),
        lambda: np.add.at(x, [0], 1.0),
        lambda: np.negative(x, out=x),
        lambda: np.clip(x, 0, 1, out=x),
    ):
        y = (w * x).sum()
        write()
        with pytest.raises(GraphError, match="overwritten after the forward pass"):
            y.backward()


def test_52_a_list_is_a_tuple_and_a_0d_tensor_has_no_axis_10() -> None:
    """One of each kind; test_axes.py tries every operation."""
    x = leaf(np.arange(24.0).reshape(2, 3, 4))
    for function in (mt.sum, mt.var, mt.max, mt.flip, mt.median, mt.softmax, mt.nanmean):
        assert_array_equal(function(x, [0, 2]).data, function(x, (0, 2)).data)
        for bad, fault in [(10, ShapeError), ([0, 10], ShapeError), ([1, 1], ShapeError), (1.0, DTypeError)]:
            with pytest.raises(fault, match=f"{function.__name__}: .*axis"):
                function(x, bad)
        with pytest.raises(ShapeError, match=r"axis 10 does not exist in shape \(\)"):
            function(leaf(1.0), 10)


# ------------------------------------------------------------------------------------ what an error says


def zeros(*shape: int) -> Tensor:
    return leaf(np.zeros(shape))


def write_in_place(x: Tensor) -> None:
    x += 1


def targets(shape: tuple[int, ...], target: Any) -> Callable[[], Any]:
    return lambda: mt.cross_entropy(zeros(*shape), target)


NEEDS = "cross_entropy: input (4, 10) needs 4 integer targets from 0 to 9 of shape (4,)"
ONE_HOT = "For one-hot targets take target.argmax(axis=1), or target.astype(float) as probabilities."
SAYS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "einsum of sizes that differ": (
        lambda: mt.einsum("ij,jk->ik", zeros(2, 3), zeros(4, 5)),
        ShapeError,
        'einsum: "j" in "ij,jk->ik" is 3 in operand 0 of shape (2, 3), and 4 in operand 1 of shape (4, 5)',
    ),
    "einsum of no diagonal": (
        lambda: mt.einsum("ii->i", zeros(2, 3)),
        ShapeError,
        'einsum: "i" in "ii->i" is 2 in operand 0 of shape (2, 3), and 3 in operand 0 of shape (2, 3)',
    ),
    "einsum of one that does not broadcast in one operand": (
        lambda: mt.einsum("ii", zeros(1, 3)),
        ShapeError,
        'einsum: "i" in "ii" is 1 in operand 0 of shape (1, 3), and 3 in operand 0 of shape (1, 3)',
    ),
    "einsum after one that broadcasts": (
        lambda: mt.einsum("ij,ij,ij->ij", zeros(1, 3), zeros(2, 3), zeros(4, 3)),
        ShapeError,
        'einsum: "i" in "ij,ij,ij->ij" is 2 in operand 1 of shape (2, 3), and 4 in operand 2 of shape (4, 3)',
    ),
    "einsum of axes without a name": (
        lambda: mt.einsum("...i,...i->...", zeros(2, 3), zeros(4, 3)),
        ShapeError,
        'einsum: an axis of "..." in "...i,...i->..." is 2 in operand 0 of shape (2, 3), '
        "and 4 in operand 1 of shape (4, 3)",
    ),
    "einsum with too few letters": (
        lambda: mt.einsum("ij,j", zeros(2, 3, 4), zeros(3)),
        ShapeError,
        'einsum: "ij" in "ij,j" does not name the 3 axes of its operand, (2, 3, 4)',
    ),
    "einsum with too few operands": (
        lambda: mt.einsum("ij,jk", zeros(2, 3)),
        ShapeError,
        'einsum: "ij,jk" names 2 operands, and there are 1',
    ),
    "einsum of a letter from nowhere": (
        lambda: mt.einsum("ij->ik", zeros(2, 3)),
        ShapeError,
        'einsum: "k" in the output of "ij->ik" is in no operand',
    ),
    "einsum of a letter twice": (
        lambda: mt.einsum("ij->ii", zeros(2, 3)),
        ShapeError,
        'einsum: "i" is twice in the output of "ij->ii"',
    ),
    "einsum of what is no letter": (
        lambda: mt.einsum("i$->i", zeros(2, 3)),
        ShapeError,
        """einsum: '$' in "i$->i" is no label. Labels are letters; "..." may stand once in each """
        'operand, and "->" once before the output.',
    ),
    "einsum of two dots": (
        lambda: mt.einsum("i..j", zeros(2, 3)),
        ShapeError,
        """einsum: '.' in "i..j" is no label. Labels are letters; "..." may stand once in each """
        'operand, and "->" once before the output.',
    ),
    "einsum of lists": (
        lambda: mt.einsum(zeros(2, 3), [0, 99]),
        DTypeError,
        "einsum: takes subscripts and arrays, as in einsum('ij,jk', x, y), or each array followed by "
        "a list of integers below 52, as in einsum(x, [0, 1], y, [1, 2])",
    ),
    "stacking what does not fit": (
        lambda: mt.vstack([zeros(2, 3), zeros(2, 4)]),
        ShapeError,
        "vstack: (2, 3) and (2, 4) differ along axis 1, 3 against 4; only axis 0 may",
    ),
    "weights that do not fit": (
        lambda: mt.average(zeros(2, 3), 0, np.ones(3)),
        ShapeError,
        "average: the weights must have shape (2, 3), or (2,) along axis 0, not (3,)",
    ),
    "points that do not fit": (
        lambda: mt.interp(zeros(2), [0.0, 1.0], [0.0]),
        ShapeError,
        "interp: xp (2,) and fp (1,) must be vectors of one length, not 0",
    ),
    "a quantile from nowhere": (
        lambda: mt.quantile(zeros(2), 50),
        mt.OptionError,
        "quantile: q must be from 0 to 1",
    ),
    "a cross product of other vectors": (
        lambda: mt.cross(zeros(2, 4), zeros(4)),
        ShapeError,
        "cross: vectors have length 3, not 4 and 4: pad with 0",
    ),
    "a diagonal of too many axes": (
        lambda: mt.diag(zeros(2, 3, 4)),
        ShapeError,
        "diag: takes a vector or a matrix, not shape (2, 3, 4). See diagonal.",
    ),
    "wrong width into a layer": (
        lambda: nn.Linear(784, 128)(zeros(32, 28, 28)),
        ShapeError,
        "Linear(784 → 128) got (32, 28, 28): the last axis is 28 and must be 784. Try x.reshape(32, -1).",
    ),
    "wrong width with no cure": (
        lambda: nn.Linear(784, 128)(zeros(32, 10)),
        ShapeError,
        "Linear(784 → 128) got (32, 10): the last axis is 10 and must be 784.",
    ),
    "matmul": (
        lambda: zeros(3, 4) @ zeros(3, 4),
        ShapeError,
        "matmul: (3, 4) @ (3, 4): inner sizes 4 and 3 differ",
    ),
    "broadcasting": (
        lambda: zeros(3, 4) + zeros(3),
        ShapeError,
        "add: cannot broadcast (3, 4) with (3,): last axis 4 against 3. "
        "For one value per row use shape (3, 1).",
    ),
    "broadcasting an inner axis": (
        lambda: zeros(2, 3, 4) * zeros(2, 4),
        ShapeError,
        "multiply: cannot broadcast (2, 3, 4) with (2, 4): axis -2 3 against 2.",
    ),
    "mse_loss of (n, 1) against (n,)": (
        lambda: mt.mse_loss(zeros(4, 1), zeros(4)),
        ShapeError,
        "mse_loss: input (4, 1) and target (4,) differ. Try target.reshape((4, 1)).",
    ),
    "backward off the graph": (
        lambda: zeros(2).detach().sum().backward(),
        GraphError,
        "backward(): nothing upstream requires grad (made under no_grad, detached, or rebuilt from .data?)",
    ),
    "backward on shape (2,)": (
        lambda: zeros(2).backward(),
        ShapeError,
        "backward() on shape (2,): reduce it with .mean() or .sum(), or pass a gradient of shape (2,)",
    ),
    "backward on shape (2,), off the graph too": (
        lambda: Tensor([1.0, 2.0]).backward(),
        ShapeError,
        "backward() on shape (2,): reduce it with .mean() or .sum(), or pass a gradient of shape (2,)",
    ),
    "in place on a leaf": (
        lambda: write_in_place(zeros(2)),
        GraphError,
        "+=: writing in place into a tensor that requires grad, or from one. "
        "Write under no_grad(), or make a new tensor: a = a + b.",
    ),
    "targets of another length": (
        targets((4, 10), np.zeros(5, int)),
        ShapeError,
        f"{NEEDS}, not int64 of shape (5,).",
    ),
    "targets of another rank": (
        targets((4, 10), np.zeros((4, 1), int)),
        ShapeError,
        f"{NEEDS}, not int64 of shape (4, 1). Try target.reshape((4,)).",
    ),
    "targets of another rank and dtype": (
        targets((4, 10), np.zeros((4, 2))),
        ShapeError,
        f"{NEEDS}, not float64 of shape (4, 2).",
    ),
    "targets that are floats": (
        targets((4, 10), np.zeros(4)),
        ShapeError,
        f"{NEEDS}, not float64 of shape (4,). Try target.astype(int).",
    ),
    "targets out of range": (
        targets((4, 10), np.full(4, 10)),
        ShapeError,
        f"{NEEDS}; some are out of range",
    ),
    "targets below the range": (
        targets((4, 10), np.full(4, -1)),
        ShapeError,
        f"{NEEDS}; some are out of range",
    ),
    "targets that are one-hot": (
        targets((4, 10), np.eye(4, 10, dtype=int)),
        ShapeError,
        f"{NEEDS}, not int64 of shape (4, 10). {ONE_HOT}",
    ),
    "targets that are probabilities, where only classes will do": (
        lambda: mt.nll_loss(zeros(4, 10), np.full((4, 10), 0.1)),
        ShapeError,
        f"{NEEDS.replace('cross_entropy', 'nll_loss')}, not float64 of shape (4, 10). "
        "For probabilities take target.argmax(axis=1), or cross_entropy of logits.",
    ),
    "targets of a single row": (
        targets((10,), np.array(12)),
        ShapeError,
        "cross_entropy: input (10,) needs an integer target from 0 to 9 of shape (); some are out of range",
    ),
}


@pytest.mark.parametrize("fault", SAYS)
def test_what_an_error_says(fault: str) -> None:
    provoke, kind, message = SAYS[fault]
    with pytest.raises(kind, match=f"^{re.escape(message)}$") as raised:
        provoke()
    assert type(raised.value) is kind


def test_every_kind_of_fault_has_a_documented_class() -> None:
    kinds = {
        ShapeError: ValueError,
        mt.OptionError: ValueError,
        DTypeError: TypeError,
        GraphError: RuntimeError,
    }
    for kind, parent in kinds.items():
        assert issubclass(kind, parent)
        assert kind.__doc__
