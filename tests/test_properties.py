"""What holds whatever the shapes, dtypes, axes, keys and programs: drawn at random, not chosen.

Every property compares with something deliberately naive: NumPy itself, a program run number by number, a
loop that counts, or the matrix of a linear function.
"""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import minitensor as mt
from minitensor import GraphError, Tensor, Value, nn, no_grad
from minitensor.core.rule import Operation, registry

Array: TypeAlias = NDArray[Any]
Function: TypeAlias = Callable[..., Any]
Shape: TypeAlias = tuple[int, ...]
Draw: TypeAlias = st.DrawFn

INF, NAN = np.inf, np.nan
FLOATS = [np.dtype(name) for name in ("float16", "float32", "float64")]
INTEGERS = [np.dtype(name) for name in ("int8", "int32", "int64", "uint8")]
DTYPES = [*FLOATS, *INTEGERS, np.dtype(bool)]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
FULL = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)
PLAIN = [0.5, -0.5, 1.0, -1.0, 2.0, -1.5, 0.25, 3.0, -2.5]
SPECIAL = [*PLAIN, 0.0, -0.0, INF, -INF, NAN]


def examples(number: int) -> Function:
    """The same examples on every run, so many."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def arrays(shape: Any, dtype: Any = np.float64, numbers: Sequence[float] = PLAIN) -> st.SearchStrategy[Array]:
    """Arrays of a few numbers, so that ties are frequent; of integers, rounded."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        numbers = [0, 1] if dtype.kind == "b" else [0, 1, 2, 3, 5, 100]
    return hnp.arrays(dtype, shape, elements=st.sampled_from(numbers).map(dtype.type), fill=st.nothing())


def distinct(shape: Shape, seed: int = 0) -> Array:
    """Numbers that are apart by 0.1 or more, for functions that are not smooth at ties or at 0."""
    size = int(np.prod(shape))
    x = np.random.default_rng(seed).permutation(size) - (size - 1) / 2 + 0.05
    return (x * 0.11).reshape(shape)


def leaf(x: Array) -> Tensor:
    return Tensor(x, requires_grad=x.dtype.kind == "f")


def cotangent(y: Any) -> Array:
    """A gradient for y; sums of its numbers are exact."""
    rng = np.random.default_rng(y.size)
    return np.asarray(rng.integers(1, 9, y.shape) / 4).astype(y.dtype)


def assert_close(found: Any, expected: Any, within: float = 1e-12, scale: float = 1.0) -> None:
    """Equal but for rounding; NaN and infinities in the same places."""
    assert_allclose(np.asarray(found), np.asarray(expected), rtol=within, atol=within * scale)


def assert_gradients_fit(leaves: Sequence[Tensor], *others: Array) -> None:
    """Each gradient has its leaf's shape and dtype, and memory that it shares with nothing."""
    for x in leaves:
        if x.requires_grad:
            assert type(x.grad) is np.ndarray
            assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)
            assert x.grad.flags.writeable
    held = [x.grad for x in leaves if x.grad is not None]
    held = [*held, *[x.data for x in leaves], *others]
    assert not any(np.shares_memory(x, y) for x, y in combinations(held, 2))


# --------------------------------------------------------------------------- values are NumPy's


ONE = [
    *["negative", "absolute", "square", "floor", "ceil", "trunc", "sign", "exp", "exp2", "expm1", "log"],
    *["log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh"],
    *["tanh", "arcsinh", "arccosh", "arctanh", "reciprocal", "round"],
    *["isnan", "isinf", "isfinite", "logical_not"],
]
TWO = [
    *["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "remainder", "floor_divide"],
    *["hypot", "arctan2", "logaddexp", "equal", "not_equal", "less", "less_equal", "greater"],
    *["greater_equal", "logical_and", "logical_or", "logical_xor"],
]
UNDEFINED = {("negative", "b"), ("subtract", "b"), ("sign", "b"), ("square", "b")}
"""What NumPy refuses of booleans, and a square, which stays a boolean here."""


def common_dtype(operation: Operation, arrays: Sequence[Array]) -> np.dtype[Any]:
    """The highest kind decides, and within it arrays with axes before those without."""
    rank = ["b" if x.dtype.kind == "b" else "f" if x.dtype.kind == "f" else "i" for x in arrays]
    top = [x for x, kind in zip(arrays, rank, strict=True) if kind == max(rank, key="bif".index)]
    dtype = np.result_type(*[x.dtype for x in [x for x in top if x.ndim] or top])
    return np.dtype(np.float32) if operation.floats and dtype.kind != "f" else dtype


@st.composite
def operands(draw: Draw, number: int) -> list[Array]:
    """Arrays whose shapes broadcast, of any dtypes."""
    shapes = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=number, max_dims=3, min_side=0, max_side=3)
    ).input_shapes
    return [draw(arrays(shape, draw(st.sampled_from(DTYPES)), SPECIAL)) for shape in shapes]


@examples(800)
@given(st.one_of([st.tuples(st.sampled_from(names), operands(n)) for n, names in [(1, ONE), (2, TWO)]]))
def test_elementwise_values_are_numpy_s_in_the_common_dtype(case: tuple[str, list[Array]]) -> None:
    name, inputs = case
    dtype = common_dtype(registry[name], inputs)
    assume((name, dtype.kind) not in UNDEFINED)
    expected = getattr(np, name)(*[x.astype(dtype) for x in inputs])
    leaves = [leaf(x) for x in inputs]
    y = getattr(mt, name)(*leaves)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    assert_close(y.data, expected, 1e-3 if dtype == np.float16 else 1e-6 if dtype == np.float32 else 1e-12)
    if y.requires_grad:
        seed = cotangent(y)
        y.backward(seed)
        assert_gradients_fit(leaves, y.data, seed)


@st.composite
def axes(draw: Draw, ndim: int) -> Any:
    """None, one axis, or several; from the front or from the end."""
    one = st.integers(-ndim, ndim - 1) if ndim else st.nothing()
    several = hnp.valid_tuple_axes(ndim) if ndim else st.just(())
    return draw(st.one_of([st.none(), one, several]))


REDUCTIONS = ["sum", "mean", "var", "std", "prod", "max", "min", "any", "all", "count_nonzero", "median"]
ALONG = ["cumsum", "cumprod", "sort", "argsort", "argmax", "argmin"]
OF_ANYTHING = ["sum", "prod", "any", "all", "count_nonzero"]
TOLERANCE = {"float16": 2e-2, "float32": 1e-5, "float64": 1e-12}


@examples(600)
@given(st.data(), st.sampled_from(REDUCTIONS), st.sampled_from(DTYPES), st.booleans())
def test_reductions_are_numpy_s(data: st.DataObject, name: str, dtype: np.dtype[Any], keepdims: bool) -> None:
    shape = data.draw(SHAPES if name in OF_ANYTHING else FULL)
    x = leaf(data.draw(arrays(shape, dtype, PLAIN if name in ("mean", "var", "std") else SPECIAL)))
    axis = data.draw(axes(len(shape)))
    y = getattr(mt, name)(x, axis=axis, keepdims=keepdims)
    expected = np.asarray(getattr(np, name)(x.data, axis=axis, keepdims=keepdims))
    if (registry[name].floats or name == "median") and dtype.kind != "f":
        expected = expected.astype(np.float32)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    assert_close(y.data, expected, TOLERANCE.get(str(y.dtype), 0))
    if y.requires_grad:
        seed = cotangent(y)
        y.backward(seed)
        assert_gradients_fit([x], seed)


@examples(300)
@given(st.data(), st.sampled_from(ALONG), st.sampled_from(DTYPES))
def test_what_goes_along_an_axis_is_numpy_s(data: st.DataObject, name: str, dtype: np.dtype[Any]) -> None:
    shape = data.draw(FULL)
    x = leaf(data.draw(arrays(shape, dtype, SPECIAL)))
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1) if shape else st.none())
    y = getattr(mt, name)(x, axis=axis)
    stable = {"kind": "stable"} if name in ("sort", "argsort") else {}
    if shape or not stable:
        expected = np.asarray(getattr(np, name)(x.data, axis=axis, **stable))
        assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
        assert_close(y.data, expected, TOLERANCE.get(str(y.dtype), 0))
    if y.requires_grad:
        seed = cotangent(y)
        y.backward(seed)
        assert_gradients_fit([x], seed)


def numerical(function: Function, x: Array, c: Array) -> Array:
    """The gradient of ⟨c, function⟩ by central differences."""
    gradient = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = 1e-5
        gradient[i] = (c * (function(x + step) - function(x - step))).sum() / 2e-5
    return gradient


OVER_AXES = ["sum", "mean", "var", "std", "prod", "max", "min", "logsumexp", "norm", "median"]


@examples(250)
@given(st.data(), st.sampled_from(OVER_AXES), FULL, st.booleans(), st.integers(0, 9))
def test_gradients_of_reductions_are_central_differences(
    data: st.DataObject, name: str, shape: Shape, keepdims: bool, seed: int
) -> None:
    axis = data.draw(axes(len(shape)))
    attrs: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    if name == "norm":
        attrs["ord"] = data.draw(st.sampled_from([1, 2, 3, -1, 0.5, INF, -INF]))
    if name in ("var", "std"):
        over = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        assume(np.prod([shape[a] for a in over]) > 2)
        attrs["ddof"] = data.draw(st.sampled_from([0, 1]))
    x = distinct(shape, seed) + (0.02 if name == "norm" else 0)
    function = partial(getattr(mt, name), **attrs)
    t = leaf(x)
    y = function(t)
    y.backward(cotangent(y))
    assert_close(t.grad, numerical(function, x, cotangent(y)), 1e-6, max(1.0, np.abs(t.grad).max()))


# ------------------------------------------------------------------- random programs, number by number


class Step(NamedTuple):
    """An operation, where its inputs stand among the values so far, and its attributes."""

    name: str
    inputs: tuple[int, ...]
    attrs: dict[str, Any]


ELEMENTWISE = sorted({x.name for name, x in registry.items() if x.is_scalar and name[0] != "_"})
ATTRIBUTES: dict[str, dict[str, list[Any]]] = {
    "clip": {"min": [None, -1.0, 0.5, INF], "max": [None, 1.0, 0.0, -INF]},
    "hardtanh": {"min": [-1.0, 0.0], "max": [1.0, 2.0]},
    "leaky_relu": {"negative_slope": [0.5, 0.0, 2.0]},
    "elu": {"alpha": [1.0, 0.5]},
    "softplus": {"beta": [1.0, 2.0]},
    "gelu": {"approximate": ["none", "tanh"]},
    "round": {"decimals": [0, 1]},
}
STEEP = {"exp", "exp2", "expm1", "sinh", "cosh", "power", "square"}
"""At most two in a program: more of them overflow, and then hide everything."""


@st.composite
def programs(draw: Draw, leaves: int) -> list[Step]:
    """Up to eight operations, each on any of the values before it."""
    steps = []
    steep = 0
    for place in range(leaves, leaves + draw(st.integers(1, 8))):
        name = draw(st.sampled_from(ELEMENTWISE))
        if name in STEEP:
            steep += 1
            assume(steep < 3)
        inputs = registry[name].inputs
        number = 2 if name == "zero_where" else inputs.stop or draw(st.integers(1, 4))
        if name == "clip":  # between numbers, or between others of the values
            number = draw(st.sampled_from([1, 3]))
        chosen = tuple([draw(st.integers(0, place - 1)) for _ in range(number)])
        attrs = {key: draw(st.sampled_from(values)) for key, values in ATTRIBUTES.get(name, {}).items()}
        attrs = {} if number == 3 else attrs
        steps.append(Step(name, chosen, attrs))
    return steps


def in_tensors(steps: list[Step], leaves: Sequence[Tensor]) -> Tensor:
    values: list[Any] = list(leaves)
    for name, inputs, attrs in steps:
        args = [values[i] for i in inputs]
        if name == "where":
            args[0] = mt.greater(args[0], 0.5)
        elif name == "zero_where":
            args[1] = mt.greater(args[1], 0.5)
        y = getattr(mt, name)(*args, **attrs)
        values.append(y if y.dtype == np.float64 else y.astype(np.float64))  # comparisons make booleans
    return sum_up(values[-3:])


def sum_up(values: Sequence[Tensor]) -> Tensor:
    total = values[-1] * 1.0
    for value in values[:-1]:
        total = total + value
    return total


def number_by_number(steps: list[Step], leaves: Sequence[Array]) -> tuple[Array, Array]:
    """The same in scalar mode: arrays of Values, in loops. Also every Value that was made."""
    values: list[Array] = list(leaves)
    for name, inputs, attrs in steps:
        function: Function = partial(getattr(mt, name), **attrs)
        if name == "where":
            function = lambda c, x, y: mt.where(c.data > 0.5, x, y)  # noqa: E731
        elif name == "zero_where":
            function = lambda x, c: mt.zero_where(x, c.data > 0.5)  # noqa: E731
        values.append(each(function, *[values[i] for i in inputs]))
    total = each(lambda x: x * 1.0, values[-1])
    for value in values[-3:-1]:
        total = each(lambda x, y: x + y, total, value)
    everything = [*values, total]
    return total, np.concatenate([x.reshape(-1) for x in everything])


def each(function: Function, *inputs: Array) -> Array:
    spread = np.broadcast_arrays(*inputs)
    result = np.empty(spread[0].shape, object)
    for i in reversed(list(np.ndindex(result.shape))):  # gradients add up in the opposite order
        result[i] = function(*[x[i] for x in spread])
    return result


def as_values(x: Array) -> Array:
    result = np.empty(x.shape, object)
    for i in np.ndindex(x.shape):
        result[i] = Value(float(x[i]))
    return result


def numbers_of(values: Array, attribute: str = "data") -> Array:
    return np.array([float(getattr(v, attribute)) for v in values.flat]).reshape(values.shape)


@st.composite
def programs_and_inputs(draw: Draw, numbers: Sequence[float]) -> tuple[list[Step], list[Array]]:
    shapes = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=2, min_side=1, max_side=3)
    ).input_shapes
    return draw(programs(3)), [draw(arrays(shape, np.float64, numbers)) for shape in shapes]


def run_both_ways(case: tuple[list[Step], list[Array]]) -> None:
    steps, inputs = case
    leaves, values = [leaf(x) for x in inputs], [as_values(x) for x in inputs]
    y, (y_values, everything) = in_tensors(steps, leaves), number_by_number(steps, values)
    assert_close(y.data, numbers_of(y_values), 1e-9)
    c = cotangent(y)
    total = Value(0.0, requires_grad=False)
    for v, factor in zip(y_values.flat, c.flat, strict=True):
        total = total + v * float(factor)
    assert total.requires_grad == y.requires_grad
    if not y.requires_grad:
        return
    y.backward(c)
    total.backward()
    gradients = numbers_of(everything, "grad")
    scale = max(1.0, np.abs(gradients[np.isfinite(gradients)]).max(initial=0))
    assume(scale < 1e60)
    for x, xs in zip(leaves, values, strict=True):
        found = np.zeros(x.shape) if x.grad is None else x.grad
        assert_close(found, numbers_of(xs, "grad"), 1e-9, scale)
    assert_gradients_fit([x for x in leaves if x.grad is not None], y.data, c)


@examples(300)
@given(programs_and_inputs(PLAIN))
def test_programs_in_tensors_are_programs_number_by_number(case: tuple[list[Step], list[Array]]) -> None:
    run_both_ways(case)


@examples(500)
@given(programs_and_inputs(SPECIAL))
def test_also_at_ties_zeros_infinities_and_nan(case: tuple[list[Step], list[Array]]) -> None:
    run_both_ways(case)


# ------------------------------------------------------------------------- random programs, compiled


def step_of(steps: list[Step], inputs: Sequence[Array]) -> Function:
    """Write the arguments into leaves, compute, and return the value and the leaves' gradients."""
    leaves = [leaf(x) for x in inputs]

    def step(*arrays: Array) -> list[Any]:
        for x, array in zip(leaves, arrays, strict=True):
            x.grad = None
            with no_grad():
                x[...] = array
        y = in_tensors(steps, leaves)
        if y.requires_grad:
            (y * y).sum().backward()
        return [y.detach(), *[x.grad for x in leaves]]

    return step


@examples(300)
@given(programs_and_inputs(SPECIAL))
def test_programs_compiled_are_the_programs_to_the_last_bit(case: tuple[list[Step], list[Array]]) -> None:
    steps, inputs = case
    eager, compiled = step_of(steps, inputs), mt.compile(step_of(steps, inputs))
    for shift in range(4):
        arguments = [np.roll(x, shift) for x in inputs]
        for pair in zip(compiled(*arguments), eager(*arguments), strict=True):
            found, expected = (x.data if isinstance(x, Tensor) else x for x in pair)
            assert_array_equal(found, expected)
    assert compiled._programs


# -------------------------------------------------------------------------------------------- indices


@st.composite
def parts(draw: Draw, shape: Shape) -> Any:
    """An index of each kind for some of the axes; arrays of integers broadcast, as they have one length."""
    length = draw(st.integers(0, 3))
    key: list[Any] = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        kinds = ["slice", "mask", *["integer", "array", "list", "NumPy's"] * (n > 0)]
        kind = draw(st.sampled_from(kinds))
        place = st.integers(-n, n - 1)
        if kind == "slice":
            key.append(draw(st.slices(n)))
        elif kind == "mask":
            mask = np.zeros(n, bool)
            mask[draw(st.permutations(range(n)))[:length]] = True
            key.append(mask if mask.sum() == length else slice(None, None, -1))
        elif kind in ("array", "list"):
            places = draw(st.lists(place, min_size=length, max_size=length))
            key.append(np.array(places, int) if kind == "array" else places or slice(0))
        else:
            key.append(draw(place) if kind == "integer" else np.int64(draw(place)))
    for extra in draw(st.lists(st.just(None), max_size=2)):
        key.insert(draw(st.integers(0, len(key))), extra)
    if draw(st.booleans()):
        rest = len([part for part in key if part is not None])
        where = draw(st.integers(0, len(key)))
        if where == len(key) or rest == len(shape):
            key.insert(where, ...)
    return tuple(key)


@st.composite
def keys(draw: Draw) -> tuple[Array, Any]:
    """An array, and what it may be indexed with."""
    shape = draw(SHAPES)
    basic = hnp.basic_indices(shape, allow_newaxis=True)
    kinds = [basic, parts(shape), arrays(shape, bool), st.just(True)]
    if shape and all(shape):
        kinds.append(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, min_side=0)))
        kinds.append(
            hnp.arrays(np.uint8, hnp.array_shapes(max_dims=2), elements=st.integers(0, shape[0] - 1))
        )
    x = np.arange(np.prod(shape), dtype=float).reshape(shape) + 1
    return x, draw(st.one_of(kinds))


@examples(600)
@given(keys(), st.booleans())
def test_the_gradient_of_an_index_counts(case: tuple[Array, Any], as_tensors: bool) -> None:
    x, key = case
    t = leaf(x)
    ours = key
    if as_tensors:  # arrays among the key may be tensors
        wrapped = [
            Tensor(k) if isinstance(k, np.ndarray) else k for k in (key if type(key) is tuple else [key])
        ]
        ours = tuple(wrapped) if type(key) is tuple else wrapped[0]
    y = t[ours]
    assert_array_equal(y.data, x[key])
    c = cotangent(y)
    y.backward(c)
    counted = np.zeros(x.size)
    places = np.arange(x.size).reshape(x.shape)[key]
    for place, part in zip(np.asarray(places).flat, c.flat, strict=True):
        counted[place] += part
    assert_array_equal(t.grad, counted.reshape(x.shape))
    assert_gradients_fit([t], c)


@examples(150)
@given(keys())
def test_scatter_undoes_what_index_did(case: tuple[Array, Any]) -> None:
    """⟨x[key], c⟩ = ⟨x, scatter(c)⟩, and the gradient of scatter is index."""
    x, key = case
    c = leaf(cotangent(np.asarray(x[key])))
    y = mt.scatter(c, key, x.shape)
    assert_close((y.data * x).sum(), (c.data * x[key]).sum())
    y.backward(x)
    assert_array_equal(c.grad, x[key])


# ------------------------------------------------------------------------------------ linear functions


@st.composite
def linear_steps(draw: Draw, shape: Shape) -> tuple[str, Function]:
    """A random operation that is linear in an array of this shape, and its description."""
    n = len(shape)
    axis = st.integers(-n, n - 1) if n else st.nothing()
    order = draw(st.permutations(range(n)))
    size = int(np.prod(shape))
    of_all = ["reshape", "ravel", "flatten", "expand_dims", "tile", "repeat", "sum", "mean", "roll", "flip"]
    of_all += [
        "cumsum",
        "broadcast_to",
        "concatenate",
        "stack",
        "squeeze",
        "transpose",
        "astype",
        "einsum",
        "copy",
    ]
    of_axes = ["swapaxes", "moveaxis", "flip along", "roll along", "repeat along", "sum along", "mean along"]
    of_axes += [
        "cumsum along",
        "split",
        "chunk",
        "take",
        "take_along_axis",
        "concatenate along",
        "stack along",
    ]
    of_axes += ["pad", "pad each", "unbind", "gather", "scatter_add", "roll many"]
    of_full = ["pad mode", "matmul"]
    of_matrices = ["diagonal", "trace", "tril", "triu", "kron", "tensordot"]
    kinds = of_all + of_axes * bool(n) + of_full * bool(n and size) + of_matrices * (n > 1)
    kind = draw(st.sampled_from(kinds))
    number = draw(st.integers(-2, 3))
    times = abs(number)
    a, b = (draw(axis), draw(axis)) if n else (0, 0)
    length = shape[a] if n else 1
    keepdims = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    along = rng.integers(0, max(length, 1), times if length else 0)
    grid = rng.integers(
        0, max(length, 1), [m if i != a % max(n, 1) else times * (length > 0) for i, m in enumerate(shape)]
    )
    new = draw(st.sampled_from([a, a + (a >= 0), 0, -1])) if n else draw(st.sampled_from([0, -1]))
    widths = [tuple(rng.integers(0, 3, 2).tolist()) for _ in shape]
    narrow = [tuple(rng.integers(0, max(m, 1), 2).tolist()) for m in shape]
    mode = draw(st.sampled_from(["edge", "reflect", "symmetric", "wrap"]))
    several = draw(hnp.valid_tuple_axes(n)) if n else ()
    matrix = rng.integers(-3, 4, (*[2] * (n < 3), shape[-1] if n else 1, 2)).astype(float)
    functions: dict[str, Function] = {
        "reshape": lambda x: x.reshape(draw_shape),
        "ravel": mt.ravel,
        "flatten": lambda x: mt.flatten(x, 0, -1),
        "expand_dims": lambda x: mt.expand_dims(x, new),
        "tile": lambda x: mt.tile(x, (times, 2)),
        "repeat": lambda x: mt.repeat(x, times),
        "pad": lambda x: mt.pad(x, times),
        "sum": lambda x: mt.sum(x, None, keepdims),
        "mean": lambda x: mt.mean(x, None, keepdims) if size else mt.sum(x),
        "roll": lambda x: mt.roll(x, number),
        "flip": mt.flip,
        "cumsum": mt.cumsum,
        "broadcast_to": lambda x: mt.broadcast_to(x, (times, *shape)),
        "concatenate": lambda x: mt.concatenate([x, 2 * x, x], axis=None),
        "stack": lambda x: mt.stack([x, -x], axis=new),
        "squeeze": mt.squeeze,
        "transpose": lambda x: mt.transpose(x, *order),
        "astype": lambda x: x.astype(np.float64),
        "copy": mt.copy,
        "einsum": lambda x: mt.einsum("...,k->k...", x, np.arange(3.0)),
        "swapaxes": lambda x: mt.swapaxes(x, a, b),
        "moveaxis": lambda x: mt.moveaxis(x, a, b),
        "flip along": lambda x: mt.flip(x, several),
        "roll along": lambda x: mt.roll(x, number, a),
        "roll many": lambda x: mt.roll(x, (number, 1), (a, b)),
        "repeat along": lambda x: mt.repeat(x, np.arange(length), a),
        "sum along": lambda x: mt.sum(x, several, keepdims),
        "mean along": lambda x: mt.mean(x, a, keepdims) if length else mt.sum(x, a),
        "cumsum along": lambda x: mt.cumsum(x, a),
        "split": lambda x: mt.split(x, [1, times], a)[-1],
        "chunk": lambda x: mt.chunk(x, times + 1, a)[0],
        "unbind": lambda x: mt.unbind(x, a)[0] if length else x,
        "take": lambda x: mt.take(x, along, a),
        "gather": lambda x: mt.gather(x, a, grid),
        "scatter_add": lambda x: mt.scatter_add(x, a, grid, mt.gather(x, a, grid)) + x,
        "take_along_axis": lambda x: mt.take_along_axis(x, grid, a),
        "concatenate along": lambda x: mt.concatenate([x, mt.take(x, along, a), x], axis=a),
        "stack along": lambda x: mt.stack([x, mt.flip(x, a)], axis=new),
        "pad each": lambda x: mt.pad(x, widths),
        "pad mode": lambda x: mt.pad(x, narrow, mode),
        "matmul": lambda x: mt.matmul(x, matrix),
        "diagonal": lambda x: mt.diagonal(x, number, order[0], order[1]),
        "trace": lambda x: mt.trace(x, number, order[1], order[0]),
        "tril": lambda x: mt.tril(x, number),
        "triu": lambda x: mt.triu(x, number),
        "kron": lambda x: mt.kron(np.array([[1.0, 2.0]]), x),
        "tensordot": lambda x: mt.tensordot(x, np.ones((length, 2)), ([a], [0])),
    }
    draw_shape = (-1, 2) if size and size % 2 == 0 else (size, 1)
    return kind, functions[kind]


@st.composite
def linear_programs(draw: Draw) -> tuple[Array, list[tuple[str, Function]]]:
    shape = draw(SHAPES)
    steps = []
    y: Array = np.zeros(shape)
    for _ in range(draw(st.integers(1, 5))):
        step = draw(linear_steps(y.shape))
        y = np.asarray(step[1](y))
        if y.size > 200 or y.ndim > 5:
            break
        steps.append(step)
    return distinct(shape, draw(st.integers(0, 9))), steps


def run(steps: list[tuple[str, Function]], x: Any) -> Any:
    for _, function in steps:
        x = function(x)
    return x


@examples(500)
@given(linear_programs())
def test_the_gradient_of_a_linear_program_is_its_matrix_transposed(
    case: tuple[Array, list[tuple[str, Function]]],
) -> None:
    x, steps = case
    t = leaf(x)
    y = run(steps, t)
    expected = np.asarray(run(steps, x))
    assert_array_equal(y.data, expected)
    columns = [np.asarray(run(steps, one.reshape(x.shape))).reshape(-1) for one in np.eye(x.size)]
    c = leaf(cotangent(y))
    y.backward(c, create_graph=True)
    matrix = np.array(columns).reshape(x.size, y.size)
    assert_close(t.grad.data, (matrix @ c.data.reshape(-1)).reshape(x.shape), 1e-12, 1e3)
    if t.grad.requires_grad:  # the gradient is linear in c, and has the matrix itself
        t.grad.backward(Tensor(x))
        assert_close(c.grad, (x.reshape(-1) @ matrix).reshape(y.shape), 1e-12, 1e3)


# ---------------------------------------------------------------------------------- copies, threads


def pickled(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))


@st.composite
def tensors(draw: Draw) -> Tensor:
    """A tensor or a parameter, with or without gradient."""
    x = draw(arrays(draw(SHAPES), draw(st.sampled_from(DTYPES)), SPECIAL))
    x = draw(st.sampled_from([x, np.asfortranarray(x), x.T]))
    requires_grad = x.dtype.kind == "f" and draw(st.booleans())
    make = draw(st.sampled_from([Tensor, nn.Parameter]))
    t: Tensor = make(x, requires_grad=requires_grad)
    if requires_grad and draw(st.booleans()):
        (t * 2).backward(np.ones(t.shape, t.dtype))
    return t


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
@examples(150)
@given(tensors())
def test_a_copied_tensor_is_equal_and_shares_no_memory(duplicate: Function, t: Tensor) -> None:
    twin = duplicate(t)
    assert (type(twin), twin.requires_grad, twin.dtype) == (type(t), t.requires_grad, t.dtype)
    assert_array_equal(twin.data, t.data)
    assert (twin.grad is None) == (t.grad is None)
    held = [t.data, twin.data]
    if t.grad is not None:
        assert_array_equal(twin.grad, t.grad)
        held += [t.grad, twin.grad]
    assert not any(np.shares_memory(x, y) for x, y in combinations(held, 2))
    with no_grad():
        twin += np.ones((), twin.dtype)
    assert twin.is_leaf


LAYERS: list[Function] = [
    lambda n: nn.Linear(n, n),
    lambda n: nn.Linear(n, n, bias=False),
    lambda n: nn.MLP(n, [2, n]),
    lambda n: nn.ReLU(),
    lambda n: nn.Dropout(0.5),
    lambda n: nn.GELU(),
]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled])
@examples(40)
@given(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_a_copied_module_computes_the_same_and_shares_no_memory(
    duplicate: Function, layers: list[Function], shared: bool, trained: bool
) -> None:
    made = [make(3) for make in layers]
    model = nn.Sequential(*made, *made[:1] * shared).eval()
    x = Tensor(distinct((2, 3)).astype(np.float32), requires_grad=True)
    if trained:
        model(x).sum().backward()
    twin = duplicate(model)
    assert_array_equal(twin(x).data, model(x).data)
    assert [name for name, _ in twin.named_parameters()] == [name for name, _ in model.named_parameters()]
    assert [m.training for m in twin.modules()] == [m.training for m in model.modules()]
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert (type(q), q.requires_grad) == (type(p), p.requires_grad)
        assert not np.shares_memory(p.data, q.data)
        assert (q.grad is None) == (p.grad is None)
        if p.grad is not None:
            assert_array_equal(q.grad, p.grad)
            assert not np.shares_memory(p.grad, q.grad)
    before = model(x).data
    with no_grad():
        for q in twin.parameters():
            q += 1
    assert_array_equal(model(x).data, before)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
@examples(60)
@given(programs_and_inputs(PLAIN))
def test_a_graph_cannot_be_copied(duplicate: Function, case: tuple[list[Step], list[Array]]) -> None:
    steps, inputs = case
    y = in_tensors(steps, [leaf(x) for x in inputs])
    assume(y.requires_grad)
    for inner in (y, y.sum()):
        with pytest.raises(GraphError, match="detach"):
            duplicate(inner)
    assert_array_equal(duplicate(y.detach()).data, y.data)


@examples(30)
@given(st.lists(programs_and_inputs(SPECIAL), min_size=2, max_size=2))
def test_threads_do_not_disturb_each_other(cases: list[tuple[list[Step], list[Array]]]) -> None:
    """One of two threads records, while the other computes under no_grad."""

    def work(case: tuple[list[Step], list[Array]], recording: bool, found: list[Any]) -> None:
        steps, inputs = case
        with np.errstate(all="ignore"):
            for _ in range(5):
                leaves = [leaf(x) for x in inputs]
                if recording:
                    y = in_tensors(steps, leaves)
                    if y.requires_grad:
                        y.backward(cotangent(y))
                    found.append([y.data, *[x.grad for x in leaves]])
                else:
                    with no_grad():
                        y = in_tensors(steps, leaves)
                    found.append([y.data, y.requires_grad, mt.is_grad_enabled()])

    alone: list[list[Any]] = [[], []]
    together: list[list[Any]] = [[], []]
    for i in (0, 1):
        work(cases[i], i == 0, alone[i])
    barrier = threading.Barrier(2)

    def start(i: int) -> None:
        barrier.wait()
        work(cases[i], i == 0, together[i])

    threads = [threading.Thread(target=start, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for was, now in zip([*alone[0], *alone[1]], [*together[0], *together[1]], strict=True):
        for x, y in zip(was, now, strict=True):
            assert_array_equal(x, y)
    assert all(row[1:] == [False, True] for row in together[1])
